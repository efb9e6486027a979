//! Nobody is removed on a doubt.

use chrono::TimeDelta;
use directory::{AccountStatus, AttributeName, ImportOutcome, ImportState, ObjectKind, PersonState, fold};
use hub::session::ProvenBy;
use storage::aliases::Aliases;

use super::{CHANGES, FULL, account, import, outcomes, person, readable, try_import};
use crate::support::{TestHub, entry, hubs};

const QUARTER: i64 = 15 * 60;

fn named(number: usize) -> String {
    format!("p{number:03}")
}

async fn with_people(test: &TestHub, number: usize, delta: bool) -> directory::Source {
    let source = readable(test, 50, delta).await;
    for number in 0..number {
        test.directory.set(entry(&named(number)));
    }
    import(test, &source, FULL).await;
    test.wait(60);
    source
}

#[tokio::test]
async fn one_complete_read_without_somebody_changes_nothing_and_two_end_their_sessions() {
    for test in hubs().await {
        let source = with_people(&test, 3, false).await;
        let gone = person(&test, &source, "p001").await;
        let session = test.session(gone.id, ProvenBy::Source(source.id)).await;
        test.directory.remove(&"id-p001".to_owned().into());
        let first = import(&test, &source, FULL).await;
        assert_eq!(outcomes(&test, &first).await, [("id-p001".to_owned(), ImportOutcome::MissingNoted)]);
        assert_eq!(person(&test, &source, "p001").await.state(), PersonState::Mirrored);
        test.wait(60);
        let soon = import(&test, &source, FULL).await;
        assert!(outcomes(&test, &soon).await.is_empty(), "too soon to be a second sighting");
        assert!(test.hub.session(session).await.unwrap().is_some());
        test.wait(QUARTER);
        let second = import(&test, &source, FULL).await;
        assert_eq!(outcomes(&test, &second).await, [("id-p001".to_owned(), ImportOutcome::Gone)]);
        assert_eq!(person(&test, &source, "p001").await.state(), PersonState::DisabledBySource);
        assert!(test.hub.session(session).await.unwrap().is_none());
        // Nothing was deleted: whoever returns is restored.
        test.directory.set(entry("p001"));
        let back = import(&test, &source, FULL).await;
        assert_eq!(outcomes(&test, &back).await, [("id-p001".to_owned(), ImportOutcome::Returned)]);
        let returned = person(&test, &source, "p001").await;
        assert_eq!((returned.id, returned.state()), (gone.id, PersonState::Mirrored));
    }
}

#[tokio::test]
async fn the_removal_guard_stops_a_run_that_misses_too_many() {
    for test in hubs().await {
        let source = with_people(&test, 100, true).await;
        for number in 0..21 {
            test.directory.remove(&format!("id-{}", named(number)).into());
        }
        let stopped = try_import(&test, &source, FULL).await.unwrap();
        assert_eq!(stopped.state, ImportState::Stopped);
        assert!(stopped.reason.unwrap().contains("21 of 100"), "in words and numbers");
        assert_eq!(stopped.counts.all(ImportOutcome::MissingNoted), 0, "nothing of it was believed");
        assert!(account(&test, &source, "p000").await.missing_since.is_none());
        // The next run reads everything, and within the guard it goes through.
        test.directory.set(entry("p020"));
        let beginnings = test.directory.beginnings();
        let run = import(&test, &source, CHANGES).await;
        assert_eq!(test.directory.beginnings() - beginnings, 3);
        assert_eq!(run.counts.all(ImportOutcome::MissingNoted), 20);
    }
}

#[tokio::test]
async fn a_source_that_suddenly_shows_nobody_removes_nobody() {
    for test in hubs().await {
        let source = with_people(&test, 5, false).await;
        for number in 0..5 {
            test.directory.remove(&format!("id-{}", named(number)).into());
        }
        let stopped = try_import(&test, &source, FULL).await.unwrap();
        assert_eq!(stopped.state, ImportState::Stopped);
        assert!(account(&test, &source, "p000").await.missing_since.is_none());
    }
}

#[tokio::test]
async fn an_unfinished_read_removes_nobody() {
    for test in hubs().await {
        let source = with_people(&test, 120, false).await;
        test.directory.remove(&"id-p119".to_owned().into());
        test.directory.breaks_off_in(Some(2));
        let lost = try_import(&test, &source, FULL).await.unwrap();
        assert_eq!(lost.state, ImportState::Interrupted);
        test.wait(QUARTER * 2);
        assert!(account(&test, &source, "p119").await.missing_since.is_none());
        assert!(account(&test, &source, "p118").await.missing_since.is_none());
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_present_all_the_same() {
    for test in hubs().await {
        let source = with_people(&test, 3, false).await;
        test.directory.remove(&"id-p001".to_owned().into());
        test.directory.rejects(Some("id-p001"));
        let run = import(&test, &source, FULL).await;
        assert_eq!(outcomes(&test, &run).await, [("id-p001".to_owned(), ImportOutcome::Rejected)]);
        let broken = account(&test, &source, "p001").await;
        assert!(broken.missing_since.is_none());
        assert!(broken.read_at < test.hub.clock.now(), "seen, and not read");
    }
}

#[tokio::test]
async fn a_record_that_shows_no_id_may_be_anybody() {
    for test in hubs().await {
        let source = with_people(&test, 3, false).await;
        test.directory.remove(&"id-p001".to_owned().into());
        test.directory.rejects(None);
        let run = import(&test, &source, FULL).await;
        assert!(run.reason.as_ref().unwrap().contains("may be anybody"), "{run:?}");
        assert!(account(&test, &source, "p001").await.missing_since.is_none());
    }
}

#[tokio::test]
async fn whom_the_source_calls_removed_is_looked_for_before_they_are_out() {
    for test in hubs().await {
        let source = with_people(&test, 4, true).await;
        test.directory.leaves(&"id-p001".to_owned().into());
        test.directory.leaves(&"id-p002".to_owned().into());
        let run = import(&test, &source, CHANGES).await;
        assert_eq!(run.counts.of(ObjectKind::Person, ImportOutcome::MissingNoted), 2);
        // One of them is there again, and the source does not tell.
        test.directory.set(entry("p002"));
        test.wait(QUARTER);
        let run = import(&test, &source, CHANGES).await;
        let mut seen = outcomes(&test, &run).await;
        seen.sort();
        assert_eq!(seen[0], ("id-p001".to_owned(), ImportOutcome::Gone));
        assert!(account(&test, &source, "p002").await.missing_since.is_none());
        assert_eq!(account(&test, &source, "p001").await.status, AccountStatus::Missing);
    }
}

#[tokio::test]
async fn the_removal_guard_counts_what_the_source_calls_removed() {
    for test in hubs().await {
        let source = with_people(&test, 100, true).await;
        for number in 0..21 {
            test.directory.leaves(&format!("id-{}", named(number)).into());
        }
        let stopped = try_import(&test, &source, CHANGES).await.unwrap();
        assert_eq!(stopped.state, ImportState::Stopped);
        assert!(account(&test, &source, "p000").await.missing_since.is_none());
    }
}

#[tokio::test]
async fn names_of_the_gone_are_held_during_grace_and_then_free_for_new_people() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        let mut ada = entry("ada");
        ada.names.push("ada@corp.test".to_owned());
        ada.attributes.insert(AttributeName::Email, "ada@corp.test".to_owned());
        test.directory.set(ada.clone());
        test.directory.set(entry("bob"));
        test.directory.set(entry("cyd"));
        import(&test, &source, FULL).await;
        let first = person(&test, &source, "ada").await;
        test.directory.remove(&ada.immutable_id);
        test.wait(60);
        import(&test, &source, FULL).await;
        test.wait(QUARTER);
        import(&test, &source, FULL).await;
        // Somebody new with the same name and address: held for the one who may return.
        let mut hire = ada.clone();
        hire.immutable_id = "id-hire".to_owned().into();
        test.directory.set(hire.clone());
        let run = import(&test, &source, FULL).await;
        assert_eq!(run.counts.all(ImportOutcome::Collision), 1);
        test.clock.advance(TimeDelta::days(31));
        import(&test, &source, FULL).await;
        test.wait(60);
        import(&test, &source, FULL).await;
        let holder =
            Aliases(&mut test.hub.database.reader()).claimed_by("email", &fold("ada@corp.test")).await.unwrap();
        assert_eq!(holder, Some(person(&test, &source, "hire").await.id));
        // A re-hire returns by their immutable id, as the same person, without what is another's now.
        test.directory.set(ada);
        let run = import(&test, &source, FULL).await;
        assert_eq!(run.counts.all(ImportOutcome::Returned), 1, "{run:?}");
        let back = person(&test, &source, "ada").await;
        assert_eq!((back.id, back.state()), (first.id, PersonState::Mirrored));
        let holder =
            Aliases(&mut test.hub.database.reader()).claimed_by("email", &fold("ada@corp.test")).await.unwrap();
        assert_ne!(holder, Some(first.id));
    }
}

fn disabled(name: &str) -> directory::SourceEntry {
    directory::SourceEntry { status: AccountStatus::Disabled, ..entry(name) }
}

#[tokio::test]
async fn a_status_column_that_breaks_disables_nobody() {
    for test in hubs().await {
        let source = with_people(&test, 120, false).await;
        let ada = person(&test, &source, "p001").await;
        let session = test.session(ada.id, ProvenBy::Source(source.id)).await;
        for number in 0..120 {
            test.directory.set(disabled(&named(number)));
        }
        for request in [super::DRY, FULL] {
            let stopped = try_import(&test, &source, request).await.unwrap();
            assert_eq!(stopped.state, ImportState::Stopped);
            let reason = stopped.reason.unwrap();
            assert!(
                reason.contains("of 120 people would be disabled") && reason.contains("If it is meant"),
                "{reason}"
            );
        }
        for name in ["p000", "p001", "p119"] {
            assert_eq!(person(&test, &source, name).await.state(), PersonState::Mirrored);
        }
        assert!(test.hub.session(session).await.unwrap().is_some());
        // It is mended: the next run reads everything and finds nothing to do.
        for number in 0..120 {
            test.directory.set(entry(&named(number)));
        }
        let mended = import(&test, &source, CHANGES).await;
        assert_eq!(mended.counts.of(ObjectKind::Person, ImportOutcome::Unchanged), 120, "{mended:?}");
    }
}

#[tokio::test]
async fn the_removal_guard_counts_the_gone_and_the_suddenly_disabled_together() {
    for test in hubs().await {
        let source = with_people(&test, 100, false).await;
        for number in 0..15 {
            test.directory.remove(&format!("id-{}", named(number)).into());
        }
        for number in 50..56 {
            test.directory.set(disabled(&named(number)));
        }
        let stopped = try_import(&test, &source, FULL).await.unwrap();
        assert_eq!(stopped.state, ImportState::Stopped);
        let reason = stopped.reason.unwrap();
        assert!(reason.contains("15 of 100 people are missing, and 6 would be disabled"), "{reason}");
        assert_eq!(person(&test, &source, "p050").await.state(), PersonState::Mirrored);
        assert!(account(&test, &source, "p000").await.missing_since.is_none());
        // One less, and it is believed.
        test.directory.set(entry("p000"));
        let run = import(&test, &source, FULL).await;
        assert_eq!(run.counts.of(ObjectKind::Person, ImportOutcome::MissingNoted), 14);
        assert_eq!(run.counts.of(ObjectKind::Person, ImportOutcome::Updated), 6, "{run:?}");
        assert_eq!(run.counts.read[&ObjectKind::Person], 86);
        assert_eq!(person(&test, &source, "p050").await.state(), PersonState::DisabledBySource);
    }
}

#[tokio::test]
async fn who_is_disabled_is_so_although_the_run_was_interrupted_in_between() {
    for test in hubs().await {
        let source = with_people(&test, 120, false).await;
        test.directory.set(disabled("p001"));
        // What was set last comes last: everybody again, behind the one who is disabled.
        for number in 2..120 {
            test.directory.set(entry(&named(number)));
        }
        test.directory.breaks_off_in(Some(2));
        let lost = try_import(&test, &source, FULL).await.unwrap();
        assert_eq!(lost.state, ImportState::Interrupted);
        assert_eq!(person(&test, &source, "p001").await.state(), PersonState::Mirrored, "it is not yet known how many");
        test.directory.breaks_off_in(None);
        test.wait(60);
        let run = import(&test, &source, FULL).await;
        assert!(run.resumed);
        assert_eq!(person(&test, &source, "p001").await.state(), PersonState::DisabledBySource);
        assert_eq!(run.counts.read[&ObjectKind::Person], 120);
    }
}

#[tokio::test]
async fn somebody_new_gets_the_name_of_a_colleague_who_is_disabled_and_renamed_in_the_same_batch() {
    for test in hubs().await {
        let source = with_people(&test, 3, false).await;
        let mut leaver = disabled("p001-left");
        leaver.immutable_id = "id-p001".to_owned().into();
        test.directory.set(leaver);
        let mut hire = entry("p001");
        hire.immutable_id = "id-hire".to_owned().into();
        test.directory.set(hire);
        let run = import(&test, &source, FULL).await;
        assert_eq!(run.counts.all(ImportOutcome::Collision), 0, "{run:?}");
        assert_eq!(person(&test, &source, "hire").await.state(), PersonState::Mirrored);
        assert_eq!(person(&test, &source, "p001").await.state(), PersonState::DisabledBySource);
    }
}
