//! Device cookies: browsers a person signed in with (OWASP, "Slow down online guessing attacks with device cookies").

use chrono::{DateTime, Utc};
use directory::PersonId;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// Known browsers, read or written through `0`.
pub struct Devices<'a, Q>(pub &'a mut Q);

const HOLDER: &str = "select person_id from device where digest = $1 and last_used_at > $2";
const INSERT: &str = "insert into device (digest, person_id, created_at, last_used_at) values ($1, $2, $3, $3)";
const USED: &str = "update device set last_used_at = $2 where digest = $1";
const FORGET: &str = "delete from device where last_used_at < $1";
const FORGET_OF: &str = "delete from device where person_id = $1";

impl<Q: Queries> Devices<'_, Q> {
    /// Whose browser this is, if it was used since `since`.
    pub async fn holder(&mut self, digest: &[u8], since: DateTime<Utc>) -> Result<Option<PersonId>, StorageError> {
        let row: Option<(Uuid,)> = self.0.fetch_optional(HOLDER, params![digest.to_vec(), since]).await?;
        Ok(row.map(|(id,)| id.into()))
    }
}

impl Devices<'_, Transaction> {
    pub async fn insert(&mut self, digest: &[u8], person: PersonId, now: DateTime<Utc>) -> Result<(), StorageError> {
        self.0.execute(INSERT, params![digest.to_vec(), person.uuid(), now]).await.map(|_| ())
    }

    pub async fn used(&mut self, digest: &[u8], now: DateTime<Utc>) -> Result<(), StorageError> {
        self.0.execute(USED, params![digest.to_vec(), now]).await.map(|_| ())
    }

    /// Browsers unused since `before`.
    pub async fn forget(&mut self, before: DateTime<Utc>) -> Result<u64, StorageError> {
        self.0.execute(FORGET, params![before]).await
    }

    /// All browsers of a person: a reset or a stolen password.
    pub async fn forget_of(&mut self, person: PersonId) -> Result<u64, StorageError> {
        self.0.execute(FORGET_OF, params![person.uuid()]).await
    }
}
