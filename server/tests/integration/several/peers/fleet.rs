//! Server processes on one database, and a stub directory in this one.

use std::{
    fs::{self, File, Permissions},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use directory::Policy;
use reqwest::StatusCode;
use storage::{Database, Queries as _};
use tempfile::TempDir;
use testkit::StubLdap;

use super::browser::{CALLBACK, CLIENT};
use crate::{
    rows::directory_stub::{BASE, Changes as _, READER, READER_PASSWORD, directory, person},
    support::{command, free_address},
};

/// What browsers call all of them; nobody listens there.
pub const PUBLIC_URL: &str = "http://localhost:1";
pub const SERVERS: usize = 3;
/// Wrong passwords until an account locks at the directory, and for how long it counts them.
pub const THRESHOLD: usize = 5;
const WINDOW: Duration = Duration::from_secs(2);
/// How long a kept place is kept: 1.1 times the window and 5 s (semantics, section 4).
pub const SPAN: Duration = Duration::from_millis(7_200);

pub struct Fleet {
    pub servers: Vec<Server>,
    pub stub: StubLdap,
    pub database: Database,
    database_url: String,
    folder: TempDir,
    /// Which server was killed, from when until it was gone.
    pub kills: Mutex<Vec<(usize, Instant, Instant)>>,
}

pub struct Server {
    pub address: SocketAddr,
    log: PathBuf,
    process: Mutex<Option<Child>>,
}

/// Only the budget protects, refusals are quick, sweeps are frequent.
pub fn policy() -> Policy {
    Policy {
        refusal_grid_ms: 1,
        throttle_identifier: 1_000_000,
        throttle_network: 1_000_000,
        throttle_installation: 1_000_000,
        sweep_interval: 2,
        ..Policy::default()
    }
}

impl Fleet {
    /// Upgrades the database, registers the directory with these people and an application, starts all servers.
    pub async fn start(database_url: &str, people: &[String], policy: Policy) -> Self {
        server::install_crypto_provider();
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(database_url).await.unwrap();
        database.upgrade().await.unwrap();
        let value = serde_json::to_value(policy).unwrap();
        storage::write!(database, |tx| { storage::settings::put(tx, "policy", value.clone()).await }).unwrap();
        let stub = StubLdap::start(directory()).await;
        people.iter().for_each(|name| stub.add(person(name)));
        let key = folder.path().join("sealing.key");
        fs::write(&key, [7_u8; 32]).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        let servers = (0..SERVERS).map(|number| Server {
            address: free_address(),
            log: folder.path().join(format!("server-{number}.log")),
            process: Mutex::default(),
        });
        let fleet = Self {
            servers: servers.collect(),
            stub,
            database,
            database_url: database_url.to_owned(),
            folder,
            kills: Mutex::default(),
        };
        fleet.register();
        for number in 0..SERVERS {
            fleet.launch(number);
        }
        for number in 0..SERVERS {
            fleet.until_ready(number).await;
        }
        fleet
    }

    fn register(&self) {
        let folder = self.folder.path();
        fs::write(folder.join("ca.crt"), self.stub.ca_pem()).unwrap();
        fs::write(folder.join("bind.secret"), READER_PASSWORD).unwrap();
        let site = format!(
            r#"
            [[source]]
            name = "corp"
            kind = "ldap"
            urls = ["{}"]
            ca_file = "ca.crt"
            bind_dn = "{READER}"
            bind_password = {{ file = "bind.secret" }}
            base_dn = "{BASE}"
            domains = ["example.test"]
            mode = "active"
            just_in_time = true
            lockout_threshold = {THRESHOLD}
            lockout_window = "{}s"

            [[client]]
            id = "{CLIENT}"
            authentication = "none"
            redirect_uris = ["{CALLBACK}"]
            original_source = "corp"
            "#,
            self.stub.ldaps_url(),
            WINDOW.as_secs()
        );
        fs::write(folder.join("site.toml"), site).unwrap();
        let arguments = ["apply", "site.toml", "--data", "data-0", "--allow-network", "127.0.0.0/8"];
        let output = self.on_database(&arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn on_database(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.folder.path(), arguments);
        command.args(["--database", &self.database_url, "--sealing-key", "sealing.key"]);
        command
    }

    /// Runs a command of the host to its end: what it said, and whether it ended well.
    pub async fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = tokio::process::Command::from(self.on_database(arguments));
        let output = command.stdin(Stdio::null()).output().await.unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (output.status.success(), said)
    }

    /// The audit log is one chain without a gap, whoever sealed which part of it.
    pub async fn audit_is_one_chain(&self) -> i64 {
        let began = Instant::now();
        while self.number("select cast(count(*) as bigint) from audit_event where sequence is null").await > 0 {
            assert!(began.elapsed() < Duration::from_secs(30), "nobody seals the audit log");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let events = self.number("select cast(count(*) as bigint) from audit_event").await;
        let last = self.number("select cast(max(sequence) as bigint) from audit_event").await;
        assert_eq!(events, last, "each event has one place of its own");
        for number in 0..SERVERS {
            let data = format!("data-{number}");
            let arguments = ["audit", "verify", "--data", &data, "--database", &self.database_url];
            let output = command(self.folder.path(), &arguments).output().unwrap();
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
            assert!(output.status.success() && said.contains("Nothing was altered."), "{data}: {said}");
        }
        events
    }

    /// Starts a server process; it gets ready by itself.
    pub fn launch(&self, number: usize) {
        let server = &self.servers[number];
        let log = File::options().create(true).append(true).open(&server.log).unwrap();
        let (data, listen) = (format!("data-{number}"), server.address.to_string());
        let arguments = ["serve", "--data", &data, "--listen", &listen, "--public-url", PUBLIC_URL];
        let mut command = self.on_database(&arguments);
        command.args(["--allow-network", "127.0.0.0/8"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        *server.process.lock().unwrap() = Some(command.spawn().unwrap());
    }

    /// `kill -9`.
    pub fn kill(&self, number: usize) {
        let mut process = self.servers[number].process.lock().unwrap().take().unwrap();
        let began = Instant::now();
        process.kill().unwrap();
        process.wait().unwrap();
        self.kills.lock().unwrap().push((number, began, Instant::now()));
    }

    /// Sends a signal by name.
    pub fn signal(&self, number: usize, signal: &str) {
        let process = self.servers[number].process.lock().unwrap().as_ref().unwrap().id();
        assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
    }

    pub async fn readiness(&self, number: usize) -> Option<StatusCode> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
        let answer = client.get(format!("http://{}/readyz", self.servers[number].address)).send().await;
        answer.ok().map(|answer| answer.status())
    }

    /// How long it took.
    pub async fn until_ready(&self, number: usize) -> Duration {
        let began = Instant::now();
        while self.readiness(number).await != Some(StatusCode::OK) {
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "server {number} does not get ready: {}",
                self.log(number)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        began.elapsed()
    }

    pub fn log(&self, number: usize) -> String {
        fs::read_to_string(&self.servers[number].log).unwrap()
    }

    /// Lines of all logs that hold this text.
    pub fn logged(&self, text: &str) -> Vec<String> {
        let logs = (0..SERVERS).map(|number| self.log(number));
        logs.flat_map(|log| log.lines().filter(|l| l.contains(text)).map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// One number of the database, whoever wrote it.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let (number,): (i64,) = self.database.reader().fetch_one(sql, storage::no_parameters()).await.unwrap();
        number
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for server in &self.servers {
            if let Some(mut process) = server.process.lock().unwrap().take() {
                let _ended = process.kill();
                let _ended = process.wait();
            }
        }
        if std::thread::panicking() {
            for number in 0..SERVERS {
                let log = fs::read_to_string(&self.servers[number].log).unwrap_or_default();
                let lines: Vec<&str> = log.lines().filter(|line| !line.contains("\"INFO\"")).collect();
                eprintln!("server {number}: {}", lines[lines.len().saturating_sub(12)..].join("\n"));
            }
        }
    }
}
