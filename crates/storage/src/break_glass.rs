//! The break-glass administrator: who it is, the code printed on the host, and sign-ins that wait for it.

use chrono::{DateTime, Utc};
use directory::PersonId;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// One break-glass administrator, as stored. The code is a keyed digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlass {
    pub person: PersonId,
    pub code_digest: Option<Vec<u8>>,
    pub code_expires_at: Option<DateTime<Utc>>,
    /// Wrong codes since the newest was printed.
    pub wrong_codes: i64,
    pub last_used_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct Row {
    person_id: Uuid,
    code_digest: Option<Vec<u8>>,
    code_expires_at: Option<DateTime<Utc>>,
    wrong_codes: i64,
    last_used_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct StepRow {
    person_id: Uuid,
    expires_at: DateTime<Utc>,
}

impl From<Row> for BreakGlass {
    fn from(row: Row) -> Self {
        Self {
            person: row.person_id.into(),
            code_digest: row.code_digest,
            code_expires_at: row.code_expires_at,
            wrong_codes: row.wrong_codes,
            last_used_at: row.last_used_at,
        }
    }
}

const ALL: &str = "select person_id, code_digest, code_expires_at, wrong_codes, last_used_at from break_glass \
                   order by marked_at, person_id";
const OF_PERSON: &str = "select person_id, code_digest, code_expires_at, wrong_codes, last_used_at from break_glass \
                         where person_id = $1";
const MARK: &str = "insert into break_glass (person_id, marked_by, marked_at, wrong_codes) values ($1, $2, $3, 0) \
                    on conflict (person_id) do nothing";
const SET_CODE: &str = "update break_glass set code_digest = $2, code_expires_at = $3, wrong_codes = 0 \
                        where person_id = $1";
const WRONG: &str = "update break_glass set wrong_codes = wrong_codes + 1 where person_id = $1";
const USED: &str = "update break_glass set code_digest = null, code_expires_at = null, last_used_at = $2 \
                    where person_id = $1";
const FORGET_STEPS: &str = "delete from break_glass_step where expires_at <= $1";
const INSERT_STEP: &str = "insert into break_glass_step (digest, person_id, expires_at) values ($1, $2, $3)";
const STEP: &str = "select person_id, expires_at from break_glass_step where digest = $1";
const END_STEPS: &str = "delete from break_glass_step where person_id = $1";

/// Every break-glass administrator.
pub async fn all(queries: &mut impl Queries) -> Result<Vec<BreakGlass>, StorageError> {
    let rows: Vec<Row> = queries.fetch_all(ALL, params![]).await?;
    Ok(rows.into_iter().map(BreakGlass::from).collect())
}

/// The row of this person, if they are one.
pub async fn of_person(queries: &mut impl Queries, person: PersonId) -> Result<Option<BreakGlass>, StorageError> {
    let row: Option<Row> = queries.fetch_optional(OF_PERSON, params![person.uuid()]).await?;
    Ok(row.map(BreakGlass::from))
}

/// Makes somebody a break-glass administrator.
pub async fn mark(tx: &mut Transaction, person: PersonId, by: String, at: DateTime<Utc>) -> Result<(), StorageError> {
    tx.execute(MARK, params![person.uuid(), by, at]).await.map(|_| ())
}

/// Keeps a new code; the older one stops working, and wrong ones are counted anew.
pub async fn set_code(
    tx: &mut Transaction,
    person: PersonId,
    digest: Vec<u8>,
    expires_at: DateTime<Utc>,
) -> Result<(), StorageError> {
    tx.execute(SET_CODE, params![person.uuid(), digest, expires_at]).await.map(|_| ())
}

/// Counts a wrong code.
pub async fn wrong_code(tx: &mut Transaction, person: PersonId) -> Result<(), StorageError> {
    tx.execute(WRONG, params![person.uuid()]).await.map(|_| ())
}

/// Spends the code and ends every sign-in that waited for it.
pub async fn used(tx: &mut Transaction, person: PersonId, at: DateTime<Utc>) -> Result<(), StorageError> {
    tx.execute(USED, params![person.uuid(), at]).await?;
    tx.execute(END_STEPS, params![person.uuid()]).await.map(|_| ())
}

/// Keeps a sign-in that waits for the code; those that are over are forgotten.
pub async fn insert_step(
    tx: &mut Transaction,
    digest: Vec<u8>,
    person: PersonId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StorageError> {
    tx.execute(FORGET_STEPS, params![now]).await?;
    tx.execute(INSERT_STEP, params![digest, person.uuid(), expires_at]).await.map(|_| ())
}

/// Whose sign-in waits under this digest, and until when.
pub async fn step(
    queries: &mut impl Queries,
    digest: &[u8],
) -> Result<Option<(PersonId, DateTime<Utc>)>, StorageError> {
    let row: Option<StepRow> = queries.fetch_optional(STEP, params![digest.to_vec()]).await?;
    Ok(row.map(|row| (row.person_id.into(), row.expires_at)))
}
