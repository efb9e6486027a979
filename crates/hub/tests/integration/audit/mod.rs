//! The chain over the audit log: sealed by one, signed, and verified whatever somebody did to it.

mod list;
mod mutations;

use std::{
    io,
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use hub::{
    Hub, HubError,
    audit::{CheckpointFile, FileLine, Sealer, Verification, verify},
    kernel::{Actor, AuditEvent, record},
};
use serde_json::json;
use storage::{
    StorageError,
    audit_chain::{self, Fence, Seal},
};

use crate::support::{TestHub, hubs};

/// A checkpoint file in memory; full while it is told so.
#[derive(Default)]
pub struct Lines {
    lines: Mutex<Vec<String>>,
    full: Mutex<bool>,
}

impl CheckpointFile for Lines {
    fn append(&self, line: &str) -> io::Result<()> {
        if *self.full.lock().unwrap() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.lines.lock().unwrap().push(line.to_owned());
        Ok(())
    }
    fn place(&self) -> String {
        "memory".to_owned()
    }
}

impl Lines {
    pub fn all(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

pub fn file(lines: Vec<String>) -> impl Iterator<Item = io::Result<FileLine>> {
    lines.into_iter().enumerate().map(|(n, text)| Ok(FileLine { place: format!("line {}", n + 1), text }))
}

/// Events of several shapes.
pub async fn write_events(hub: &Hub, number: usize) {
    for n in 0..number {
        let written: Result<(), HubError> = storage::write!(hub.database, |tx| {
            let id = uuid::Uuid::from_u128(0x1000 + n as u128);
            let mut event = AuditEvent::new(Actor::CommandLine, "source.changed")
                .details(json!({ "n": n, "nested": { "list": [1, "two", null, true] }, "name": "Ålesund" }));
            if n % 2 == 0 {
                event = event.person(id.into()).client("portal".to_owned().into());
            }
            if n % 3 == 0 {
                event = event.source(id.into());
                event.actor = Actor::Person(id.into());
                event.action = "session.opened";
            }
            Ok(record(tx, &*hub.clock, &*hub.random, event).await?)
        });
        written.unwrap();
    }
}

pub fn sealer(test: &TestHub, owner: &str, file: &Arc<Lines>) -> Sealer {
    Sealer::new(test.hub.clone(), owner.to_owned(), Some(Arc::<Lines>::clone(file)))
}

pub async fn verified(test: &TestHub, lines: Vec<String>) -> Verification {
    verify(&mut test.hub.database.reader(), &[], Some(file(lines)), test.hub.clock.now()).await.unwrap()
}

#[tokio::test]
async fn what_happened_is_in_the_chain_and_signed() {
    for test in hubs().await {
        let lines = Arc::new(Lines::default());
        let mut sealer = sealer(&test, "a", &lines);
        assert_eq!(sealer.work().await.unwrap(), 0, "nothing happened yet");
        assert!(verified(&test, vec![]).await.is_intact());
        write_events(&test.hub, 1_203).await;
        assert_eq!(sealer.work().await.unwrap(), 1_203, "over several batches");
        let state = test.hub.audit_chain().await.unwrap();
        assert_eq!((state.sequence, state.waiting, state.checkpoint.map(|c| c.0)), (1_203, 0, Some(1_203)));
        assert!(state.is_well());
        // The next checkpoint is due after a minute, and only if something was sealed.
        write_events(&test.hub, 1).await;
        assert_eq!(sealer.work().await.unwrap(), 1);
        assert_eq!(lines.all().len(), 1);
        test.wait(61);
        sealer.work().await.unwrap();
        assert_eq!(lines.all().len(), 2);
        test.wait(61);
        sealer.work().await.unwrap();
        assert_eq!(lines.all().len(), 2);
        let report = verified(&test, lines.all()).await;
        assert!(report.is_intact(), "{:?}", report.findings);
        assert_eq!((report.events, report.last, report.waiting), (1_204, 1_204, 0));
        assert_eq!(report.vouched.map(|(sequence, _)| sequence), Some(1_204));
        assert_eq!((report.file_checkpoints, report.database_checkpoints), (2, 2));
        // The key that somebody has noted down holds, and another does not.
        let key = report.keys[0].clone();
        let (mut reader, now) = (test.hub.database.reader(), test.hub.clock.now());
        let again = verify(&mut reader, &[key], Some(file(lines.all())), now).await.unwrap();
        assert!(again.is_intact());
        let stranger = "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".parse().unwrap();
        let wrong = verify(&mut reader, &[stranger], Some(file(lines.all())), now).await.unwrap();
        assert_eq!(wrong.found, 4, "two in the file, two in the database");
    }
}

#[tokio::test]
async fn of_several_sealers_one_seals_and_another_takes_over() {
    for test in hubs().await {
        let lines = Arc::new(Lines::default());
        let (mut first, mut second) = (sealer(&test, "a", &lines), sealer(&test, "b", &lines));
        write_events(&test.hub, 3).await;
        assert_eq!(first.work().await.unwrap(), 3);
        write_events(&test.hub, 2).await;
        assert_eq!(second.work().await.unwrap(), 0, "the first has the lease");
        first.end().await.unwrap();
        assert_eq!(second.work().await.unwrap(), 0, "the first sealed what waited before it went");
        write_events(&test.hub, 4).await;
        assert_eq!(second.work().await.unwrap(), 4);
        assert_eq!(first.work().await.unwrap(), 0);
        let report = verified(&test, lines.all()).await;
        assert!(report.is_intact(), "{:?}", report.findings);
        assert_eq!(report.last, 9);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sealers_at_work_together_make_one_chain() {
    for test in hubs().await {
        let lines = Arc::new(Lines::default());
        let mut tasks = tokio::task::JoinSet::new();
        for owner in ["a", "b", "c"] {
            let (mut sealer, hub) = (sealer(&test, owner, &lines), test.hub.clone());
            tasks.spawn(async move {
                for _ in 0..15 {
                    write_events(&hub, 7).await;
                    // What another sealer was faster with is no error of the log.
                    let _sealed = sealer.work().await;
                }
                sealer.end().await.unwrap();
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        sealer(&test, "d", &lines).work().await.unwrap();
        let report = verified(&test, lines.all()).await;
        assert!(report.is_intact(), "{:?}", report.findings);
        assert_eq!((report.last, report.waiting), (3 * 15 * 7, 0));
    }
}

#[tokio::test]
async fn an_old_epoch_writes_nothing() {
    for test in hubs().await {
        let database = &test.hub.database;
        let now = test.hub.clock.now();
        write_events(&test.hub, 2).await;
        let take = async |owner: &'static str, length: i64| -> Option<i64> {
            let taken: Result<_, StorageError> = storage::write!(database, |tx| {
                storage::lease::take(tx, "audit-sealer", owner, now, TimeDelta::seconds(length)).await
            });
            taken.unwrap().map(|lease: storage::lease::Lease| lease.epoch)
        };
        let begun: Result<(), StorageError> =
            storage::write!(database, |tx| { audit_chain::begin(tx, &[0; 32], now).await });
        begun.unwrap();
        let waiting = audit_chain::unsealed(&mut database.reader(), 10).await.unwrap();
        let seals = vec![Seal { id: waiting[0].id, sequence: 1, hash: vec![1; 32] }];
        let head = audit_chain::head(&mut database.reader()).await.unwrap().unwrap();
        let seal = async |owner: &'static str, epoch: i64| -> bool {
            let fence = Fence { lease: "audit-sealer", owner, epoch };
            let written: Result<bool, StorageError> =
                storage::write!(database, |tx| { audit_chain::seal(tx, &seals, &head, now, fence).await });
            written.unwrap()
        };
        let old = take("a", -1).await.unwrap();
        let new = take("b", 60).await.unwrap();
        assert!(new > old);
        assert!(!seal("a", old).await, "an old holder, although nobody wrote since");
        assert!(!seal("a", new).await, "somebody else's epoch");
        assert!(!seal("b", old).await, "an epoch of before");
        assert_eq!(audit_chain::waiting(&mut database.reader(), 10).await.unwrap(), 2);
        assert!(seal("b", new).await);
        assert!(!seal("b", new).await, "the end is elsewhere by now");
        assert_eq!(audit_chain::waiting(&mut database.reader(), 10).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_full_disk_under_the_checkpoints_is_shown_and_stops_nothing() {
    for test in hubs().await {
        let lines = Arc::new(Lines::default());
        let mut sealer = sealer(&test, "a", &lines);
        *lines.full.lock().unwrap() = true;
        write_events(&test.hub, 2).await;
        assert_eq!(sealer.work().await.unwrap(), 2);
        let state = test.hub.audit_chain().await.unwrap();
        assert!(
            state.checkpoint_trouble.as_deref().is_some_and(|trouble| trouble.starts_with("memory: ")),
            "{state:?}"
        );
        assert!(!state.checkpoint_late && !state.is_well());
        test.wait(240);
        assert!(test.hub.audit_chain().await.unwrap().checkpoint_late, "another server sees it in the database");
        // Room again: nothing has to be restarted.
        *lines.full.lock().unwrap() = false;
        sealer.work().await.unwrap();
        assert!(test.hub.audit_chain().await.unwrap().is_well());
        assert!(verified(&test, lines.all()).await.is_intact());
    }
}

#[tokio::test]
async fn events_that_nobody_seals_are_shown() {
    for test in hubs().await {
        write_events(&test.hub, 2).await;
        assert!(test.hub.audit_chain().await.unwrap().is_well());
        test.wait(90);
        assert!(test.hub.audit_chain().await.unwrap().sealing_late);
        let report = verified(&test, vec![]).await;
        assert!(report.is_intact() && report.waiting == 2);
        assert!(report.notes[0].contains("does a server run?"), "{:?}", report.notes);
    }
}
