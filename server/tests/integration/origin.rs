//! Cross-site request forgery (threat 15): no page of another site changes anything here, by any door.

use leptos::server_fn::axum::server_fn_paths;
use reqwest::{Method, StatusCode, header};

use crate::support::TestServer;

/// What browsers send along with a request that another site made them send.
const HOSTILE: [&[(&str, &str)]; 8] = [
    &[],
    &[("origin", "null")],
    &[("origin", "https://evil.example")],
    &[("origin", "https://id.example.test.evil.example")],
    &[("origin", "http://id.example.test")],
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "same-site"), ("origin", "https://id.example.test")],
    &[("sec-fetch-site", "none")],
];

const CONTENT_TYPES: [&str; 4] =
    ["application/x-www-form-urlencoded", "application/json", "text/plain", "multipart/form-data; boundary=x"];

fn doors() -> Vec<String> {
    let forms = ["/sign-in", "/sign-in/continue", "/sign-in/consent", "/sign-out", "/set-up"].map(str::to_owned);
    let functions = server_fn_paths().filter(|(_, method)| *method != Method::GET).map(|(path, _)| path.to_owned());
    forms.into_iter().chain(functions).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_site_reaches_a_form_or_server_function() {
    let server = TestServer::start_behind_proxy("https://id.example.test").await;
    let person = server.administrator("admin").await;
    let session = server.session(person, hub::session::ProvenBy::Hub).await;
    let cookie = server.cookie(session).await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let doors = doors();
    assert!(doors.len() > 8, "the server functions are registered: {doors:?}");
    for door in &doors {
        for headers in HOSTILE {
            for content_type in CONTENT_TYPES {
                let mut request = client
                    .post(format!("{}{door}", server.base))
                    .header(header::COOKIE, &cookie)
                    .header(header::CONTENT_TYPE, content_type)
                    .body("a=b");
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                let status = request.send().await.unwrap().status();
                assert_eq!(status, StatusCode::FORBIDDEN, "{door} {headers:?} {content_type}");
            }
        }
        let ours = server.post(door, &[], Some(&cookie)).await.status();
        assert_ne!(ours, StatusCode::FORBIDDEN, "{door} is open to our own pages");
    }
    server.stop().await;
}

/// A link is enough to call these, so each of them only reads. A new one is looked at here.
#[test]
fn server_functions_that_a_link_can_call_only_read() {
    let mut by_link: Vec<&str> = server_fn_paths().filter(|(_, m)| *m == Method::GET).map(|(path, _)| path).collect();
    by_link.sort_unstable();
    insta::assert_snapshot!(by_link.join("\n"));
}
