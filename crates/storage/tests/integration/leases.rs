//! One holder at a time, on both databases.

use chrono::{DateTime, TimeDelta, Utc};
use storage::{
    Database, StorageError,
    lease::{self, Lease},
};

async fn lease(database: &Database, owner: &str, now: DateTime<Utc>, length: TimeDelta) -> Option<Lease> {
    let taken: Result<Option<Lease>, StorageError> =
        storage::write!(database, |tx| { lease::take(tx, "sweep", owner, now, length).await });
    taken.unwrap()
}

async fn take(database: &Database, owner: &str, now: DateTime<Utc>, length: TimeDelta) -> Option<i64> {
    lease(database, owner, now, length).await.map(|lease| lease.epoch)
}

/// One write of a holder, as background work does it.
async fn write(database: &Database, held: &Lease, now: DateTime<Utc>, value: &str) -> Result<(), StorageError> {
    storage::write!(database, |tx| {
        lease::prolong(tx, held, now).await?;
        storage::settings::put(tx, "work", value.into()).await
    })
}

#[tokio::test]
async fn a_lease_has_one_holder_and_a_rising_epoch() {
    for test_database in testkit::databases().await {
        let database = Database::open(&test_database.url()).await.unwrap();
        database.upgrade().await.unwrap();
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let minute = TimeDelta::minutes(1);
        assert_eq!(take(&database, "a", now, minute).await, Some(1));
        assert_eq!(take(&database, "a", now, minute).await, Some(1), "prolonged");
        assert_eq!(take(&database, "b", now, minute).await, None, "somebody has it");
        let released: Result<(), StorageError> =
            storage::write!(database, |tx| { lease::release(tx, "sweep", "a").await });
        released.unwrap();
        assert_eq!(take(&database, "b", now, -minute).await, Some(2), "given back");
        assert_eq!(take(&database, "a", now, minute).await, Some(3), "b's lease ran out");
        database.close().await;
    }
}

#[tokio::test]
async fn a_stalled_holder_writes_nothing_once_its_lease_ran_out() {
    for test_database in testkit::databases().await {
        let database = Database::open(&test_database.url()).await.unwrap();
        database.upgrade().await.unwrap();
        // PostgreSQL goes by its own clock, SQLite by ours: short enough to wait for, on both.
        let began = std::time::Instant::now();
        let start = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let now = || start + TimeDelta::from_std(began.elapsed()).unwrap();
        let short = TimeDelta::milliseconds(1_500);
        let stalled = lease(&database, "a", now(), short).await.unwrap();
        write(&database, &stalled, now(), "a, in time").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(800)).await;
        write(&database, &stalled, now(), "a, prolonged").await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(800)).await;
        assert_eq!(lease(&database, "b", now(), short).await, None, "the write prolonged it");
        tokio::time::sleep(std::time::Duration::from_millis(1_600)).await;
        let late = write(&database, &stalled, now(), "a, late").await;
        assert!(matches!(late, Err(StorageError::LeaseLost { .. })), "run out, though nobody took it: {late:?}");
        let successor = lease(&database, "b", now(), TimeDelta::minutes(1)).await.unwrap();
        assert_eq!((stalled.epoch, successor.epoch), (1, 2));
        write(&database, &successor, now(), "b").await.unwrap();
        for value in ["a, again", "a, and again"] {
            assert!(matches!(write(&database, &stalled, now(), value).await, Err(StorageError::LeaseLost { .. })));
        }
        let kept = storage::settings::get(&mut database.reader(), "work").await.unwrap().unwrap();
        assert_eq!(kept.value, "b", "{test_database:?}");
        database.close().await;
    }
}
