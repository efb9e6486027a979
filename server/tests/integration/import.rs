//! `isthmus import`: a real file, real processes, some of them killed.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Stdio, time::Duration};

use serde_json::Value;
use storage::{Database, accounts::Accounts};

use crate::support::{command, isthmus};

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

/// Later than every clock here: the year 2100.
const FAR: i64 = 4_102_444_800;

const IMPORT: [&str; 6] = ["import", "staff", "--data", "data", "--source-files", "files"];

/// The lines of one import that is done.
fn import(folder: &Path, more: &[&str]) -> Vec<Value> {
    let output = isthmus(folder, &[&IMPORT[..], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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

/// What a run leaves, by keys that mean the same in every database: never an id of ours.
async fn natural(folder: &Path) -> BTreeMap<String, String> {
    let database = Database::open(&format!("sqlite://{}/data/isthmus.sqlite", folder.display())).await.unwrap();
    let mut reader = database.reader();
    let source = storage::sources::all(&mut reader).await.unwrap().remove(0).source;
    let far = chrono::DateTime::from_timestamp(FAR, 0).unwrap();
    let accounts = Accounts(&mut reader).not_read_since(source.id, far, "", 100_000).await.unwrap();
    let mut facts = BTreeMap::new();
    for account in accounts {
        let aliases = storage::aliases::Aliases(&mut reader).of_account(account.id).await.unwrap();
        let aliases: Vec<_> = aliases.into_iter().map(|alias| alias.folded).collect();
        let attributes = storage::attributes::Attributes(&mut reader).of_person(account.person_id).await.unwrap();
        let attributes: Vec<_> = attributes.into_iter().map(|a| (a.name, a.value, a.verified)).collect();
        let claims = storage::aliases::Aliases(&mut reader).claims_of(account.person_id).await.unwrap();
        let text = format!("{:?} {aliases:?} {attributes:?} {claims:?} {:?}", account.username, account.missing_since);
        facts.insert(account.immutable_id.to_string(), text);
    }
    database.close().await;
    facts
}

/// Kill points from a seed, so that a failure can be seen again.
fn points(seed: u64, number: usize) -> Vec<Duration> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis(20 + (state >> 33) % 380)
    };
    (0..number).map(next).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_again_and_again_ends_where_an_undisturbed_one_does() {
    const PEOPLE: usize = 3_000;
    let (calm, hurt) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    registered(calm.path(), PEOPLE);
    import(calm.path(), &[]);
    registered(hurt.path(), PEOPLE);
    let kills = match std::env::var("ISTHMUS_TEST_TIER").as_deref() {
        Ok("quick") => 5,
        Ok("thorough") => 200,
        _ => 20,
    };
    for wait in points(20_261_123, kills) {
        let mut child = command(hurt.path(), &IMPORT).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(wait).await;
        child.kill().unwrap();
        child.wait().unwrap();
        forget_leases(hurt.path()).await;
    }
    import(hurt.path(), &[]);
    let (calm, hurt) = (natural(calm.path()).await, natural(hurt.path()).await);
    assert_eq!(calm.len(), PEOPLE);
    assert!(calm == hurt, "the same people, names, identifiers and attributes; nobody is missing");
}

/// As if the minute had passed in which a killed process still owns its run.
async fn forget_leases(folder: &Path) {
    let database = Database::open(&format!("sqlite://{}/data/isthmus.sqlite", folder.display())).await.unwrap();
    let sources = storage::sources::all(&mut database.reader()).await.unwrap();
    let name = hub::imports::lease_name(sources[0].source.id);
    let far = chrono::DateTime::from_timestamp(FAR, 0).unwrap();
    let taken: Result<_, storage::StorageError> = storage::write!(database, |tx| {
        storage::lease::take(tx, &name, "the test", far, chrono::TimeDelta::seconds(1)).await?;
        storage::lease::release(tx, &name, "the test").await
    });
    taken.unwrap();
    database.close().await;
}
