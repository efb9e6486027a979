//! Places of the lockout budget. Which of them leave room for one more is decided by `hub::sign_in`.

use chrono::{DateTime, Utc};
use directory::{ImmutableId, SourceId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// Budget places of one account at its source, read or written through `queries`.
pub struct Budget<'a, Q> {
    pub queries: &'a mut Q,
    pub source: SourceId,
    pub immutable_id: &'a ImmutableId,
}

/// One place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct BudgetPlace {
    pub id: Uuid,
    pub taken_at: DateTime<Utc>,
    /// Empty while the bind is under way, or if nobody waited for its end.
    pub kept_at: Option<DateTime<Utc>>,
    pub known_device: bool,
}

const PLACES: &str = "select id, taken_at, kept_at, known_device from budget_place \
                      where source_id = $1 and immutable_id = $2 order by taken_at, id limit 1000";
const INSERT: &str = "insert into budget_place (id, source_id, immutable_id, taken_at, known_device) \
                      values ($1, $2, $3, $4, $5)";
const KEEP: &str = "update budget_place set kept_at = $2 where id = $1";
const RETURN: &str = "delete from budget_place where id = $1";
const RETURN_FINISHED: &str =
    "delete from budget_place where source_id = $1 and immutable_id = $2 and kept_at is not null and kept_at < $3";
const RETURN_ALL: &str = "delete from budget_place where source_id = $1 and immutable_id = $2";

impl<Q: Queries> Budget<'_, Q> {
    /// All places, the oldest first.
    pub async fn places(&mut self) -> Result<Vec<BudgetPlace>, StorageError> {
        self.queries.fetch_all(PLACES, params![self.source.uuid(), self.immutable_id.as_str()]).await
    }
}

impl Budget<'_, Transaction> {
    pub async fn take(&mut self, place: &BudgetPlace) -> Result<(), StorageError> {
        let values =
            params![place.id, self.source.uuid(), self.immutable_id.as_str(), place.taken_at, place.known_device,];
        self.queries.execute(INSERT, values).await.map(|_| ())
    }

    /// The bind ended without proving the password.
    pub async fn keep(&mut self, id: Uuid, at: DateTime<Utc>) -> Result<(), StorageError> {
        self.queries.execute(KEEP, params![id, at]).await.map(|_| ())
    }

    /// The password never left.
    pub async fn give_back(&mut self, id: Uuid) -> Result<(), StorageError> {
        self.queries.execute(RETURN, params![id]).await.map(|_| ())
    }

    /// Places whose bind had ended before `before`.
    pub async fn give_back_finished(&mut self, before: DateTime<Utc>) -> Result<u64, StorageError> {
        let values = params![self.source.uuid(), self.immutable_id.as_str(), before];
        self.queries.execute(RETURN_FINISHED, values).await
    }

    /// All places: their window is over, or somebody unlocked the account.
    pub async fn give_back_all(&mut self) -> Result<u64, StorageError> {
        self.queries.execute(RETURN_ALL, params![self.source.uuid(), self.immutable_id.as_str()]).await
    }
}
