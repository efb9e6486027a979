//! The proprietary user table that every old portal has: `T_PERSON` with eight ways of storing passwords, roles and
//! devices, in a private PostgreSQL, MariaDB or SQLite. The servers speak TLS and ask for a password.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::{
    certificates::Authority,
    keeper::{Keeper, run, tail},
    postgres::{binaries, unprivileged},
};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LegacyKind {
    Postgres,
    MariaDb,
    Sqlite,
}

impl LegacyKind {
    pub const ALL: [Self; 3] = [Self::Postgres, Self::MariaDb, Self::Sqlite];
}

/// A fresh database with people in it. Person `i` is `u00000i` with the password `Passw0rd-(i mod 16)`; every fiftieth
/// is not active.
pub struct LegacySql {
    pub kind: LegacyKind,
    /// As a source's settings name it, with an account that may only read.
    pub url: String,
    /// Of that account.
    pub secret: String,
    /// What clients must trust; none for SQLite.
    pub ca_pem: Option<String>,
    /// The folder of source files, for SQLite.
    pub folder: PathBuf,
    name: String,
    _kept: Option<TempDir>,
}

const SECRET: &str = "reader-secret-5e1f";

/// (PW_ALGO, PW_HASH, PW_SALT) of person `i mod 16`, as Python's hashlib and libxcrypt made them: md5 hex,
/// md5(salt + password), sha1 base64, sha256(salt:password) hex, Django, bcrypt, sha512-crypt, plain text.
const STORED: [(&str, &str, Option<&str>); 16] = [
    ("MD5", "cc1875ae9bb5d0e21fd105479f3a253b", None),
    ("SMD5", "4dacd75d9dcc649919574c4c538a6b49", Some("s0000001")),
    ("SHA1B64", "O+UXYDsquQBq67htb9pHGAulrOs=", None),
    ("SHA256S", "68b7fef21f4d38444437a179ed9dd0e1cabf48e34a03c15fb1b430ac09c9e07d", Some("s0000003")),
    ("DJANGO", "pbkdf2_sha256$20000$s0000004$y1jmUQDI5r53si0fA9kBJWz3uRxJ/PE+u7Huc+kyIHw=", None),
    ("CRYPT", "$2b$04$abcdefghijklmnopqrstuugKGzBPjonBdodOF6yDdsWbIqa1X3QCS", None),
    (
        "CRYPT",
        "$6$rounds=1000$s0000006$I9Cp9zOw.MBaSfeeQqZY3TPeubbmjKqECBuewOlRPRVo48bki2bXPazqhCWupr/D8MxPfIYxDQFEQbB6Rat.n/",
        None,
    ),
    ("PLAIN", "Passw0rd-7", None),
    ("MD5", "81a5ae061529d0010a1ee36273d3b70f", None),
    ("SMD5", "96151b5a71bcbc26a8ef99dddb3864b3", Some("s0000009")),
    ("SHA1B64", "b1x1Fal3AuMRyW0qje7qCtR8DFc=", None),
    ("SHA256S", "a2f9c5da0f88444af73925d414ecc8a428d0a43b068b94fe6f9e31a87c904eff", Some("s0000011")),
    ("DJANGO", "pbkdf2_sha256$20000$s0000012$2eGp8Y9yf6F5weqyxAaM2MW3kpEMCgQ/Kd4Nse9X+ug=", None),
    ("CRYPT", "$2b$04$abcdefghijklmnopqrstuuZYWsVXhMQ0/TgpFAF23I/O1J9HcygeK", None),
    (
        "CRYPT",
        "$6$rounds=1000$s0000014$ebJJGlhRBBvroX6NQ5cvLLmfqajbeIGs1R0ei4kMXiFA.VHIaJLVlPcU2zRBxpU0DixAmMvSRnPt.SMuImHfN1",
        None,
    ),
    ("PLAIN", "Passw0rd-15", None),
];

impl LegacySql {
    /// A database with that many people.
    ///
    /// # Panics
    /// If the peer is missing or does not start: a test that was not run must not count as passed.
    pub async fn start(kind: LegacyKind, people: u32) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("legacy_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let legacy = match kind {
            LegacyKind::Postgres => {
                let server = shared(&POSTGRES);
                admin_postgres(server, "postgres", &format!("create database {name} template template0")).await;
                Self::at(kind, format!("postgres://hub_reader@127.0.0.1:{}/{name}", server.port), name, server)
            }
            LegacyKind::MariaDb => {
                let server = shared(&MARIADB);
                admin_mariadb(server, "mysql", &format!("create database {name} character set utf8mb4")).await;
                Self::at(kind, format!("mysql://hub_reader@127.0.0.1:{}/{name}", server.port), name, server)
            }
            LegacyKind::Sqlite => {
                let folder = tempfile::tempdir().expect("a folder");
                let legacy = Self::in_folder(folder.path(), people).await;
                return Self { _kept: Some(folder), ..legacy };
            }
        };
        legacy.execute(&schema(kind)).await;
        legacy.add(0..people).await;
        match kind {
            LegacyKind::Postgres => legacy.execute("grant select on all tables in schema public to hub_reader").await,
            LegacyKind::MariaDb => {
                legacy.execute(&format!("grant select on {}.* to hub_reader@'127.0.0.1'", legacy.name)).await;
            }
            LegacyKind::Sqlite => {}
        }
        legacy
    }

    /// A file with that many people in a folder of source files, which is made if it is not there.
    ///
    /// # Panics
    /// If it cannot be written.
    pub async fn in_folder(folder: &Path, people: u32) -> Self {
        std::fs::create_dir_all(folder).expect("the folder");
        let legacy = Self {
            kind: LegacyKind::Sqlite,
            url: "sqlite:people.db".to_owned(),
            secret: String::new(),
            ca_pem: None,
            folder: folder.to_owned(),
            name: String::new(),
            _kept: None,
        };
        legacy.execute(&schema(LegacyKind::Sqlite)).await;
        legacy.add(0..people).await;
        legacy
    }

    fn at(kind: LegacyKind, url: String, name: String, server: &Server) -> Self {
        let ca_pem = Some(server.ca_pem.clone());
        Self { kind, url, secret: SECRET.to_owned(), ca_pem, folder: server.folder.clone(), name, _kept: None }
    }

    /// Adds these people, with a role and a device each.
    pub async fn add(&self, people: std::ops::Range<u32>) {
        let all: Vec<u32> = people.collect();
        for some in all.chunks(500) {
            let rows = |row: &dyn Fn(u32) -> String| some.iter().map(|i| row(*i)).collect::<Vec<_>>().join(",");
            let people = rows(&|i| {
                let (algorithm, hash, salt) = STORED[i as usize % 16];
                let salt = salt.map_or("null".to_owned(), |salt| format!("'{salt}'"));
                let active = if i % 50 == 49 { 'N' } else { 'J' };
                format!(
                    "({i},'u{i:06}','Müller-{i}','Zoë','u{i:06}@example.test','{algorithm}','{hash}',{salt},\
                     '{active}','2024-05-06 07:08:09')"
                )
            });
            self.execute(&format!(
                "insert into T_PERSON (PERS_NO,LOGIN_NAME,NACHNAME,VORNAME,EMAIL_ADR,PW_ALGO,PW_HASH,PW_SALT,AKTIV,\
                 LAST_UPD) values {people}"
            ))
            .await;
            self.execute(&format!("insert into T_PERS_ROLLE values {}", rows(&|i| format!("({i},{})", i % 10)))).await;
            let devices = rows(&|i| format!("('INV{i}','Laptop','SN{i:08X}',{i})"));
            self.execute(&format!("insert into T_GERAET values {devices}")).await;
        }
    }

    /// Runs statements with every right.
    ///
    /// # Panics
    /// If they fail.
    pub async fn execute(&self, sql: &str) {
        match self.kind {
            LegacyKind::Postgres => admin_postgres(shared(&POSTGRES), &self.name, sql).await,
            LegacyKind::MariaDb => admin_mariadb(shared(&MARIADB), &self.name, sql).await,
            LegacyKind::Sqlite => {
                let options = sqlx::sqlite::SqliteConnectOptions::new()
                    .filename(self.folder.join("people.db"))
                    .create_if_missing(true);
                let mut link = SqliteConnection::connect_with(&options).await.expect("the file");
                link.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.expect("the statement");
                link.close().await.expect("the file");
            }
        }
    }

    /// Stops the server, for good and for everybody in this process.
    ///
    /// # Panics
    /// If it is a file.
    pub fn stop_server(&self) {
        let server = match self.kind {
            LegacyKind::Postgres => shared(&POSTGRES),
            LegacyKind::MariaDb => shared(&MARIADB),
            LegacyKind::Sqlite => panic!("a file has no server"),
        };
        server.keeper.lock().unwrap_or_else(PoisonError::into_inner).stop();
    }

    /// The port of the server, for a proxy before it.
    ///
    /// # Panics
    /// If it is a file.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self.kind {
            LegacyKind::Postgres => shared(&POSTGRES).port,
            LegacyKind::MariaDb => shared(&MARIADB).port,
            LegacyKind::Sqlite => panic!("a file has no port"),
        }
    }
}

/// The German names are those of the portal; the text is one for all three.
fn schema(kind: LegacyKind) -> String {
    // MariaDB would move the first TIMESTAMP by itself.
    let time = if kind == LegacyKind::MariaDb { "DATETIME" } else { "TIMESTAMP" };
    let mut text = format!(
        "CREATE TABLE T_PERSON (PERS_NO BIGINT PRIMARY KEY, LOGIN_NAME VARCHAR(64) NOT NULL UNIQUE, \
         NACHNAME VARCHAR(100), VORNAME VARCHAR(100), EMAIL_ADR VARCHAR(200), PW_ALGO VARCHAR(10), \
         PW_HASH VARCHAR(255), PW_SALT VARCHAR(32), AKTIV CHAR(1) NOT NULL, GUELTIG_BIS DATE, \
         LAST_UPD {time} NOT NULL DEFAULT CURRENT_TIMESTAMP);
         CREATE TABLE T_ROLLE (ROLLE_ID INT PRIMARY KEY, BEZ VARCHAR(50));
         CREATE TABLE T_PERS_ROLLE (PERS_NO BIGINT REFERENCES T_PERSON(PERS_NO), \
         ROLLE_ID INT REFERENCES T_ROLLE(ROLLE_ID), PRIMARY KEY (PERS_NO, ROLLE_ID));
         CREATE TABLE T_GERAET (INV_NR VARCHAR(20) PRIMARY KEY, TYP VARCHAR(40), SERIEN_NR VARCHAR(40), PERS_NO BIGINT);
         CREATE INDEX IX_UPD ON T_PERSON (LAST_UPD, PERS_NO);"
    );
    for role in 0..10 {
        text.push_str(&format!("INSERT INTO T_ROLLE VALUES ({role}, 'Rolle {role}');"));
    }
    text
}

/// A server for all tests of a process.
struct Server {
    port: u16,
    ca_pem: String,
    folder: PathBuf,
    keeper: Mutex<Keeper>,
}

static POSTGRES: LazyLock<Result<Server>> = LazyLock::new(start_postgres);
static MARIADB: LazyLock<Result<Server>> = LazyLock::new(start_mariadb);

fn shared(server: &'static LazyLock<Result<Server>>) -> &'static Server {
    match &**server {
        Ok(server) => server,
        Err(error) => panic!("the legacy database: {error:#}"),
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A folder with an authority's certificate and key for `localhost`.
fn folder(prefix: &str) -> Result<(PathBuf, String)> {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir()?.keep();
    let authority = Authority::new("Legacy database test authority");
    let certificate = authority.local();
    std::fs::write(folder.join("server.crt"), certificate.certificate_pem)?;
    std::fs::write(folder.join("server.key"), certificate.key_pem)?;
    std::fs::write(folder.join("ca.crt"), authority.ca_pem())?;
    run(Command::new("chmod").arg("600").arg(folder.join("server.key")))?;
    Ok((folder, authority.ca_pem().to_owned()))
}

fn start_postgres() -> Result<Server> {
    let binaries = binaries()?;
    let (folder, ca_pem) = folder("isthmus-legacy-pg-")?;
    let as_user = unprivileged(&folder)?;
    if !as_user.is_empty() {
        run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(&folder))?;
    }
    let (data, port) = (folder.join("data"), free_port()?);
    let program = |name: &str| binaries.join(name).display().to_string();
    let mut words = as_user.clone();
    words.push(program("initdb"));
    words.extend(
        ["--username=isthmus", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"].map(Into::into),
    );
    words.extend(["-D".to_owned(), data.display().to_string()]);
    run(Command::new(&words[0]).args(&words[1..]).current_dir(&folder))?;
    let doors = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    std::fs::write(data.join("pg_hba.conf"), doors)?;
    let mut words = as_user;
    words.extend([program("postgres"), "-D".into(), data.display().to_string()]);
    for setting in [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        format!("unix_socket_directories={}", folder.display()),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", folder.join("server.crt").display()),
        format!("ssl_key_file={}", folder.join("server.key").display()),
        "fsync=off".to_owned(),
        "full_page_writes=off".to_owned(),
        "synchronous_commit=off".to_owned(),
        "shared_buffers=64MB".to_owned(),
        "max_connections=200".to_owned(),
    ] {
        words.extend(["-c".to_owned(), setting]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let log = folder.join("log");
    let keeper = Keeper::start(&words, "INT", &folder, &log, Some(&folder))?;
    let role = format!("create role hub_reader login password '{SECRET}'");
    let psql = || {
        run(Command::new(binaries.join("psql"))
            .args(["-X", "-q", "-U", "isthmus", "-d", "postgres", "-p", &port.to_string(), "-c", &role, "-h"])
            .arg(&folder))
    };
    wait(&log, || psql().is_ok())?;
    Ok(Server { port, ca_pem, folder, keeper: Mutex::new(keeper) })
}

fn start_mariadb() -> Result<Server> {
    let server = ["/usr/sbin/mariadbd", "/usr/bin/mariadbd"].into_iter().find(|path| Path::new(path).exists());
    let server = server.context("no mariadbd: install mariadb-server-core, or run `cargo xtask test --install`")?;
    let (folder, ca_pem) = folder("isthmus-legacy-my-")?;
    let port = free_port()?;
    let user = run(Command::new("id").arg("-un"))?.trim().to_owned();
    let path = |name: &str| folder.join(name).display().to_string();
    run(Command::new("mariadb-install-db").current_dir(&folder).args([
        "--no-defaults",
        &format!("--datadir={}", path("data")),
        "--auth-root-authentication-method=normal",
        &format!("--user={user}"),
        "--skip-test-db",
    ]))?;
    let log = folder.join("log");
    let words = [
        server.to_owned(),
        "--no-defaults".to_owned(),
        format!("--user={user}"),
        format!("--datadir={}", path("data")),
        format!("--socket={}", path("s")),
        format!("--pid-file={}", path("pid")),
        format!("--port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--tmpdir={}", folder.display()),
        "--innodb-flush-log-at-trx-commit=0".to_owned(),
        "--innodb-buffer-pool-size=64M".to_owned(),
        "--character-set-server=utf8mb4".to_owned(),
        "--require-secure-transport=on".to_owned(),
        format!("--ssl-ca={}", path("ca.crt")),
        format!("--ssl-cert={}", path("server.crt")),
        format!("--ssl-key={}", path("server.key")),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let keeper = Keeper::start(&words, "TERM", &folder, &log, Some(&folder))?;
    let account = format!("create user hub_reader@'127.0.0.1' identified by '{SECRET}'");
    let socket = format!("--socket={}", path("s"));
    wait(&log, || run(Command::new("mariadb").args(["--no-defaults", "-uroot", &socket, "-e", &account])).is_ok())?;
    Ok(Server { port, ca_pem, folder, keeper: Mutex::new(keeper) })
}

fn wait(log: &Path, mut answers: impl FnMut() -> bool) -> Result<()> {
    for _ in 0..600 {
        if answers() {
            return Ok(());
        }
        sleep(Duration::from_millis(50));
    }
    bail!("it did not start within 30 s: {}", tail(log))
}

async fn admin_postgres(server: &Server, database: &str, sql: &str) {
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
        .socket(&server.folder)
        .port(server.port)
        .username("isthmus")
        .database(database)
        .ssl_mode(sqlx::postgres::PgSslMode::Disable);
    let mut link = PgConnection::connect_with(&options).await.expect("the legacy database");
    link.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.expect("the statement");
    link.close().await.expect("the legacy database");
}

async fn admin_mariadb(server: &Server, database: &str, sql: &str) {
    let options = sqlx::mysql::MySqlConnectOptions::new()
        .socket(server.folder.join("s"))
        .username("root")
        .database(database)
        .ssl_mode(sqlx::mysql::MySqlSslMode::Disabled);
    let mut link = MySqlConnection::connect_with(&options).await.expect("the legacy database");
    link.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.expect("the statement");
    link.close().await.expect("the legacy database");
}
