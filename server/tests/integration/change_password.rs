//! `/account/password` as a browser without scripts meets it.

use hub::session::ProvenBy;
use reqwest::StatusCode;

use crate::support::{PASSWORD, TestServer, location, pair, set_cookie};

const PATH: &str = "/account/password";
const NEW: &str = "seven quiet lighthouse keepers";

fn form<'a>(current: &'a str, new: &'a str) -> [(&'a str, &'a str); 3] {
    [("password", current), ("new_password", new), ("repeated_password", new)]
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_changes_their_password_and_goes_on_with_a_new_cookie() {
    let server = TestServer::start_behind_proxy("https://id.example.test").await;
    server.administrator("admin").await;
    let asked = server.get(PATH, None).await;
    assert_eq!(location(&asked), "/sign-in?return_to=%2Faccount%2Fpassword", "whoever is not signed in signs in first");
    let sign_in = [("identifier", "admin"), ("password", PASSWORD), ("return_to", PATH)];
    let signed_in = server.post("/sign-in", &sign_in, None).await;
    assert_eq!(location(&signed_in), PATH);
    let cookie = pair(&set_cookie(&signed_in, "__Host-isthmus").unwrap());
    let elsewhere = pair(&set_cookie(&server.post("/sign-in", &sign_in, None).await, "__Host-isthmus").unwrap());

    let page = server.get(PATH, Some(&cookie)).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'none'") || policy.contains("default-src 'none'"), "{policy}");
    let page = page.text().await.unwrap();
    assert!(page.contains("At least 15 characters") && page.contains("autocomplete=\"current-password\""), "{page}");
    assert!(!page.contains("<script"));

    let weak = server.post(PATH, &form(PASSWORD, "too short"), Some(&cookie)).await;
    assert_eq!((weak.status(), set_cookie(&weak, "__Host-isthmus")), (StatusCode::OK, None));
    let weak = weak.text().await.unwrap();
    assert!(weak.contains("Use at least 15 characters") && weak.contains("aria-invalid=\"true\""), "{weak}");
    assert!(!weak.contains("too short\"") && !weak.contains(PASSWORD), "nothing typed is sent back");
    let wrong = server.post(PATH, &form("not the one I have", NEW), Some(&cookie)).await.text().await.unwrap();
    assert!(wrong.contains("This is not your current password."), "{wrong}");
    let cross = server.request(reqwest::Method::POST, PATH).header("sec-fetch-site", "cross-site");
    let cross = cross.header("cookie", &cookie).form(&form(PASSWORD, NEW)).send().await.unwrap();
    assert_eq!(cross.status(), StatusCode::FORBIDDEN);

    let changed = server.post(PATH, &form(PASSWORD, NEW), Some(&cookie)).await;
    assert_eq!((changed.status(), location(&changed)), (StatusCode::SEE_OTHER, "/account/password?changed=1"));
    let fresh = pair(&set_cookie(&changed, "__Host-isthmus").expect("a new cookie"));
    assert_ne!(fresh, cookie);
    for over in [&cookie, &elsewhere] {
        assert_eq!(server.get("/console/people", Some(over)).await.status(), StatusCode::SEE_OTHER, "signed out");
    }
    assert_eq!(server.get("/console/people", Some(&fresh)).await.status(), StatusCode::OK);
    let told = server.get(location(&changed), Some(&fresh)).await.text().await.unwrap();
    assert!(told.contains("Your password is changed"));
    let old = server.post("/sign-in", &sign_in, None).await;
    assert_eq!(old.status(), StatusCode::OK, "the old password opens nothing");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_of_a_directory_reads_where_to_change_it() {
    let server = TestServer::start().await;
    let source = server.source().await;
    let entry = directory::SourceEntry {
        raw: std::collections::BTreeMap::new(),
        immutable_id: directory::ImmutableId("1".to_owned()),
        locator: "uid=anna,dc=example,dc=test".to_owned(),
        anchors: directory::Anchors::default(),
        server: String::new(),
        username: Some("anna".to_owned()),
        names: vec!["anna".to_owned()],
        attributes: std::collections::BTreeMap::from([(directory::AttributeName::DisplayName, "Anna".to_owned())]),
        groups: Vec::new(),
        groups_complete: true,
        status: directory::AccountStatus::Active,
        password_set_at: None,
        lockout: directory::LockoutReading::default(),
        privileged: false,
    };
    let hub = &server.running.hub;
    let live = hub.live_source(source).await.unwrap();
    let made: Result<_, hub::HubError> =
        storage::write!(hub.database, |tx| { hub::mirror::create(tx, hub, &live.source, &entry).await });
    let hub::mirror::Provisioned::Created { person, .. } = made.unwrap() else { panic!("nobody was created") };
    let session = server.session(person.id, ProvenBy::Source(source)).await;
    let page = server.get(PATH, Some(&server.cookie(session).await)).await.text().await.unwrap();
    assert!(page.contains("Your password is not kept here") && page.contains("corp-ldap"), "{page}");
    assert!(!page.contains("<form"), "{page}");
    server.stop().await;
}
