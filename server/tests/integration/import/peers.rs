//! The same on PostgreSQL, and imports from a real directory over a bad network.

use std::{collections::BTreeSet, process::Stdio, time::Duration};

use testkit::{Fault, FaultProxy, Slapd, SlapdSetup};

use super::{
    chaos::{Place, Seeded, kill_again_and_again},
    natural::missed,
};

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_killed_run_ends_where_an_undisturbed_one_does() {
    let (calm, hurt) = (testkit::postgres().await, testkit::postgres().await);
    kill_again_and_again(Place::new(Some(calm.url())), Place::new(Some(hurt.url()))).await;
}

const PEOPLE: usize = 400;
/// Who leaves the directory before the network gets bad.
const LEAVERS: [&str; 3] = ["u000007", "u000123", "u000399"];

/// A hub that reads this directory at this address, in many small pages.
fn place(slapd: &Slapd, address: &str) -> Place {
    let site = format!(
        r#"
        [[source]]
        name = "corp"
        kind = "ldap"
        urls = ["{address}"]
        ca_file = "ca.crt"
        bind_dn = "{}"
        bind_password = {{ file = "corp.secret" }}
        base_dn = "{}"
        domains = ["{}"]
        mode = "active"
        lockout_threshold = 5
        lockout_window = "15m"
        page_size = 25
        connect_timeout = "1s"
        operation_timeout = "2s"
        "#,
        slapd.reader_dn, slapd.base_dn, slapd.domain
    );
    let files = [("site.toml", site.as_str()), ("ca.crt", &slapd.ca_pem), ("corp.secret", &slapd.reader_password)];
    Place::of("corp", &files, None)
}

/// What is done to the network while an import runs, until it ends.
async fn trouble(proxy: &FaultProxy, round: usize, seeded: &mut Seeded) {
    let wait = Duration::from_millis(u64::from(100 + seeded.thousandths()));
    match round % 5 {
        0 => proxy.set(Fault::ResetAfter(20_000 + 100 * usize::try_from(seeded.thousandths()).unwrap())),
        1 => {
            proxy.set(Fault::Latency(Duration::from_millis(15)));
            tokio::time::sleep(wait).await;
            proxy.reset();
        }
        2 => {
            tokio::time::sleep(wait).await;
            proxy.set(Fault::Refuse);
            tokio::time::sleep(Duration::from_millis(700)).await;
            proxy.set(Fault::None);
        }
        3 => {
            tokio::time::sleep(wait).await;
            proxy.set(Fault::BlackHole);
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            proxy.set(Fault::None);
        }
        _ => {
            for _ in 0..8 {
                tokio::time::sleep(wait / 4).await;
                proxy.reset();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_network_makes_an_import_longer_and_removes_nobody() {
    let slapd = Slapd::with(SlapdSetup { people: PEOPLE, ..SlapdSetup::default() }).await;
    let proxy = FaultProxy::in_front_of(&slapd.ldaps_url).await;
    let (calm, hurt) = (place(&slapd, &slapd.ldaps_url), place(&slapd, &proxy.url("ldaps")));
    calm.import_whole();
    hurt.import_whole();
    let gone: BTreeSet<String> =
        LEAVERS.iter().flat_map(|name| slapd.values(&slapd.person_dn(name), "entryUUID")).collect();
    assert_eq!(gone.len(), LEAVERS.len());
    for name in LEAVERS {
        slapd.delete(name);
    }
    slapd.set(&slapd.person_dn("u000001"), "displayName", &["Somebody Else"]);
    calm.import_whole();

    let rounds = match std::env::var("ISTHMUS_TEST_TIER").as_deref() {
        Ok("thorough") => 50,
        _ => 5,
    };
    let mut seeded = Seeded::new();
    let mut failed = 0;
    for round in 0..rounds {
        let mut command = tokio::process::Command::from(hurt.import());
        let mut child = command.arg("--full").stderr(Stdio::null()).spawn().unwrap();
        trouble(&proxy, round, &mut seeded).await;
        failed += usize::from(!child.wait().await.unwrap().success());
        proxy.set(Fault::None);
        let database = hurt.database().await;
        let wrongly: Vec<String> = missed(&database).await.into_iter().filter(|id| !gone.contains(id)).collect();
        database.close().await;
        assert!(wrongly.is_empty(), "round {round}: missed, and there all the time: {wrongly:?}");
    }
    hurt.import_whole();
    println!("{rounds} imports over a bad network, {failed} of them interrupted; {} connections", proxy.connections());
    hurt.natural().await.assert_equal(&calm.natural().await, "after a bad network");
    let database = hurt.database().await;
    let missed: BTreeSet<String> = missed(&database).await.into_iter().collect();
    database.close().await;
    assert_eq!(missed, gone, "whoever left, and nobody else");
}
