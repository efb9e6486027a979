//! A cloud identity provider: npm's certified `oidc-provider`, and a strict subset of Microsoft Graph beside it, both in
//! one Node.js process. Its programs are in `crates/testkit/cloud`; their packages are installed below `target/testkit`
//! by whoever needs them first.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::{
    certificates::Authority,
    keeper::{Keeper, run, tail},
};

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cloud");

/// A running provider. Ends, and its folder with it, when dropped.
pub struct Cloud {
    issuer: Url,
    authority: Authority,
    client: reqwest::Client,
    keeper: Keeper,
    _folder: TempDir,
}

/// How it is started.
#[derive(Debug, Clone, Default)]
pub struct CloudSetup {
    /// Where it may send browsers back to.
    pub redirect_uris: Vec<Url>,
    /// Leave the profile to userinfo, as most providers do; Entra ID puts it into the ID token.
    pub short_id_tokens: bool,
}

impl Cloud {
    pub const CLIENT: &str = "isthmus";
    pub const SECRET: &str = "a client's secret: 100% & more";
    /// Everybody's there.
    pub const PASSWORD: &str = "Cloud-Passw0rd-1";
    pub const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    /// # Panics
    /// If Node.js is missing or it does not start: a test that was not run must not count as passed.
    pub async fn start(setup: CloudSetup) -> Self {
        match Self::started(&setup) {
            Ok(cloud) => cloud,
            Err(error) => panic!("the cloud provider: {error:#}"),
        }
    }

    fn started(setup: &CloudSetup) -> Result<Self> {
        let programs = installed()?;
        let folder = tempfile::Builder::new().prefix("isthmus-cloud-").tempdir()?;
        let authority = Authority::new("Cloud test authority");
        let certificate = authority.local();
        let (certificate_file, key_file) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
        fs::write(&certificate_file, &certificate.certificate_pem)?;
        fs::write(&key_file, &certificate.key_pem)?;
        let uris: Vec<&str> = setup.redirect_uris.iter().map(Url::as_str).collect();
        let uris = if uris.is_empty() { "https://localhost/none".to_owned() } else { uris.join(" ") };
        let short = if setup.short_id_tokens { "1" } else { "0" };
        let settings = [
            format!("CLOUD_CERTIFICATE={}", certificate_file.display()),
            format!("CLOUD_KEY={}", key_file.display()),
            format!("CLOUD_SECRET={}", Self::SECRET),
            format!("CLOUD_PASSWORD={}", Self::PASSWORD),
            format!("CLOUD_REDIRECT_URIS={uris}"),
            format!("CLOUD_SHORT_ID_TOKENS={short}"),
        ];
        let program = programs.join("server.mjs").display().to_string();
        let mut words = vec!["env"];
        words.extend(settings.iter().map(String::as_str));
        words.extend(["node", "--no-warnings", &program]);
        let log = folder.path().join("log");
        let keeper = Keeper::start(&words, "TERM", folder.path(), &log, None)?;
        let issuer = wait_until_ready(&log)?;
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let trusted = reqwest::Certificate::from_pem(authority.ca_pem().as_bytes())?;
        let client = reqwest::Client::builder()
            .tls_certs_only([trusted])
            .redirect(reqwest::redirect::Policy::none())
            .cookie_store(true)
            .build()?;
        Ok(Self { issuer, authority, client, keeper, _folder: folder })
    }

    /// Stops it, for good: nobody is told its port again.
    pub fn stop(&mut self) {
        self.keeper.stop();
    }

    /// As its tokens name it.
    #[must_use]
    pub fn issuer(&self) -> &Url {
        &self.issuer
    }

    /// Microsoft Graph.
    #[must_use]
    pub fn graph(&self) -> Url {
        self.issuer.join("/v1.0/").expect("a path")
    }

    /// What clients must trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.authority.ca_pem()
    }

    /// Tells it something; see `change` in `graph.mjs`. Anything else is kept as a setting of the process.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn tell(&self, what: Value) -> Value {
        let url = self.issuer.join("/__control").expect("a path");
        let answer = self.client.post(url).body(what.to_string()).send().await.expect("the control answers");
        answer.json().await.expect("JSON")
    }

    /// Somebody called `name@example.test`.
    pub async fn add_user(&self, name: &str) {
        self.tell(json!({ "addUser": name })).await;
    }

    /// The id of that person at the provider.
    #[must_use]
    pub async fn user_id(&self, name: &str) -> String {
        self.tell(json!({ "idOf": name })).await["idOf"].as_str().unwrap_or_default().to_owned()
    }

    /// Signs in as a browser would, from where the hub sends it to where it comes back.
    ///
    /// # Panics
    /// If the provider does not send the browser back.
    pub async fn sign_in(&self, to: &str, name: &str) -> Url {
        self.interact(to, &[("who", &format!("{name}@example.test")), ("password", Self::PASSWORD)]).await
    }

    /// Says no there, or makes the provider say so.
    pub async fn say_no(&self, to: &str, error: &str) -> Url {
        self.interact(to, &[("no", error)]).await
    }

    async fn interact(&self, to: &str, form: &[(&str, &str)]) -> Url {
        // A browser that nobody signed in with before.
        let trusted = reqwest::Certificate::from_pem(self.ca_pem().as_bytes()).expect("a certificate");
        let browser = reqwest::Client::builder()
            .tls_certs_only([trusted])
            .redirect(reqwest::redirect::Policy::none())
            .cookie_store(true)
            .build()
            .expect("a browser");
        let page = step(&browser, browser.get(to)).await;
        assert!(page.path().starts_with("/interaction/"), "{page}");
        let resumed = step(&browser, browser.post(page).form(form)).await;
        step(&browser, browser.get(resumed)).await
    }
}

/// Where a request is redirected to.
async fn step(browser: &reqwest::Client, request: reqwest::RequestBuilder) -> Url {
    let request = request.build().expect("a request");
    let from = request.url().clone();
    let answer = browser.execute(request).await.expect("the provider answers");
    let (status, location) = (answer.status(), answer.headers().get(reqwest::header::LOCATION).cloned());
    let Some(location) = location else {
        panic!("{from} answered {status} without going on: {}", answer.text().await.unwrap_or_default());
    };
    from.join(location.to_str().expect("a location")).expect("a location")
}

fn wait_until_ready(log: &Path) -> Result<Url> {
    for _ in 0..600 {
        let text = fs::read_to_string(log).unwrap_or_default();
        if let Some(issuer) = text.lines().find_map(|line| line.strip_prefix("READY ")) {
            return Ok(issuer.parse()?);
        }
        sleep(Duration::from_millis(50));
    }
    bail!("it did not start within 30 s: {}", tail(log))
}

/// The programs with their packages, below `target/testkit`. One process installs, the others wait for it.
fn installed() -> Result<PathBuf> {
    let from = Path::new(PROGRAMS);
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| from.join("../../../target"), PathBuf::from);
    let folder = target.join("testkit/cloud");
    fs::create_dir_all(&folder)?;
    let lock = File::create(folder.join("installing"))?;
    lock.lock()?;
    let mut changed = !folder.join("node_modules/.package-lock.json").exists();
    for name in ["package.json", "package-lock.json", "server.mjs", "provider.mjs", "graph.mjs"] {
        let ours = fs::read(from.join(name)).with_context(|| format!("{name} is missing in {PROGRAMS}"))?;
        if fs::read(folder.join(name)).ok().as_ref() != Some(&ours) {
            changed |= name.ends_with(".json");
            // Replaced whole: another test may be reading it.
            fs::write(folder.join("new"), &ours)?;
            fs::rename(folder.join("new"), folder.join(name))?;
        }
    }
    if changed {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))
            .context("the packages could not be installed with npm; see `cargo xtask test --install`")?;
    }
    ensure!(folder.join("node_modules/oidc-provider").exists(), "oidc-provider is not installed");
    Ok(folder)
}
