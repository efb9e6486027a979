//! Where a run goes on, and who may run.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use directory::{ImportOutcome, ImportScope, ImportState, ObjectKind, SourceMode};
use hub::{
    HubError,
    imports::{ImportProgress, lease_name},
    kernel::Actor,
};
use storage::{accounts::Accounts, imports::Imports};
use tokio_util::sync::CancellationToken;

use super::{CHANGES, DRY, FULL, account, import, outcomes, person, readable, registered, results, try_import};
use crate::support::{TestHub, device, entry, group, hubs};

#[tokio::test]
async fn a_run_that_lost_its_source_goes_on_where_it_was() {
    for test in hubs().await {
        let source = readable(&test, 2, false).await;
        for number in 0..7 {
            test.directory.set(entry(&format!("p{number}")));
        }
        test.directory.breaks_off_in(Some(2));
        let first = try_import(&test, &source, FULL).await.unwrap();
        assert_eq!(first.state, ImportState::Interrupted, "{first:?}");
        assert!(first.reason.unwrap().contains("connection lost"));
        assert_eq!(first.counts.read[&ObjectKind::Person], 4);
        test.directory.breaks_off_in(None);
        test.wait(3_600);
        let pages = test.directory.pages_read();
        let second = import(&test, &source, CHANGES).await;
        assert!(second.resumed);
        assert_eq!(second.run, first.run);
        assert_eq!(test.directory.pages_read() - pages, 4, "two pages of people, groups, devices");
        assert_eq!(second.counts.of(ObjectKind::Person, ImportOutcome::Created), 7);
        let numbers: Vec<i64> = results(&test, &second).await.iter().map(|l| l.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(Accounts(&mut test.hub.database.reader()).count(source.id).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn after_a_complete_read_only_what_changed_is_read() {
    for test in hubs().await {
        let source = readable(&test, 10, true).await;
        test.directory.set(entry("ada"));
        test.directory.set(entry("bob"));
        let first = import(&test, &source, CHANGES).await;
        let mut eve = entry("ada");
        eve.attributes.insert(directory::AttributeName::Title, "Pilot".to_owned());
        test.directory.change(eve);
        test.directory.change(entry("cyd"));
        test.directory.set_group(group("crew", &["id-ada"]));
        let second = import(&test, &source, CHANGES).await;
        let mut seen = outcomes(&test, &second).await;
        seen.sort();
        let wanted = [
            ("group-crew".to_owned(), ImportOutcome::Created),
            ("id-ada".to_owned(), ImportOutcome::Updated),
            ("id-cyd".to_owned(), ImportOutcome::Created),
        ];
        assert_eq!(seen, wanted);
        assert_eq!(second.counts.read[&ObjectKind::Person], 2);
        let runs = Imports(&mut test.hub.database.reader()).of_source(source.id, 10).await.unwrap();
        let scope = |id| runs.iter().find(|run| run.id == id).unwrap().scope;
        assert_eq!((scope(first.run), scope(second.run)), (ImportScope::Full, ImportScope::Changes));
    }
}

#[tokio::test]
async fn a_place_that_is_too_old_makes_the_run_read_everything() {
    for test in hubs().await {
        let source = readable(&test, 10, true).await;
        test.directory.set(entry("ada"));
        import(&test, &source, CHANGES).await;
        test.directory.change(entry("bob"));
        test.directory.forgets_places();
        let run = import(&test, &source, CHANGES).await;
        assert_eq!(run.counts.of(ObjectKind::Person, ImportOutcome::Created), 1);
        assert_eq!(run.counts.of(ObjectKind::Person, ImportOutcome::Unchanged), 1);
        assert_eq!(test.directory.beginnings(), 6, "each kind twice");
    }
}

#[tokio::test]
async fn other_settings_make_the_run_read_everything() {
    for test in hubs().await {
        let source = readable(&test, 10, true).await;
        test.directory.set(entry("ada"));
        import(&test, &source, CHANGES).await;
        let boss = test.administrator("second-boss").await;
        let mut draft = directory::SourceDraft::from(&source);
        draft.label = "Another name".to_owned();
        test.hub.update_source(&boss.sources, source.id, source.revision, draft, None).await.unwrap();
        test.wait(2);
        import(&test, &source, CHANGES).await;
        assert_eq!(test.directory.beginnings(), 6);
    }
}

#[tokio::test]
async fn one_run_of_a_source_at_a_time() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        let name = lease_name(source.id);
        test.hub.take_lease(&name, "another server", TimeDelta::seconds(60)).await.unwrap().unwrap();
        let refused = try_import(&test, &source, FULL).await.unwrap_err();
        assert!(matches!(refused, HubError::Refused(_)), "{refused}");
        test.hub.release_lease(&name, "another server").await.unwrap();
        import(&test, &source, FULL).await;
    }
}

/// A run says that it has ended before it gives its lease back: whoever read so may start the next one.
#[tokio::test]
async fn a_run_that_has_just_ended_is_in_nobodys_way() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        import(&test, &source, FULL).await;
        let name = lease_name(source.id);
        test.hub.take_lease(&name, "the run that ended", TimeDelta::seconds(60)).await.unwrap().unwrap();
        let give_back = async {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            test.hub.release_lease(&name, "the run that ended").await.unwrap();
        };
        let (next, ()) = tokio::join!(import(&test, &source, FULL), give_back);
        assert_eq!(next.state, ImportState::Completed);
    }
}

/// PostgreSQL's leases go by its own clock: `several` stalls real processes there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_overtaken_writes_nothing_more() {
    let test = TestHub::on(testkit::sqlite()).await;
    let source = readable(&test, 1, false).await;
    for name in ["ada", "bob", "cyd"] {
        test.directory.set(entry(name));
    }
    // The process stalls for longer than its lease after the first batch, and another one takes over.
    let other = test.second_process().await;
    let taken = AtomicBool::new(false);
    let watch = |_: &ImportProgress| {
        if !taken.swap(true, Ordering::SeqCst) {
            test.wait(120);
            other.wait(120);
            let name = lease_name(source.id);
            let take = other.hub.take_lease(&name, "other", TimeDelta::seconds(60));
            let lease = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(take)).unwrap();
            assert!(lease.is_some());
        }
    };
    let stop = CancellationToken::new();
    let ended = test.hub.import_source(source.id, FULL, Actor::CommandLine, &stop, &watch).await;
    assert!(matches!(ended, Err(HubError::Storage(error)) if error.is_lost_lease()));
    assert_eq!(Accounts(&mut test.hub.database.reader()).count(source.id).await.unwrap(), 1);
}

#[tokio::test]
async fn a_run_can_be_cancelled_and_what_it_wrote_stays() {
    for test in hubs().await {
        let source = readable(&test, 1, false).await;
        for name in ["ada", "bob", "cyd"] {
            test.directory.set(entry(name));
        }
        test.directory.breaks_off_in(Some(1));
        let run = try_import(&test, &source, FULL).await.unwrap();
        let boss = test.administrator("canceller").await;
        test.hub.cancel_import(&boss.sources, run.run).await.unwrap();
        test.directory.breaks_off_in(None);
        let next = import(&test, &source, FULL).await;
        assert!(!next.resumed);
        let runs = Imports(&mut test.hub.database.reader()).of_source(source.id, 10).await.unwrap();
        assert_eq!(runs.iter().find(|r| r.id == run.run).unwrap().state, ImportState::Cancelled);
        assert_eq!(next.counts.of(ObjectKind::Person, ImportOutcome::Unchanged), 1, "the first one was there");
        assert!(test.hub.cancel_import(&boss.sources, run.run).await.is_err());
    }
}

#[tokio::test]
async fn a_dry_run_lists_what_a_run_does_and_leaves_nothing() {
    for test in hubs().await {
        let source = readable(&test, 2, true).await;
        for name in ["ada", "bob", "cyd"] {
            test.directory.set(entry(name));
        }
        test.directory.set_group(group("crew", &["id-ada"]));
        test.directory.set_device(device("laptop", "id-bob"));
        let dry = import(&test, &source, DRY).await;
        let people = Accounts(&mut test.hub.database.reader()).count(source.id).await.unwrap();
        assert_eq!(people, 0, "nothing of it was kept");
        assert!(Imports(&mut test.hub.database.reader()).cursors(source.id).await.unwrap().is_empty());
        let wet = import(&test, &source, FULL).await;
        assert_eq!(outcomes(&test, &dry).await, outcomes(&test, &wet).await);
        assert_eq!(dry.counts, wet.counts);
        // Again, with changes of every sort.
        test.wait(60);
        test.directory.remove(&"id-bob".to_owned().into());
        let mut ada = entry("ada");
        ada.attributes.insert(directory::AttributeName::Title, "Pilot".to_owned());
        test.directory.set(ada);
        let dry = import(&test, &source, hub::imports::ImportRequest { full: true, dry_run: true }).await;
        assert!(account(&test, &source, "bob").await.missing_since.is_none());
        let wet = import(&test, &source, FULL).await;
        assert_eq!(outcomes(&test, &dry).await, outcomes(&test, &wet).await);
        assert!(account(&test, &source, "bob").await.missing_since.is_some());
    }
}

#[tokio::test]
async fn a_paused_directory_is_not_read() {
    for test in hubs().await {
        test.directory.can_be_read(10, false);
        let source = registered(&test, "corp", SourceMode::Paused).await;
        assert!(matches!(try_import(&test, &source, FULL).await, Err(HubError::Source(_))));
        assert_eq!(test.directory.pages_read(), 0);
    }
}

#[tokio::test]
async fn the_audit_log_says_that_a_run_began_and_ended() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        test.directory.set(entry("ada"));
        import(&test, &source, FULL).await;
        let ada = person(&test, &source, "ada").await;
        assert!(!ada.subject.is_empty());
        let lines: Vec<_> = test.audit().await.into_iter().map(|(action, _)| action).collect();
        for action in ["import.began", "people.imported", "import.ended"] {
            assert_eq!(lines.iter().filter(|line| *line == action).count(), 1, "{action}");
        }
    }
}
