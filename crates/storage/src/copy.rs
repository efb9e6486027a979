//! Copies of a SQLite database while it is being written, what a copy is worth, and what must not live on in one that
//! came back.

use std::path::Path;

use chrono::{DateTime, Utc};
use sqlx::{ConnectOptions as _, Connection as _, FromRow, sqlite::SqliteConnectOptions};

use crate::{Database, StorageError, Transaction, row::params};

/// Lists at most 20 faults.
const QUICK_CHECK: &str = "pragma quick_check(20)";

#[derive(FromRow)]
struct Line {
    line: String,
}

/// What was ended in a database that came back from a backup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    pub sessions: u64,
    pub grants: u64,
    /// Browser sessions, codes, requests on their way, set-up links, device cookies.
    pub single_use: u64,
}

/// What a restore does with each table. Every table has a line, so that a new one makes somebody think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRestore {
    /// Facts, as they were.
    Kept,
    /// Credentials and work under way: ended or deleted.
    Ended,
}

use AfterRestore::{Ended, Kept};

/// Every table and what becomes of it.
pub const TABLES: &[(&str, AfterRestore)] = &[
    ("account", Kept),
    ("alias", Kept),
    ("attribute", Kept),
    ("attribute_change", Kept),
    ("attribute_definitions", Kept),
    ("attribute_offer", Kept),
    ("audit_checkpoint", Kept),
    ("audit_event", Kept),
    ("audit_head", Kept),
    ("audit_key", Kept),
    ("authorization_code", Ended),
    ("authorization_request", Ended),
    // Who may break the glass stays; a code that was printed before the backup, and used after it, does not.
    ("break_glass", Kept),
    ("break_glass_step", Ended),
    ("browser_session", Ended),
    // What was spent since the backup is unknown: see `hub::restored` for how the budget stays on the safe side.
    ("budget_place", Kept),
    ("client", Kept),
    ("client_grant", Ended),
    ("client_group", Kept),
    ("client_source", Kept),
    ("consent", Kept),
    ("device", Ended),
    ("device_owner", Kept),
    ("directory_device", Kept),
    ("directory_group", Kept),
    ("failure_count", Kept),
    ("group_member", Kept),
    ("held_candidate", Kept),
    ("held_entry", Kept),
    ("identifier_claim", Kept),
    // Places in a source's own order may be older than what was read since: the next import reads everything.
    ("import_cursor", Ended),
    ("import_result", Kept),
    ("import_run", Kept),
    ("import_schedule", Kept),
    ("import_set_aside", Ended),
    ("kept_answer", Ended),
    ("key_holder", Ended),
    ("lease", Ended),
    ("match_key", Kept),
    ("match_population", Kept),
    ("match_rules", Kept),
    ("match_verdict", Kept),
    ("membership", Kept),
    ("password_change", Ended),
    ("password_offer", Ended),
    ("password_offer_skip", Kept),
    ("person", Kept),
    ("proposal", Kept),
    ("redirect_sign_in", Ended),
    ("refresh_token", Ended),
    ("refusal", Kept),
    ("review_case", Kept),
    ("role_assignment", Kept),
    ("sealed_secret", Kept),
    ("search_token", Kept),
    ("session", Ended),
    ("set_up_link", Ended),
    ("setting", Kept),
    ("sign_in_attempt", Kept),
    ("signing_key", Kept),
    ("source", Kept),
    ("source_domain", Kept),
    ("source_draft", Ended),
    ("source_unlock", Kept),
    ("source_write_access", Kept),
    ("stored_password", Kept),
    ("verifier", Kept),
];

/// Ends every session, grant, code, link and cookie: whatever was revoked or used up since the backup must not come
/// back with it.
pub async fn forget_credentials(tx: &mut Transaction, now: DateTime<Utc>) -> Result<Forgotten, StorageError> {
    const SESSIONS: &str = "update session set ended_at = $1, end_reason = 'restored' where ended_at is null";
    const GRANTS: &str =
        "update client_grant set revoked_at = $1, revoked_reason = 'restored' where revoked_at is null";
    const LINKS: &str = "update set_up_link set spent_at = $1 where spent_at is null";
    // An epoch must never fall, so a lease keeps its row and only runs out.
    const LEASES: &str = "update lease set expires_at = $1";
    const GLASS: &str = "update break_glass set code_digest = null where code_digest is not null";
    const GONE: [&str; 13] = [
        "delete from password_change",
        "delete from redirect_sign_in",
        "delete from password_offer",
        "delete from authorization_code",
        "delete from refresh_token",
        "delete from authorization_request",
        "delete from browser_session",
        "delete from break_glass_step",
        "delete from kept_answer",
        "delete from source_draft",
        "delete from device",
        "delete from import_cursor",
        "delete from import_set_aside",
    ];
    let mut forgotten = Forgotten {
        sessions: tx.execute(SESSIONS, params![now]).await?,
        grants: tx.execute(GRANTS, params![now]).await?,
        single_use: tx.execute(LINKS, params![now]).await?,
    };
    forgotten.single_use += tx.execute(GLASS, params![]).await?;
    tx.execute(LEASES, params![DateTime::UNIX_EPOCH]).await?;
    // No server runs that could hold a key.
    tx.execute("delete from key_holder", params![]).await?;
    for sql in GONE {
        forgotten.single_use += tx.execute(sql, params![]).await?;
    }
    Ok(forgotten)
}

/// The names of all tables, for the test that [`TABLES`] is complete.
pub async fn table_names(database: &Database) -> Result<Vec<String>, StorageError> {
    let lines: Vec<Line> = match database {
        Database::Sqlite { readers, .. } => {
            let sql = "select name as line from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' \
                       and name not like '\\_sqlx%' escape '\\' order by name";
            sqlx::query_as(sql).fetch_all(readers).await?
        }
        Database::Postgres { pool, .. } => {
            let sql = "select tablename::text as line from pg_tables where schemaname = current_schema() \
                       and tablename not like '\\_sqlx%' order by tablename";
            sqlx::query_as(sql).fetch_all(pool).await?
        }
    };
    Ok(lines.into_iter().map(|line| line.line).collect())
}

/// What is wrong with a SQLite file that nobody else has open. Not a byte of it is changed.
pub async fn faults_of(file: &Path) -> Result<Vec<String>, StorageError> {
    let mut connection = SqliteConnectOptions::new().filename(file).read_only(true).connect().await?;
    let lines: Vec<(String,)> = sqlx::query_as(QUICK_CHECK).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(lines.into_iter().map(|line| line.0).filter(|line| line != "ok").collect())
}

impl Database {
    /// Writes a whole, consistent copy of a SQLite database into an empty file, while others go on writing.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StorageError> {
        let Self::Sqlite { readers, place, .. } = self else {
            return Err(StorageError::NotSqlite { place: self.place().to_owned() });
        };
        let Some(path) = file.to_str() else {
            return Err(StorageError::Copy { place: place.to_string(), reason: "its path is not text".to_owned() });
        };
        let copied = sqlx::query("vacuum into $1").bind(path).execute(readers).await;
        copied.map(drop).map_err(StorageError::from)
    }

    /// What is wrong with the file of a SQLite database, page by page; nothing for PostgreSQL, which checks itself.
    pub async fn faults(&self) -> Result<Vec<String>, StorageError> {
        let Self::Sqlite { readers, .. } = self else { return Ok(Vec::new()) };
        let lines: Vec<(String,)> = sqlx::query_as(QUICK_CHECK).fetch_all(readers).await?;
        Ok(lines.into_iter().map(|line| line.0).filter(|line| line != "ok").collect())
    }
}

/// How a database is set up, for somebody who asks what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// "SQLite 3.50" or "PostgreSQL 15.8".
    pub version: String,
    /// Settings that decide whether a change that was confirmed can be lost: name, value, and what it should be.
    pub settings: Vec<(String, String, &'static str)>,
}

impl Database {
    /// Reads how it is set up.
    pub async fn condition(&self) -> Result<Condition, StorageError> {
        match self {
            Self::Sqlite { writer, .. } => {
                writer
                    .exclusively(async |connection| {
                        let version: Line =
                            sqlx::query_as("select sqlite_version() as line").fetch_one(&mut *connection).await?;
                        let mut settings = Vec::new();
                        for (name, sql, wanted) in SQLITE_SETTINGS {
                            let value: Line = sqlx::query_as(*sql).fetch_one(&mut *connection).await?;
                            settings.push(((*name).to_owned(), value.line, *wanted));
                        }
                        Ok(Condition { version: format!("SQLite {}", version.line), settings })
                    })
                    .await
            }
            Self::Postgres { pool, .. } => {
                let show = "select setting as line from pg_settings where name = $1";
                let read = async |name: &str| -> Result<String, StorageError> {
                    let line: Line = sqlx::query_as(show).bind(name.to_owned()).fetch_one(pool).await?;
                    Ok(line.line)
                };
                let mut settings = Vec::new();
                for (name, wanted) in POSTGRES_SETTINGS {
                    settings.push(((*name).to_owned(), read(name).await?, *wanted));
                }
                Ok(Condition { version: format!("PostgreSQL {}", read("server_version").await?), settings })
            }
        }
    }

    /// The clock of the machine that PostgreSQL runs on; SQLite has none of its own.
    pub async fn now_there(&self) -> Result<Option<DateTime<Utc>>, StorageError> {
        match self {
            Self::Sqlite { .. } => Ok(None),
            Self::Postgres { pool, .. } => {
                let (now,): (DateTime<Utc>,) = sqlx::query_as("select clock_timestamp()").fetch_one(pool).await?;
                Ok(Some(now))
            }
        }
    }
}

const SQLITE_SETTINGS: &[(&str, &str, &str)] = &[
    ("journal_mode", "select journal_mode as line from pragma_journal_mode", "wal"),
    ("synchronous", "select cast(synchronous as text) as line from pragma_synchronous", "2"),
    ("foreign_keys", "select cast(foreign_keys as text) as line from pragma_foreign_keys", "1"),
];

const POSTGRES_SETTINGS: &[(&str, &str)] =
    &[("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on"), ("server_encoding", "UTF8")];
