//! What went wrong has its status: a form that cannot be accepted is no failure of the server.

use hub::session::ProvenBy;
use reqwest::{StatusCode, header};

use crate::support::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn every_error_of_the_console_has_its_own_status() {
    let server = TestServer::start().await;
    server.source().await;
    let administrator = server.administrator("admin").await;
    let cookie = server.cookie(server.session(administrator, ProvenBy::Hub).await).await;
    let person = administrator.to_string();
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], StatusCode);
    let cases: &[Case] = &[
        // Somebody changed it meanwhile.
        ("/api/publish-groups", &[("id", "portal"), ("revision", "0")], StatusCode::CONFLICT),
        ("/api/new-app-secret", &[("id", "portal"), ("revision", "0")], StatusCode::CONFLICT),
        ("/api/set-source-mode", &[("name", "corp-ldap"), ("revision", "0"), ("mode", "paused")], StatusCode::CONFLICT),
        // A field that cannot be.
        (
            "/api/set-source-mode",
            &[("name", "corp-ldap"), ("revision", "1"), ("mode", "asleep")],
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        ("/api/save-app", &[("form[id]", "new"), ("form[name]", "")], StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/give-role", &[("username", "nobody"), ("role", "auditor")], StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/give-role", &[("username", "admin"), ("role", "king")], StatusCode::UNPROCESSABLE_ENTITY),
        // A form that is not whole.
        ("/api/publish-groups", &[("id", "portal")], StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/take-role", &[], StatusCode::UNPROCESSABLE_ENTITY),
        // The state of things forbids it.
        ("/api/take-role", &[("person", &person), ("role", "administrator")], StatusCode::CONFLICT),
        ("/api/give-role", &[("username", "admin"), ("role", "administrator")], StatusCode::CONFLICT),
        // Not there: a new directory comes by the wizard.
        ("/api/save-source", &[("form[name]", "new"), ("form[kind]", "ldap")], StatusCode::NOT_FOUND),
        (
            "/api/test-source-password",
            &[("name", "nowhere"), ("person", "x"), ("password", "y")],
            StatusCode::NOT_FOUND,
        ),
        ("/api/withdraw-approval", &[("id", "no-id")], StatusCode::NOT_FOUND),
    ];
    for (path, form, wanted) in cases {
        let response = server.post(path, form, Some(&cookie)).await;
        assert_eq!(response.status(), *wanted, "{path} {form:?}: {}", response.text().await.unwrap());
    }
    // A browser without scripts is sent back to its page, which says the same.
    let request = server.request(reqwest::Method::POST, "/api/set-source-mode");
    let plain = request
        .form(&[("name", "corp-ldap"), ("revision", "0"), ("mode", "paused")])
        .header(header::COOKIE, &cookie)
        .header(header::ACCEPT, "text/html")
        .header(header::REFERER, format!("{}/console/sources/corp-ldap", server.origin))
        .send()
        .await
        .unwrap();
    assert!(plain.status().is_redirection(), "{}", plain.status());
    server.stop().await;
}
