//! `isthmus key`, beside a server that goes on working.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use directory::SourceDraft;
use hub::kernel::capability::ManageSources;
use reqwest::StatusCode;
use secrecy::SecretString;

use crate::support::{PASSWORD, TestServer, command, isthmus};

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = isthmus(folder, arguments);
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{arguments:?}: {out} {err}");
    out
}

fn lines_of(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

/// Registers directories with a secret each; nobody dials them.
async fn sources(server: &TestServer, number: usize) {
    let ada = server.administrator("ada").await;
    let session = server.session(ada, hub::session::ProvenBy::Hub).await;
    let manager: ManageSources = server.running.hub.permit(Some(session)).await.unwrap();
    for index in 0..number {
        let mut draft = SourceDraft::preset(directory::SourceKind::Ldap);
        draft.name = format!("corp{index}");
        draft.label = draft.name.clone();
        draft.domains = vec![format!("corp{index}.test")];
        draft.lockout.threshold = Some(5);
        draft.lockout.window_seconds = Some(900);
        let ldap = draft.connector.ldap_mut().unwrap();
        ldap.urls = vec![format!("ldaps://corp{index}.test").parse().unwrap()];
        ldap.bind_dn = "cn=reader".to_owned();
        ldap.base_dn = "dc=test".to_owned();
        let secret = SecretString::from(format!("secret of corp{index}"));
        server.running.hub.register_source(&manager, draft, secret).await.unwrap();
    }
}

/// People who sign in again and again until told to stop: how many did, and how many met an error.
fn crowd(server: &TestServer) -> (Arc<AtomicBool>, Arc<AtomicU32>, Arc<AtomicU32>, tokio::task::JoinHandle<()>) {
    let (stop, fine, failed) = (Arc::new(AtomicBool::new(false)), Arc::default(), Arc::default());
    let (base, origin) = (server.base.clone(), server.origin.clone());
    let (stopped, good, bad): (_, Arc<AtomicU32>, Arc<AtomicU32>) =
        (Arc::clone(&stop), Arc::clone(&fine), Arc::clone(&failed));
    let task = tokio::spawn(async move {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        while !stopped.load(Ordering::Relaxed) {
            let form = [("identifier", "ada"), ("password", PASSWORD)];
            let sent = client.post(format!("{base}/sign-in")).header("origin", &origin).form(&form).send().await;
            let keys = client.get(format!("{base}/oauth2/jwks")).send().await;
            let signed_in = sent.is_ok_and(|answer| answer.status() == StatusCode::SEE_OTHER);
            let published = keys.is_ok_and(|answer| answer.status() == StatusCode::OK);
            if signed_in && published { &good } else { &bad }.fetch_add(1, Ordering::Relaxed);
        }
    });
    (stop, fine, failed, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sealing_key_is_rotated_under_sign_ins_and_the_old_one_is_useless() {
    let server = TestServer::start().await;
    sources(&server, 3).await;
    let data = server.settings.store.data.clone();
    let file = data.join("sealing.key");
    let old = fs::read(&file).unwrap();
    let (stop, fine, failed, task) = crowd(&server);
    let folder = data.clone();
    let told = tokio::task::spawn_blocking(move || run(&folder, &["key", "rotate", "sealing", "--data", "."]));
    let told = told.await.unwrap();
    // Three secrets, two signing keys, the key of the digests; and that of the audit log, if it has signed already.
    let all = ["6", "7"].iter().any(|n| told.contains(&format!("{n} stored secrets are sealed with the new key")));
    assert!(all, "{told}");
    let enough = Instant::now() + Duration::from_secs(20);
    while fine.load(Ordering::Relaxed) < 3 && Instant::now() < enough {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.store(true, Ordering::Relaxed);
    task.await.unwrap();
    assert_eq!(failed.load(Ordering::Relaxed), 0, "no sign-in and no key list failed");
    assert!(fine.load(Ordering::Relaxed) >= 3);
    let new = lines_of(&file);
    assert_eq!(new.len(), 1, "the previous key is gone");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let beside: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!beside.iter().any(|name| name == "sealing.key.new"), "{beside:?}");
    server.running.hub.refresh_sealing_keys().await.unwrap();
    assert_eq!(server.running.hub.vault.held().len(), 1, "and gone from the server's memory");

    // With a copy of the old key nothing starts, and the words say where and what to do.
    fs::write(data.join("old.key"), &old).unwrap();
    fs::set_permissions(data.join("old.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let output = isthmus(&data, &["key", "list", "--data", ".", "--sealing-key", "old.key"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    for part in ["isthmus.sqlite", "old.key", "backup", "--sealing-key"] {
        assert!(told.contains(part), "{part} in {told}");
    }
    server.stop().await;
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "{what} took too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn rotation(data: &Path) -> Child {
    let arguments = ["key", "rotate", "sealing", "--data", "."];
    command(data, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_was_killed_goes_on_where_it_was() {
    let server = TestServer::start().await;
    sources(&server, 2).await;
    let data = server.settings.store.data.clone();
    let file = data.join("sealing.key");
    let hub = server.running.hub.clone();
    let first = hub.vault.held()[0];
    tokio::task::spawn_blocking(move || {
        for pause in [0, 150, 400, 700] {
            let mut command = rotation(&data);
            wait_for("the new key", || file.metadata().is_ok_and(|file| file.len() > 65) || file_is_hex(&file));
            std::thread::sleep(Duration::from_millis(pause));
            command.kill().unwrap();
            command.wait().unwrap();
            assert!(lines_of_any(&file) >= 1, "the key file is whole");
        }
        run(&data, &["key", "rotate", "sealing", "--data", "."]);
        let told = run(&data, &["key", "list", "--data", "."]);
        assert!(!told.contains("another key") && !told.contains("also there"), "{told}");
    })
    .await
    .unwrap();
    hub.refresh_sealing_keys().await.unwrap();
    assert_ne!(hub.vault.held(), [first]);
    assert_eq!(hub.sealed_by_others().await.unwrap(), 0);
    server.stop().await;
}

/// The first rotation was faster than its end: the file is text with one key.
fn file_is_hex(file: &Path) -> bool {
    fs::read(file).is_ok_and(|bytes| bytes.len() == 65)
}

fn lines_of_any(file: &Path) -> usize {
    let bytes = fs::read(file).unwrap();
    if bytes.len() == 32 { 1 } else { bytes.split(|byte| *byte == b'\n').filter(|line| line.len() == 64).count() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_publishes_a_new_signing_key_within_two_seconds_of_the_command() {
    let server = TestServer::start().await;
    let kids = async || {
        let document: serde_json::Value = server.get("/oauth2/jwks", None).await.json().await.unwrap();
        document["keys"].as_array().unwrap().len()
    };
    assert_eq!(kids().await, 2);
    let data = server.settings.store.data.clone();
    let folder = data.clone();
    let told = tokio::task::spawn_blocking(move || run(&folder, &["key", "rotate", "signing", "--now", "--data", "."]));
    let told = told.await.unwrap();
    assert!(told.contains("Published new keys") && told.contains("stay published until"), "{told}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(kids().await, 4);
    let listed = tokio::task::spawn_blocking(move || run(&data, &["key", "list", "--data", "."])).await.unwrap();
    assert!(listed.contains("ES256") && listed.contains("RS256") && listed.contains("next"), "{listed}");
    server.stop().await;
}

#[test]
fn a_wrong_or_missing_sealing_key_stops_the_start_and_says_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    run(place.path(), &["database", "upgrade", "--data", "data"]);
    let file = place.path().join("data/sealing.key");
    let refused = || {
        let serve = ["serve", "--data", "data", "--listen", "127.0.0.1:0", "--public-url", "http://localhost:1"];
        let output = isthmus(place.path(), &serve);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    fs::write(&file, [9u8; 32]).unwrap();
    let wrong = refused();
    for part in ["isthmus.sqlite are sealed with the key", "data/sealing.key", "from your backup", "--sealing-key"] {
        assert!(wrong.contains(part), "{part} in {wrong}");
    }
    fs::remove_file(&file).unwrap();
    let missing = refused();
    for part in ["data/sealing.key is missing", "cannot be opened", "Put the key back", "--sealing-key"] {
        assert!(missing.contains(part), "{part} in {missing}");
    }
    assert!(!file.exists(), "no other key is made in its place");
}

#[test]
fn a_sealing_key_of_the_environment_is_rotated_with_the_present_one_beside_it() {
    let place = tempfile::tempdir().unwrap();
    let (first, second) = ("a1".repeat(32), "b2".repeat(32));
    let with = |key: &str, previous: Option<&str>, arguments: &[&str]| {
        let mut command = command(place.path(), arguments);
        command.args(["--data", "data"]).env("ISTHMUS_SEALING_KEY", key);
        if let Some(previous) = previous {
            command.env("ISTHMUS_SEALING_KEY_PREVIOUS", previous);
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert!(!said.contains(&first) && !said.contains(&second), "a key is shown");
        (output.status.success(), said)
    };
    let (upgraded, said) = with(&first, None, &["database", "upgrade"]);
    assert!(upgraded, "{said}");
    let (rotated, said) = with(&first, None, &["key", "rotate", "signing", "--now"]);
    assert!(rotated, "something to be sealed: {said}");
    assert!(!place.path().join("data/sealing.key").exists(), "no key lies in the folder");

    let (alone, said) = with(&first, None, &["key", "rotate", "sealing"]);
    assert!(!alone && said.contains("ISTHMUS_SEALING_KEY_PREVIOUS") && said.contains("openssl rand"), "{said}");
    let (early, said) = with(&second, None, &["key", "list"]);
    assert!(!early && said.contains("sealed with the key"), "{said}");

    let (rotated, said) = with(&second, Some(&first), &["key", "rotate", "sealing"]);
    assert!(rotated && said.contains("sealed with the new key"), "{said}");
    assert!(said.contains("Take ISTHMUS_SEALING_KEY_PREVIOUS away"), "{said}");
    let (listed, said) = with(&second, None, &["key", "list"]);
    assert!(listed && said.contains("RS256"), "{said}");
    let (old, said) = with(&first, None, &["key", "list"]);
    assert!(!old, "the old key is useless: {said}");
}

/// A folder that belongs to a hub on PostgreSQL, and a command that forgot to say so.
#[test]
fn without_its_database_no_command_touches_the_key_of_a_hub() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    let key = data.join("sealing.key");
    fs::write(&key, [7u8; 32]).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(place.path().join("site.toml"), "").unwrap();
    let commands: [&[&str]; 9] = [
        &["key", "rotate", "sealing"],
        &["key", "rotate", "signing"],
        &["key", "list"],
        &["admin", "break-glass"],
        &["admin", "create", "--username", "ada", "--recover"],
        &["admin", "create", "--username", "ada"],
        &["apply", "site.toml"],
        &["database", "upgrade"],
        &["serve", "--listen", "127.0.0.1:0", "--public-url", "http://localhost:1"],
    ];
    for arguments in commands {
        let output = isthmus(place.path(), &[arguments, &["--data", "data"]].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("--database"), "{arguments:?}: {said}");
        assert_eq!(fs::read(&key).unwrap(), [7u8; 32], "{arguments:?}");
        assert!(!data.join("isthmus.sqlite").exists(), "{arguments:?}");
    }
    for arguments in &commands[..5] {
        let output = isthmus(place.path(), &[arguments, &["--data", "mistyped"][..]].concat());
        assert!(!output.status.success() && !place.path().join("mistyped").exists(), "{arguments:?}");
    }
}
