//! SIGTERM: no new connections, requests under way finish, the database is closed whole.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::StatusCode;

use crate::support::{command, free_address};

async fn until_ready(base: &str) {
    let begun = Instant::now();
    while reqwest::get(format!("{base}/readyz")).await.map(|r| r.status()).ok() != Some(StatusCode::OK) {
        assert!(begun.elapsed() < Duration::from_secs(30), "the server did not start");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_finishes_and_the_next_start_finds_everything() {
    server::install_crypto_provider();
    let folder = tempfile::tempdir().unwrap();
    let listen = free_address().to_string();
    let base = format!("http://{listen}");
    let arguments = ["serve", "--data", "data", "--listen", &listen, "--public-url", &base];
    for round in 0..2 {
        let mut child = command(folder.path(), &arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        until_ready(&base).await;
        // Refusals are released 400 ms after the request began: this one is under way when the signal comes.
        let client = reqwest::Client::new();
        let request = client
            .post(format!("{base}/sign-in"))
            .header("origin", &base)
            .form(&[("identifier", "nobody"), ("password", "nothing")]);
        let under_way = tokio::spawn(request.send());
        tokio::time::sleep(Duration::from_millis(150)).await;
        let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let response = under_way.await.unwrap().expect("the request was cut off");
        assert_eq!(response.status(), StatusCode::OK, "round {round}");
        assert!(response.text().await.unwrap().contains("You are not signed in"));
        drop(client);
        let begun = Instant::now();
        let status = tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
        assert!(status.success(), "round {round}: {status}");
        assert!(begun.elapsed() < Duration::from_secs(25));
    }
}
