//! A private PostgreSQL cluster, started once per test process from the system's own binaries.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::keeper::{Keeper, run, tail};

/// The cluster of this process. It listens on a socket in its own folder only, and nothing is ever synced to disk.
pub struct Postgres {
    binaries: PathBuf,
    folder: PathBuf,
    _server: Keeper,
}

static SHARED: LazyLock<Result<Postgres>> = LazyLock::new(Postgres::start);

impl Postgres {
    /// The cluster, started by whoever asks first.
    ///
    /// # Panics
    /// If PostgreSQL is missing or does not start: a test that was not run must not count as passed.
    pub fn shared() -> &'static Self {
        match &*SHARED {
            Ok(postgres) => postgres,
            Err(error) => panic!("PostgreSQL: {error:#}"),
        }
    }

    fn start() -> Result<Self> {
        let binaries = binaries()?;
        let folder = tempfile::Builder::new().prefix("isthmus-pg-").tempdir()?.keep();
        let data = folder.join("data");
        let log = folder.join("log");
        let as_user = unprivileged(&folder)?;
        let program = |name: &str| binaries.join(name).display().to_string();
        let mut words: Vec<String> = as_user.clone();
        words.push(program("initdb"));
        words.extend(
            ["--username=isthmus", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]
                .map(Into::into),
        );
        words.push(data.display().to_string());
        run(Command::new(&words[0]).args(&words[1..]).current_dir(&folder))?;
        let mut words = as_user;
        words.extend([program("postgres"), "-D".into(), data.display().to_string()]);
        for setting in [
            "listen_addresses=",
            &format!("unix_socket_directories={}", folder.display()),
            "fsync=off",
            "full_page_writes=off",
            "synchronous_commit=off",
            "autovacuum=off",
            "shared_buffers=64MB",
            "max_connections=400",
        ] {
            words.extend(["-c".into(), setting.into()]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let server = Keeper::start(&words, "INT", &folder, &log, Some(&folder))?;
        let postgres = Self { binaries, folder, _server: server };
        for _ in 0..600 {
            if postgres.psql("postgres", "select 1").is_ok() {
                return Ok(postgres);
            }
            sleep(Duration::from_millis(50));
        }
        bail!("it did not start within 30 s: {}", tail(&log))
    }

    /// A fresh, empty database.
    pub(crate) fn create_database(&self) -> Result<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("create database {name} template template0"))?;
        Ok(name)
    }

    pub(crate) fn drop_database(&self, name: &str) -> Result<()> {
        self.psql("postgres", &format!("drop database if exists {name} with (force)")).map(drop)
    }

    /// The address of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://isthmus@localhost/{database}?host={folder}")
    }

    /// One of PostgreSQL's own programs, such as `pg_dump`, of the version that runs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// Runs one statement with psql, for tests that look at the database from outside; returns the unaligned rows.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String> {
        run(Command::new(self.binaries.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "isthmus", "-d", database, "-c", sql, "-h"])
            .arg(&self.folder))
    }
}

/// The newest PostgreSQL that the system has.
fn binaries() -> Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin"))))
        .filter(|(_, path)| path.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, path)| path).context(
        "no /usr/lib/postgresql/*/bin/initdb: install the package `postgresql` (or run `cargo xtask test --install`)",
    )
}

/// PostgreSQL refuses to run as root: the words that make it somebody else, and the folder handed to them.
fn unprivileged(folder: &Path) -> Result<Vec<String>> {
    let us = run(Command::new("id").arg("-u"))?;
    if us.trim() != "0" {
        return Ok(Vec::new());
    }
    run(Command::new("chown").arg("postgres:postgres").arg(folder))?;
    Ok(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"].map(Into::into).to_vec())
}
