//! The server that sweeps is stopped in the middle of a write for longer than its lease, and wakes up beside its
//! successor.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use storage::Queries as _;

use super::{
    browser::Balancer,
    fleet::{Fleet, SERVERS, policy},
};
use crate::rows::directory_stub::{Changes as _, RIGHT};

const STALE: &str = "Read by the stalled server";
const FRESH: &str = "Read by its successor";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweeper_stopped_for_longer_than_its_lease_has_no_write_accepted() {
    let database = testkit::postgres().await;
    let fleet = Arc::new(Fleet::start(&database.url(), &["jsmith".to_owned()], policy()).await);
    Balancer::of(&fleet).sign_in("jsmith", RIGHT).await.unwrap();
    until(&fleet, "a first sweep", async |fleet| !fleet.logged("\"swept\"").is_empty()).await;

    // Somebody else's long transaction holds the row that the next sweep wants to write.
    let mut blocker = fleet.database.begin().await.unwrap();
    blocker.execute("update account set kind = kind", storage::no_parameters()).await.unwrap();
    fleet.stub.put("jsmith", "cn", &[STALE]);
    const BLOCKED: &str = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    until(&fleet, "a sweep that waits", async |fleet| fleet.number(BLOCKED).await > 0).await;
    let (owner, epoch) = lease(&fleet).await;
    let stalled = (0..SERVERS).find(|number| fleet.log(*number).contains(&owner)).unwrap();
    fleet.signal(stalled, "-STOP");
    fleet.stub.put("jsmith", "cn", &[FRESH]);
    drop(blocker);

    let began = Instant::now();
    until(&fleet, "a successor", async |fleet| name(fleet).await == FRESH).await;
    let took = began.elapsed();
    let (successor, later) = lease(&fleet).await;
    assert!(successor != owner && later > epoch, "{owner} {epoch}, then {successor} {later}");

    fleet.signal(stalled, "-CONT");
    until(&fleet, "the word that it was overtaken", async |fleet| {
        let log = fleet.log(stalled);
        log.contains("another server has taken over") || log.contains("could not sweep this directory")
    })
    .await;
    for _ in 0..20 {
        assert_eq!(name(&fleet).await, FRESH, "the stalled server wrote");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!(
        "taken over after {took:.1?}; the stalled server had 0 writes accepted, the epoch went from {epoch} to {later}"
    );
    // It is still one of three.
    fleet.until_ready(stalled).await;
}

async fn name(fleet: &Fleet) -> String {
    let sql = "select p.display_name from person p join account a on a.person_id = p.id";
    let (name,): (String,) = fleet.database.reader().fetch_one(sql, storage::no_parameters()).await.unwrap();
    name
}

async fn lease(fleet: &Fleet) -> (String, i64) {
    let sql = "select owner, epoch from lease where name like 'sweep:%'";
    fleet.database.reader().fetch_one(sql, storage::no_parameters()).await.unwrap()
}

async fn until(fleet: &Fleet, what: &str, mut holds: impl AsyncFnMut(&Fleet) -> bool) {
    let began = Instant::now();
    while !holds(fleet).await {
        assert!(began.elapsed() < Duration::from_secs(90), "{what}: not within 90 s");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
