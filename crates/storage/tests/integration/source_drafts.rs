//! Drafts of directories belong to one person, do not overwrite each other, and are forgotten.

use chrono::{DateTime, TimeDelta};
use directory::PersonId;
use storage::{
    Database, StorageError,
    source_drafts::{self, SourceDraftRow},
};
use uuid::Uuid;

#[tokio::test]
async fn a_draft_is_its_owners_and_a_stale_step_does_not_overwrite_it() {
    for test_database in testkit::databases().await {
        let database = Database::open(&test_database.url()).await.unwrap();
        database.upgrade().await.unwrap();
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let (owner, other) = (PersonId::from(Uuid::from_u128(1)), PersonId::from(Uuid::from_u128(2)));
        let row = SourceDraftRow { id: Uuid::from_u128(9), sealed: vec![1, 2], revision: 1, updated_at: now };
        let inserted: Result<(), StorageError> =
            storage::write!(database, |tx| { source_drafts::insert(tx, owner, &row).await });
        inserted.unwrap();
        let mut reader = database.reader();
        assert_eq!(source_drafts::get(&mut reader, row.id, owner).await.unwrap().as_ref(), Some(&row));
        assert_eq!(source_drafts::get(&mut reader, row.id, other).await.unwrap(), None);
        assert_eq!(source_drafts::of_person(&mut reader, owner).await.unwrap(), std::slice::from_ref(&row));

        let changed = SourceDraftRow { sealed: vec![3], ..row.clone() };
        let update = async |person: PersonId| -> Result<bool, StorageError> {
            storage::write!(database, |tx| { source_drafts::update(tx, person, &changed).await })
        };
        assert!(!update(other).await.unwrap());
        assert!(update(owner).await.unwrap());
        assert!(!update(owner).await.unwrap(), "the revision has moved on");
        let stored = source_drafts::get(&mut reader, row.id, owner).await.unwrap().unwrap();
        assert_eq!((stored.revision, stored.sealed), (2, vec![3]));

        let forget = async |before| -> Result<u64, StorageError> {
            storage::write!(database, |tx| { source_drafts::forget_before(tx, before).await })
        };
        assert_eq!(forget(now).await.unwrap(), 0);
        assert_eq!(forget(now + TimeDelta::seconds(1)).await.unwrap(), 1);
        database.close().await;
    }
}
