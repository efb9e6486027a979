//! Leases: of several servers on one database, one at a time does a piece of background work. The epoch rises with
//! every new holder, so that a holder that stalled can be told from the present one.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;

use crate::{Queries as _, StorageError, Transaction, row::params, to_microseconds};

const NOW: &str = "select clock_timestamp() as now";
const TAKE: &str = "insert into lease (name, owner, epoch, expires_at) values ($1, $2, 1, $3) \
                    on conflict (name) do update set owner = excluded.owner, expires_at = excluded.expires_at, \
                    epoch = case when lease.owner = excluded.owner then lease.epoch else lease.epoch + 1 end \
                    where lease.owner = excluded.owner or lease.expires_at <= $4 returning epoch";
const RELEASE: &str = "update lease set expires_at = $3 where name = $1 and owner = $2";

#[derive(FromRow)]
struct NowRow {
    now: DateTime<Utc>,
}

#[derive(FromRow)]
struct EpochRow {
    epoch: i64,
}

/// Takes or prolongs the lease; its epoch, or nothing while somebody else holds it. On PostgreSQL the database's own
/// clock decides, because the servers' clocks may differ; SQLite has one server and its clock, `now`.
pub async fn take(
    tx: &mut Transaction,
    name: &str,
    owner: &str,
    now: DateTime<Utc>,
    length: TimeDelta,
) -> Result<Option<i64>, StorageError> {
    let now = match tx {
        Transaction::Sqlite(_) => now,
        Transaction::Postgres(_) => to_microseconds(tx.fetch_one::<NowRow>(NOW, params![]).await?.now),
    };
    let row: Option<EpochRow> = tx.fetch_optional(TAKE, params![name, owner, now + length, now]).await?;
    Ok(row.map(|row| row.epoch))
}

/// Gives the lease back, if it is still this owner's. The row stays, so that its epoch goes on rising.
pub async fn release(tx: &mut Transaction, name: &str, owner: &str) -> Result<(), StorageError> {
    tx.execute(RELEASE, params![name, owner, DateTime::UNIX_EPOCH]).await.map(|_| ())
}
