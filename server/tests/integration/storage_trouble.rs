//! A database of a newer version and a full disk: a clear error, and nothing is lost.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use storage::{Database, Queries as _};

use crate::support::{free_address, isthmus};

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    assert!(isthmus(folder.path(), &["database", "upgrade", "--data", "data"]).status.success());
    let file = folder.path().join("data/isthmus.sqlite");
    let database = Database::open(&format!("sqlite://{}", file.display())).await.unwrap();
    let mut tx = database.begin().await.unwrap();
    let later = "insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
                 select 9999, 'later', installed_on, success, checksum, 0 from _sqlx_migrations where version = 1";
    tx.execute(later, storage::no_parameters()).await.unwrap();
    tx.commit().await.unwrap();
    database.close().await;
    let before = std::fs::read(&file).unwrap();

    for arguments in [
        &["database", "upgrade", "--data", "data"][..],
        &["serve", "--data", "data", "--listen", "127.0.0.1:0", "--public-url", "http://localhost:1"],
        &["admin", "create", "--data", "data", "--public-url", "http://localhost:1"],
    ] {
        let output = isthmus(folder.path(), arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(text.contains("schema version 9999") && text.contains("run the newer isthmus"), "{text}");
        assert!(text.contains("data/isthmus.sqlite"), "{text}");
    }
    assert!(std::fs::read(&file).unwrap() == before, "not a byte was written");
}

/// A small file system of its own, in a name space of its own. Fills it, tries, frees it, tries again.
const FULL_DISK: &str = r#"
set -e
mount -t tmpfs -o size=8m tmpfs "$1"
"$2" database upgrade --data "$1/data" >/dev/null
dd if=/dev/zero of="$1/filler" bs=4096 2>/dev/null || true
if "$2" admin create --data "$1/data" --public-url http://localhost:1 --username first; then
    echo "a full disk took a row" >&2; exit 3
fi
rm "$1/filler"
"$2" admin create --data "$1/data" --public-url http://localhost:1 --username first >/dev/null
"$2" admin create --data "$1/data" --public-url http://localhost:1 --username second >/dev/null
"#;

#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", FULL_DISK, "sh"])
        .arg(folder.path())
        .arg(env!("CARGO_BIN_EXE_isthmus"))
        .env_remove("ISTHMUS_LOG")
        .stdout(Stdio::piped())
        .output()
        .expect("`unshare` of util-linux is needed to give this test a small disk");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !text.contains("unshare:") && !text.contains("mount:"),
        "this machine lets nobody mount a small disk in a name space of their own, so this test cannot run: {text}"
    );
    assert!(output.status.success(), "{text}");
    assert!(text.contains("disk") && text.contains("full"), "the error names the disk: {text}");
}

/// A server on a small file system of its own, in a name space of its own. Files outside it say when to fill and free it.
const FULL_UNDER_A_SERVER: &str = r#"
set -e
mkdir "$1/disk"
mount -t tmpfs -o size=8m tmpfs "$1/disk"
"$2" serve --data "$1/disk/data" --listen "$3" --public-url "http://$3" 2>"$1/log" &
server=$!
until [ -e "$1/fill" ]; do sleep 0.1; done
dd if=/dev/zero of="$1/disk/filler" bs=4096 2>/dev/null || true
touch "$1/filled"
until [ -e "$1/free" ]; do sleep 0.1; done
rm "$1/disk/filler"
touch "$1/freed"
until [ -e "$1/end" ]; do sleep 0.1; done
kill -TERM $server
wait $server
cp "$1/disk/data/isthmus.sqlite" "$1/after.sqlite"
"#;

async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited too long: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A wrong password: a refusal is written to the database before it is answered.
async fn sign_in(client: &Client, base: &str) -> (StatusCode, String) {
    let form = [("identifier", "nobody"), ("password", "nothing")];
    let answer = client.post(format!("{base}/sign-in")).header("origin", base).form(&form).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_disk_fills_up_says_so_loses_nothing_and_goes_on_by_itself() {
    server::install_crypto_provider();
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let listen = free_address().to_string();
    let base = format!("http://{listen}");
    let mut child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", FULL_UNDER_A_SERVER, "sh"])
        .arg(here)
        .arg(env!("CARGO_BIN_EXE_isthmus"))
        .arg(&listen)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`unshare` of util-linux is needed to give this test a small disk");
    let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let answers = async || client.get(format!("{base}/readyz")).send().await.is_ok_and(|r| r.status().is_success());
    until("start (can this machine mount a small disk in a name space of its own?)", answers).await;
    let mut written = 0;
    for _ in 0..2 {
        assert_eq!(sign_in(&client, &base).await.0, StatusCode::OK);
        written += 1;
    }

    std::fs::write(here.join("fill"), "").unwrap();
    until("the disk is full", async || here.join("filled").exists()).await;
    // The file has a few free pages left at first.
    let mut refused = None;
    for _ in 0..200 {
        let (status, page) = sign_in(&client, &base).await;
        if status != StatusCode::OK {
            refused = Some((status, page));
            break;
        }
        written += 1;
    }
    let (status, page) = refused.expect("a full disk refuses to write");
    assert!(status.is_server_error(), "{status}");
    assert!(page.contains("The disk of this server is full. Nothing was changed."), "{page}");
    assert_eq!(client.get(format!("{base}/sign-in")).send().await.unwrap().status(), StatusCode::OK, "it reads on");

    std::fs::write(here.join("free"), "").unwrap();
    until("the disk is free", async || here.join("freed").exists()).await;
    assert_eq!(sign_in(&client, &base).await.0, StatusCode::OK, "it goes on without a restart");
    written += 1;
    std::fs::write(here.join("end"), "").unwrap();
    let status = tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
    assert!(status.success());
    assert_eq!(attempts(&here.join("after.sqlite")).await, written, "every answered attempt is there, and no other");
    let log = std::fs::read_to_string(here.join("log")).unwrap();
    assert!(log.contains("the disk that holds the database is full: free some space"), "{log}");
}

async fn attempts(file: &Path) -> i64 {
    let database = Database::open(&format!("sqlite://{}", file.display())).await.unwrap();
    assert_eq!(database.faults().await.unwrap(), Vec::<String>::new());
    let sql = "select count(*) from sign_in_attempt";
    let (number,): (i64,) = database.reader().fetch_one(sql, storage::no_parameters()).await.unwrap();
    database.close().await;
    number
}
