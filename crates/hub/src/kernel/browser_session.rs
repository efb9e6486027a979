//! What a browser's cookie leads to. Only the digest of the cookie's value is stored.

use chrono::{DateTime, Utc};
use serde_json::Value;
use storage::{
    StorageError,
    browser_sessions::{self, BrowserSessionRow},
    lease::Lease,
};

use super::vault::token_digest;
use crate::Hub;

impl Hub {
    /// Writes a new browser session. False if its id is taken.
    pub async fn create_browser_session(
        &self,
        id: &str,
        data: Value,
        expires_at: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let row = BrowserSessionRow { data, expires_at: storage::to_microseconds(expires_at) };
        let written: Result<(), StorageError> =
            storage::write!(self.database, |tx| { browser_sessions::insert(tx, token_digest(id), row.clone()).await });
        match written {
            Ok(()) => Ok(true),
            Err(StorageError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes a browser session, new or not.
    pub async fn save_browser_session(
        &self,
        id: &str,
        data: Value,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let row = BrowserSessionRow { data, expires_at: storage::to_microseconds(expires_at) };
        storage::write!(self.database, |tx| { browser_sessions::put(tx, token_digest(id), row.clone()).await })
    }

    /// What is kept for this id, and until when.
    pub async fn browser_session(&self, id: &str) -> Result<Option<(Value, DateTime<Utc>)>, StorageError> {
        let now = self.clock.now();
        let row = browser_sessions::get(&mut self.database.reader(), token_digest(id), now).await?;
        Ok(row.map(|row| (row.data, row.expires_at)))
    }

    /// Forgets it.
    pub async fn delete_browser_session(&self, id: &str) -> Result<(), StorageError> {
        storage::write!(self.database, |tx| { browser_sessions::delete(tx, token_digest(id)).await })
    }

    /// Forgets browser sessions and set-up links that expired more than a day ago, and answers that nobody came back
    /// for; how many.
    pub async fn forget_browser_sessions(&self, lease: &Lease) -> Result<u64, StorageError> {
        let now = self.clock.now();
        storage::write!(self.under(lease), |tx| {
            let answers = storage::kept_answers::forget_before(tx, now).await?;
            Ok(answers + browser_sessions::forget_before(tx, now - chrono::TimeDelta::days(1)).await?)
        })
    }
}
