//! Needs the system's packages; skipped by `--quick`.

#[tokio::test]
async fn every_database_is_fresh_and_vanishes() {
    let all = testkit::databases().await;
    assert_eq!(all.iter().map(testkit::TestDatabase::name).collect::<Vec<_>>(), ["sqlite", "postgres"]);
    let postgres = testkit::Postgres::shared();
    let name = all[1].url().split(['/', '?']).nth(3).expect("a name").to_owned();
    assert_eq!(postgres.psql(&name, "select count(*) from pg_tables where schemaname = 'public'").unwrap().trim(), "0");
    drop(all);
    assert!(postgres.psql(&name, "select 1").is_err(), "the database is gone");
}
