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

#[tokio::test]
async fn slapd_has_people_groups_and_a_lockout_and_survives_a_restart() {
    let mut slapd = testkit::Slapd::start().await;
    let dn = slapd.person_dn("u000004");
    assert_eq!(slapd.values(&dn, "memberOf"), ["cn=team-4,ou=groups,dc=example,dc=test"]);
    let bind = |slapd: &testkit::Slapd, password: &str| {
        let output = std::process::Command::new("ldapwhoami")
            .args(["-x", "-e", "ppolicy", "-H", &slapd.ldap_url, "-D", &dn, "-w", password])
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    assert!(bind(&slapd, "Passw0rd-4").contains("dn:uid=u000004"));
    for _ in 0..5 {
        bind(&slapd, "wrong");
    }
    assert!(bind(&slapd, "Passw0rd-4").to_lowercase().contains("locked"));
    slapd.stop();
    slapd.start_again();
    assert_eq!(slapd.values(&dn, "pwdFailureTime").len(), 5);
    slapd.enable("u000004");
    slapd.set_password("u000004", "another-1");
    assert_eq!(slapd.values(&dn, "pwdFailureTime").len(), 0);
    slapd.delete("u000004");
}

#[tokio::test]
async fn samba_refuses_a_disabled_account_with_its_code() {
    let samba = testkit::SambaAd::shared().await;
    assert_eq!(samba.values(&samba.person_dn("u000005"), "userAccountControl"), ["514"]);
    samba.set_password("u000001", "An0ther-one");
    samba.disable("u000001");
    samba.enable("u000001");
}
