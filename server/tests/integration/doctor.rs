//! `isthmus doctor`: each thing is broken in turn, and the report must say which it is and what to do.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use chrono::TimeDelta;
use directory::SourceKind;
use hub::kernel::{Clock as _, SystemClock, capability::ManageSources};
use serde_json::{Value, json};
use server::serve_options::{ProxiesSeen, ServeOptions};
use storage::{Database, Queries as _};
use testkit::{Authority, BindAnswer};
use url::Url;

use crate::{
    rows::{
        directory_stub::{READER, READER_PASSWORD, RIGHT, person},
        house::{House, PORTAL},
    },
    support::{TestServer, free_address, isthmus},
};

/// What the doctor said, line by line.
struct Said {
    findings: Vec<Value>,
    healthy: bool,
    text: String,
}

/// Asks as a person would and as a program would.
async fn ask(folder: &Path) -> Said {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || {
        let arguments = ["doctor", "--data", folder.to_str().unwrap()];
        let parent = folder.parent().unwrap();
        let json = isthmus(parent, &[&arguments[..], &["--json"]].concat());
        let findings: Vec<Value> = serde_json::from_slice(&json.stdout).unwrap();
        let text = String::from_utf8(isthmus(parent, &arguments).stdout).unwrap();
        Said { findings, healthy: json.status.success(), text }
    })
    .await
    .unwrap()
}

impl Said {
    #[track_caller]
    fn says(&self, level: &str, check: &str, detail: &str, remedy: &str) {
        let found = self.findings.iter().any(|finding| {
            let field = |name: &str| finding[name].as_str().unwrap_or_default();
            field("level") == level
                && field("check").contains(check)
                && field("detail").contains(detail)
                && field("remedy").contains(remedy)
        });
        assert!(found, "no {level} of {check}: {detail} → {remedy}\n{}", self.text);
        assert_eq!(self.healthy, self.findings.iter().all(|finding| finding["level"] != "problem"), "{}", self.text);
    }

    #[track_caller]
    fn is_healthy(&self) {
        assert!(self.healthy, "{}", self.text);
    }
}

async fn open(data: &Path) -> Database {
    Database::open(&format!("sqlite://{}", data.join("isthmus.sqlite").display())).await.unwrap()
}

async fn execute(data: &Path, sql: &'static str) {
    let database = open(data).await;
    let mut tx = database.begin().await.unwrap();
    tx.execute(sql, storage::no_parameters()).await.unwrap();
    tx.commit().await.unwrap();
    database.close().await;
}

async fn put(data: &Path, name: &str, value: Value) {
    let database = open(data).await;
    let mut tx = database.begin().await.unwrap();
    storage::settings::put(&mut tx, name, value).await.unwrap();
    tx.commit().await.unwrap();
    database.close().await;
}

/// A folder with a started-and-stopped server's data and an administrator.
async fn stopped() -> (tempfile::TempDir, PathBuf) {
    let server = TestServer::start().await;
    server.administrator("ada").await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let from = server.settings.store.data.clone();
    server.running.hub.database.copy_to(&data.join("isthmus.sqlite")).await.unwrap();
    fs::copy(from.join("sealing.key"), data.join("sealing.key")).unwrap();
    server.stop().await;
    (folder, data)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_hub_is_called_healthy_while_it_runs_and_nothing_is_told_about_anybody() {
    let (house, _) = House::with(SourceKind::Ldap, vec![person("grace")], |_| {}).await;
    house.types("grace", RIGHT).await;
    let data = house.server.settings.store.data.clone();
    let said = ask(&data).await;
    said.is_healthy();
    said.says("ok", "Data folder", "mode 700", "");
    said.says("ok", "Sealed secrets", "all 3 open", "");
    said.says("ok", "Public URL", "leads to this hub", "");
    said.says("ok", "Clock", "within 5 seconds of what answers", "");
    said.says("ok", "Directory corp", "Connect: ", "");
    said.says("ok", "Directory corp", "Service account: ", "");
    said.says("ok", "Directory corp", "Base DN: ", "");
    said.says("ok", "Directory corp", "Lockout: 5 wrong passwords in 900 s", "");
    said.says("ok", "Directory corp CA", "is good until 2049-01-01", "");
    said.says("warning", "Backup", "none was ever made", "every night");
    for secret in ["grace", RIGHT, READER_PASSWORD, PORTAL] {
        assert!(!said.text.contains(secret), "{secret} is in\n{}", said.text);
    }
    house.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_wrong_are_named_with_their_remedy() {
    let (folder, data) = stopped().await;
    let said = ask(&data).await;
    said.is_healthy();
    said.says("warning", "Public URL", "no server runs", "Start `isthmus serve`");

    ask(&folder.path().join("nowhere")).await.says("problem", "Data folder", "No such file", "--data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    ask(&data).await.says("problem", "Data folder", "mode 755", "chmod 700");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();

    let key = data.join("sealing.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    ask(&data).await.says("problem", "Sealing key", "can be read by others", "mode 600");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let right = fs::read(&key).unwrap();
    fs::write(&key, [9u8; 32]).unwrap();
    ask(&data).await.says("problem", "Sealed secrets", "are sealed with the key", "key file they were sealed with");
    fs::remove_file(&key).unwrap();
    ask(&data).await.says("problem", "Sealing key", "is missing", "Put it back");
    assert!(!key.exists(), "the doctor makes nothing");
    fs::write(&key, right).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();

    let database = data.join("isthmus.sqlite");
    let good = fs::read(&database).unwrap();
    let mut damaged = good.clone();
    for page in damaged.chunks_mut(4096).skip(20).step_by(3) {
        page.fill(0xa5);
    }
    fs::write(&database, &damaged).unwrap();
    let said = ask(&data).await;
    assert!(!said.healthy, "{}", said.text);
    said.says("problem", "Database", "damaged", "");
    assert!(said.text.to_lowercase().contains("restore the last good backup"), "{}", said.text);
    fs::write(&database, "not a database, but long enough to be looked at as one").unwrap();
    ask(&data).await.says("problem", "Database", "restore the last good backup", "Nobody signs in");
    fs::remove_file(&database).unwrap();
    ask(&data).await.says("warning", "Database", "has none yet", "docs/operations.md");
    assert!(!database.exists(), "the doctor makes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_shows_is_named_with_its_remedy() {
    let (_folder, data) = stopped().await;
    execute(&data, "delete from role_assignment").await;
    ask(&data).await.says("problem", "Administrators", "there is none", "isthmus admin create");
    let (_folder, data) = stopped().await;
    execute(&data, "update signing_key set created_at = '2020-01-01T00:00:00+00:00'").await;
    ask(&data).await.says("warning", "Signing key ES256", "days old", "isthmus key rotate");
    execute(&data, "update audit_event set at = '2199-01-01T00:00:00+00:00'").await;
    ask(&data).await.says("problem", "Clock", "in the future: the clock was set back", "Correct the clock");
    let old = SystemClock.now() - TimeDelta::days(9);
    put(&data, "last-backup", json!(old.timestamp())).await;
    ask(&data).await.says("warning", "Backup", "9 days old", "why the nightly one stopped");
    let later = "insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
                 select 9999, 'later', installed_on, success, checksum, 0 from _sqlx_migrations where version = 1";
    execute(&data, later).await;
    ask(&data).await.says("problem", "Database", "schema version 9999", "Run the isthmus");
}

fn options() -> ServeOptions {
    ServeOptions {
        listen: free_address(),
        allow_networks: Vec::new(),
        source_files: None,
        trusted_proxies: Vec::new(),
        tls: None,
        metrics: None,
        proxies: ProxiesSeen::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_the_listener_are_looked_at() {
    let (folder, data) = stopped().await;
    put(&data, "public-url", json!("https://localhost:1")).await;
    let authority = Authority::new("Ours");
    let (certificate, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let options = ServeOptions { tls: Some((certificate.clone(), key.clone())), ..options() };
    put(&data, "serve-options", serde_json::to_value(&options).unwrap()).await;
    ask(&data).await.says("problem", "Listener certificate", "cannot read the certificate", "matching pair");
    let write = |made: &testkit::ServerCertificate| {
        fs::write(&certificate, &made.certificate_pem).unwrap();
        fs::write(&key, &made.key_pem).unwrap();
    };
    write(&authority.local());
    ask(&data).await.says("ok", "Listener certificate", "is good until 2049-01-01", "");
    write(&authority.expired());
    ask(&data).await.says("problem", "Listener certificate", "ended", "Renew it now");
    write(&authority.wrong_host());
    ask(&data).await.says(
        "problem",
        "Listener certificate",
        "it is not for localhost",
        "certificate of the public URL",
    );
    fs::write(&key, authority.local().key_pem).unwrap();
    ask(&data).await.says("problem", "Listener certificate", "do not make a TLS server", "matching pair");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_url_and_proxies_are_looked_at() {
    let server = TestServer::start().await;
    server.administrator("ada").await;
    let data = server.settings.store.data.clone();
    ask(&data).await.says("ok", "Public URL", "leads to this hub", "");
    let other = TestServer::start().await;
    let url = other.settings.public_url.clone();
    put(&data, "public-url", json!(url)).await;
    ask(&data).await.says("problem", "Public URL", "signs with other keys", "what the name or the proxy points to");
    put(&data, "public-url", json!(url.as_str().replace("127.0.0.1", "localhost"))).await;
    ask(&data).await.says("problem", "Public URL", "calls itself", "Another hub is behind this name");
    put(&data, "public-url", json!(format!("http://{}", free_address()))).await;
    ask(&data).await.says("problem", "Public URL", "nobody answers", "Start the server");
    put(&data, "public-url", json!("https://no-such-host.invalid")).await;
    ask(&data).await.says("problem", "DNS", "no-such-host.invalid does not resolve", "Add it to DNS");
    put(&data, "public-url", json!("http://id.example.org")).await;
    ask(&data).await.says("problem", "Public URL", "must be https", "Correct --public-url");
    let tls = testkit::StubLdap::start(testkit::StubScript::default()).await;
    put(&data, "public-url", json!(tls.ldaps_url().replace("ldaps", "https"))).await;
    ask(&data).await.says("problem", "Public URL", "certificate is not accepted", "install its authority");
    other.stop().await;

    put(&data, "public-url", json!(Url::parse(&server.base).unwrap())).await;
    server.request(reqwest::Method::GET, "/healthz").header("x-forwarded-for", "198.51.100.7").send().await.unwrap();
    let mut seen = ask(&data).await;
    for _ in 0..50 {
        if seen.findings.iter().any(|finding| finding["detail"].as_str().unwrap().contains("is not trusted")) {
            break;
        }
        seen = ask(&data).await;
    }
    seen.says(
        "warning",
        "Proxies",
        "a proxy on a private address names clients, and is not trusted",
        "--trusted-proxy",
    );
    let trusting = |network: &str, seen| ServeOptions {
        trusted_proxies: vec![network.parse().unwrap()],
        proxies: ProxiesSeen { trusted: seen, untrusted: false },
        ..options()
    };
    put(&data, "serve-options", serde_json::to_value(trusting("0.0.0.0/0", true)).unwrap()).await;
    ask(&data).await.says("problem", "Proxies", "believes everybody", "Name only the addresses of your proxies");
    put(&data, "serve-options", serde_json::to_value(trusting("10.0.0.0/8", false)).unwrap()).await;
    ask(&data).await.says("warning", "Proxies", "no request through a trusted proxy", "X-Forwarded-For");
    put(&data, "serve-options", serde_json::to_value(trusting("10.0.0.0/8", true)).unwrap()).await;
    ask(&data).await.says("ok", "Proxies", "name their clients", "");
    server.stop().await;
}

/// Changes the settings of the one source behind the hub's back.
async fn tamper(data: &Path, change: impl FnOnce(&mut Value)) {
    let database = open(data).await;
    let (mut settings,): (Value,) =
        database.reader().fetch_one("select settings from source", storage::no_parameters()).await.unwrap();
    change(&mut settings);
    let mut tx = database.begin().await.unwrap();
    storage::settings::put(&mut tx, "tampered", settings).await.unwrap();
    let sql = "update source set revision = revision + 1, \
               settings = (select value from setting where name = 'tampered')";
    tx.execute(sql, storage::no_parameters()).await.unwrap();
    tx.commit().await.unwrap();
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_are_tried_live() {
    let (house, corp) = House::with(SourceKind::Ldap, vec![person("grace")], |_| {}).await;
    let data = house.server.settings.store.data.clone();
    let stub = house.stub("corp");
    stub.change(|script| {
        script.binds.insert(READER.to_owned(), vec![BindAnswer::Code(49, String::new())]);
    });
    ask(&data).await.says("problem", "Directory corp", "Service account", "");
    // Changed by an administrator, as the console does it.
    let hub = house.hub();
    let set = async |url: String, ca: String| {
        let stored = storage::sources::by_id(&mut hub.database.reader(), corp.id).await.unwrap().unwrap().source;
        let mut draft = directory::SourceDraft::from(&stored);
        let ldap = draft.connector.ldap_mut().unwrap();
        ldap.urls = vec![url.parse().unwrap()];
        ldap.ca_pem = Some(ca);
        let secret = Some(READER_PASSWORD.to_owned().into());
        hub.update_source(&ManageSources::from(&house.administrator), stored.id, stored.revision, draft, secret)
            .await
            .unwrap();
    };
    let authority = Authority::new("Another");
    stub.change(|script| script.binds.clear());
    set(stub.ldaps_url(), authority.ca_pem().to_owned()).await;
    ask(&data).await.says("problem", "Directory corp", "TLS", "");
    set(format!("ldaps://{}", free_address()), stub.ca_pem().to_owned()).await;
    ask(&data).await.says("problem", "Directory corp", "Connect", "");
    set("ldaps://no-such-host.invalid".to_owned(), stub.ca_pem().to_owned()).await;
    ask(&data).await.says("problem", "Directory corp", "does not resolve", "/etc/resolv.conf");
    set(stub.ldaps_url(), authority.expired().certificate_pem).await;
    ask(&data).await.says("problem", "Directory corp CA", "ended", "Renew it now");
    tamper(&data, |settings| settings["connector"]["urls"] = json!(["ldaps://evil.example.org"])).await;
    let said = ask(&data).await;
    said.says("problem", "Directory corp", "enter it again", "console");
    assert!(!said.text.contains(READER_PASSWORD));
    house.server.stop().await;
}

mod peers {
    //! The doctor at a PostgreSQL, which in tests is set up to be quick and not to be safe.

    use super::isthmus;
    use crate::support::TestServer;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_postgresql_that_could_lose_something_is_named() {
        let database = testkit::postgres().await;
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_owned();
        let url = database.url();
        let arguments = ["--data", "data", "--database", &url];
        assert!(isthmus(&here, &[&["database", "upgrade"][..], &arguments].concat()).status.success());
        let mut settings = TestServer::settings(&here.join("data"));
        settings.store.database = Some(url.clone());
        let server = TestServer::start_with(settings, folder).await;
        server.administrator("ada").await;
        let (path, words) = (here.clone(), url.clone());
        let said = tokio::task::spawn_blocking(move || {
            let output = isthmus(&path, &["doctor", "--data", "data", "--database", &words]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        });
        let said = said.await.unwrap();
        assert!(said.contains("fsync is off, it should be on"), "{said}");
        assert!(said.contains("within 5 seconds of the database's machine"), "{said}");
        assert!(said.contains("leads to this hub") && said.contains("all 2 open"), "{said}");
        server.stop().await;
    }

    #[test]
    fn a_postgresql_that_is_away_is_named_without_its_password() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let url = "postgres://isthmus:hunter2@127.0.0.1:1/isthmus";
        let output = isthmus(folder.path(), &["doctor", "--data", "data", "--database", url]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success());
        assert!(said.contains("Check host, port, database name"), "{said}");
        assert!(!said.contains("hunter2") && !String::from_utf8_lossy(&output.stderr).contains("hunter2"));
    }
}
