//! Keys change while three servers work.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use jsonwebtoken::decode_header;
use reqwest::StatusCode;

use super::{
    browser::Balancer,
    fleet::{Fleet, SERVERS, policy},
    load::Load,
};

/// The ids of the keys a server publishes.
async fn published(balancer: &Balancer<'_>, server: usize) -> BTreeSet<String> {
    let (status, body) = balancer.look(server, "/oauth2/jwks").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let document: serde_json::Value = serde_json::from_str(&body).unwrap();
    let keys = document["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Who signed the last token.
fn newest(load: &Load) -> Option<String> {
    let signed_in = load.signed_in.lock().unwrap();
    signed_in.last().map(|last| decode_header(&last.id_token).unwrap().kid.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_kinds_of_keys_are_rotated_under_three_servers_and_nobody_notices() {
    let database = testkit::postgres().await;
    let names: Vec<String> = (0..6).map(|number| format!("person{number}")).collect();
    let fleet = Arc::new(Fleet::start(&database.url(), &names, policy()).await);
    let balancer = Balancer::of(&fleet);
    let before = published(&balancer, 0).await;
    let (load, workers) = Load::start(&fleet, &Arc::new(names), 3, 0);
    load.until_another(Duration::from_secs(60)).await;

    let (done, said) = fleet.run(&["key", "rotate", "sealing", "--data", "data-0"]).await;
    assert!(done && said.contains("The old key was taken out of"), "{said}");
    load.until_another(Duration::from_secs(60)).await;

    let (done, said) = fleet.run(&["key", "rotate", "signing", "--now", "--data", "data-0"]).await;
    assert!(done && said.contains("Published new keys"), "{said}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let signed_before = load.count();
    for server in 0..SERVERS {
        let now = published(&balancer, server).await;
        assert!(now.is_superset(&before) && now.len() == before.len() + 2, "server {server}: {before:?} {now:?}");
    }
    let every = published(&balancer, 1).await;
    // Nobody signs with a key that a server may not publish yet.
    let began = Instant::now();
    while newest(&load).is_some_and(|kid| before.contains(&kid)) {
        assert!(began.elapsed() < Duration::from_secs(60), "tokens are still signed with the old key");
        load.until_another(Duration::from_secs(60)).await;
    }
    // Started anew, a server opens everything with the new sealing key alone.
    fleet.kill(2);
    fleet.launch(2);
    fleet.until_ready(2).await;
    load.until_another(Duration::from_secs(60)).await;
    load.end(workers).await;

    let kills = fleet.kills.lock().unwrap().clone();
    let lost = std::mem::take(&mut *load.lost.lock().unwrap());
    for (server, began, ended) in &lost {
        let guilty = kills.iter().any(|(killed, at, gone)| killed == server && began <= gone && at <= ended);
        assert!(guilty, "a request at server {server} was lost while keys changed");
    }
    let signed_in = std::mem::take(&mut *load.signed_in.lock().unwrap());
    let kids: BTreeSet<String> = signed_in.iter().map(|s| decode_header(&s.id_token).unwrap().kid.unwrap()).collect();
    assert!(kids.is_subset(&every), "{kids:?} {every:?}");
    println!("{} signed in while both kinds of keys changed, {signed_before} before the new keys", signed_in.len());
    fleet.audit_is_one_chain().await;
}
