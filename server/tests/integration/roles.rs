//! Who may call what (threat 16): every server function, by everybody. A new function without a line in the table
//! fails this test until somebody has decided who may call it.

use std::collections::BTreeMap;

use directory::Role;
use hub::session::ProvenBy;
use leptos::server_fn::axum::server_fn_paths;
use reqwest::{Method, header};

use crate::support::TestServer;

/// Arguments that parse, so that it is the capability that decides.
fn arguments(path: &str) -> &'static [(&'static str, &'static str)] {
    match path {
        "/api/who-am-i" | "/api/sources" | "/api/apps" | "/api/app-settings" | "/api/overview" => &[],
        "/api/approvals" | "/api/administrators" => &[("done", "")],
        "/api/approval" => &[("id", "0198c0de-0000-7000-8000-000000000009")],
        "/api/decide-approval" => &[("id", "0198c0de-0000-7000-8000-000000000009"), ("decision", "approve")],
        "/api/withdraw-approval" => &[("id", "0198c0de-0000-7000-8000-000000000009")],
        "/api/invite-administrator" => &[("username", " "), ("name", ""), ("email", ""), ("role", "auditor")],
        "/api/give-role" => &[("username", "nobody"), ("role", "auditor")],
        "/api/take-role" => &[("person", "0198c0de-0000-7000-8000-000000000001"), ("role", "auditor")],
        "/api/renew-invitation" => &[("person", "0198c0de-0000-7000-8000-000000000001"), ("username", "x")],
        "/api/people" => &[("ask[q]", "x")],
        "/api/groups" | "/api/devices" => &[("ask[q]", "x")],
        "/api/group" => &[("id", "0198c0de-0000-7000-8000-000000000001"), ("after", "")],
        "/api/device" => &[("id", "0198c0de-0000-7000-8000-000000000001")],
        "/api/sign-ins" => &[("ask[path]", "refused")],
        "/api/audit" => &[("ask[kind]", "source")],
        "/api/person" => &[("id", "0198c0de-0000-7000-8000-000000000001"), ("code", "")],
        "/api/unlock-person" => &[("id", "0198c0de-0000-7000-8000-000000000001")],
        "/api/unlock-at-source" => &[("id", "0198c0de-0000-7000-8000-000000000001"), ("source", "nowhere")],
        "/api/save-write-access" => &[("form[source]", "nowhere")],
        "/api/end-sessions" => {
            &[("id", "0198c0de-0000-7000-8000-000000000001"), ("session", ""), ("reason", "lost laptop")]
        }
        "/api/find-person" => &[("q", "ABC-DEF")],
        "/api/source" => &[("name", "corp-ldap"), ("test", "false"), ("person", ""), ("done", "")],
        "/api/source-settings" => &[("name", "corp-ldap")],
        "/api/import" => &[("ask[source]", "corp-ldap"), ("ask[run]", "0198c0de-0000-7000-8000-000000000009")],
        "/api/start-import" => &[("name", "nowhere"), ("what", "full"), ("dry_run", "true")],
        "/api/set-import-schedule" => &[("name", "nowhere"), ("every", "900"), ("full_every", "0")],
        "/api/cancel-import" => &[("name", "corp-ldap"), ("run", "0198c0de-0000-7000-8000-000000000009")],
        "/api/source-profile" => &[("name", "corp-ldap")],
        "/api/save-source-profile" => &[("form[name]", "corp-ldap"), ("form[priority]", "first")],
        "/api/save-source" => &[("form[original]", "corp-ldap"), ("form[kind]", "ldap")],
        "/api/source-wizard" => &[("draft", ""), ("step", ""), ("kind", "ldap")],
        "/api/source-wizard-step" => &[("step", "address"), ("values[urls]", "not a url")],
        "/api/set-source-mode" => &[("name", "corp-ldap"), ("revision", "0"), ("mode", "paused")],
        "/api/test-source-password" => &[("name", "nowhere"), ("person", "x"), ("password", "y")],
        "/api/waiting" => &[("ask[kind]", "incomplete")],
        "/api/attributes" => &[("done", "")],
        "/api/attribute" => &[("name", ""), ("remove", "false")],
        "/api/save-attribute" => &[("form[name]", "Not a name")],
        "/api/remove-attribute" => &[("name", "nothing"), ("version", "0")],
        "/api/app" => &[("id", "portal"), ("groups", ""), ("done", "")],
        "/api/save-app" => &[("form[id]", "new"), ("form[name]", "")],
        "/api/new-app-secret" => &[("id", "portal"), ("revision", "0")],
        "/api/publish-groups" => &[("id", "portal"), ("revision", "0")],
        other => panic!("{other} is new: say here with which arguments it is called, and look at the snapshot"),
    }
}

async fn status(server: &TestServer, path: &str, method: &Method, cookie: Option<&str>) -> u16 {
    let form = arguments(path);
    let encoded: String = form
        .iter()
        .map(|(name, value)| format!("{}={}", app::link::encode(name), app::link::encode(value)))
        .collect::<Vec<_>>()
        .join("&");
    let request = if *method == Method::GET {
        server.request(Method::GET, &format!("{path}?{encoded}"))
    } else {
        server.request(method.clone(), path).form(form)
    };
    let request = match cookie {
        Some(cookie) => request.header(header::COOKIE, cookie),
        None => request,
    };
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_function_asks_who_calls() {
    let server = TestServer::start().await;
    let source = server.source().await;
    let administrator = server.administrator("admin").await;
    let administrator_session = server.session(administrator, ProvenBy::Hub).await;
    // The administrator again, but proven by a directory: whoever runs an old directory does not run the hub.
    let delegated = server.session(administrator, ProvenBy::Source(source)).await;
    let mut callers = vec![("anonymous", None), ("delegated", Some(server.cookie(delegated).await))];
    for role in Role::ALL {
        let session = match role {
            Role::Administrator => administrator_session,
            role => {
                let person = server.holder(administrator_session, role.as_str(), *role).await;
                server.session(person, ProvenBy::Hub).await
            }
        };
        callers.push((role.as_str(), Some(server.cookie(session).await)));
    }
    let functions: BTreeMap<&str, Method> = server_fn_paths().collect();
    let mut table = format!("{:<28}", "");
    table.extend(callers.iter().map(|(name, _)| format!("{name:>14}")));
    for (path, method) in &functions {
        table.push_str(&format!("\n{path:<28}"));
        for (name, cookie) in &callers {
            let status = status(&server, path, method, cookie.as_deref()).await;
            if matches!(*name, "anonymous" | "delegated") {
                assert!(matches!(status, 401 | 403), "{path} as {name}: {status}");
            }
            table.push_str(&format!("{status:>14}"));
        }
    }
    insta::assert_snapshot!(table);
    server.stop().await;
}
