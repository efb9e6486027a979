//! Writing at sources: who may, unlocks that were sent, and changes of password under way.

use chrono::{DateTime, Utc};
use directory::{ImmutableId, PersonId, SourceId, WriteAccess};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params, sources::SealedSecret};

/// The second account of a source with its sealed password.
#[derive(Debug, Clone)]
pub struct StoredWriteAccess {
    pub source: SourceId,
    pub access: WriteAccess,
    pub secret: SealedSecret,
    /// Raised by every change.
    pub revision: i64,
}

#[derive(FromRow)]
struct AccessRow {
    source_id: Uuid,
    bind_dn: String,
    secret: Vec<u8>,
    secret_for: Vec<u8>,
    unlock_at_source: bool,
    password_write_back: bool,
    revision: i64,
}

impl From<AccessRow> for StoredWriteAccess {
    fn from(row: AccessRow) -> Self {
        Self {
            source: row.source_id.into(),
            access: WriteAccess {
                bind_dn: row.bind_dn,
                unlock_at_source: row.unlock_at_source,
                password_write_back: row.password_write_back,
            },
            secret: SealedSecret { sealed: row.secret, entered_for: row.secret_for },
            revision: row.revision,
        }
    }
}

const ALL: &str = "select source_id, bind_dn, secret, secret_for, unlock_at_source, password_write_back, revision \
                   from source_write_access order by source_id";
const OF_SOURCE: &str = "select source_id, bind_dn, secret, secret_for, unlock_at_source, password_write_back, revision \
                         from source_write_access where source_id = $1";
const PUT: &str = "insert into source_write_access \
    (source_id, bind_dn, secret, secret_for, unlock_at_source, password_write_back, revision) \
    values ($1, $2, $3, $4, $5, $6, 1) on conflict (source_id) do update set bind_dn = excluded.bind_dn, \
    secret = excluded.secret, secret_for = excluded.secret_for, unlock_at_source = excluded.unlock_at_source, \
    password_write_back = excluded.password_write_back, revision = source_write_access.revision + 1";

/// Of every source that has, or had, one.
pub async fn all(queries: &mut impl Queries) -> Result<Vec<StoredWriteAccess>, StorageError> {
    let rows: Vec<AccessRow> = queries.fetch_all(ALL, params![]).await?;
    Ok(rows.into_iter().map(StoredWriteAccess::from).collect())
}

/// Of one source.
pub async fn of_source(
    queries: &mut impl Queries,
    source: SourceId,
) -> Result<Option<StoredWriteAccess>, StorageError> {
    let row: Option<AccessRow> = queries.fetch_optional(OF_SOURCE, params![source.uuid()]).await?;
    Ok(row.map(StoredWriteAccess::from))
}

/// Writes it. An empty access with an empty secret takes it away; its row stays, so that its revision never falls.
pub async fn put(
    tx: &mut Transaction,
    source: SourceId,
    access: &WriteAccess,
    secret: SealedSecret,
) -> Result<(), StorageError> {
    let values = params![
        source.uuid(),
        access.bind_dn.clone(),
        secret.sealed,
        secret.entered_for,
        access.unlock_at_source,
        access.password_write_back
    ];
    tx.execute(PUT, values).await.map(|_| ())
}

#[derive(FromRow)]
struct CountRow {
    number: i64,
}

/// An unlock that the person was not told of yet.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
struct UntoldRow {
    source_id: Uuid,
    at: DateTime<Utc>,
}

const UNLOCKS: &str = "select count(*) as number from source_unlock where person_id = $1 and at > $2";
const INSERT_UNLOCK: &str = "insert into source_unlock (id, person_id, source_id, at, done, told_at) \
                             values ($1, $2, $3, $4, $5, null)";
const UNLOCK_DONE: &str = "update source_unlock set done = $2 where id = $1";
const UNTOLD: &str = "select source_id, at from source_unlock \
                      where person_id = $1 and done = $2 and told_at is null order by at desc limit 3";
const TOLD: &str = "update source_unlock set told_at = $2 where person_id = $1 and told_at is null";
const FORGET_UNLOCKS: &str = "delete from source_unlock where at < $1";

/// Unlocks at sources, of one person.
pub struct Unlocks<'a, Q> {
    pub queries: &'a mut Q,
    pub person: PersonId,
}

impl<Q: Queries> Unlocks<'_, Q> {
    /// How many were sent since then, whatever became of them.
    pub async fn since(&mut self, since: DateTime<Utc>) -> Result<i64, StorageError> {
        let values = params![self.person.uuid(), since];
        Ok(self.queries.fetch_one::<CountRow>(UNLOCKS, values).await?.number)
    }

    /// Those that the person was not told of.
    pub async fn untold(&mut self) -> Result<Vec<(SourceId, DateTime<Utc>)>, StorageError> {
        let rows: Vec<UntoldRow> = self.queries.fetch_all(UNTOLD, params![self.person.uuid(), true]).await?;
        Ok(rows.into_iter().map(|row| (row.source_id.into(), row.at)).collect())
    }
}

impl Unlocks<'_, Transaction> {
    /// Counts one that is about to be sent.
    pub async fn insert(&mut self, id: Uuid, source: SourceId, at: DateTime<Utc>) -> Result<(), StorageError> {
        let values = params![id, self.person.uuid(), source.uuid(), at, false];
        self.queries.execute(INSERT_UNLOCK, values).await.map(|_| ())
    }

    /// It was done.
    pub async fn done(&mut self, id: Uuid) -> Result<(), StorageError> {
        self.queries.execute(UNLOCK_DONE, params![id, true]).await.map(|_| ())
    }

    /// The person reads of them now.
    pub async fn told(&mut self, at: DateTime<Utc>) -> Result<(), StorageError> {
        self.queries.execute(TOLD, params![self.person.uuid(), at]).await.map(|_| ())
    }
}

/// Forgets unlocks from before; how many rows went.
pub async fn forget_unlocks(tx: &mut Transaction, before: DateTime<Utc>) -> Result<u64, StorageError> {
    tx.execute(FORGET_UNLOCKS, params![before]).await
}

/// A password that must be changed before anything else (row D11). Whoever holds the token behind `digest` typed the
/// right one in this browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordChangeStep {
    pub digest: Vec<u8>,
    pub source: SourceId,
    pub immutable_id: ImmutableId,
    /// Keyed digest of the name that was typed.
    pub identifier: Vec<u8>,
    /// Digest of what only that browser holds.
    pub browser: Vec<u8>,
    pub expires_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct StepRow {
    digest: Vec<u8>,
    source_id: Uuid,
    immutable_id: String,
    identifier: Vec<u8>,
    browser: Vec<u8>,
    expires_at: DateTime<Utc>,
}

const INSERT_STEP: &str = "insert into password_change \
    (digest, source_id, immutable_id, identifier, browser, expires_at) values ($1, $2, $3, $4, $5, $6)";
const STEP: &str = "select digest, source_id, immutable_id, identifier, browser, expires_at from password_change \
                    where digest = $1";
const DELETE_STEP: &str = "delete from password_change where digest = $1";
const FORGET_STEPS: &str = "delete from password_change where expires_at <= $1";

/// Keeps a step, and forgets those that are over.
pub async fn insert_step(
    tx: &mut Transaction,
    step: &PasswordChangeStep,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    tx.execute(FORGET_STEPS, params![now]).await?;
    let values = params![
        step.digest.clone(),
        step.source.uuid(),
        step.immutable_id.0.clone(),
        step.identifier.clone(),
        step.browser.clone(),
        step.expires_at
    ];
    tx.execute(INSERT_STEP, values).await.map(|_| ())
}

/// The step under this digest.
pub async fn step(queries: &mut impl Queries, digest: &[u8]) -> Result<Option<PasswordChangeStep>, StorageError> {
    let row: Option<StepRow> = queries.fetch_optional(STEP, params![digest.to_vec()]).await?;
    Ok(row.map(|row| PasswordChangeStep {
        digest: row.digest,
        source: row.source_id.into(),
        immutable_id: ImmutableId(row.immutable_id),
        identifier: row.identifier,
        browser: row.browser,
        expires_at: row.expires_at,
    }))
}

/// Used up; false if somebody was faster.
pub async fn spend_step(tx: &mut Transaction, digest: &[u8]) -> Result<bool, StorageError> {
    Ok(tx.execute(DELETE_STEP, params![digest.to_vec()]).await? > 0)
}
