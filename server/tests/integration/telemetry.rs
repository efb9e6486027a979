//! Spans reach a collector that speaks OTLP over HTTP, and nobody is in them.

use std::{
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message as _;
use reqwest::StatusCode;

use crate::{
    monitoring::Watched,
    rows::directory_stub::{READER, RIGHT},
    support::{command, free_address},
};

/// A collector: keeps what it was sent, raw and decoded.
#[derive(Clone, Default)]
struct Collector {
    raw: Arc<Mutex<Vec<u8>>>,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let kept = collector.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let request = ExportTraceServiceRequest::decode(body.clone()).expect("protobuf of OTLP");
            let spans = request.resource_spans.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans);
            kept.spans.lock().unwrap().extend(spans);
            kept.raw.lock().unwrap().extend_from_slice(&body);
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (collector, format!("http://{address}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_reach_a_collector_and_hold_nobody() {
    server::install_crypto_provider();
    let (collector, endpoint) = Collector::start().await;
    let watched = Watched::start_with(&["--otlp-endpoint", &endpoint]).await;
    assert_eq!(watched.sign_in("grace", RIGHT).await, StatusCode::SEE_OTHER);
    assert_eq!(watched.sign_in("grace", "a-secret-typed").await, StatusCode::OK);
    let begun = Instant::now();
    let both = || collector.spans.lock().unwrap().iter().filter(|span| span.name == "sign-in").count() == 2;
    while !both() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the spans did not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(watched);

    let spans = collector.spans.lock().unwrap();
    let by_row = |row: &str| spans.iter().find(|span| span.name == "sign-in" && told(span, "row") == row);
    let (let_in, refused) = (by_row("D18").expect("a sign-in"), by_row("D7").expect("a refusal"));
    assert_eq!((told(let_in, "path"), told(refused, "path")), ("source".to_owned(), "source".to_owned()));
    for (sign_in, result) in [(let_in, "ok"), (refused, "bad-password")] {
        let asked = |span: &&Span| span.parent_span_id == sign_in.span_id && told(span, "call") == "verify";
        let verify = spans.iter().find(asked).expect("the one bind");
        assert_eq!((told(verify, "source"), told(verify, "result")), ("corp".to_owned(), result.to_owned()));
        let request = spans.iter().find(|span| span.span_id == sign_in.parent_span_id);
        // It ends after its sign-in, so it may come with the next batch.
        if let Some(request) = request {
            assert_eq!((told(request, "route"), told(request, "method")), ("/sign-in".to_owned(), "POST".to_owned()));
        }
    }
    assert!(spans.iter().any(|span| span.name == "request" && told(span, "route") == "/oauth2/authorize"));
    assert!(spans.iter().all(|span| span.events.is_empty()), "log lines stay here");
    let raw = collector.raw.lock().unwrap();
    for secret in ["grace", RIGHT, "example", "a-secret-typed", "127.0.0.1", READER] {
        assert!(!raw.windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret.as_bytes())), "{secret}");
    }
}

/// The text of an attribute.
fn told(span: &Span, key: &str) -> String {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key);
    match attribute.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_nothing_but_its_spans() {
    let folder = tempfile::tempdir().unwrap();
    let (listen, nobody) = (free_address().to_string(), free_address());
    let base = format!("http://{listen}");
    let endpoint = format!("http://{nobody}");
    let arguments =
        ["serve", "--data", "data", "--listen", &listen, "--public-url", &base, "--otlp-endpoint", &endpoint];
    server::install_crypto_provider();
    let mut child = command(folder.path(), &arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let client = reqwest::Client::new();
    let begun = Instant::now();
    while client.get(format!("{base}/readyz")).send().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the server did not start");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(client.get(format!("{base}/sign-in")).send().await.unwrap().status().is_success());
    drop(client);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let status = tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
    assert!(status.success());
}
