//! The audit log from outside: sealed while the server runs, verified by the command, read and taken away in the
//! console.

use std::time::{Duration, Instant};

use directory::Role;
use hub::session::ProvenBy;
use reqwest::{StatusCode, header};
use storage::Database;

use crate::support::{TestServer, isthmus};

async fn sealed(server: &TestServer) -> i64 {
    let begin = Instant::now();
    loop {
        let state = server.running.hub.audit_chain().await.unwrap();
        if state.sequence > 0 && state.waiting == 0 && state.checkpoint.is_some() {
            return state.sequence;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{state:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_whether_the_log_is_as_it_was_written() {
    let server = TestServer::start().await;
    server.administrator("admin").await;
    let last = sealed(&server).await;
    let data = server.settings.store.data.clone();
    let verify = |more: &[&str]| {
        let folder = data.to_str().unwrap().to_owned();
        let arguments: Vec<String> =
            ["audit", "verify", "--data", &folder].iter().chain(more).map(|text| (*text).to_owned()).collect();
        let here = data.clone();
        tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let output = isthmus(&here, &arguments);
            let (out, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
            (output.status.code().unwrap(), out + &error)
        })
    };
    // Beside the running server.
    let (code, text) = verify(&[]).await.unwrap();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("sealed up to number {last}")) && text.contains("Nothing was altered."), "{text}");
    let key = text.split_whitespace().find(|word| word.starts_with("ed25519:")).unwrap().to_owned();
    assert_eq!(verify(&["--public-key", &key]).await.unwrap().0, 0);
    let (code, text) = verify(&["--public-key", "nonsense"]).await.unwrap();
    assert!(code == 2 && text.contains("ed25519:"), "{text}");
    let (code, text) = verify(&["--checkpoints", "nowhere"]).await.unwrap();
    assert!(code == 1 && text.contains("there is no checkpoint file nowhere"), "{text}");
    server.running.stop().await.unwrap();

    let database = Database::open(&format!("sqlite://{}", data.join("isthmus.sqlite").display())).await.unwrap();
    let mut tx = database.begin().await.unwrap();
    let deed = "update audit_event set action = 'nothing.happened' where sequence = 2";
    assert_eq!(tx.execute(deed, storage::no_parameters()).await.unwrap(), 1);
    tx.commit().await.unwrap();
    database.close().await;
    let (code, text) = verify(&[]).await.unwrap();
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("ALTERED: event 2 was altered"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_hub_is_not_verified_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    for (data, told) in [("nowhere", "there is no folder nowhere"), (".", "isthmus.sqlite is not there")] {
        let output = isthmus(folder.path(), &["audit", "verify", "--data", data]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && text.contains(told), "{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_the_log_may_take_it_away_and_nobody_else() {
    let server = TestServer::start().await;
    let administrator = server.administrator("admin").await;
    let session = server.session(administrator, ProvenBy::Hub).await;
    let helper = server.holder(session, "helper", Role::HelpDesk).await;
    let helper = server.cookie(server.session(helper, ProvenBy::Hub).await).await;
    let cookie = server.cookie(session).await;
    sealed(&server).await;

    let page = server.get("/console/audit?kind=role", Some(&cookie)).await;
    assert_eq!(page.status(), StatusCode::OK);
    let html = page.text().await.unwrap();
    assert!(html.contains("role.granted") && !html.contains("set-up-link.issued</summary>"), "{html}");
    assert!(html.contains("Last checkpoint") && html.contains("ed25519:"));
    let wrong = server.get("/console/audit?from=yesterday", Some(&cookie)).await;
    assert!(wrong.text().await.unwrap().contains("Write a day like 2026-11-23"));

    let form = |format| [("format", format), ("kind", "role.granted")];
    for (format, kind) in [("csv", "text/csv"), ("jsonl", "application/jsonl")] {
        let answer = server.post("/console/audit/export", &form(format), Some(&cookie)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let head = |name| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(head(header::CONTENT_TYPE).starts_with(kind));
        assert!(head(header::CONTENT_DISPOSITION).contains("attachment"));
        let text = answer.text().await.unwrap();
        assert_eq!(text.matches("role.granted").count(), 2, "{text}");
        assert!(text.contains("command-line") && text.contains("helper"), "{text}");
    }
    for (cookie, status) in [(Some(helper.as_str()), StatusCode::FORBIDDEN), (None, StatusCode::FORBIDDEN)] {
        let answer = server.post("/console/audit/export", &form("csv"), cookie).await;
        assert_eq!(answer.status(), status);
    }
    let page = server.get("/console/audit?kind=audit.exported", Some(&cookie)).await.text().await.unwrap();
    assert_eq!(page.matches("<summary>audit.exported").count(), 2, "{page}");
    server.stop().await;
}
