//! Session fixation and theft (threat 14): what a cookie is, and when it stops opening anything.

use directory::Role;
use reqwest::StatusCode;

use crate::support::{PASSWORD, TestServer, location, pair, set_cookie};

const NAME: &str = "__Host-isthmus";

async fn sign_in(server: &TestServer, cookie: Option<&str>) -> String {
    let form = [("identifier", "admin"), ("password", PASSWORD), ("return_to", "/console/people")];
    let response = server.post("/sign-in", &form, cookie).await;
    assert_eq!((response.status(), location(&response)), (StatusCode::SEE_OTHER, "/console/people"));
    set_cookie(&response, NAME).expect("a session cookie")
}

async fn opens(server: &TestServer, cookie: &str) -> bool {
    server.get("/console/people", Some(cookie)).await.status() == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_cookie_is_made_at_sign_in_and_means_nothing_after_sign_out() {
    let server = TestServer::start_behind_proxy("https://id.example.test").await;
    server.administrator("admin").await;

    let page = server.get("/sign-in", None).await;
    assert!(page.headers().get("set-cookie").is_none(), "1: nobody gets a session before the proof");
    let refused = server.post("/sign-in", &[("identifier", "admin"), ("password", "wrong")], None).await;
    assert_eq!(refused.status(), StatusCode::OK);
    assert!(refused.headers().get("set-cookie").is_none(), "2: nor by a refused attempt");

    let planted = format!("{NAME}=AAAAAAAAAAAAAAAAAAAAAA");
    let line = sign_in(&server, Some(&planted)).await;
    assert_ne!(pair(&line), planted, "3: a planted value is not taken over");
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(line.split("; ").any(|part| part == attribute), "4-7: {attribute} in {line}");
    }
    assert!(!line.to_lowercase().contains("domain="), "8: for this host alone");
    let value = pair(&line).split_once('=').unwrap().1.to_owned();
    assert!(value.len() >= 22, "9: at least 128 bits in base64url: {value}");
    assert!(opens(&server, &pair(&line)).await);

    let again = sign_in(&server, Some(&pair(&line))).await;
    assert_ne!(pair(&again), pair(&line), "10: a new value at every sign-in");
    assert!(!opens(&server, &pair(&line)).await, "10: and the old one is dead at the server");

    server.running.hub.database.close().await;
    for file in ["isthmus.sqlite", "isthmus.sqlite-wal"] {
        let bytes = std::fs::read(server.settings.store.data.join(file)).unwrap_or_default();
        let new = pair(&again).split_once('=').unwrap().1.to_owned();
        assert!(!bytes.windows(new.len()).any(|w| w == new.as_bytes()), "11: {file} holds digests only");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_and_a_change_of_rights_end_the_session_at_the_server() {
    let server = TestServer::start_behind_proxy("https://id.example.test").await;
    let person = server.administrator("admin").await;
    let cookie = pair(&sign_in(&server, None).await);
    let response = server.post("/sign-out", &[], Some(&cookie)).await;
    assert_eq!((response.status(), location(&response)), (StatusCode::SEE_OTHER, "/sign-out"));
    assert!(set_cookie(&response, NAME).is_some_and(|line| line.contains("Max-Age=0")), "the browser forgets it");
    assert!(!opens(&server, &cookie).await, "12: a copy of the cookie opens nothing");

    let cookie = pair(&sign_in(&server, None).await);
    let other = server.administrator("other").await;
    let session = server.session(other, hub::session::ProvenBy::Hub).await;
    let administrator = server.running.hub.permit(Some(session)).await.unwrap();
    server.running.hub.revoke_role(&administrator, person, Role::Administrator).await.unwrap();
    assert!(!opens(&server, &cookie).await, "a change of rights needs a new sign-in");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_the_cookie_has_its_plain_name() {
    let server = TestServer::start().await;
    server.administrator("admin").await;
    let form = [("identifier", "admin"), ("password", PASSWORD)];
    let response = server.post("/sign-in", &form, None).await;
    let line = set_cookie(&response, "isthmus").expect("a session cookie");
    assert!(!line.contains("Secure"), "browsers would not send it back: {line}");
    let device = set_cookie(&response, "isthmus-device").expect("the mark of a known browser");
    assert!(device.contains("HttpOnly") && device.contains("Max-Age=31536000"), "{device}");
    server.stop().await;
}
