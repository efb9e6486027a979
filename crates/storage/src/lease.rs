//! Leases: of several servers on one database, one at a time does a piece of background work. The epoch rises with
//! every new holder, and every write of the work is fenced by it: a holder that stalled, and wakes up when somebody
//! else has taken over, writes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::FromRow;

use crate::{Queries as _, StorageError, Transaction, row::params, to_microseconds};

const NOW: &str = "select clock_timestamp() as now";
const TAKE: &str = "insert into lease (name, owner, epoch, expires_at) values ($1, $2, 1, $3) \
                    on conflict (name) do update set owner = excluded.owner, expires_at = excluded.expires_at, \
                    epoch = case when lease.owner = excluded.owner then lease.epoch else lease.epoch + 1 end \
                    where lease.owner = excluded.owner or lease.expires_at <= $4 returning epoch";
const PROLONG: &str = "update lease set expires_at = $5 \
                       where name = $1 and owner = $2 and epoch = $3 and expires_at > $4";
const RELEASE: &str = "update lease set expires_at = $3 where name = $1 and owner = $2";

/// A lease as it was taken. Having one proves nothing: [`prolong`] asks whether it still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    pub owner: String,
    pub epoch: i64,
    pub length: TimeDelta,
}

#[derive(FromRow)]
struct NowRow {
    now: DateTime<Utc>,
}

#[derive(FromRow)]
struct EpochRow {
    epoch: i64,
}

/// On PostgreSQL the database's own clock decides, because the servers' clocks may differ; SQLite has one server and
/// its clock, `now`.
async fn time_of(tx: &mut Transaction, now: DateTime<Utc>) -> Result<DateTime<Utc>, StorageError> {
    match tx {
        Transaction::Sqlite(_) => Ok(now),
        Transaction::Postgres(_) => Ok(to_microseconds(tx.fetch_one::<NowRow>(NOW, params![]).await?.now)),
    }
}

/// Takes or prolongs the lease; nothing while somebody else holds it.
pub async fn take(
    tx: &mut Transaction,
    name: &str,
    owner: &str,
    now: DateTime<Utc>,
    length: TimeDelta,
) -> Result<Option<Lease>, StorageError> {
    let now = time_of(tx, now).await?;
    let row: Option<EpochRow> = tx.fetch_optional(TAKE, params![name, owner, now + length, now]).await?;
    Ok(row.map(|row| Lease { name: name.to_owned(), owner: owner.to_owned(), epoch: row.epoch, length }))
}

/// Makes the rest of the transaction the holder's own, and prolongs the lease: an error if it ran out or somebody else
/// has it. The row stays locked until the transaction ends, so nobody takes over in the middle of it.
pub async fn prolong(tx: &mut Transaction, lease: &Lease, now: DateTime<Utc>) -> Result<(), StorageError> {
    let now = time_of(tx, now).await?;
    let values = params![lease.name.as_str(), lease.owner.as_str(), lease.epoch, now, now + lease.length];
    match tx.execute(PROLONG, values).await? {
        1 => Ok(()),
        _ => Err(StorageError::LeaseLost { name: lease.name.clone() }),
    }
}

/// Gives the lease back, if it is still this owner's. The row stays, so that its epoch goes on rising.
pub async fn release(tx: &mut Transaction, name: &str, owner: &str) -> Result<(), StorageError> {
    tx.execute(RELEASE, params![name, owner, DateTime::UNIX_EPOCH]).await.map(|_| ())
}
