//! Backup and restore: whole while people sign in, refused for good reasons, and nothing revoked comes back.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use chrono::TimeDelta;
use hub::session::ProvenBy;
use reqwest::StatusCode;
use storage::{Database, copy};

use crate::support::{TestServer, command, isthmus};

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn fails(folder: &Path, arguments: &[&str], words: &str) {
    let output = isthmus(folder, arguments);
    let told = text(&output);
    assert!(!output.status.success() && told.contains(words), "{arguments:?} should say {words:?}:\n{told}");
}

fn works(folder: &Path, arguments: &[&str]) -> String {
    let output = isthmus(folder, arguments);
    let told = text(&output);
    assert!(output.status.success(), "{arguments:?}:\n{told}");
    told
}

async fn open(data: &Path) -> Database {
    Database::open(&format!("sqlite://{}", data.join("isthmus.sqlite").display())).await.unwrap()
}

async fn census(data: &Path) -> BTreeMap<String, i64> {
    let database = open(data).await;
    let counted = storage::census::census(&mut database.reader()).await.unwrap();
    database.close().await;
    counted
}

/// Rows of one table that are alive.
async fn count(data: &Path, sql: &'static str) -> i64 {
    use storage::Queries as _;
    let database = open(data).await;
    let (number,): (i64,) = database.reader().fetch_one(sql, storage::no_parameters()).await.unwrap();
    database.close().await;
    number
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_whole_and_comes_back_without_a_live_credential() {
    let server = TestServer::start().await;
    let data = server.settings.store.data.clone();
    let place = tempfile::tempdir().unwrap();
    let ada = server.administrator("ada").await;
    let session = server.session(ada, ProvenBy::Hub).await;
    let cookie = server.cookie(session).await;
    let link = server.running.hub.create_administrator("grace", None, false).await.unwrap();

    // Two rows in one transaction, again and again: a copy that is not consistent has more of the one than of the other.
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (hub, stop, written) = (server.running.hub.clone(), Arc::clone(&stop), Arc::clone(&written));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let number = written.fetch_add(1, Ordering::Relaxed);
                    let id = format!("load-{writer}-{number}");
                    let expires = hub.clock.now() + TimeDelta::days(1);
                    assert!(hub.create_browser_session(&id, serde_json::json!({}), expires).await.unwrap());
                    let name = format!("load{writer}x{number}");
                    hub.create_administrator(&name, None, false).await.unwrap();
                }
            })
        })
        .collect();
    while written.load(Ordering::Relaxed) < 40 {
        tokio::task::yield_now().await;
    }
    let folder = place.path().to_owned();
    let data_text = data.to_str().unwrap().to_owned();
    let made = tokio::task::spawn_blocking(move || works(&folder, &["backup", "hub.backup", "--data", &data_text]));
    let made = made.await.unwrap();
    let at_backup = written.load(Ordering::Relaxed);
    while written.load(Ordering::Relaxed) < at_backup + 20 {
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(made.contains("The sealing key is NOT inside"), "{made}");
    let file = place.path().join("hub.backup");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["hub.backup"], "nothing else is left beside it");

    // Into an empty folder, with the key put there first.
    let new = place.path().join("new");
    fs::create_dir(&new).unwrap();
    fails(place.path(), &["restore", "hub.backup", "--data", "new"], "does not hold the sealing key");
    fs::copy(data.join("sealing.key"), new.join("sealing.key")).unwrap();
    let told = works(place.path(), &["restore", "hub.backup", "--data", "new"]);
    assert!(told.contains("Everybody signs in again"), "{told}");

    let restored = census(&new).await;
    let now = census(&data).await;
    assert!(restored["person"] >= 12 && restored["person"] < now["person"], "{restored:?} {now:?}");
    // Each administrator is one person, one role, one alias, and two lines of the log; ada has a third by her password.
    let people = restored["person"];
    assert_eq!(restored["alias"], people);
    assert_eq!(count(&new, "select count(*) from role_assignment").await, people);
    assert_eq!(count(&new, "select count(*) from set_up_link").await, people);
    assert_eq!(count(&new, "select count(*) from set_up_link where spent_at is null").await, 0);
    assert_eq!(count(&new, "select count(*) from session where ended_at is null").await, 0);
    assert_eq!(count(&new, "select count(*) from browser_session").await, 0);
    assert_eq!(count(&new, "select count(*) from audit_event where action = 'database.restored'").await, 1);
    assert!(count(&data, "select count(*) from session where ended_at is null").await > 0, "the running hub goes on");

    // And it runs: the old cookie and the old link open nothing.
    let mut settings = server.settings.clone();
    server.stop().await;
    settings.store.data = new;
    let again = TestServer::start_with(settings, place).await;
    assert_eq!(again.get("/readyz", None).await.status(), StatusCode::OK);
    assert_eq!(again.get("/console/people", Some(&cookie)).await.status(), StatusCode::SEE_OTHER);
    let token = secrecy::ExposeSecret::expose_secret(&link.link).split_once("token=").unwrap().1.to_owned();
    let page = again.get(&format!("/set-up?token={token}"), None).await;
    assert_ne!(page.status(), StatusCode::OK);
    again.stop().await;
}

mod peers {
    //! The commands of docs/operations.md for PostgreSQL, run with PostgreSQL's own programs.

    use std::process::Command;

    use hub::session::ProvenBy;
    use reqwest::StatusCode;
    use storage::{Database, Queries as _};
    use testkit::Postgres;

    use super::works;
    use crate::support::TestServer;

    async fn census(url: &str) -> std::collections::BTreeMap<String, i64> {
        let database = Database::open(url).await.unwrap();
        let counted = storage::census::census(&mut database.reader()).await.unwrap();
        database.close().await;
        counted
    }

    async fn count(url: &str, sql: &'static str) -> i64 {
        let database = Database::open(url).await.unwrap();
        let (number,): (i64,) = database.reader().fetch_one(sql, storage::no_parameters()).await.unwrap();
        database.close().await;
        number
    }

    fn run(program: &str, arguments: &[&str]) {
        let output = Command::new(Postgres::shared().program(program)).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_documented_commands_bring_a_postgresql_hub_back_without_a_live_credential() {
        let (first, second) = (testkit::postgres().await, testkit::postgres().await);
        let (from, to) = (first.url(), second.url());
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_owned();
        works(&here, &["database", "upgrade", "--data", "data", "--database", &from]);
        let mut settings = TestServer::settings(&here.join("data"));
        settings.store.database = Some(from.clone());
        let server = TestServer::start_with(settings.clone(), folder).await;
        let ada = server.administrator("ada").await;
        let cookie = server.cookie(server.session(ada, ProvenBy::Hub).await).await;
        assert_eq!(server.get("/console/people", Some(&cookie)).await.status(), StatusCode::OK);

        let dump = here.join("isthmus.dump").display().to_string();
        run("pg_dump", &["--format=custom", &format!("--file={dump}"), &from]);
        let before = census(&from).await;
        run("pg_restore", &["--exit-on-error", "--no-owner", &format!("--dbname={to}"), &dump]);
        assert_eq!(census(&to).await, before);
        let key = here.join("data/sealing.key").display().to_string();
        let arguments = ["database", "after-restore", "--data", "data", "--database", &to, "--sealing-key", &key];
        let told = works(&here, &arguments);
        assert!(told.contains("2 sealed secrets open. Ended: 1 sessions"), "{told}");
        std::fs::write(here.join("wrong"), [9u8; 32]).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(here.join("wrong"), mode).unwrap();
        let wrong = ["database", "after-restore", "--data", "data", "--database", &to, "--sealing-key", "wrong"];
        super::fails(&here, &wrong, "sealing key is not this database's");

        assert_eq!(count(&to, "select count(*) from session where ended_at is null").await, 0);
        assert_eq!(count(&from, "select count(*) from session where ended_at is null").await, 1);
        let mut after = census(&to).await;
        *after.get_mut("audit_event").unwrap() -= 1;
        assert_eq!(after, before, "one line in the log, and nothing else is more or less");

        server.running.stop().await.unwrap();
        settings.store.database = Some(to);
        let again = server::serve::start(settings).await.unwrap();
        let address = again.address;
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let page = client.get(format!("http://{address}/console/people")).header("cookie", cookie);
        assert_eq!(page.send().await.unwrap().status(), StatusCode::SEE_OTHER);
        drop(client);
        again.stop().await.unwrap();
    }
}

/// A folder with a database and a backup of it.
fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    works(folder.path(), &["database", "upgrade", "--data", "data"]);
    works(folder.path(), &["admin", "create", "--data", "data", "--public-url", "http://localhost:1"]);
    works(folder.path(), &["backup", "good", "--data", "data"]);
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_refuses_what_it_should_and_changes_nothing() {
    let folder = made();
    let here = folder.path();
    let before = fs::read(here.join("data/isthmus.sqlite")).unwrap();
    fails(here, &["restore", "good", "--data", "data"], "is not empty");
    fails(here, &["backup", "good", "--data", "data"], "exists already");
    fails(here, &["backup", "other", "--data", "elsewhere"], "there is no database");
    assert!(!here.join("elsewhere").exists());
    fails(here, &["backup", "no/such/folder/x", "--data", "data"], "cannot write to the folder");
    fails(here, &["backup", "x", "--data", "data", "--database", "postgres://x/y"], "pg_dump");
    fails(here, &["restore", "missing", "--data", "empty"], "cannot read the backup");

    let good = fs::read(here.join("good")).unwrap();
    for (name, at) in [("first", 200), ("middle", good.len() / 2), ("last page", good.len() - 700)] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        fs::write(here.join("bad"), &flipped).unwrap();
        let output = isthmus(here, &["restore", "bad", "--data", "empty", "--sealing-key", "data/sealing.key"]);
        assert!(!output.status.success() && text(&output).contains("damaged"), "{name}: {}", text(&output));
    }
    for at in (good.len() - 400..good.len()).step_by(7) {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        fs::write(here.join("bad"), &flipped).unwrap();
        fails(here, &["restore", "bad", "--data", "empty", "--sealing-key", "data/sealing.key"], "backup");
    }
    for cut in [1, 100, good.len() / 2, good.len() - 3] {
        fs::write(here.join("bad"), &good[..good.len() - cut]).unwrap();
        fails(here, &["restore", "bad", "--data", "empty"], "no backup of isthmus, or was cut short");
    }
    fs::write(here.join("bad"), b"short").unwrap();
    fails(here, &["restore", "bad", "--data", "empty"], "no backup");

    fs::write(here.join("wrong.key"), [9u8; 32]).unwrap();
    fs::set_permissions(here.join("wrong.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let wrong = ["restore", "good", "--data", "empty", "--sealing-key", "wrong.key"];
    // No secret is sealed before the first start makes the signing keys: start once, then back up.
    let server = TestServer::start().await;
    let data = server.settings.store.data.to_str().unwrap().to_owned();
    fs::remove_file(here.join("good")).unwrap();
    works(here, &["backup", "good", "--data", &data]);
    fails(here, &wrong, "this is not the sealing key of the backup");
    fails(here, &["restore", "good", "--data", &data, "--replace"], "another isthmus runs");
    server.stop().await;

    assert!(!here.join("empty/isthmus.sqlite").exists() && !here.join("empty/isthmus.sqlite.restoring").exists());
    assert!(fs::read(here.join("data/isthmus.sqlite")).unwrap() == before, "not a byte was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_is_kept_aside_and_the_key_travels_only_when_asked() {
    let folder = made();
    let here = folder.path();
    let told = works(here, &["backup", "with-key", "--data", "data", "--include-sealing-key"]);
    assert!(told.contains("The sealing key is inside"), "{told}");
    let key = fs::read(here.join("data/sealing.key")).unwrap();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let holds =
        |file: &str, needle: &[u8]| fs::read(here.join(file)).unwrap().windows(needle.len()).any(|w| w == needle);
    assert!(!holds("good", &key) && !holds("good", hex.as_bytes()));
    assert!(holds("with-key", hex.as_bytes()));

    works(here, &["admin", "create", "--data", "data", "--public-url", "http://localhost:1", "--username", "later"]);
    let told = works(here, &["restore", "good", "--data", "data", "--replace"]);
    assert!(told.contains("before-restore-"), "{told}");
    let aside = fs::read_dir(here.join("data")).unwrap().map(|entry| entry.unwrap().file_name());
    let aside = aside.filter(|name| name.to_str().unwrap().contains("before-restore"));
    assert_eq!(aside.filter(|name| name.to_str().unwrap().ends_with('Z')).count(), 1);
    assert_eq!(census(&here.join("data")).await["person"], 1, "the later administrator is gone");

    works(here, &["restore", "with-key", "--data", "fresh"]);
    assert_eq!(fs::metadata(here.join("fresh/sealing.key")).unwrap().permissions().mode() & 0o777, 0o600);
    works(here, &["admin", "create", "--data", "fresh", "--public-url", "http://localhost:1", "--username", "third"]);
    fs::create_dir(here.join("mixed")).unwrap();
    fs::write(here.join("mixed/sealing.key"), [9u8; 32]).unwrap();
    fs::set_permissions(here.join("mixed/sealing.key"), fs::Permissions::from_mode(0o600)).unwrap();
    fails(here, &["restore", "with-key", "--data", "mixed"], "another one is in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_newer_isthmus_is_refused() {
    let folder = made();
    let database = open(&folder.path().join("data")).await;
    let later = "insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
                 select 9999, 'later', installed_on, success, checksum, 0 from _sqlx_migrations where version = 1";
    let mut tx = database.begin().await.unwrap();
    tx.execute(later, storage::no_parameters()).await.unwrap();
    tx.commit().await.unwrap();
    database.close().await;
    works(folder.path(), &["backup", "newer", "--data", "data"]);
    let arguments = ["restore", "newer", "--data", "empty", "--sealing-key", "data/sealing.key"];
    fails(folder.path(), &arguments, "schema version 9999");
    assert!(!folder.path().join("empty").exists());
}

/// A disk that is too small for the backup: nothing is left there, and the database goes on.
const SMALL_DISK: &str = r#"
set -e
mkdir "$1/small"
mount -t tmpfs -o size=64k tmpfs "$1/small"
if "$2" backup "$1/small/file" --data "$1/data"; then echo "the disk took it" >&2; exit 3; fi
[ -z "$(ls -A "$1/small")" ] || { ls -la "$1/small" >&2; exit 4; }
"$2" backup "$1/file" --data "$1/data" >/dev/null
mkdir "$1/small/data"
if "$2" restore "$1/file" --data "$1/small/data" --sealing-key "$1/data/sealing.key"; then exit 5; fi
[ -z "$(ls "$1/small/data" | grep -v lock)" ] || { ls -la "$1/small/data" >&2; exit 6; }
"#;

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let folder = made();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh"])
        .arg(folder.path())
        .arg(env!("CARGO_BIN_EXE_isthmus"))
        .stdout(Stdio::piped())
        .output()
        .expect("`unshare` of util-linux is needed to give this test a small disk");
    let told = text(&output);
    assert!(
        !told.contains("unshare:") && !told.contains("mount:"),
        "this machine lets nobody mount a small disk in a name space of their own, so this test cannot run: {told}"
    );
    assert!(output.status.success(), "{told}");
    assert!(told.matches("is full").count() >= 2, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_says_what_becomes_of_every_table() {
    let folder = made();
    let database = open(&folder.path().join("data")).await;
    let mut listed: Vec<&str> = copy::TABLES.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    let there = copy::table_names(&database).await.unwrap();
    assert_eq!(there, listed, "a new table: does a restore keep it, or end what it holds? (storage::copy::TABLES)");
    database.close().await;
    assert!(command(folder.path(), &["restore", "--help"]).output().unwrap().status.success());
}
