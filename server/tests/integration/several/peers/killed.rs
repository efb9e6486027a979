//! One server after the other is killed under load and started again.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    Dice,
    browser::Balancer,
    fleet::{Fleet, SERVERS, SPAN, THRESHOLD, policy},
    load::{Load, VICTIM},
    load_time,
};
use crate::rows::directory_stub::dn;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_costs_the_requests_at_it_and_nothing_else() {
    let database = testkit::postgres().await;
    let names: Vec<String> = (0..20).map(|number| format!("person{number}")).collect();
    let everybody: Vec<String> = names.iter().cloned().chain([VICTIM.to_owned()]).collect();
    let fleet = Arc::new(Fleet::start(&database.url(), &everybody, policy()).await);
    let (load, workers) = Load::start(&fleet, &Arc::new(names), 4, 6);
    load.until_another(Duration::from_secs(60)).await;

    let mut dice = Dice::seeded();
    let began = Instant::now();
    while began.elapsed() < load_time() {
        tokio::time::sleep(Duration::from_millis(500 + dice.roll(1_500) as u64)).await;
        let number = dice.roll(SERVERS);
        fleet.kill(number);
        // The others go on meanwhile.
        tokio::time::sleep(Duration::from_millis(dice.roll(1_000) as u64)).await;
        fleet.launch(number);
        fleet.until_ready(number).await;
    }
    load.until_another(Duration::from_secs(60)).await;
    let took = began.elapsed();
    load.end(workers).await;

    // Nothing was lost but what was at a server when it was killed.
    let kills = fleet.kills.lock().unwrap().clone();
    let lost = std::mem::take(&mut *load.lost.lock().unwrap());
    for (server, began, ended) in &lost {
        let guilty = kills.iter().any(|(killed, at, gone)| killed == server && began <= gone && at <= ended);
        assert!(guilty, "a request at server {server} was lost, and nobody had killed it");
    }
    assert_eq!(load.not_now.load(Ordering::Relaxed), 0, "the database was there all the time");
    // Everybody who was told "signed in" is, at every server.
    let balancer = Balancer::of(&fleet);
    let signed_in = std::mem::take(&mut *load.signed_in.lock().unwrap());
    for person in &signed_in {
        assert!(!person.id_token.is_empty());
        assert!(balancer.is_signed_in(person).await, "a session was lost");
    }
    // The budget: what reached the directory in any span in which it holds its places.
    let times = fleet.stub.bind_times_of(&dn(VICTIM));
    let within = |from: &Instant| times.iter().filter(|at| *at >= from && **at - *from < SPAN).count();
    let most = times.iter().map(within).max().unwrap_or_default();
    println!(
        "{} kills in {took:.1?}: {} signed in and still are, {} requests lost, all at a killed server; {} wrong \
         passwords, {} binds, at most {most} in {SPAN:?}",
        kills.len(),
        signed_in.len(),
        lost.len(),
        load.refused.load(Ordering::Relaxed),
        times.len(),
    );
    assert!(!times.is_empty() && most <= THRESHOLD - 2, "{most} kept places at once");
    assert!(load.refused.load(Ordering::Relaxed) > 2 * times.len(), "the budget was never used up");
    one_at_a_time(&fleet, took, kills.len()).await;
}

/// Three servers that sweep every two seconds on their own would make three times as many sweeps.
async fn one_at_a_time(fleet: &Fleet, took: Duration, kills: usize) {
    let sweeps = fleet.logged("\"swept\"").len();
    let most = usize::try_from(took.as_secs() / 2).unwrap() + kills + 3;
    let epoch = fleet.number("select cast(max(epoch) as bigint) from lease where name like 'sweep:%'").await;
    println!("{sweeps} sweeps, at most {most} by one sweeper at a time; the lease changed hands {} times", epoch - 1);
    assert!((1..=most).contains(&sweeps), "{sweeps} sweeps");
    let events = fleet.audit_is_one_chain().await;
    let sealers = fleet.number("select cast(max(epoch) as bigint) from lease where name = 'audit-sealer'").await;
    println!(
        "{events} audit events in one chain, sealed by one server at a time; the sealer changed {} times",
        sealers - 1
    );
}
