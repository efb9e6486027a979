//! Browser sessions are found by digest until they expire.

use chrono::{DateTime, TimeDelta};
use serde_json::json;
use storage::{
    Database, StorageError,
    browser_sessions::{self, BrowserSessionRow},
};

#[tokio::test]
async fn a_browser_session_lives_until_it_expires_or_is_deleted() {
    for test_database in testkit::databases().await {
        let database = Database::open(&test_database.url()).await.unwrap();
        database.upgrade().await.unwrap();
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let row = BrowserSessionRow { data: json!({"session": "x"}), expires_at: now + TimeDelta::hours(1) };
        let insert = async || -> Result<(), StorageError> {
            storage::write!(database, |tx| { browser_sessions::insert(tx, vec![1; 32], row.clone()).await })
        };
        insert().await.unwrap();
        assert!(matches!(insert().await, Err(StorageError::Conflict { .. })));

        let mut reader = database.reader();
        assert_eq!(browser_sessions::get(&mut reader, vec![1; 32], now).await.unwrap().as_ref(), Some(&row));
        assert_eq!(browser_sessions::get(&mut reader, vec![2; 32], now).await.unwrap(), None);
        let later = now + TimeDelta::hours(1);
        assert_eq!(browser_sessions::get(&mut reader, vec![1; 32], later).await.unwrap(), None, "expired");

        let forgotten: Result<u64, StorageError> =
            storage::write!(database, |tx| { browser_sessions::forget_before(tx, later + TimeDelta::hours(1)).await });
        assert_eq!(forgotten.unwrap(), 1);
        insert().await.unwrap();
        let deleted: Result<(), StorageError> =
            storage::write!(database, |tx| { browser_sessions::delete(tx, vec![1; 32]).await });
        deleted.unwrap();
        assert_eq!(browser_sessions::get(&mut reader, vec![1; 32], now).await.unwrap(), None);
        database.close().await;
    }
}
