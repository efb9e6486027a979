//! The hub under measurement: the release binary, with two directories and an application for each.

use std::{
    fmt::Write as _,
    fs,
    net::TcpListener,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use testkit::Slapd;
use tokio::process::{Child, Command};
use url::Url;

pub const CLIENT_SECRET: &str = "a-secret-of-the-bench-0123456789abcdef";
pub const REDIRECT: &str = "http://localhost:9/callback";

pub struct Registered<'a> {
    /// Of the source, and of the client whose original source it is.
    pub name: &'a str,
    pub mode: &'a str,
    pub directory: &'a Slapd,
}

/// A running hub; it ends when this is dropped.
pub struct Hub {
    pub url: Url,
    process: Child,
    folder: TempDir,
}

impl Hub {
    pub async fn start(binary: &Path, sources: &[Registered<'_>]) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("isthmus-bench-").tempdir()?;
        let data = folder.path().join("data");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let url = Url::parse(&format!("http://localhost:{port}"))?;
        let network = ["--allow-network", "127.0.0.0/8"];
        let process = Command::new(binary)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--public-url", url.as_str(), "--data"])
            .arg(&data)
            .args(network)
            .env("ISTHMUS_LOG", "error")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} could not be started", binary.display()))?;
        wait_until_ready(&url).await?;

        let site = folder.path().join("site.toml");
        fs::write(&site, document(folder.path(), sources)?)?;
        let applied = Command::new(binary).arg("apply").arg(&site).arg("--data").arg(&data).args(network).status();
        anyhow::ensure!(applied.await?.success(), "`isthmus apply` failed");
        // A running server notices within two seconds.
        tokio::time::sleep(Duration::from_millis(2_200)).await;
        Ok(Self { url, process, folder })
    }
}

impl Hub {
    /// Memory it holds, in bytes.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
    }

    /// Time its threads have run, whatever else the machine was doing.
    pub fn processor_time(&self) -> anyhow::Result<Duration> {
        processor_time(&self.id().to_string())
    }

    fn id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// The folder its database is in, to measure that disk and no other.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// User and system time of a process (proc(5): fields 14 and 15 of `stat`, in hundredths of a second).
pub fn processor_time(process: &str) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).context("stat is cut");
    Ok(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
}

async fn wait_until_ready(url: &Url) -> anyhow::Result<()> {
    let begin = Instant::now();
    let ready = url.join("readyz")?;
    while begin.elapsed() < Duration::from_secs(20) {
        if reqwest::get(ready.clone()).await.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the hub does not get ready")
}

fn document(folder: &Path, sources: &[Registered<'_>]) -> anyhow::Result<String> {
    let mut text = String::new();
    for Registered { name, mode, directory } in sources {
        fs::write(folder.join(format!("{name}.crt")), &directory.ca_pem)?;
        fs::write(folder.join(format!("{name}.secret")), &directory.reader_password)?;
        fs::write(folder.join("client.secret"), CLIENT_SECRET)?;
        write!(
            text,
            r#"
            [[source]]
            name = "{name}"
            kind = "ldap"
            urls = ["{}"]
            ca_file = "{name}.crt"
            bind_dn = "{}"
            bind_password = {{ file = "{name}.secret" }}
            base_dn = "{}"
            domains = ["{}"]
            mode = "{mode}"
            just_in_time = true
            lockout_threshold = 5
            lockout_window = "15m"

            [[client]]
            id = "{name}"
            secret = {{ file = "client.secret" }}
            redirect_uris = ["{REDIRECT}"]
            original_source = "{name}"
            "#,
            directory.ldaps_url, directory.reader_dn, directory.base_dn, directory.domain
        )?;
    }
    Ok(text)
}
