//! One holder at a time, on both databases.

use chrono::{DateTime, TimeDelta, Utc};
use storage::{Database, StorageError, lease};

async fn take(database: &Database, owner: &str, now: DateTime<Utc>, length: TimeDelta) -> Option<i64> {
    let taken: Result<Option<i64>, StorageError> =
        storage::write!(database, |tx| { lease::take(tx, "sweep", owner, now, length).await });
    taken.unwrap()
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
