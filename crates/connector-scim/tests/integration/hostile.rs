//! Services that answer what no honest one does.

use std::{sync::Arc, time::Duration};

use connector::{AllowedNetworks, Connector as _, Next, Read as _, ReadFrom, TroubleKind, conformance::reading};
use connector_scim::ScimConnector;
use directory::{ImmutableId, ObjectKind};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{connect, source};

/// Answers everything with the same bytes, again and again.
async fn answers(head: &'static str, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/scim/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = body.clone();
            tokio::spawn(async move {
                let mut request = [0; 4_096];
                let _read = stream.read(&mut request).await;
                let length = if head.contains("Content-Length") {
                    String::new()
                } else {
                    format!("Content-Length: {}\r\n", body.len())
                };
                let _sent = stream
                    .write_all(format!("HTTP/1.1 {head}\r\n{length}Connection: close\r\n\r\n{body}").as_bytes())
                    .await;
                // Half an answer is never ended.
                if head.contains("Content-Length") {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn nothing_odd_is_believed() {
    let deep = "[".repeat(100_000);
    let cases: Vec<(&str, &'static str, String)> = vec![
        ("an empty answer", "200 OK", String::new()),
        ("a page for people", "200 OK", "<html>".into()),
        ("no total", "200 OK", r#"{"Resources":[{"id":"1","userName":"somebody"}]}"#.into()),
        ("a total that is no number", "200 OK", r#"{"totalResults":"2","Resources":[]}"#.into()),
        ("people that are no list", "200 OK", r#"{"totalResults":2,"Resources":{"id":"1"}}"#.into()),
        ("fewer than it counts", "200 OK", r#"{"totalResults":2000,"Resources":[]}"#.into()),
        ("endless brackets", "200 OK", deep),
        ("a redirect", "302 Found\r\nLocation: http://127.0.0.1:1/", String::new()),
        ("an error", "500 Internal Server Error", String::new()),
        ("too often", "429 Too Many Requests\r\nRetry-After: 7", String::new()),
        ("half an answer", "200 OK\r\nContent-Length: 5000", "{".into()),
    ];
    for (what, head, body) in cases {
        let connector = connect(&answers(head, body).await, "token").unwrap();
        reading::stands_a_hostile_peer(what, &connector).await;
        let fetched = connector.fetch(&ImmutableId("1".into())).await;
        assert!(!matches!(fetched, Ok(Some(_))), "{what}: {fetched:?}");
    }
}

#[tokio::test]
async fn a_list_of_nobody_is_not_believed_and_a_bad_record_stops_nobody() {
    let nobody = connect(&answers("200 OK", r#"{"totalResults":0}"#.into()).await, "token").unwrap();
    let trouble = nobody.read(ObjectKind::Person, ReadFrom::Beginning).await.unwrap_err();
    assert!(trouble.reason.contains("token"), "{trouble}");
    let body = r#"{"totalResults":3,"Resources":[{"id":"1","userName":"a"},{"userName":"b"},{"id":7}]}"#;
    let some = connect(&answers("200 OK", body.into()).await, "token").unwrap();
    let page = some.read(ObjectKind::Person, ReadFrom::Beginning).await.unwrap();
    assert_eq!((page.changes.len(), page.rejected.len()), (1, 2), "{page:?}");
    assert!(matches!(page.next, Next::Complete { delta: None }));
}

#[tokio::test]
async fn it_dials_only_what_is_allowed() {
    let nowhere = Arc::new(AllowedNetworks::default());
    let refused = ScimConnector::new(&source("http://127.0.0.1:1/"), "t".to_owned().into(), Arc::clone(&nowhere));
    assert_eq!(refused.err().map(|trouble| trouble.kind), Some(TroubleKind::Misconfigured));
    let named = ScimConnector::new(&source("http://localhost:1/"), "t".to_owned().into(), nowhere).unwrap();
    let trouble = named.find("anna").await.unwrap_err();
    assert!(trouble.reason.contains("allowed network"), "{trouble}");
}
