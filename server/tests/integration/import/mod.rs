//! `isthmus import`: a real file, real processes, some of them killed.

mod chaos;
mod cloud_peers;
mod natural;
mod peers;

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{TestServer, isthmus};

const SITE: &str = r#"
[[source]]
name = "staff"
label = "Staff list"
kind = "file"
mode = "active"
domains = ["example.test"]

[source.file]
path = "people.csv"
format = "csv"
id = "number"
username = "login"
settle_seconds = 0
mapping = { display_name = "name", email = "mail" }
"#;

/// A data folder with the source registered.
fn registered(folder: &Path, people: usize) {
    fs::create_dir_all(folder.join("files")).unwrap();
    fs::write(folder.join("site.toml"), SITE).unwrap();
    write_people(folder, people);
    let applied = isthmus(folder, &["apply", "site.toml", "--data", "data"]);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
}

fn write_people(folder: &Path, people: usize) {
    let mut text = "number,login,name,mail\n".to_owned();
    for n in 0..people {
        writeln!(text, "{n},user{n},Person {n},user{n}@example.test").unwrap();
    }
    fs::write(folder.join("files/people.csv"), text).unwrap();
}

const IMPORT: [&str; 6] = ["import", "staff", "--data", "data", "--source-files", "files"];

/// The lines of one import that is done.
fn import(folder: &Path, more: &[&str]) -> Vec<Value> {
    let output = isthmus(folder, &[&IMPORT[..], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const SCHEDULED: &str = "import_every = \"1m\"\n[source.file]";

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_imports_by_the_clock() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let files = server.settings.source_files();
    fs::create_dir_all(&files).unwrap();
    fs::write(files.join("people.csv"), "number,login,name,mail\n1,ada,Ada,ada@example.test\n").unwrap();
    fs::write(folder.path().join("site.toml"), SITE.replace("[source.file]", SCHEDULED)).unwrap();
    let data = server.settings.store.data.display().to_string();
    let applied = isthmus(folder.path(), &["apply", "site.toml", "--data", &data]);
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let said = String::from_utf8_lossy(&applied.stdout).into_owned();
    assert!(said.contains("import_every: 60 s"), "{said}");
    let hub = &server.running.hub;
    let began = Instant::now();
    while natural::number(&hub.database, "select count(*) from account").await < 1 {
        assert!(began.elapsed() < Duration::from_secs(60), "nobody imported");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    const BY_ITSELF: &str = "select count(*) from import_run where started_by = 'system'";
    assert_eq!(natural::number(&hub.database, BY_ITSELF).await, 1, "the next one is a minute away");
    server.stop().await;
}

fn ended(lines: &[Value]) -> &Value {
    lines.iter().find(|line| line["event"] == "ended").unwrap()
}

#[test]
fn a_file_is_imported_tried_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    registered(here, 3);
    let dry = import(here, &["--dry-run"]);
    assert_eq!(ended(&dry)["counts"]["outcomes"]["person"]["created"], 3);
    assert_eq!(dry.iter().filter(|line| line["event"] == "object" && line["outcome"] == "created").count(), 3);
    let wet = import(here, &["--report", "report.csv"]);
    assert_eq!(ended(&wet)["counts"], ended(&dry)["counts"], "the dry run had left nothing");
    let report = fs::read_to_string(here.join("report.csv")).unwrap();
    assert_eq!(report.lines().count(), 4, "{report}");
    let untouched = import(here, &[]);
    assert_eq!(ended(&untouched)["counts"]["read"]["person"], 0, "nobody touched the file");
    let again = import(here, &["--full"]);
    assert_eq!(ended(&again)["counts"]["outcomes"]["person"]["unchanged"], 3);
    let unknown = isthmus(here, &["import", "nobody", "--data", "data"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no directory has this name"));
}
