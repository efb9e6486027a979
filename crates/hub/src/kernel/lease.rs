//! Background work is done by one server at a time, and a server that was overtaken writes nothing of it.

use chrono::TimeDelta;
use storage::{StorageError, Transaction, lease::Lease};

use crate::Hub;

/// The database as the holder of a lease writes to it: `storage::write!(hub.under(&lease), |tx| …)`. Every transaction
/// begins by proving, by the database's own clock, that the lease still holds, and prolongs it.
pub struct Fenced<'a> {
    hub: &'a Hub,
    lease: &'a Lease,
}

impl Fenced<'_> {
    /// Begins a transaction of the holder.
    pub async fn begin(&self) -> Result<Transaction, StorageError> {
        let mut tx = self.hub.database.begin().await?;
        storage::lease::prolong(&mut tx, self.lease, self.hub.clock.now()).await?;
        Ok(tx)
    }
}

impl Hub {
    /// Takes or prolongs the lease of this name for `owner`. Empty while another server holds it.
    pub async fn take_lease(&self, name: &str, owner: &str, length: TimeDelta) -> Result<Option<Lease>, StorageError> {
        let now = self.clock.now();
        storage::write!(self.database, |tx| { storage::lease::take(tx, name, owner, now, length).await })
    }

    /// Writes of background work go through this, so that a server that stalled for longer than its lease, and wakes
    /// up beside its successor, has none of them accepted.
    #[must_use]
    pub const fn under<'a>(&'a self, lease: &'a Lease) -> Fenced<'a> {
        Fenced { hub: self, lease }
    }

    /// Gives it back early, so that a server that stops does not make the others wait.
    pub async fn release_lease(&self, name: &str, owner: &str) -> Result<(), StorageError> {
        storage::write!(self.database, |tx| { storage::lease::release(tx, name, owner).await })
    }
}
