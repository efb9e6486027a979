//! What browsers are told about every kind of page.

use reqwest::{Response, StatusCode};

use crate::support::TestServer;

fn policy(response: &Response) -> String {
    let value = response.headers().get("content-security-policy").map_or("", |value| value.to_str().unwrap());
    // The nonce is new every time.
    let mut parts = value.split("'nonce-");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (nonce, rest) = part.split_once('\'').unwrap();
        assert!(nonce.len() >= 20, "{nonce}");
        text.push_str("'nonce-…'");
        text.push_str(rest);
    }
    text
}

fn line(path: &str, response: &Response) -> String {
    let header = |name: &str| response.headers().get(name).map_or("–", |value| value.to_str().unwrap()).to_owned();
    format!(
        "{path} {}\n  policy: {}\n  cache: {}\n  referrer: {}\n  sniff: {} frame: {} hsts: {}\n",
        response.status().as_u16(),
        policy(response),
        header("cache-control"),
        header("referrer-policy"),
        header("x-content-type-options"),
        header("x-frame-options"),
        header("strict-transport-security"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_page_says_what_it_may_do() {
    let server = TestServer::start_behind_proxy("https://id.example.test").await;
    let person = server.administrator("admin").await;
    let session = server.session(person, hub::session::ProvenBy::Hub).await;
    let cookie = server.cookie(session).await;
    let mut seen = String::new();
    for path in ["/sign-in", "/sign-out", "/set-up?token=x", "/nothing", "/healthz", "/oauth2/jwks"] {
        seen.push_str(&line(path, &server.get(path, None).await));
    }
    seen.push_str(&line("/console/people", &server.get("/console/people", Some(&cookie)).await));
    insta::assert_snapshot!(seen);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_sends_strangers_to_the_door() {
    let server = TestServer::start().await;
    for (path, back) in
        [("/console/people?q=a%26b", "%2Fconsole%2Fpeople%3Fq%3Da%2526b"), ("/console/apps", "%2Fconsole%2Fapps")]
    {
        let response = server.get(path, None).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(crate::support::location(&response), format!("/sign-in?return_to={back}"));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_go_on_carries_no_detail_of_ours() {
    let server = TestServer::start().await;
    let response = server.get("/sign-in?transaction=not-an-id", None).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let text = response.text().await.unwrap();
    assert!(text.contains("This sign-in has ended"), "{text}");
    server.stop().await;
}
