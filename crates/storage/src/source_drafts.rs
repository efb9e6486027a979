//! Directories about to be connected: sealed values that belong to one person each and are forgotten after a while.

use chrono::{DateTime, Utc};
use directory::PersonId;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// One draft, as stored.
#[derive(Clone, PartialEq, Eq, FromRow)]
pub struct SourceDraftRow {
    pub id: Uuid,
    pub sealed: Vec<u8>,
    pub revision: i64,
    pub updated_at: DateTime<Utc>,
}

impl std::fmt::Debug for SourceDraftRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceDraftRow").field("id", &self.id).field("revision", &self.revision).finish_non_exhaustive()
    }
}

const INSERT: &str =
    "insert into source_draft (id, person_id, sealed, revision, updated_at) values ($1, $2, $3, $4, $5)";
const GET: &str = "select id, sealed, revision, updated_at from source_draft where id = $1 and person_id = $2";
const UPDATE: &str = "update source_draft set sealed = $4, revision = $3 + 1, updated_at = $5 \
                      where id = $1 and person_id = $2 and revision = $3";
const DELETE: &str = "delete from source_draft where id = $1 and person_id = $2";
const FORGET: &str = "delete from source_draft where updated_at < $1";
const OF_PERSON: &str = "select id, sealed, revision, updated_at from source_draft where person_id = $1 order by updated_at desc, id limit 100";

/// Writes a new one.
pub async fn insert(tx: &mut Transaction, person: PersonId, row: &SourceDraftRow) -> Result<(), StorageError> {
    let values = params![row.id, person.uuid(), row.sealed.clone(), row.revision, row.updated_at];
    tx.execute(INSERT, values).await.map(|_| ())
}

/// This one, if it is this person's.
pub async fn get(
    queries: &mut impl Queries,
    id: Uuid,
    person: PersonId,
) -> Result<Option<SourceDraftRow>, StorageError> {
    queries.fetch_optional(GET, params![id, person.uuid()]).await
}

/// All of this person, the newest first.
pub async fn of_person(queries: &mut impl Queries, person: PersonId) -> Result<Vec<SourceDraftRow>, StorageError> {
    queries.fetch_all(OF_PERSON, params![person.uuid()]).await
}

/// Writes what it became; false if it is gone, or was changed since `row.revision`.
pub async fn update(tx: &mut Transaction, person: PersonId, row: &SourceDraftRow) -> Result<bool, StorageError> {
    let values = params![row.id, person.uuid(), row.revision, row.sealed.clone(), row.updated_at];
    Ok(tx.execute(UPDATE, values).await? > 0)
}

/// Forgets this one.
pub async fn delete(tx: &mut Transaction, id: Uuid, person: PersonId) -> Result<bool, StorageError> {
    Ok(tx.execute(DELETE, params![id, person.uuid()]).await? > 0)
}

/// Forgets what nobody went on with since `before`; how many.
pub async fn forget_before(tx: &mut Transaction, before: DateTime<Utc>) -> Result<u64, StorageError> {
    tx.execute(FORGET, params![before]).await
}
