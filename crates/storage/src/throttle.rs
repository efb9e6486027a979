//! Refusals of the last minutes, and consecutive failures of people.

use chrono::{DateTime, Utc};
use directory::PersonId;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// Counters of refusals, read or written through `0`.
pub struct Throttle<'a, Q>(pub &'a mut Q);

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRow {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// Keyed digest of what was typed.
    pub identifier: Vec<u8>,
    /// Keyed digest of the network it came from.
    pub network: Vec<u8>,
    pub counted: bool,
    pub generic: bool,
}

/// Refusals since a moment, each counted up to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct RefusalCounts {
    /// Of this identifier from this network.
    pub identifier: i64,
    /// From this network.
    pub network: i64,
    /// Of the whole installation.
    pub installation: i64,
}

/// Consecutive failures of a person from one device, or from all browsers without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct FailureCount {
    pub failures: i64,
    /// Not verified before this.
    pub paused_until: Option<DateTime<Utc>>,
}

const INSERT: &str =
    "insert into refusal (id, at, identifier, network, counted, generic) values ($1, $2, $3, $4, $5, $6)";
const COUNTS: &str = "select \
    (select count(*) from (select 1 from refusal where identifier = $1 and network = $2 and counted and at > $3 limit 10000) a) as identifier, \
    (select count(*) from (select 1 from refusal where network = $2 and counted and at > $3 limit 10000) b) as network, \
    (select count(*) from (select 1 from refusal where counted and at > $3 limit 10000) c) as installation";
const GENERIC: &str =
    "select count(*) from (select 1 from refusal where identifier = $1 and generic and at > $2 limit 1000) a";
const FORGET: &str = "delete from refusal where at < $1";

const FAILURES: &str = "select failures, paused_until from failure_count where person_id = $1 and device = $2";
const FAILED: &str = "insert into failure_count (person_id, device, failures) values ($1, $2, 1) \
    on conflict (person_id, device) do update set failures = failure_count.failures + 1 returning failures, paused_until";
const PAUSE: &str = "update failure_count set paused_until = $3 where person_id = $1 and device = $2";
const CLEAR: &str = "delete from failure_count where person_id = $1 and device = $2";
const CLEAR_ALL: &str = "delete from failure_count where person_id = $1";

impl<Q: Queries> Throttle<'_, Q> {
    /// Counted refusals since `since`.
    pub async fn counts(
        &mut self,
        identifier: &[u8],
        network: &[u8],
        since: DateTime<Utc>,
    ) -> Result<RefusalCounts, StorageError> {
        self.0.fetch_one(COUNTS, params![identifier.to_vec(), network.to_vec(), since]).await
    }

    /// Generic refusals of this identifier since `since`, from anywhere.
    pub async fn generic_refusals(&mut self, identifier: &[u8], since: DateTime<Utc>) -> Result<i64, StorageError> {
        let (count,): (i64,) = self.0.fetch_one(GENERIC, params![identifier.to_vec(), since]).await?;
        Ok(count)
    }

    /// Consecutive failures of the person from this device; an empty device stands for all browsers without one.
    pub async fn failures(&mut self, person: PersonId, device: &[u8]) -> Result<Option<FailureCount>, StorageError> {
        self.0.fetch_optional(FAILURES, params![person.uuid(), device.to_vec()]).await
    }
}

impl Throttle<'_, Transaction> {
    pub async fn refused(&mut self, row: RefusalRow) -> Result<(), StorageError> {
        let values = params![row.id, row.at, row.identifier, row.network, row.counted, row.generic];
        self.0.execute(INSERT, values).await.map(|_| ())
    }

    /// Counts one more consecutive failure.
    pub async fn failed(&mut self, person: PersonId, device: &[u8]) -> Result<FailureCount, StorageError> {
        self.0.fetch_one(FAILED, params![person.uuid(), device.to_vec()]).await
    }

    /// Not verified before `until`.
    pub async fn pause(&mut self, person: PersonId, device: &[u8], until: DateTime<Utc>) -> Result<(), StorageError> {
        self.0.execute(PAUSE, params![person.uuid(), device.to_vec(), until]).await.map(|_| ())
    }

    /// A success from this device ends its row of failures.
    pub async fn clear(&mut self, person: PersonId, device: &[u8]) -> Result<(), StorageError> {
        self.0.execute(CLEAR, params![person.uuid(), device.to_vec()]).await.map(|_| ())
    }

    /// Help desk, or a new password: all of them end.
    pub async fn clear_all(&mut self, person: PersonId) -> Result<(), StorageError> {
        self.0.execute(CLEAR_ALL, params![person.uuid()]).await.map(|_| ())
    }

    /// Refusals that no window reaches any more.
    pub async fn forget(&mut self, before: DateTime<Utc>) -> Result<u64, StorageError> {
        self.0.execute(FORGET, params![before]).await
    }
}
