//! Transactions: durable together, undone one by one, gone when dropped. And the schema's versions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use directory::{Person, PersonId};
use storage::{
    Database, Queries as _, StorageError,
    people::{People, fresh},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{Opened, now, opened};

fn somebody(n: u128) -> Person {
    fresh(PersonId::from(Uuid::from_u128(n)), format!("subject {n}"), format!("Person {n}"), now())
}

async fn add(database: &Database, n: u128) -> Result<(), StorageError> {
    storage::write!(database, |tx| { People(tx).insert(&somebody(n)).await })
}

async fn count(database: &Database) -> i64 {
    let counts = People(&mut database.reader()).count_by_state(None).await.unwrap();
    counts.into_iter().map(|(_, n)| n).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_who_was_told_committed_is_durable() {
    for Opened { url, database, kept: _kept } in opened().await {
        let database = Arc::new(database);
        let mut tasks = JoinSet::new();
        for n in 0..200 {
            let database = Arc::clone(&database);
            tasks.spawn(async move {
                add(&database, n).await.unwrap();
                // Told, so visible to everybody from now on.
                let id = PersonId::from(Uuid::from_u128(n));
                assert!(People(&mut database.reader()).by_id(id).await.unwrap().is_some(), "{n}");
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let again = Database::open(&url).await.unwrap();
        assert_eq!(count(&again).await, 200, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failed_turn_takes_nobody_with_it() {
    for Opened { url, database, kept: _kept } in opened().await {
        let database = Arc::new(database);
        let mut tasks = JoinSet::new();
        for n in 0..120u128 {
            let database = Arc::clone(&database);
            tasks.spawn(async move {
                if n.is_multiple_of(3) {
                    let failed: Result<(), StorageError> = storage::write!(database, |tx| {
                        People(tx).insert(&somebody(n)).await?;
                        Err(StorageError::Stale { what: "this test" })
                    });
                    assert!(matches!(failed, Err(StorageError::Stale { .. })));
                } else {
                    add(&database, n).await.unwrap();
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert_eq!(count(&database).await, 80, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_refused_row_takes_only_its_own_turn() {
    for Opened { url, database, kept: _kept } in opened().await {
        add(&database, 1).await.unwrap();
        let (twice, other) = tokio::join!(add(&database, 1), add(&database, 2));
        assert!(matches!(twice, Err(StorageError::Conflict { .. })), "{twice:?}");
        other.unwrap();
        assert_eq!(count(&database).await, 2, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dropped_future_leaves_nothing_and_blocks_nobody() {
    for Opened { url, database, kept: _kept } in opened().await {
        let database = Arc::new(database);
        for n in 0..60u128 {
            let inner = Arc::clone(&database);
            let task = tokio::spawn(async move {
                let mut tx = inner.begin().await.unwrap();
                People(&mut tx).insert(&somebody(1_000 + n)).await.unwrap();
                // Never commits.
                std::future::pending::<()>().await;
            });
            // Cut at a different place every time: in the line, in BEGIN, in the insert, after it.
            tokio::time::sleep(Duration::from_micros(u64::try_from(n).unwrap() * 50)).await;
            task.abort();
            let _cancelled = task.await;
            tokio::time::timeout(Duration::from_secs(5), add(&database, n)).await.expect("nobody is stuck").unwrap();
        }
        assert_eq!(count(&database).await, 60, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_caller_cancelled_in_commit_gets_all_of_it_or_nothing() {
    for Opened { url, database, kept: _kept } in opened().await {
        let database = Arc::new(database);
        for n in 0..60u128 {
            let inner = Arc::clone(&database);
            let task = tokio::spawn(async move {
                let mut tx = inner.begin().await.unwrap();
                People(&mut tx).insert(&somebody(2 * n)).await.unwrap();
                People(&mut tx).insert(&somebody(2 * n + 1)).await.unwrap();
                tx.commit().await.unwrap();
            });
            tokio::time::sleep(Duration::from_micros(u64::try_from(n).unwrap() * 40)).await;
            task.abort();
            let _cancelled = task.await;
        }
        add(&database, 9_999).await.unwrap();
        // A commit that was under way when its caller went may still be finishing.
        for n in 0..60u128 {
            let mut reader = database.reader();
            let first = People(&mut reader).by_id(Uuid::from_u128(2 * n).into()).await.unwrap();
            let second = People(&mut reader).by_id(Uuid::from_u128(2 * n + 1).into()).await.unwrap();
            assert_eq!(first.is_some(), second.is_some(), "{url}: half of transaction {n}");
        }
    }
}

#[test]
fn a_transaction_dropped_outside_the_runtime_leaves_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for Opened { url, database, kept: _kept } in runtime.block_on(opened()) {
        let tx = runtime.block_on(async {
            let mut tx = database.begin().await.unwrap();
            People(&mut tx).insert(&somebody(1)).await.unwrap();
            tx
        });
        if url.starts_with("postgres") {
            // sqlx itself needs a runtime to give the connection back.
            let _entered = runtime.enter();
            drop(tx);
        } else {
            drop(tx);
        }
        runtime.block_on(async {
            add(&database, 2).await.unwrap();
            assert_eq!(count(&database).await, 1, "{url}");
        });
    }
}

#[tokio::test]
async fn readers_see_nothing_that_is_not_durable() {
    for Opened { url, database, kept: _kept } in opened().await {
        let mut tx = database.begin().await.unwrap();
        People(&mut tx).insert(&somebody(1)).await.unwrap();
        assert_eq!(count(&database).await, 0, "{url}");
        tx.commit().await.unwrap();
        assert_eq!(count(&database).await, 1, "{url}");
    }
}

#[tokio::test]
async fn upgrading_twice_changes_nothing() {
    for Opened { database, kept: _kept, .. } in opened().await {
        assert_eq!(database.upgrade().await.unwrap(), Vec::<i64>::new());
        database.require_current().await.unwrap();
    }
}

#[tokio::test]
async fn an_empty_database_asks_for_an_upgrade() {
    for test_database in testkit::databases().await {
        let database = Database::open(&test_database.url()).await.unwrap();
        let refused = database.require_current().await.unwrap_err();
        assert!(matches!(refused, StorageError::OlderSchema { found: 0, .. }), "{refused}");
        assert!(refused.to_string().contains("isthmus database upgrade"), "{refused}");
        database.close().await;
    }
}

#[tokio::test]
async fn a_newer_or_foreign_schema_is_refused_and_left_alone() {
    for Opened { url, database, kept: _kept } in opened().await {
        pretend(&database, "insert into _sqlx_migrations (version, description, installed_on, success, checksum, \
            execution_time) select 9999, 'later', installed_on, success, checksum, 0 from _sqlx_migrations where version = 1")
            .await;
        for refused in [database.upgrade().await.map(|_| ()), database.require_current().await] {
            assert!(matches!(refused, Err(StorageError::NewerSchema { found: 9999, .. })), "{url}: {refused:?}");
        }
        pretend(&database, "delete from _sqlx_migrations where version = 9999").await;
        pretend(
            &database,
            "update _sqlx_migrations set checksum = (select m.checksum from _sqlx_migrations m \
            where m.version = 1) where version = 2",
        )
        .await;
        for refused in [database.upgrade().await.map(|_| ()), database.require_current().await] {
            assert!(matches!(refused, Err(StorageError::ForeignSchema { version: 2, .. })), "{url}: {refused:?}");
        }
    }
}

async fn pretend(database: &Database, sql: &'static str) {
    let mut tx = database.begin().await.unwrap();
    tx.execute(sql, storage::no_parameters()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn times_come_back_as_they_were_written() {
    for Opened { database, kept: _kept, .. } in opened().await {
        for micros in [0, 1, 999_999, 1_763_870_400_123_456, 1_763_870_400_120_000, 253_402_300_799_999_999] {
            let at = DateTime::<Utc>::from_timestamp_micros(micros).unwrap();
            let n = u128::try_from(micros).unwrap() + 7;
            let person = Person { created_at: at, standing_read_at: Some(at), ..somebody(n) };
            let written: Result<(), StorageError> =
                storage::write!(database, |tx| { People(tx).insert(&person).await });
            written.unwrap();
            let read = People(&mut database.reader()).by_id(person.id).await.unwrap();
            assert_eq!(read, Some(person));
        }
    }
}

/// `max_page_count` makes SQLite say that the disk is full (SQLITE_FULL), as a full disk does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_is_named_and_loses_nothing_that_was_told() {
    let kept = testkit::sqlite();
    let database = Arc::new(Database::open(&kept.url()).await.unwrap());
    database.upgrade().await.unwrap();
    let (pages,): (i64,) = database
        .reader()
        .fetch_one("select page_count from pragma_page_count", storage::no_parameters())
        .await
        .unwrap();
    let limit = |pages: i64| -> &'static str { Box::leak(format!("pragma max_page_count = {pages}").into_boxed_str()) };
    pretend(&database, limit(pages + 8)).await;

    let mut tasks = JoinSet::new();
    for n in 0..300u128 {
        let database = Arc::clone(&database);
        tasks.spawn(async move { (n, add(&database, n).await) });
    }
    let mut told = Vec::new();
    let mut refused = 0;
    while let Some(done) = tasks.join_next().await {
        match done.unwrap() {
            (n, Ok(())) => told.push(n),
            (_, Err(StorageError::DiskFull | StorageError::TakenDown)) => refused += 1,
            (n, Err(error)) => panic!("{n}: {error}"),
        }
    }
    assert!(refused > 0 && !told.is_empty(), "{refused} refused, {} told", told.len());
    assert!(StorageError::DiskFull.to_string().contains("free some space"));

    // Room again: everything that was told is there, nothing else, and the hub goes on.
    pretend(&database, limit(1_000_000)).await;
    let again = Database::open(&kept.url()).await.unwrap();
    assert_eq!(count(&again).await, i64::try_from(told.len()).unwrap());
    add(&database, 9_999).await.unwrap();
    assert_eq!(count(&again).await, i64::try_from(told.len()).unwrap() + 1);
}

#[tokio::test]
async fn tables_that_a_load_fills_can_be_looked_at_while_it_goes_on() {
    for opened in opened().await {
        opened.database.refresh_statistics().await.unwrap();
    }
}

/// Two handles of one database are two processes to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_process_that_writes_batch_after_batch_lets_others_in_between() {
    for Opened { url, database, kept: _kept } in opened().await {
        let (busy, committed) = (Database::open(&url).await.unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&committed);
        let batches = tokio::spawn(async move {
            loop {
                let tx = busy.begin().await.unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
                tx.commit().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        while committed.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut waited = Vec::new();
        for n in 0..8 {
            tokio::time::sleep(Duration::from_millis(7)).await;
            let before = committed.load(Ordering::SeqCst);
            add(&database, n).await.unwrap();
            waited.push(committed.load(Ordering::SeqCst) - before);
        }
        batches.abort();
        // The one under way, and at most one that was ahead in the line.
        assert!(waited.iter().all(|batches| *batches <= 3), "{url}: {waited:?} batches were written before");
    }
}
