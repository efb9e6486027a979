//! The chain over the audit log: which events have no place in it yet, giving them one, and reading it in order. What
//! a hash covers is the hub's business.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, audit::StoredEvent, row::params};

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Head {
    /// Of the last sealed event; 0 before the first.
    pub sequence: i64,
    pub hash: Vec<u8>,
    pub sealed_at: DateTime<Utc>,
}

/// An event with its place.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct SealedEvent {
    #[sqlx(flatten)]
    pub event: StoredEvent,
    pub sequence: i64,
    pub hash: Vec<u8>,
}

/// The place that an event gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    pub id: Uuid,
    pub sequence: i64,
    pub hash: Vec<u8>,
}

/// The lease under which the sealer works.
#[derive(Debug, Clone, Copy)]
pub struct Fence<'a> {
    pub lease: &'a str,
    pub owner: &'a str,
    pub epoch: i64,
}

/// A signed end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CheckpointRow {
    pub sequence: i64,
    pub hash: Vec<u8>,
    pub at: DateTime<Utc>,
    pub key_id: String,
    pub signature: Vec<u8>,
}

/// A key that signs checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AuditKeyRow {
    pub id: String,
    pub public_key: Vec<u8>,
    pub sealed_private_key: Vec<u8>,
    pub created_at: DateTime<Utc>,
}

macro_rules! select_events {
    ($more:literal, $rest:literal) => {
        concat!(
            "select id, at, actor, action, person_id, source_id, client_id, details, request_id",
            $more,
            " from audit_event where ",
            $rest
        )
    };
}

const UNSEALED: &str = select_events!("", "sequence is null order by at, id limit $1");
const SEALED_AFTER: &str = select_events!(", sequence, hash", "sequence > $1 order by sequence limit $2");
const SEALED_AT: &str = select_events!(", sequence, hash", "sequence = $1 limit 1");
const NUMBERS_AFTER: &str = "select cast(sequence as bigint) as sequence from audit_event where sequence > $1 \
                             order by audit_event.sequence limit $2";
const HASH_AT: &str = "select hash from audit_event where sequence = $1 limit 1";
const WAITING: &str = "select count(*) from (select 1 from audit_event where sequence is null limit $1) some_rows";
const OLDEST_WAITING: &str = "select at, id from audit_event where sequence is null order by at, id limit 1";

const HEAD: &str = "select sequence, hash, sealed_at from audit_head where name = 'log'";
const BEGIN: &str = "insert into audit_head (name, sequence, hash, epoch, sealed_at) values ('log', 0, $1, 0, $2) \
                     on conflict (name) do nothing";
const READ_COMMITTED: &str = "set transaction isolation level read committed";
const ADVANCE: &str = "update audit_head set sequence = $1, hash = $2, epoch = $3, sealed_at = $4 \
    where name = 'log' and sequence = $5 and hash = $6 and epoch <= $3 \
    and exists (select 1 from lease where lease.name = $7 and lease.owner = $8 and lease.epoch = $3)";
const SEAL: &str = "update audit_event set sequence = $2, hash = $3 where id = $1 and sequence is null";

const LAST_CHECKPOINT: &str =
    "select sequence, hash, at, key_id, signature from audit_checkpoint order by sequence desc limit 1";
const CHECKPOINTS_AFTER: &str = "select sequence, hash, at, key_id, signature from audit_checkpoint \
                                 where sequence > $1 order by sequence limit $2";
const INSERT_CHECKPOINT: &str = "insert into audit_checkpoint (sequence, hash, at, key_id, signature) \
                                 values ($1, $2, $3, $4, $5) on conflict (sequence) do nothing";

const KEYS: &str =
    "select id, public_key, sealed_private_key, created_at from audit_key order by created_at, id limit 100";
const INSERT_KEY: &str = "insert into audit_key (id, public_key, sealed_private_key, created_at) \
                          values ($1, $2, $3, $4) on conflict (id) do nothing";

/// The oldest events without a place.
pub async fn unsealed(queries: &mut impl Queries, limit: u32) -> Result<Vec<StoredEvent>, StorageError> {
    queries.fetch_all(UNSEALED, params![i64::from(limit)]).await
}

/// How many events wait for the sealer, counted up to `limit`.
pub async fn waiting(queries: &mut impl Queries, limit: u32) -> Result<i64, StorageError> {
    let (count,): (i64,) = queries.fetch_one(WAITING, params![i64::from(limit)]).await?;
    Ok(count)
}

/// Since when the oldest of them waits.
pub async fn waiting_since(queries: &mut impl Queries) -> Result<Option<DateTime<Utc>>, StorageError> {
    let oldest: Option<crate::audit::Position> = queries.fetch_optional(OLDEST_WAITING, params![]).await?;
    Ok(oldest.map(|position| position.at))
}

/// The end of the chain; empty before anything was sealed.
pub async fn head(queries: &mut impl Queries) -> Result<Option<Head>, StorageError> {
    queries.fetch_optional(HEAD, params![]).await
}

/// Begins the chain with the hash that the first event follows, if nobody has.
pub async fn begin(tx: &mut Transaction, hash: &[u8], at: DateTime<Utc>) -> Result<(), StorageError> {
    tx.execute(BEGIN, params![hash.to_vec(), at]).await.map(|_| ())
}

/// Gives events their places and moves the end of the chain from `before`. False, with nothing written, if the end is
/// elsewhere by now or the lease is not this one's any more.
pub async fn seal(
    tx: &mut Transaction,
    seals: &[Seal],
    before: &Head,
    at: DateTime<Utc>,
    fence: Fence<'_>,
) -> Result<bool, StorageError> {
    let Some(last) = seals.last() else { return Ok(true) };
    if let Transaction::Postgres(_) = tx {
        // The compare-and-set on the head is all the isolation this needs. Serializable, its look-ups by id would stand
        // in the way of everybody who writes an event meanwhile.
        tx.execute(READ_COMMITTED, params![]).await?;
    }
    let advanced = params![
        last.sequence,
        last.hash.clone(),
        fence.epoch,
        at,
        before.sequence,
        before.hash.clone(),
        fence.lease,
        fence.owner,
    ];
    if tx.execute(ADVANCE, advanced).await? == 0 {
        return Ok(false);
    }
    for seal in seals {
        if tx.execute(SEAL, params![seal.id, seal.sequence, seal.hash.clone()]).await? != 1 {
            return Err(StorageError::Stale { what: "An event of the audit log" });
        }
    }
    Ok(true)
}

/// Sealed events in the order of the chain, after a number.
pub async fn sealed_after(
    queries: &mut impl Queries,
    sequence: i64,
    limit: u32,
) -> Result<Vec<SealedEvent>, StorageError> {
    queries.fetch_all(SEALED_AFTER, params![sequence, i64::from(limit)]).await
}

/// The numbers alone: what is left to read where a row cannot be.
pub async fn numbers_after(queries: &mut impl Queries, sequence: i64, limit: u32) -> Result<Vec<i64>, StorageError> {
    let rows: Vec<(i64,)> = queries.fetch_all(NUMBERS_AFTER, params![sequence, i64::from(limit)]).await?;
    Ok(rows.into_iter().map(|(number,)| number).collect())
}

/// One sealed event.
pub async fn sealed_at(queries: &mut impl Queries, sequence: i64) -> Result<Option<SealedEvent>, StorageError> {
    queries.fetch_optional(SEALED_AT, params![sequence]).await
}

/// The stored hash of one event.
pub async fn hash_at(queries: &mut impl Queries, sequence: i64) -> Result<Option<Vec<u8>>, StorageError> {
    let row: Option<(Vec<u8>,)> = queries.fetch_optional(HASH_AT, params![sequence]).await?;
    Ok(row.map(|(hash,)| hash))
}

/// The newest checkpoint that reached its file.
pub async fn last_checkpoint(queries: &mut impl Queries) -> Result<Option<CheckpointRow>, StorageError> {
    queries.fetch_optional(LAST_CHECKPOINT, params![]).await
}

/// Checkpoints in their order, after a number.
pub async fn checkpoints_after(
    queries: &mut impl Queries,
    sequence: i64,
    limit: u32,
) -> Result<Vec<CheckpointRow>, StorageError> {
    queries.fetch_all(CHECKPOINTS_AFTER, params![sequence, i64::from(limit)]).await
}

/// Notes a checkpoint that has reached its file.
pub async fn insert_checkpoint(tx: &mut Transaction, row: &CheckpointRow) -> Result<(), StorageError> {
    let row = row.clone();
    let values = params![row.sequence, row.hash, row.at, row.key_id, row.signature];
    tx.execute(INSERT_CHECKPOINT, values).await.map(|_| ())
}

/// The keys that sign or signed checkpoints, oldest first.
pub async fn keys(queries: &mut impl Queries) -> Result<Vec<AuditKeyRow>, StorageError> {
    queries.fetch_all(KEYS, params![]).await
}

/// Keeps a new key.
pub async fn insert_key(tx: &mut Transaction, row: &AuditKeyRow) -> Result<(), StorageError> {
    let row = row.clone();
    let values = params![row.id, row.public_key, row.sealed_private_key, row.created_at];
    tx.execute(INSERT_KEY, values).await.map(|_| ())
}
