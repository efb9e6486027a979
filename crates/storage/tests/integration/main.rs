//! Every test here runs on both databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

mod browse;
mod browser_sessions;
mod core;
mod leases;
mod parity;
mod people;
mod search;
mod source_drafts;

use chrono::{DateTime, TimeDelta, Utc};
use directory::{ConnectorSettings, LdapSettings, LockoutSettings, Source, SourceId, SourceKind, SourceMode};
use storage::{Database, StorageError, sources::SealedSecret};
use testkit::TestDatabase;
use uuid::Uuid;

/// The time it is in these tests.
fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

/// A database of a test: its address, and the open database. It goes when this does.
struct Opened {
    url: String,
    database: Database,
    kept: TestDatabase,
}

/// Fresh databases with the newest schema.
async fn opened() -> Vec<Opened> {
    let mut all = Vec::new();
    for kept in testkit::databases().await {
        let database = Database::open(&kept.url()).await.unwrap();
        database.upgrade().await.unwrap();
        all.push(Opened { url: kept.url(), database, kept });
    }
    all
}

/// Registers a source of this number.
async fn source(database: &Database, n: u128) -> SourceId {
    let id = SourceId::from(Uuid::from_u128(n));
    let source = Source {
        id,
        name: format!("source-{n}"),
        label: format!("Source {n}"),
        kind: SourceKind::Ldap,
        mode: SourceMode::Active,
        just_in_time: true,
        domains: Vec::new(),
        connector: ConnectorSettings::Ldap(LdapSettings::preset(SourceKind::Ldap)),
        lockout: LockoutSettings::default(),
        capture_settle_seconds: 0,
        shadow: false,
        outage_sign_in: false,
        just_in_time_activation: false,
        self_written: Vec::new(),
        protected_groups: Vec::new(),
        profile: directory::ProfileSettings::default(),
        definitions: Default::default(),
        revision: 1,
        created_at: now(),
        updated_at: now(),
    };
    let secret = || SealedSecret { sealed: vec![1], entered_for: vec![2] };
    let written: Result<(), StorageError> =
        storage::write!(database, |tx| { storage::sources::insert(tx, &source, secret()).await });
    written.unwrap();
    id
}
