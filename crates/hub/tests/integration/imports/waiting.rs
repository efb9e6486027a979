//! Entries of which nobody was made: listed with the reason, and gone from the list when they are made or gone.

use directory::{ImportOutcome, SourceEntry, SourceMode, WaitingFor};
use hub::{kernel::capability::FindPeople, people::WaitingAsk};

use super::{CHANGES, FULL, import, outcomes, readable, registered};
use crate::support::{TestHub, entry, hubs};

/// An entry that lacks what everybody must have.
fn incomplete(name: &str) -> SourceEntry {
    SourceEntry { username: None, ..entry(name) }
}

fn all() -> WaitingAsk {
    WaitingAsk { size: 50, ..WaitingAsk::default() }
}

/// Places of those who wait.
async fn waiting(test: &TestHub, by: &FindPeople, ask: &WaitingAsk) -> Vec<String> {
    let page = test.hub.waiting_entries(by, ask).await.unwrap();
    page.entries.into_iter().map(|entry| entry.locator).collect()
}

fn place(name: &str) -> String {
    entry(name).locator
}

#[tokio::test]
async fn entries_that_wait_are_listed_with_the_reason_and_what_to_do() {
    for test in hubs().await {
        let by = test.administrator("reader").await.find;
        let source = readable(&test, 50, false).await;
        let other = registered(&test, "other", SourceMode::Active).await;
        for name in ["ann", "bob", "cyd"] {
            test.directory.set(incomplete(name));
            import(&test, &source, FULL).await;
            test.wait(60);
        }
        let page = test.hub.waiting_entries(&by, &all()).await.unwrap();
        assert_eq!((page.entries.len(), page.count.as_str(), &page.next), (3, "3", &None));
        let first = &page.entries[0];
        assert_eq!((first.locator.as_str(), first.kind), (place("ann").as_str(), WaitingFor::Incomplete));
        assert!(first.why.contains("no username") && first.what_to_do.contains("Enter what is missing"), "{first:?}");
        assert!(first.since < first.seen_at, "waiting since the first time, seen by the last import");
        // Pages, and what narrows them.
        let page = test.hub.waiting_entries(&by, &WaitingAsk { size: 2, ..all() }).await.unwrap();
        assert_eq!((page.entries.len(), page.count.as_str()), (2, "3"));
        let rest = WaitingAsk { size: 2, after: page.next, ..all() };
        assert_eq!(waiting(&test, &by, &rest).await, [place("cyd")]);
        assert_eq!(waiting(&test, &by, &WaitingAsk { source: Some(source.id), ..all() }).await.len(), 3);
        assert!(waiting(&test, &by, &WaitingAsk { source: Some(other.id), ..all() }).await.is_empty());
        assert_eq!(waiting(&test, &by, &WaitingAsk { kind: Some(WaitingFor::Incomplete), ..all() }).await.len(), 3);
        assert!(waiting(&test, &by, &WaitingAsk { kind: Some(WaitingFor::Link), ..all() }).await.is_empty());
        let wrong = WaitingAsk { after: Some("here".to_owned()), ..all() };
        assert!(test.hub.waiting_entries(&by, &wrong).await.is_err());
        // What was missing is there: somebody is made, and nothing waits.
        test.directory.set(entry("bob"));
        let made = import(&test, &source, FULL).await;
        assert_eq!(made.counts.all(ImportOutcome::Created), 1);
        assert_eq!(waiting(&test, &by, &all()).await, [place("ann"), place("cyd")]);
    }
}

#[tokio::test]
async fn a_complete_read_clears_entries_that_are_gone_and_an_incomplete_one_never() {
    for test in hubs().await {
        let by = test.administrator("reader").await.find;
        let source = readable(&test, 50, true).await;
        for name in ["ann", "bob", "cyd"] {
            test.directory.set(incomplete(name));
        }
        import(&test, &source, FULL).await;
        test.directory.remove(&"id-ann".to_owned().into());
        // A record that shows no id may be anybody, and one that cannot be read is there.
        test.directory.rejects(None);
        import(&test, &source, FULL).await;
        assert_eq!(waiting(&test, &by, &all()).await.len(), 3, "nobody counts as absent");
        test.directory.rejects(Some("id-ann"));
        let broken = import(&test, &source, FULL).await;
        assert!(outcomes(&test, &broken).await.contains(&("id-ann".to_owned(), ImportOutcome::Rejected)));
        assert_eq!(waiting(&test, &by, &all()).await.len(), 3, "there, though it cannot be read");
    }
    for test in hubs().await {
        let by = test.administrator("reader").await.find;
        let source = readable(&test, 50, true).await;
        for name in ["ann", "bob", "cyd"] {
            test.directory.set(incomplete(name));
        }
        import(&test, &source, FULL).await;
        test.directory.remove(&"id-ann".to_owned().into());
        let whole = import(&test, &source, FULL).await;
        assert!(whole.reason.unwrap_or_default().contains("not there any more: 1"));
        assert_eq!(waiting(&test, &by, &all()).await, [place("bob"), place("cyd")]);
        // What the directory itself calls removed needs no complete read.
        test.directory.leaves(&"id-bob".to_owned().into());
        import(&test, &source, CHANGES).await;
        assert_eq!(waiting(&test, &by, &all()).await, [place("cyd")]);
        assert!(test.audit().await.iter().filter(|(action, _)| action == "match.gone").count() == 2);
    }
}
