//! Traces of sign-ins, by code and by person.

use chrono::{DateTime, Utc};
use directory::{PersonId, SourceId};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// Traces, read or written through `0`.
pub struct Traces<'a, Q>(pub &'a mut Q);

/// One attempt.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct TraceRow {
    pub id: Uuid,
    pub code: String,
    pub at: DateTime<Utc>,
    pub client_id: Option<String>,
    pub source_id: Option<Uuid>,
    pub person_id: Option<Uuid>,
    /// Keyed digest of what was typed.
    pub identifier: Vec<u8>,
    pub endpoint: Option<String>,
    pub adapter_result: Option<String>,
    pub decision: String,
    pub signed_in: bool,
    pub steps: Value,
    pub say: String,
    pub took_ms: i64,
    pub request_id: String,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, code, at, client_id, source_id, person_id, identifier, endpoint, adapter_result, decision, \
             signed_in, steps, say, took_ms, request_id from sign_in_attempt where ",
            $rest
        )
    };
}

const BY_CODE: &str = select!("code = $1");
const OF_PERSON: &str = select!("person_id = $1 order by at desc, id desc limit $2");
const INSERT: &str = "insert into sign_in_attempt (id, code, at, client_id, source_id, person_id, identifier, endpoint, \
    adapter_result, decision, signed_in, steps, say, took_ms, request_id) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict (code) do nothing";
const LAST_SUCCESS: &str = "select at from sign_in_attempt where person_id = $1 and signed_in \
                            order by at desc limit 1";
const TALLY: &str = "select count(*) from sign_in_attempt where source_id = $1 and decision = $2 and at > $3";
const FORGET: &str = "delete from sign_in_attempt where at < $1";

impl<Q: Queries> Traces<'_, Q> {
    pub async fn by_code(&mut self, code: &str) -> Result<Option<TraceRow>, StorageError> {
        self.0.fetch_optional(BY_CODE, params![code]).await
    }

    /// The latest attempts that led to this person, the newest first.
    pub async fn of_person(&mut self, person: PersonId, limit: u32) -> Result<Vec<TraceRow>, StorageError> {
        self.0.fetch_all(OF_PERSON, params![person.uuid(), i64::from(limit)]).await
    }

    /// When the person last got in.
    pub async fn last_success(&mut self, person: PersonId) -> Result<Option<DateTime<Utc>>, StorageError> {
        let row: Option<(DateTime<Utc>,)> = self.0.fetch_optional(LAST_SUCCESS, params![person.uuid()]).await?;
        Ok(row.map(|(at,)| at))
    }

    /// How often a row of the table was reached at a source: people stranded (D27), passwords to reset (D13b).
    pub async fn tally(&mut self, source: SourceId, row: &str, since: DateTime<Utc>) -> Result<i64, StorageError> {
        let (count,): (i64,) = self.0.fetch_one(TALLY, params![source.uuid(), row, since]).await?;
        Ok(count)
    }
}

impl Traces<'_, Transaction> {
    /// Writes the trace; false if its code is taken.
    pub async fn insert(&mut self, row: &TraceRow) -> Result<bool, StorageError> {
        let row = row.clone();
        let values = params![
            row.id,
            row.code,
            row.at,
            row.client_id,
            row.source_id,
            row.person_id,
            row.identifier,
            row.endpoint,
            row.adapter_result,
            row.decision,
            row.signed_in,
            row.steps,
            row.say,
            row.took_ms,
            row.request_id,
        ];
        Ok(self.0.execute(INSERT, values).await? > 0)
    }

    pub async fn forget(&mut self, before: DateTime<Utc>) -> Result<u64, StorageError> {
        self.0.execute(FORGET, params![before]).await
    }
}
