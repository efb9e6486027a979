//! Secrets with a mark are sent through a running server (threat 20), and then looked for everywhere: in the database
//! and its log, in what the server says at its most talkative, in every page and asset, in what commands print.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::{Client, Response, StatusCode, header};
use testkit::{StubEntry, StubLdap, StubScript};
use url::Url;

use crate::support::{command, free_address, isthmus, location};

const BASE: &str = "dc=example,dc=test";
const READER: &str = "cn=reader,dc=example,dc=test";
const CALLBACK: &str = "http://localhost:9000/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

const BIND_PASSWORD: &str = "canary-bind-7f3a91c2e4";
const WRITE_PASSWORD: &str = "canary-write-e50b2d91f7";
const PERSON_PASSWORD: &str = "canary-person-b81d05f6a9";
const WRONG_PASSWORD: &str = "canary-wrong-42c7e0d8b3";
const CLIENT_SECRET: &str = "canary-client-96e2a4f17b0d";
const FIRST_PASSWORD: &str = "canary-first-5d90b3c8e7a1";
const NEW_PASSWORD: &str = "canary-second-0a6f4e92d8c5";
const KEY: [u8; 32] = *b"canary-key-1c8b5e07f2a94d63e0b7a";

/// A running server, and a browser that keeps its cookies.
struct Hub {
    process: Child,
    base: String,
    /// Where the figures for Prometheus are.
    metrics: String,
    client: Client,
    /// What was looked at: by address, with its body.
    seen: BTreeMap<String, Vec<u8>>,
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The console's assets, if they were built before the tests: `cargo xtask test` does, its quick tier does not.
fn built_site() -> Option<OsString> {
    std::env::var_os("ISTHMUS_TEST_SITE")
}

impl Hub {
    async fn start(folder: &Path) -> Self {
        let (listen, metrics) = (free_address(), free_address());
        let base = format!("http://{listen}");
        let log = fs::File::create(folder.join("log")).unwrap();
        let listen = listen.to_string();
        let arguments = ["serve", "--data", "data", "--sealing-key", "the.key", "--listen", &listen];
        let mut command = command(folder, &arguments);
        if let Some(site) = built_site() {
            command.env("ISTHMUS_ASSETS", site);
        }
        let process = command
            .args(["--public-url", &base, "--allow-network", "127.0.0.0/8", "--metrics-listen", &metrics.to_string()])
            .env("ISTHMUS_LOG", "debug,isthmus=debug")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let client = Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let metrics = format!("http://{metrics}/metrics");
        let hub = Self { process, base, metrics, client, seen: BTreeMap::new() };
        for _ in 0..600 {
            if hub.client.get(format!("{}/healthz", hub.base)).send().await.is_ok() {
                return hub;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the server did not start: {}", fs::read_to_string(folder.join("log")).unwrap());
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let request = self.client.post(format!("{}{path}", self.base)).header(header::ORIGIN, &self.base);
        request.form(form).send().await.unwrap()
    }

    /// Looks at a page, follows what it links to, and keeps all of it.
    async fn look_at_everything(&mut self, starts: &[&str]) {
        let mut waiting: Vec<String> = starts.iter().map(|path| (*path).to_owned()).collect();
        let mut known: BTreeSet<String> = waiting.iter().cloned().collect();
        while let Some(path) = waiting.pop() {
            let answer = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
            let is_page = answer
                .headers()
                .get(header::CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
            let body = answer.bytes().await.unwrap().to_vec();
            if is_page {
                let html = String::from_utf8(body.clone()).unwrap();
                for link in ["href=\"", "src=\"", "action=\""].iter().flat_map(|mark| html.split(mark).skip(1)) {
                    let link = link.split('"').next().unwrap().replace("&amp;", "&");
                    let link = link.split('#').next().unwrap().to_owned();
                    if link.starts_with('/') && known.len() < 200 && known.insert(link.clone()) {
                        waiting.push(link);
                    }
                }
            }
            self.seen.insert(path, body);
        }
    }
}

fn directory() -> StubScript {
    let mut script = StubScript::default()
        .entry("", &[("objectClass", "top"), ("namingContexts", BASE), ("defaultNamingContext", BASE)])
        .entry(BASE, &[("objectClass", "domain"), ("dc", "example")])
        .entry(READER, &[("objectClass", "person"), ("cn", "reader"), ("userPassword", BIND_PASSWORD)]);
    script.entries.push(StubEntry::new(
        "uid=jsmith,dc=example,dc=test",
        &[
            ("objectClass", "inetOrgPerson"),
            ("uid", "jsmith"),
            ("cn", "Jo Smith"),
            ("sn", "Smith"),
            ("mail", "jsmith@example.test"),
            ("entryUUID", "6f1d2c9e-0000-4000-8000-000000000001"),
            ("pwdChangedTime", "20260101000000Z"),
            ("userPassword", PERSON_PASSWORD),
        ],
    ));
    script
}

fn write_files(folder: &Path, stub: &StubLdap) {
    let site = format!(
        r#"
        [[source]]
        name = "corp"
        kind = "ldap"
        urls = ["{}"]
        ca_file = "ca.crt"
        bind_dn = "{READER}"
        bind_password = {{ file = "bind.secret" }}
        write_dn = "cn=writer,dc=example,dc=test"
        write_password = {{ file = "write.secret" }}
        unlock_at_source = true
        password_write_back = true
        base_dn = "{BASE}"
        domains = ["example.test"]
        mode = "capture"
        just_in_time = true
        lockout_threshold = 5
        lockout_window = "15m"

        [[client]]
        id = "portal"
        secret = {{ env = "PORTAL_SECRET" }}
        redirect_uris = ["{CALLBACK}"]
        original_source = "corp"
        "#,
        stub.ldaps_url()
    );
    fs::write(folder.join("site.toml"), site).unwrap();
    fs::write(folder.join("ca.crt"), stub.ca_pem()).unwrap();
    fs::write(folder.join("bind.secret"), BIND_PASSWORD).unwrap();
    fs::write(folder.join("write.secret"), WRITE_PASSWORD).unwrap();
    fs::write(folder.join("the.key"), KEY).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(folder.join("the.key"), mode).unwrap();
}

/// The value of a cookie that this answer sets.
fn cookie(answer: &Response, name: &str) -> String {
    let line = crate::support::set_cookie(answer, name).unwrap();
    crate::support::pair(&line).split_once('=').unwrap().1.to_owned()
}

/// Signs in to the application and redeems the code; everything secret that came of it.
async fn through_the_application(hub: &Hub) -> Vec<(&'static str, String)> {
    let query = [
        ("client_id", "portal"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid email"),
        ("state", "x"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let person = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let asked = person.get(Url::parse_with_params(&format!("{}/oauth2/authorize", hub.base), query).unwrap());
    let sign_in = location(&asked.send().await.unwrap()).to_owned();
    let transaction = sign_in.split("transaction=").nth(1).unwrap().to_owned();
    let form = |password| [("identifier", "jsmith"), ("password", password), ("transaction", transaction.as_str())];
    let post = |form: [(&'static str, &str); 3]| {
        let request = person.post(format!("{}/sign-in", hub.base)).header(header::ORIGIN, &hub.base);
        request.form(&form).send()
    };
    // People type their password where the name belongs, too.
    let confused =
        [("identifier", PERSON_PASSWORD), ("password", WRONG_PASSWORD), ("transaction", transaction.as_str())];
    assert_eq!(post(confused).await.unwrap().status(), StatusCode::OK);
    assert_eq!(post(form(WRONG_PASSWORD)).await.unwrap().status(), StatusCode::OK);
    let answer = post(form(PERSON_PASSWORD)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{}", answer.text().await.unwrap());
    let mut secrets =
        vec![("session id", cookie(&answer, "isthmus")), ("device mark", cookie(&answer, "isthmus-device"))];
    let back = Url::parse(location(&answer)).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let redeem = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", "portal"),
        ("client_secret", CLIENT_SECRET),
    ];
    let tokens = person.post(format!("{}/oauth2/token", hub.base)).form(&redeem).send().await.unwrap();
    assert_eq!(tokens.status(), StatusCode::OK);
    let tokens: serde_json::Value = tokens.json().await.unwrap();
    secrets.push(("authorization code", code));
    for name in ["access_token", "refresh_token", "id_token"] {
        if let Some(token) = tokens[name].as_str() {
            secrets.push(("token", token.to_owned()));
        }
    }
    assert!(secrets.iter().filter(|(name, _)| *name == "token").count() >= 2);
    secrets
}

/// The secret as it is, and in the clothes it might wear.
fn dressed(secret: &[u8]) -> Vec<String> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![String::from_utf8(secret.to_vec()).unwrap(), hex.to_uppercase(), hex];
    // In the middle of other text base64 begins at any of three places.
    for skip in 0..3 {
        let tail = &secret[skip..];
        let whole = &tail[..tail.len() / 3 * 3];
        all.push(STANDARD.encode(whole));
        all.push(URL_SAFE_NO_PAD.encode(whole));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn marked_secrets_are_found_nowhere() {
    server::install_crypto_provider();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let stub = StubLdap::start(directory()).await;
    write_files(folder, &stub);
    let store = ["--data", "data", "--sealing-key", "the.key"];
    let mut printed = Vec::new();
    let applied = command(folder, &["apply", "site.toml", "--allow-network", "127.0.0.0/8"])
        .args(store)
        .env("PORTAL_SECRET", CLIENT_SECRET)
        .env("ISTHMUS_LOG", "debug,isthmus=debug")
        .output()
        .unwrap();
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    printed.extend([applied.stdout, applied.stderr].concat());
    let mut hub = Hub::start(folder).await;

    let created = isthmus(folder, &[&["admin", "create", "--username", "ada"][..], &store].concat());
    let link = String::from_utf8(created.stdout).unwrap();
    let code = link.split("token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let set = hub.post("/set-up", &[("token", &code), ("new_password", FIRST_PASSWORD)]).await;
    assert_eq!(set.status(), StatusCode::SEE_OTHER, "{}", set.text().await.unwrap());
    let signed_in = hub.post("/sign-in", &[("identifier", "ada"), ("password", FIRST_PASSWORD)]).await;
    let mut secrets = vec![("set-up code", code), ("session id", cookie(&signed_in, "isthmus"))];
    let mut form =
        vec![("password", WRONG_PASSWORD), ("new_password", NEW_PASSWORD), ("repeated_password", NEW_PASSWORD)];
    assert_eq!(hub.post("/account/password", &form).await.status(), StatusCode::OK);
    form[0].1 = FIRST_PASSWORD;
    let changed = hub.post("/account/password", &form).await;
    assert_eq!(changed.status(), StatusCode::SEE_OTHER);
    secrets.push(("session id", cookie(&changed, "isthmus")));
    secrets.extend(through_the_application(&hub).await);

    hub.look_at_everything(&["/console/people", "/sign-in", "/account/password", "/oauth2/jwks", "/healthz"]).await;
    assert!(hub.seen.len() > 12, "{:?}", hub.seen.keys());
    let modules = hub.seen.values().filter(|body| body.starts_with(b"\0asm")).count();
    assert!(built_site().is_none() || modules > 5, "{modules} WebAssembly modules were looked at");
    let shows = |text: &str| hub.seen.values().any(|body| String::from_utf8_lossy(body).contains(text));
    assert!(shows("Jo Smith") && shows("ldaps://") && shows("portal"), "the pages really were those of this hub");

    secrets.extend([
        ("bind password", BIND_PASSWORD.to_owned()),
        ("write password", WRITE_PASSWORD.to_owned()),
        ("password", PERSON_PASSWORD.to_owned()),
        ("wrong password", WRONG_PASSWORD.to_owned()),
        ("client secret", CLIENT_SECRET.to_owned()),
        ("first password", FIRST_PASSWORD.to_owned()),
        ("new password", NEW_PASSWORD.to_owned()),
    ]);
    let backup = isthmus(folder, &[&["backup", "the.backup"][..], &store].concat());
    assert!(backup.status.success(), "{}", String::from_utf8_lossy(&backup.stderr));
    printed.extend([backup.stdout, backup.stderr].concat());
    let figures = hub.client.get(&hub.metrics).send().await.unwrap().text().await.unwrap();
    assert!(figures.contains("isthmus_"), "{figures}");
    let mut places = vec![("what commands print".to_owned(), printed)];
    places.push(("the log".to_owned(), fs::read(folder.join("log")).unwrap()));
    places.push(("the backup".to_owned(), fs::read(folder.join("the.backup")).unwrap()));
    places.push(("the metrics".to_owned(), figures.into_bytes()));
    for entry in fs::read_dir(folder.join("data")).unwrap() {
        let path = entry.unwrap().path();
        places.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
    }
    places.extend(std::mem::take(&mut hub.seen));
    let names: Vec<&str> = places.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.iter().any(|name| name.ends_with("isthmus.sqlite")), "{names:?}");
    assert!(names.iter().any(|name| name.ends_with("isthmus.sqlite-wal")), "{names:?}");
    let places: Vec<(String, String)> =
        places.into_iter().map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).into_owned())).collect();
    let log = &places[1].1;
    assert!(log.contains("\"level\":\"DEBUG\""), "the log is talkative, that of libraries too");
    let mut hits = Vec::new();
    let all = secrets.iter().map(|(name, text)| (*name, text.as_bytes())).chain([("sealing key", &KEY[..])]);
    // Every secret is text, so that it stays whole where bytes around it are no text.
    for (name, secret) in all {
        for clothes in dressed(secret) {
            let found = places.iter().filter(|(_, text)| text.contains(&clothes));
            hits.extend(found.map(|(place, _)| format!("the {name} in {place}")));
        }
    }
    assert!(hits.is_empty(), "{hits:#?}");
}
