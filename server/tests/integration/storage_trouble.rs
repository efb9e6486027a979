//! A database of a newer version and a full disk: a clear error, and nothing is lost.

use std::process::{Command, Stdio};

use storage::Database;

use crate::support::isthmus;

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
