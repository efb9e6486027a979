//! What the hub can verify a person's password with: at most one row each.

use chrono::{DateTime, Utc};
use directory::{PersonId, SourceId, VerifierOrigin};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    row::{params, word},
};

/// Verifiers, read or written through `0`.
pub struct Verifiers<'a, Q>(pub &'a mut Q);

/// A stored verifier. Its `Debug` does not show the PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub person_id: PersonId,
    /// argon2id in PHC format.
    pub phc: String,
    pub origin: VerifierOrigin,
    /// Captured or imported from there; empty if set at the hub.
    pub source_id: Option<SourceId>,
    /// The source's password-set time when it was captured (row D1b compares it).
    pub password_set_at: Option<DateTime<Utc>>,
    pub made_at: DateTime<Utc>,
    /// When the password was last proven at its authority (row D15 asks for it).
    pub last_ok_at: DateTime<Utc>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("person_id", &self.person_id)
            .field("origin", &self.origin)
            .field("source_id", &self.source_id)
            .field("password_set_at", &self.password_set_at)
            .field("made_at", &self.made_at)
            .field("last_ok_at", &self.last_ok_at)
            .finish_non_exhaustive()
    }
}

#[derive(FromRow)]
struct VerifierRow {
    person_id: Uuid,
    phc: String,
    origin: String,
    source_id: Option<Uuid>,
    password_set_at: Option<DateTime<Utc>>,
    made_at: DateTime<Utc>,
    last_ok_at: DateTime<Utc>,
}

impl TryFrom<VerifierRow> for Verifier {
    type Error = StorageError;
    fn try_from(row: VerifierRow) -> Result<Self, StorageError> {
        Ok(Self {
            person_id: row.person_id.into(),
            phc: row.phc,
            origin: word("verifier", "origin", &row.origin)?,
            source_id: row.source_id.map(SourceId::from),
            password_set_at: row.password_set_at,
            made_at: row.made_at,
            last_ok_at: row.last_ok_at,
        })
    }
}

const OF_PERSON: &str = "select person_id, phc, origin, source_id, password_set_at, made_at, last_ok_at from verifier \
                         where person_id = $1";
const PUT: &str = "insert into verifier (person_id, phc, origin, source_id, password_set_at, made_at, last_ok_at) \
    values ($1, $2, $3, $4, $5, $6, $7) on conflict (person_id) do update set phc = excluded.phc, \
    origin = excluded.origin, source_id = excluded.source_id, password_set_at = excluded.password_set_at, \
    made_at = excluded.made_at, last_ok_at = excluded.last_ok_at";
const REPLACE_PHC: &str = "update verifier set phc = $2 where person_id = $1 and phc = $3";
const PROVEN: &str = "update verifier set last_ok_at = $2 where person_id = $1";
const DELETE: &str = "delete from verifier where person_id = $1";

impl<Q: Queries> Verifiers<'_, Q> {
    /// The verifier of this person.
    pub async fn of_person(&mut self, id: PersonId) -> Result<Option<Verifier>, StorageError> {
        let row: Option<VerifierRow> = self.0.fetch_optional(OF_PERSON, params![id.uuid()]).await?;
        row.map(Verifier::try_from).transpose()
    }
}

impl Verifiers<'_, Transaction> {
    /// Stores it in place of any older one.
    pub async fn put(&mut self, verifier: &Verifier) -> Result<(), StorageError> {
        let values = params![
            verifier.person_id.uuid(),
            verifier.phc.clone(),
            verifier.origin.as_str(),
            verifier.source_id.map(SourceId::uuid),
            verifier.password_set_at,
            verifier.made_at,
            verifier.last_ok_at,
        ];
        self.0.execute(PUT, values).await.map(|_| ())
    }

    /// The same password under newer costs; nothing if the verifier changed meanwhile.
    pub async fn replace_phc(&mut self, id: PersonId, new: &str, old: &str) -> Result<bool, StorageError> {
        Ok(self.0.execute(REPLACE_PHC, params![id.uuid(), new, old]).await? > 0)
    }

    /// The password was proven at its authority just now.
    pub async fn set_last_ok(&mut self, id: PersonId, at: DateTime<Utc>) -> Result<(), StorageError> {
        self.0.execute(PROVEN, params![id.uuid(), at]).await.map(|_| ())
    }

    /// Deletes it; whether there was one.
    pub async fn delete(&mut self, id: PersonId) -> Result<bool, StorageError> {
        Ok(self.0.execute(DELETE, params![id.uuid()]).await? > 0)
    }
}
