//! `isthmus apply`: the difference, twice the same, beside a running server, and errors that name the line.

use std::time::{Duration, Instant};

use crate::support::{PORTAL_SECRET, SITE, TestServer, command, isthmus, write_site};

fn apply(folder: &std::path::Path, data: &std::path::Path, more: &[&str]) -> std::process::Output {
    let mut arguments = vec!["apply", "site.toml", "--data", data.to_str().unwrap()];
    arguments.extend(more);
    command(folder, &arguments).env("PORTAL_SECRET", PORTAL_SECRET).output().unwrap()
}

#[test]
fn a_dry_run_changes_nothing_and_the_second_run_has_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    write_site(folder.path(), SITE);
    let dry = apply(folder.path(), &data, &["--dry-run"]);
    let first = apply(folder.path(), &data, &[]);
    let second = apply(folder.path(), &data, &[]);
    write_site(folder.path(), &SITE.replace("[\"example.test\"]", "[\"example.test\", \"second.test\"]"));
    let third = apply(folder.path(), &data, &[]);
    write_site(folder.path(), "");
    let emptied = apply(folder.path(), &data, &[]);
    let mut told = String::new();
    for (name, output) in
        [("dry run", dry), ("first", first), ("second", second), ("another domain", third), ("an empty file", emptied)]
    {
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(PORTAL_SECRET) && !text.contains("a reader's password"), "{name}: no secret is shown");
        told.push_str(&format!("--- {name}\n{text}"));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_notices_within_two_seconds() {
    let server = TestServer::start().await;
    assert!(server.running.hub.sources_now().await.unwrap().is_empty());
    let folder = tempfile::tempdir().unwrap();
    write_site(folder.path(), SITE);
    let data = server.settings.store.data.clone();
    let output = tokio::task::spawn_blocking(move || apply(folder.path(), &data, &[])).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let done = Instant::now();
    loop {
        // When the question began: on a busy machine its answer may take a while.
        let asked = done.elapsed();
        if !server.running.hub.sources_now().await.unwrap().is_empty() {
            break;
        }
        assert!(asked < Duration::from_secs(2), "noticed too late");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.stop().await;
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    let mistakes = [
        ("unknown key", SITE.replace("base_dn", "base_dnn")),
        ("not TOML", SITE.replace("kind = \"ldap\"", "kind = ldap")),
        ("unknown mode", SITE.replace("\"active\"", "\"on\"")),
        ("a secret in the file", SITE.replace("{ file = \"bind.secret\" }", "\"hunter2\"")),
        ("no such file", SITE.replace("bind.secret", "nothing.secret")),
        ("no such variable", SITE.replace("PORTAL_SECRET", "OTHER_SECRET")),
        ("no length of time", SITE.replace("15m", "a while")),
        ("plain LDAP", SITE.replace("ldaps://", "ldap://")),
        ("an unknown directory", SITE.replace("original_source = \"corp-ldap\"", "original_source = \"corp\"")),
        ("a redirect to another host by http", SITE.replace("http://localhost:9000/callback", "http://app.test/cb")),
        ("the same name twice", format!("{SITE}{SITE}")),
        ("no certificate", SITE.replace("base_dn", "ca_file = \"bind.secret\"\nbase_dn")),
    ];
    let mut told = String::new();
    for (name, text) in mistakes {
        let folder = tempfile::tempdir().unwrap();
        write_site(folder.path(), &text);
        let output = apply(folder.path(), &folder.path().join("data"), &[]);
        assert!(!output.status.success(), "{name}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains("hunter2"), "{name}: a secret in the wrong place is not repeated");
        told.push_str(&format!("--- {name}\n{text}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = isthmus(folder.path(), &["apply", "site.toml", "--data", "data"]);
    told.push_str(&format!("--- no document\n{}", String::from_utf8(missing.stderr).unwrap()));
    insta::assert_snapshot!(told);
}
