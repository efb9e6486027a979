//! Registered sources and the domains they own.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use directory::{
    AttributeName, ConnectorSettings, LockoutSettings, ProfileSettings, Source, SourceId, SourceKind, SourceMode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, attribute_definitions, row::params};

/// The sealed bind secret of a source, and what it was entered for.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    pub sealed: Vec<u8>,
    /// Keyed digest of the hosts and TLS settings the secret was entered for.
    pub entered_for: Vec<u8>,
}

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedSecret")
    }
}

/// A source with its sealed secret.
#[derive(Debug, Clone)]
pub struct StoredSource {
    pub source: Source,
    pub secret: SealedSecret,
}

/// What of a source is kept as one JSON value.
#[derive(Serialize, Deserialize)]
struct Settings {
    just_in_time: bool,
    connector: ConnectorSettings,
    lockout: LockoutSettings,
    capture_settle_seconds: u64,
    shadow: bool,
    outage_sign_in: bool,
    just_in_time_activation: bool,
    self_written: Vec<AttributeName>,
    protected_groups: Vec<String>,
    #[serde(default)]
    profile: ProfileSettings,
}

impl Settings {
    fn of(source: &Source) -> Result<Value, StorageError> {
        let settings = Self {
            just_in_time: source.just_in_time,
            connector: source.connector.clone(),
            lockout: source.lockout,
            capture_settle_seconds: source.capture_settle_seconds,
            shadow: source.shadow,
            outage_sign_in: source.outage_sign_in,
            just_in_time_activation: source.just_in_time_activation,
            self_written: source.self_written.clone(),
            protected_groups: source.protected_groups.clone(),
            profile: source.profile.clone(),
        };
        serde_json::to_value(settings).map_err(|e| inconsistent("settings", &e))
    }
}

#[derive(FromRow)]
struct SourceRow {
    id: Uuid,
    name: String,
    label: String,
    kind: String,
    mode: String,
    settings: Value,
    secret: Vec<u8>,
    secret_for: Vec<u8>,
    revision: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    definitions: Option<Value>,
}

#[derive(FromRow)]
struct DomainRow {
    domain: String,
    source_id: Uuid,
}

#[derive(FromRow)]
struct RevisionRow {
    revision: i64,
}

fn inconsistent(column: &'static str, reason: &dyn std::fmt::Display) -> StorageError {
    StorageError::Inconsistent { table: "source", column, reason: reason.to_string() }
}

fn source_of(row: SourceRow, domains: Vec<String>) -> Result<StoredSource, StorageError> {
    let settings: Settings = serde_json::from_value(row.settings).map_err(|e| inconsistent("settings", &e))?;
    let kind: SourceKind = row.kind.parse().map_err(|e| inconsistent("kind", &e))?;
    let mode: SourceMode = row.mode.parse().map_err(|e| inconsistent("mode", &e))?;
    let source = Source {
        id: row.id.into(),
        name: row.name,
        label: row.label,
        kind,
        mode,
        just_in_time: settings.just_in_time,
        domains,
        connector: settings.connector,
        lockout: settings.lockout,
        capture_settle_seconds: settings.capture_settle_seconds,
        shadow: settings.shadow,
        outage_sign_in: settings.outage_sign_in,
        just_in_time_activation: settings.just_in_time_activation,
        self_written: settings.self_written,
        protected_groups: settings.protected_groups,
        profile: settings.profile,
        definitions: row.definitions.map_or_else(|| Ok(Vec::new()), attribute_definitions::read)?.into(),
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(StoredSource { source, secret: SealedSecret { sealed: row.secret, entered_for: row.secret_for } })
}

const REVISION: &str = "select cast(coalesce(sum(revision), 0) + \
    coalesce((select sum(revision) from source_write_access), 0) + \
    coalesce((select max(version) from attribute_definitions), 0) as bigint) as revision from source";
/// The columns of a [`SourceRow`]. What the installation defined comes with every source: whatever reads its entries
/// needs the types of what it fills.
macro_rules! source_rows {
    ($rest:literal) => {
        concat!(
            "select id, name, label, kind, mode, settings, secret, secret_for, revision, created_at, updated_at, \
             (select definitions from attribute_definitions order by version desc limit 1) as definitions \
             from source ",
            $rest
        )
    };
}
const ALL: &str = source_rows!("order by name");
const BY_ID: &str = source_rows!("where id = $1");
const BY_NAME: &str = source_rows!("where name = $1");
const DOMAINS: &str = "select domain, source_id from source_domain order by domain";
const DOMAINS_OF: &str = "select domain, source_id from source_domain where source_id = $1 order by domain";
const OWNER: &str = "select domain, source_id from source_domain where domain = $1";
const INSERT: &str = "insert into source (id, name, label, kind, mode, settings, secret, secret_for, revision, \
                      created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const UPDATE: &str = "update source set label = $3, mode = $4, settings = $5, revision = revision + 1, \
                      updated_at = $6 where id = $1 and revision = $2";
const UPDATE_SECRET: &str = "update source set secret = $2, secret_for = $3 where id = $1";
const RAISE: &str = "update source set revision = revision + 1, updated_at = $2 where id = $1";
const DELETE_DOMAINS: &str = "delete from source_domain where source_id = $1";
const INSERT_DOMAIN: &str = "insert into source_domain (domain, source_id) values ($1, $2)";

/// A number that rises with every change of any source, of who may write there, or of the attributes that the
/// installation defines: rows are never deleted and every change raises its row's.
pub async fn revision(queries: &mut impl Queries) -> Result<i64, StorageError> {
    Ok(queries.fetch_one::<RevisionRow>(REVISION, params![]).await?.revision)
}

/// Every source, by name. Installations have tens, not thousands.
pub async fn all(queries: &mut impl Queries) -> Result<Vec<StoredSource>, StorageError> {
    let rows: Vec<SourceRow> = queries.fetch_all(ALL, params![]).await?;
    let mut domains: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for row in queries.fetch_all::<DomainRow>(DOMAINS, params![]).await? {
        domains.entry(row.source_id).or_default().push(row.domain);
    }
    rows.into_iter()
        .map(|row| {
            let own = domains.remove(&row.id).unwrap_or_default();
            source_of(row, own)
        })
        .collect()
}

/// The source with this id.
pub async fn by_id(queries: &mut impl Queries, id: SourceId) -> Result<Option<StoredSource>, StorageError> {
    let row = queries.fetch_optional(BY_ID, params![id.uuid()]).await?;
    with_domains(queries, row).await
}

/// The source with this name.
pub async fn by_name(queries: &mut impl Queries, name: &str) -> Result<Option<StoredSource>, StorageError> {
    let row = queries.fetch_optional(BY_NAME, params![name]).await?;
    with_domains(queries, row).await
}

async fn with_domains(
    queries: &mut impl Queries,
    row: Option<SourceRow>,
) -> Result<Option<StoredSource>, StorageError> {
    let Some(row) = row else { return Ok(None) };
    let domains: Vec<DomainRow> = queries.fetch_all(DOMAINS_OF, params![row.id]).await?;
    source_of(row, domains.into_iter().map(|d| d.domain).collect()).map(Some)
}

/// The source that owns this folded domain.
pub async fn owner_of_domain(queries: &mut impl Queries, domain: &str) -> Result<Option<SourceId>, StorageError> {
    let row: Option<DomainRow> = queries.fetch_optional(OWNER, params![domain]).await?;
    Ok(row.map(|r| r.source_id.into()))
}

/// Registers a source.
pub async fn insert(tx: &mut Transaction, source: &Source, secret: SealedSecret) -> Result<(), StorageError> {
    let values = params![
        source.id.uuid(),
        source.name.clone(),
        source.label.clone(),
        source.kind.as_str(),
        source.mode.as_str(),
        Settings::of(source)?,
        secret.sealed,
        secret.entered_for,
        source.revision,
        source.created_at,
        source.updated_at,
    ];
    tx.execute(INSERT, values).await?;
    write_domains(tx, source).await
}

/// Writes what may change of a source. `source.revision` is the revision the change was based on; the row gets the
/// next one. Name and kind never change.
pub async fn update(tx: &mut Transaction, source: &Source, secret: Option<SealedSecret>) -> Result<(), StorageError> {
    let values = params![
        source.id.uuid(),
        source.revision,
        source.label.clone(),
        source.mode.as_str(),
        Settings::of(source)?,
        source.updated_at,
    ];
    if tx.execute(UPDATE, values).await? == 0 {
        return Err(StorageError::Stale { what: "This directory" });
    }
    if let Some(secret) = secret {
        tx.execute(UPDATE_SECRET, params![source.id.uuid(), secret.sealed, secret.entered_for]).await?;
    }
    tx.execute(DELETE_DOMAINS, params![source.id.uuid()]).await?;
    write_domains(tx, source).await
}

/// What its entries become is computed otherwise from now on: none of them counts as unchanged at its next reading, and
/// the next import reads all of them.
pub async fn raise_revision(tx: &mut Transaction, id: SourceId, at: DateTime<Utc>) -> Result<(), StorageError> {
    tx.execute(RAISE, params![id.uuid(), at]).await.map(|_| ())
}

async fn write_domains(tx: &mut Transaction, source: &Source) -> Result<(), StorageError> {
    for domain in &source.domains {
        tx.execute(INSERT_DOMAIN, params![domain.clone(), source.id.uuid()]).await?;
    }
    Ok(())
}

#[derive(FromRow)]
struct CountRow {
    number: i64,
}

const HAS_PEOPLE: &str = "select count(*) as number from \
                          (select id from account where source_id = $1 limit 1) as first";
const PEOPLE: &str = "select count(distinct person_id) as number from account where source_id = $1";

/// Whether anybody is linked to this source.
pub async fn has_people(queries: &mut impl Queries, id: SourceId) -> Result<bool, StorageError> {
    Ok(queries.fetch_one::<CountRow>(HAS_PEOPLE, params![id.uuid()]).await?.number > 0)
}

/// How many people are linked to this source.
pub async fn count_people(queries: &mut impl Queries, id: SourceId) -> Result<i64, StorageError> {
    Ok(queries.fetch_one::<CountRow>(PEOPLE, params![id.uuid()]).await?.number)
}
