//! Background work is done by one server at a time.

use chrono::TimeDelta;
use storage::StorageError;

use crate::Hub;

impl Hub {
    /// Takes or prolongs the lease of this name for `owner`. False while another server holds it.
    pub async fn take_lease(&self, name: &str, owner: &str, length: TimeDelta) -> Result<bool, StorageError> {
        let now = self.clock.now();
        let epoch: Result<Option<i64>, StorageError> =
            storage::write!(self.database, |tx| { storage::lease::take(tx, name, owner, now, length).await });
        Ok(epoch?.is_some())
    }

    /// Gives it back early, so that a server that stops does not make the others wait.
    pub async fn release_lease(&self, name: &str, owner: &str) -> Result<(), StorageError> {
        storage::write!(self.database, |tx| { storage::lease::release(tx, name, owner).await })
    }
}
