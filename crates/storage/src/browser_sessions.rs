//! Browser sessions: what a cookie's value leads to, found by its digest.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;

use crate::{Queries, StorageError, Transaction, row::params};

/// One browser session, as stored.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct BrowserSessionRow {
    pub data: Value,
    pub expires_at: DateTime<Utc>,
}

const INSERT: &str = "insert into browser_session (digest, data, expires_at) values ($1, $2, $3)";
const PUT: &str = "insert into browser_session (digest, data, expires_at) values ($1, $2, $3) \
                   on conflict (digest) do update set data = excluded.data, expires_at = excluded.expires_at";
const GET: &str = "select data, expires_at from browser_session where digest = $1 and expires_at > $2";
const FORGET: [&str; 2] =
    ["delete from browser_session where expires_at < $1", "delete from set_up_link where expires_at < $1"];
const DELETE: &str = "delete from browser_session where digest = $1";

/// Writes a new one; a conflict if its digest is taken.
pub async fn insert(tx: &mut Transaction, digest: Vec<u8>, row: BrowserSessionRow) -> Result<(), StorageError> {
    tx.execute(INSERT, params![digest, row.data, row.expires_at]).await.map(|_| ())
}

/// Writes it, new or not.
pub async fn put(tx: &mut Transaction, digest: Vec<u8>, row: BrowserSessionRow) -> Result<(), StorageError> {
    tx.execute(PUT, params![digest, row.data, row.expires_at]).await.map(|_| ())
}

/// The one with this digest, if it has not expired.
pub async fn get(
    queries: &mut impl Queries,
    digest: Vec<u8>,
    now: DateTime<Utc>,
) -> Result<Option<BrowserSessionRow>, StorageError> {
    queries.fetch_optional(GET, params![digest, now]).await
}

/// Forgets it.
pub async fn delete(tx: &mut Transaction, digest: Vec<u8>) -> Result<(), StorageError> {
    tx.execute(DELETE, params![digest]).await.map(|_| ())
}

/// Forgets browser sessions, and links to set a password, that expired before this; how many.
pub async fn forget_before(tx: &mut Transaction, before: DateTime<Utc>) -> Result<u64, StorageError> {
    let mut forgotten = 0;
    for sql in FORGET {
        forgotten += tx.execute(sql, params![before]).await?;
    }
    Ok(forgotten)
}
