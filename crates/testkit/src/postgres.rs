//! Private PostgreSQL clusters, started from the system's own binaries: one for all tests of a process, and clusters of
//! their own for tests that stop and start them.

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

/// A cluster. It listens on a socket in its own folder only.
pub struct Postgres {
    binaries: PathBuf,
    folder: PathBuf,
    /// The words that start the server.
    server: Vec<String>,
    keeper: Keeper,
}

/// Nothing is ever synced to disk: for databases that nobody misses.
const CARELESS: [&str; 3] = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"];

static SHARED: LazyLock<Result<Postgres>> = LazyLock::new(|| Postgres::start(&CARELESS, true));

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

    /// A cluster of the caller's own, with PostgreSQL's own settings: what it acknowledges is on disk. It ends, and its
    /// folder with it, when dropped.
    ///
    /// # Panics
    /// If PostgreSQL is missing or does not start.
    #[must_use]
    pub fn own() -> Self {
        match Self::start(&[], false) {
            Ok(postgres) => postgres,
            Err(error) => panic!("PostgreSQL: {error:#}"),
        }
    }

    /// `pg_ctl stop -m immediate`: every connection is cut, nothing is flushed, the next start recovers from the log.
    ///
    /// # Panics
    /// If it does not stop.
    pub fn stop_at_once(&mut self) {
        let data = self.folder.join("data");
        let mut words = unprivileged_words().expect("id");
        words.push(self.binaries.join("pg_ctl").display().to_string());
        words.extend(["stop", "-m", "immediate", "-w", "-D"].map(Into::into));
        words.push(data.display().to_string());
        run(Command::new(&words[0]).args(&words[1..]).current_dir(&self.folder)).expect("pg_ctl stop");
        self.keeper.stop();
    }

    /// Starts it again after [`Postgres::stop_at_once`] and waits until it answers.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&mut self) {
        self.keeper = keep(&self.server, &self.folder, false).expect("postgres");
        self.wait_until_it_answers().expect("postgres");
    }

    /// A fresh database; its address.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn database(&self) -> String {
        let name = self.create_database().expect("a fresh database");
        self.url(&name)
    }

    fn start(settings: &[&str], for_ever: bool) -> Result<Self> {
        let binaries = binaries()?;
        let folder = tempfile::Builder::new().prefix("isthmus-pg-").tempdir()?.keep();
        let data = folder.join("data");
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
            "autovacuum=off",
            "shared_buffers=64MB",
            "max_connections=400",
        ]
        .iter()
        .chain(settings)
        {
            words.extend(["-c".into(), (*setting).into()]);
        }
        let keeper = keep(&words, &folder, for_ever)?;
        let postgres = Self { binaries, folder, server: words, keeper };
        postgres.wait_until_it_answers()?;
        Ok(postgres)
    }

    fn wait_until_it_answers(&self) -> Result<()> {
        for _ in 0..600 {
            if self.psql("postgres", "select 1").is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        bail!("it did not start within 30 s: {}", tail(&self.folder.join("log")))
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

/// Runs the server. One that lives as long as the process takes its folder with it, because statics are not dropped.
fn keep(words: &[String], folder: &Path, for_ever: bool) -> Result<Keeper> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Keeper::start(&words, "INT", folder, &folder.join("log"), for_ever.then_some(folder))
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.keeper.stop();
        let _vanished = std::fs::remove_dir_all(&self.folder);
    }
}

/// The newest PostgreSQL that the system has.
pub(crate) fn binaries() -> Result<PathBuf> {
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
pub(crate) fn unprivileged(folder: &Path) -> Result<Vec<String>> {
    let words = unprivileged_words()?;
    if !words.is_empty() {
        run(Command::new("chown").arg("postgres:postgres").arg(folder))?;
    }
    Ok(words)
}

fn unprivileged_words() -> Result<Vec<String>> {
    let us = run(Command::new("id").arg("-u"))?;
    if us.trim() != "0" {
        return Ok(Vec::new());
    }
    Ok(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"].map(Into::into).to_vec())
}
