//! Answers of forms that wait for the next page of a browser without scripts.

use chrono::{DateTime, Utc};
use directory::SessionId;
use sqlx::FromRow;

use crate::{Queries, StorageError, Transaction, row::params};

#[derive(FromRow)]
struct AnswerRow {
    sealed_text: Vec<u8>,
}

const PUT: &str = "insert into kept_answer (session_id, place, sealed_text, expires_at) values ($1, $2, $3, $4) \
                   on conflict (session_id, place) do update set sealed_text = excluded.sealed_text, \
                   expires_at = excluded.expires_at";
const GET: &str = "select sealed_text from kept_answer where session_id = $1 and place = $2 and expires_at > $3";
const SHORTEN: &str = "update kept_answer set expires_at = $3 where session_id = $1 and place = $2 and expires_at > $3";
const FORGET: &str = "delete from kept_answer where expires_at < $1";

/// Writes one, in place of an older one.
pub async fn put(
    tx: &mut Transaction,
    session: SessionId,
    place: &str,
    sealed_text: Vec<u8>,
    expires_at: DateTime<Utc>,
) -> Result<(), StorageError> {
    tx.execute(PUT, params![session.uuid(), place, sealed_text, expires_at]).await.map(|_| ())
}

/// The one that waits there, sealed.
pub async fn get(
    queries: &mut impl Queries,
    session: SessionId,
    place: &str,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>, StorageError> {
    let row: Option<AnswerRow> = queries.fetch_optional(GET, params![session.uuid(), place, now]).await?;
    Ok(row.map(|row| row.sealed_text))
}

/// It waits until then at most.
pub async fn shorten(
    tx: &mut Transaction,
    session: SessionId,
    place: &str,
    until: DateTime<Utc>,
) -> Result<(), StorageError> {
    tx.execute(SHORTEN, params![session.uuid(), place, until]).await.map(|_| ())
}

/// Forgets those that waited in vain, or were seen; how many.
pub async fn forget_before(tx: &mut Transaction, before: DateTime<Utc>) -> Result<u64, StorageError> {
    tx.execute(FORGET, params![before]).await
}
