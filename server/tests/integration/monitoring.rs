//! The figures for Prometheus: there, complete, of bounded number, and about nobody.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use directory::metric;
use reqwest::{Client, Method, StatusCode, header};
use testkit::StubLdap;
use url::Url;

use crate::{
    rows::directory_stub::{BASE, Changes as _, READER, READER_PASSWORD, RIGHT, directory, person},
    support::{command, free_address, isthmus},
};

/// A server in a process of its own, so that the figures are its own, and the directory it asks.
pub struct Watched {
    child: Child,
    base: String,
    metrics: String,
    client: Client,
    stub: StubLdap,
    folder: tempfile::TempDir,
}

const SECRET: &str = "a-client-secret-of-the-portal-0123";

impl Watched {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more options of `serve`.
    pub async fn start_with(more: &[&str]) -> Self {
        server::install_crypto_provider();
        let folder = tempfile::tempdir().unwrap();
        let stub = StubLdap::start(directory()).await;
        stub.add(person("grace"));
        write_site(folder.path(), &stub);
        let applied =
            isthmus(folder.path(), &["apply", "site.toml", "--data", "data", "--allow-network", "127.0.0.0/8"]);
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let (listen, metrics) = (free_address().to_string(), free_address().to_string());
        let base = format!("http://{listen}");
        let arguments = [
            "serve",
            "--data",
            "data",
            "--listen",
            &listen,
            "--public-url",
            &base,
            "--allow-network",
            "127.0.0.0/8",
            "--metrics-listen",
            &metrics,
        ];
        let mut serve = command(folder.path(), &[&arguments[..], more].concat());
        // Spans leave five times a second instead of every five seconds.
        serve.env("OTEL_BSP_SCHEDULE_DELAY", "200");
        let child = serve.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let watched = Self { child, base, metrics: format!("http://{metrics}/metrics"), client, stub, folder };
        watched.until_ready().await;
        watched
    }

    async fn until_ready(&self) {
        let begun = Instant::now();
        let ready = async || self.client.get(format!("{}/readyz", self.base)).send().await.map(|r| r.status()).ok();
        while ready().await != Some(StatusCode::OK) {
            assert!(begun.elapsed() < Duration::from_secs(60), "the server did not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn figures(&self) -> String {
        self.client.get(&self.metrics).send().await.unwrap().text().await.unwrap()
    }

    /// Signs in at the application "portal"; the status of the answer to the form.
    pub async fn sign_in(&self, name: &str, password: &str) -> StatusCode {
        let mut authorize = Url::parse(&format!("{}/oauth2/authorize", self.base)).unwrap();
        authorize.query_pairs_mut().extend_pairs([
            ("client_id", "portal"),
            ("response_type", "code"),
            ("scope", "openid"),
            ("redirect_uri", "http://localhost:9000/callback"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ]);
        let sent = self.client.get(authorize).send().await.unwrap();
        let to = sent.headers()[header::LOCATION].to_str().unwrap().to_owned();
        let page = Url::parse(&self.base).unwrap().join(&to).unwrap();
        let transaction = page.query_pairs().find(|(key, _)| key == "transaction").unwrap().1.into_owned();
        let form = [("transaction", transaction.as_str()), ("identifier", name), ("password", password)];
        let posted = self.client.post(format!("{}/sign-in", self.base)).header(header::ORIGIN, &self.base).form(&form);
        posted.send().await.unwrap().status()
    }

    /// Strangers with names nobody has, all at once, at pages that are not there, by methods that do not exist.
    async fn storm(&self, round: &str) {
        let attempts = (0..40).map(|number| async move {
            let name = format!("stranger-{round}-{number}@elsewhere{number}.test");
            self.sign_in(&name, &format!("guess-{round}-{number}")).await;
            let method = Method::from_bytes(format!("BREW{round}{number}").as_bytes()).unwrap();
            let nowhere = format!("{}/nowhere-{round}-{number}?name={name}", self.base);
            self.client.request(method, &nowhere).send().await.unwrap();
            self.client.get(&nowhere).send().await.unwrap();
        });
        futures::future::join_all(attempts).await;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn write_site(folder: &Path, stub: &StubLdap) {
    std::fs::write(folder.join("ca.pem"), stub.ca_pem()).unwrap();
    std::fs::write(folder.join("reader"), READER_PASSWORD).unwrap();
    std::fs::write(folder.join("portal"), SECRET).unwrap();
    let site = format!(
        r#"
        [[source]]
        name = "corp"
        kind = "ldap"
        urls = ["{}"]
        ca_file = "ca.pem"
        bind_dn = "{READER}"
        bind_password = {{ file = "reader" }}
        base_dn = "{BASE}"
        mode = "active"
        just_in_time = true
        lockout_threshold = 5
        lockout_window = "15m"

        [[client]]
        id = "portal"
        secret = {{ file = "portal" }}
        redirect_uris = ["http://localhost:9000/callback"]
        original_source = "corp"
        "#,
        stub.ldaps_url()
    );
    std::fs::write(folder.join("site.toml"), site).unwrap();
}

/// Names with labels, without values.
fn series(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_there_and_about_nobody_and_a_storm_of_names_adds_none() {
    let watched = Watched::start().await;
    assert_eq!(watched.sign_in("grace", RIGHT).await, StatusCode::SEE_OTHER);
    assert_eq!(watched.sign_in("grace", "not her password").await, StatusCode::OK);
    // Twice: the first reaches the limits of the throttle.
    watched.storm("one").await;
    watched.storm("two").await;
    let before = watched.figures().await;
    watched.storm("three").await;
    let after = watched.figures().await;
    let grown: Vec<String> = series(&after).difference(&series(&before)).cloned().collect();
    assert!(grown.is_empty(), "{grown:#?}");

    for wanted in [
        r#"isthmus_sign_ins_total{path="source",outcome="signed-in",row="D18"} 1"#,
        r#"isthmus_sign_ins_total{path="source",outcome="refused",row="D7"} 1"#,
        r#"isthmus_source_calls_total{source="corp",call="verify",result="ok"} 1"#,
        r#"isthmus_source_calls_total{source="corp",call="verify",result="bad-password"} 1"#,
        r#"isthmus_source_usable{source="corp"} 1"#,
        r#"isthmus_source_breaker{source="corp"} 0"#,
        r#"isthmus_throttle_refusals_total{limit="network"}"#,
        r#"isthmus_sweeps_total{source="corp",result="complete"} 1"#,
        r#"isthmus_sign_in_seconds_bucket{path="source",outcome="signed-in",le="0.001"}"#,
        r#"isthmus_database_connections{state="limit"} 8"#,
        r#"isthmus_http_requests_total{route="none",method="other",status="#,
        "isthmus_sessions 1",
    ] {
        assert!(after.contains(wanted), "{wanted} is missing in\n{after}");
    }
    let sessions = r#"isthmus_http_requests_total{route="/sign-in",method="POST",status="303"} 1"#;
    assert!(after.contains(sessions), "{after}");

    // The directory's own address is its host's name there; nobody else's may be.
    let others: Vec<&str> = after.lines().filter(|line| !line.starts_with("isthmus_source_host_usable{")).collect();
    let others = others.join("\n").to_lowercase();
    for secret in ["grace", "stranger", "elsewhere", "guess", "127.0.0.1", "nowhere", "BREW", RIGHT, READER] {
        assert!(!others.contains(&secret.to_lowercase()), "{secret} is in\n{others}");
    }
    let known: BTreeSet<&str> = metric::ALL.iter().map(|figure| figure.name).collect();
    for line in after.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next();
        let figure = metric::ALL.iter().find(|figure| Some(figure.name) == name);
        let figure = figure.unwrap_or_else(|| panic!("{line} is not in directory::metric; known: {known:?}"));
        assert_eq!(line, format!("{} {}", figure.name, figure.kind.as_str()));
        assert!(after.contains(&format!("# HELP {} {}", figure.name, figure.help)), "{}", figure.name);
    }
    drop(watched);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_goes_down_shows() {
    let watched = Watched::start().await;
    assert_eq!(watched.sign_in("grace", RIGHT).await, StatusCode::SEE_OTHER);
    watched.stub.go_down();
    let shown = [
        r#"isthmus_source_breaker{source="corp"} 2"#,
        r#"isthmus_source_usable{source="corp"} 0"#,
        r#"result="unavailable""#,
        r#"result="breaker-open""#,
        r#"outcome="refused",row="D14""#,
    ];
    // An open breaker lets somebody try again after a while, so that a slow machine may look just then.
    let begun = Instant::now();
    loop {
        watched.sign_in("grace", RIGHT).await;
        let text = watched.figures().await;
        if shown.iter().all(|figure| text.contains(figure)) {
            break;
        }
        let missing = shown.iter().filter(|figure| !text.contains(**figure)).collect::<Vec<_>>();
        assert!(begun.elapsed() < Duration::from_secs(60), "{missing:?} are not in\n{text}");
    }
    assert!(watched.folder.path().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_are_not_where_browsers_are_and_nowhere_by_default() {
    let watched = Watched::start().await;
    let on_the_main_port = watched.client.get(format!("{}/metrics", watched.base)).send().await.unwrap();
    assert_eq!(on_the_main_port.status(), StatusCode::NOT_FOUND);
    let root = watched.client.get(watched.metrics.replace("/metrics", "/console")).send().await.unwrap();
    assert_eq!(root.status(), StatusCode::NOT_FOUND);
}

/// `docs/operations.md` lists exactly these figures. `ISTHMUS_WRITE_DOCS=1` writes the table.
#[test]
fn the_documentation_lists_every_figure() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (begin, end) = ("<!-- figures: written by a test -->\n", "<!-- /figures -->");
    let (head, rest) = text.split_once(begin).expect("the table begins with a mark");
    let (table, tail) = rest.split_once(end).expect("the table ends with a mark");
    let mut wanted = String::from("| figure | kind | labels | says | look when |\n|---|---|---|---|---|\n");
    for figure in metric::ALL {
        let labels = figure.labels.join(", ");
        wanted.push_str(&format!(
            "| `{}` | {} | {labels} | {} | {} |\n",
            figure.name,
            figure.kind.as_str(),
            figure.help,
            figure.alert
        ));
    }
    if std::env::var_os("ISTHMUS_WRITE_DOCS").is_some() {
        std::fs::write(&file, format!("{head}{begin}{wanted}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(table, wanted, "run this test with ISTHMUS_WRITE_DOCS=1 and look at the difference");
}
