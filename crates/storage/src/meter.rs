//! Figures of the database: how long it takes, how often it asks to be tried again.

use std::time::Instant;

use directory::metric;

use crate::{Database, MaybeRetry, StorageError};

/// One run of [`crate::write!`], counted when it is over, also if its caller went away.
pub struct WriteMeter {
    began: Instant,
    result: &'static str,
}

impl Default for WriteMeter {
    fn default() -> Self {
        Self { began: Instant::now(), result: "cancelled" }
    }
}

impl WriteMeter {
    /// The transaction is durable.
    pub fn committed(&mut self) {
        self.result = "committed";
    }
    /// The database failed, or a rule of the block said no.
    pub fn ended_by(&mut self, error: &impl MaybeRetry) {
        self.result = if error.is_database_failure() { "failed" } else { "refused" };
    }
    /// It is begun again.
    pub fn retried(&mut self) {
        metrics::counter!(metric::DATABASE_WRITE_RETRIES).increment(1);
    }
}

impl Drop for WriteMeter {
    fn drop(&mut self) {
        metrics::counter!(metric::DATABASE_WRITES, "result" => self.result).increment(1);
        metrics::histogram!(metric::DATABASE_WRITE_SECONDS).record(self.began.elapsed());
    }
}

/// Counts a query outside a transaction.
pub(crate) async fn read<T>(query: impl Future<Output = Result<T, StorageError>>) -> Result<T, StorageError> {
    let began = Instant::now();
    let result = query.await;
    metrics::counter!(metric::DATABASE_READS, "result" => if result.is_ok() { "ok" } else { "failed" }).increment(1);
    metrics::histogram!(metric::DATABASE_READ_SECONDS).record(began.elapsed());
    result
}

impl Database {
    /// Publishes how much of its pool is in use.
    pub fn observe(&self) {
        let (size, idle, limit) = match self {
            Self::Sqlite { readers, .. } => {
                (readers.size(), readers.num_idle(), readers.options().get_max_connections())
            }
            Self::Postgres { pool, .. } => (pool.size(), pool.num_idle(), pool.options().get_max_connections()),
        };
        let idle = u32::try_from(idle).unwrap_or(u32::MAX);
        for (state, number) in [("in-use", size.saturating_sub(idle)), ("idle", idle), ("limit", limit)] {
            metrics::gauge!(metric::DATABASE_CONNECTIONS, "state" => state).set(f64::from(number));
        }
    }
}
