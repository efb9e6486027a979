//! Sessions of people with the hub. One statement ends everything a person has open.

use chrono::{DateTime, Utc};
use directory::{PersonId, SessionId, SourceId};
use serde_json::Value;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// One session, as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SessionRow {
    pub id: Uuid,
    pub person_id: Uuid,
    /// Empty: proven by a credential the hub owns.
    pub proven_at_source_id: Option<Uuid>,
    pub amr: Value,
    pub auth_time: DateTime<Utc>,
    pub offline: bool,
    /// Empty: every client.
    pub reach_source_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// What the browser calls itself, in a few words.
    pub browser: Option<String>,
    /// Kept only where the policy says so.
    pub address: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ReachedRow {
    session_id: Uuid,
    name: String,
}

/// Reads and writes sessions.
pub struct Sessions<'a, Q> {
    queries: &'a mut Q,
}

impl<'a, Q: Queries> Sessions<'a, Q> {
    pub fn new(queries: &'a mut Q) -> Self {
        Self { queries }
    }

    /// The row, alive or not.
    pub async fn by_id(&mut self, id: SessionId) -> Result<Option<SessionRow>, StorageError> {
        const SQL: &str = "select id, person_id, proven_at_source_id, amr, auth_time, offline, reach_source_id, \
                           created_at, last_used_at, expires_at, ended_at, browser, address \
                           from session where id = $1";
        self.queries.fetch_optional(SQL, params![id.uuid()]).await
    }

    /// The person's sessions that are alive now and were used since, the last used one first.
    pub async fn living_of(
        &mut self,
        person: PersonId,
        now: DateTime<Utc>,
        used_since: DateTime<Utc>,
    ) -> Result<Vec<SessionRow>, StorageError> {
        const SQL: &str = "select id, person_id, proven_at_source_id, amr, auth_time, offline, reach_source_id, \
                           created_at, last_used_at, expires_at, ended_at, browser, address from session \
                           where person_id = $1 and ended_at is null and expires_at > $2 and last_used_at > $3 \
                           order by last_used_at desc, id limit 200";
        self.queries.fetch_all(SQL, params![person.uuid(), now, used_since]).await
    }

    /// The applications that the person's sessions were used for: (session, name).
    pub async fn applications_of(&mut self, person: PersonId) -> Result<Vec<(Uuid, String)>, StorageError> {
        const SQL: &str = "select distinct client_grant.session_id, client.name from client_grant \
                           join client on client.id = client_grant.client_id where client_grant.person_id = $1 \
                           order by client.name limit 2000";
        let rows: Vec<ReachedRow> = self.queries.fetch_all(SQL, params![person.uuid()]).await?;
        Ok(rows.into_iter().map(|row| (row.session_id, row.name)).collect())
    }
}

impl<Q: Queries> Sessions<'_, Q> {
    /// How many have not ended by `now`.
    pub async fn count_alive(&mut self, now: DateTime<Utc>) -> Result<i64, StorageError> {
        const SQL: &str = "select count(*) from session where expires_at > $1 and ended_at is null";
        let (count,): (i64,) = self.queries.fetch_one(SQL, params![now]).await?;
        Ok(count)
    }
}

impl Sessions<'_, Transaction> {
    /// Writes a new session.
    pub async fn insert(&mut self, row: &SessionRow) -> Result<(), StorageError> {
        const SQL: &str = "insert into session (id, person_id, proven_at_source_id, amr, auth_time, offline, \
                           reach_source_id, created_at, last_used_at, expires_at, browser, address) \
                           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let values = params![
            row.id,
            row.person_id,
            row.proven_at_source_id,
            row.amr.clone(),
            row.auth_time,
            row.offline,
            row.reach_source_id,
            row.created_at,
            row.last_used_at,
            row.expires_at,
            row.browser.clone(),
            row.address.clone(),
        ];
        self.queries.execute(SQL, values).await.map(|_| ())
    }

    /// Notes that the session was used.
    pub async fn touch(&mut self, id: SessionId, now: DateTime<Utc>) -> Result<(), StorageError> {
        const SQL: &str = "update session set last_used_at = $2 where id = $1 and ended_at is null";
        self.queries.execute(SQL, params![id.uuid(), now]).await.map(|_| ())
    }

    /// Ends one session; false if it had ended before.
    pub async fn end(&mut self, id: SessionId, now: DateTime<Utc>, reason: &'static str) -> Result<bool, StorageError> {
        const SQL: &str = "update session set ended_at = $2, end_reason = $3 where id = $1 and ended_at is null";
        Ok(self.queries.execute(SQL, params![id.uuid(), now, reason]).await? == 1)
    }

    /// Ends every session of the person; how many there were.
    pub async fn end_all(
        &mut self,
        person: PersonId,
        now: DateTime<Utc>,
        reason: &'static str,
    ) -> Result<u64, StorageError> {
        const SQL: &str = "update session set ended_at = $2, end_reason = $3 \
                           where person_id = $1 and ended_at is null";
        self.queries.execute(SQL, params![person.uuid(), now, reason]).await
    }

    /// Ends every session that the person proved at the source; how many there were.
    pub async fn end_proven_at(
        &mut self,
        person: PersonId,
        source: SourceId,
        now: DateTime<Utc>,
        reason: &'static str,
    ) -> Result<u64, StorageError> {
        const SQL: &str = "update session set ended_at = $3, end_reason = $4 \
                           where person_id = $1 and proven_at_source_id = $2 and ended_at is null";
        self.queries.execute(SQL, params![person.uuid(), source.uuid(), now, reason]).await
    }

    /// Forgets sessions that were over before `before`; how many there were.
    pub async fn forget_before(&mut self, before: DateTime<Utc>) -> Result<u64, StorageError> {
        const SQL: &str = "delete from session where expires_at < $1";
        self.queries.execute(SQL, params![before]).await
    }
}
