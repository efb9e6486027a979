//! PostgreSQL is cut off and started again under load.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use testkit::Postgres;

use super::{
    browser::Balancer,
    fleet::{Fleet, SERVERS, policy},
    load::Load,
    load_time,
};

/// Longer than a server waits for a connection before it says so.
const AWAY: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_restarted_under_load_loses_nothing_that_was_acknowledged() {
    let mut postgres = tokio::task::spawn_blocking(Postgres::own).await.unwrap();
    let names: Vec<String> = (0..20).map(|number| format!("person{number}")).collect();
    let fleet = Arc::new(Fleet::start(&postgres.database(), &names, policy()).await);
    let (load, workers) = Load::start(&fleet, &Arc::new(names), 4, 0);
    load.until_another(Duration::from_secs(60)).await;

    let rounds = (load_time().as_secs() / 20).max(1);
    for round in 0..rounds {
        tokio::time::sleep(Duration::from_secs(2)).await;
        // A short one, which most people only notice as a slow page, and one that everybody notices.
        let away = if round % 2 == 0 { AWAY } else { Duration::from_millis(500) };
        let stopped = Instant::now();
        postgres.stop_at_once();
        if away == AWAY {
            says_so(&fleet).await;
        }
        tokio::time::sleep(away.saturating_sub(stopped.elapsed())).await;
        postgres.start_again();
        let began = Instant::now();
        for number in 0..SERVERS {
            fleet.until_ready(number).await;
        }
        let ready = began.elapsed();
        let first = load.until_another(Duration::from_secs(60)).await;
        println!(
            "away for {away:?}: all servers ready {ready:.1?} after it was back, the next sign-in {first:.1?} later"
        );
    }
    load.end(workers).await;
    assert!(load.lost.lock().unwrap().is_empty(), "no server was killed, so no connection may break");

    let balancer = Balancer::of(&fleet);
    let signed_in = std::mem::take(&mut *load.signed_in.lock().unwrap());
    for person in &signed_in {
        assert!(balancer.is_signed_in(person).await, "an acknowledged sign-in is gone");
    }
    let stored = fleet.number("select count(*) from sign_in_attempt where signed_in").await;
    println!(
        "{rounds} restarts: {} signed in and still are ({stored} stored), {} told to try again in a moment",
        signed_in.len(),
        load.not_now.load(Ordering::Relaxed)
    );
    assert!(stored >= i64::try_from(signed_in.len()).unwrap());
}

/// `/readyz` and the pages, while there is no database.
async fn says_so(fleet: &Fleet) {
    let balancer = Balancer::of(fleet);
    for number in 0..SERVERS {
        assert_eq!(fleet.readiness(number).await, Some(StatusCode::SERVICE_UNAVAILABLE));
    }
    let (status, page) = balancer.look(0, "/healthz").await;
    assert_eq!((status, page.trim()), (StatusCode::OK, "ok"), "the process lives");
    let (status, page) = balancer.look(1, "/sign-in?transaction=00000000-0000-4000-8000-000000000000").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{page}");
    assert!(page.contains("The database of this server cannot be reached just now."), "{page}");
}
