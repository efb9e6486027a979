//! What batches of one run know of each other, for real and in a dry run.

use directory::{AttributeName, ImportOutcome, SourceEntry, SourceMode};
use storage::accounts::Accounts;

use super::{DRY, FULL, import, outcomes, person, readable, registered};
use crate::support::{TestHub, by_number_then_address, entry, hubs};

fn with_email(name: &str, email: &str) -> SourceEntry {
    let mut entry = entry(name);
    entry.names.push(email.to_owned());
    entry.attributes.insert(AttributeName::Email, email.to_owned());
    entry
}

/// The dry run says what the run then does.
async fn dry_as_wet(test: &TestHub, source: &directory::Source) -> Vec<(String, ImportOutcome)> {
    let dry = import(test, source, DRY).await;
    let wet = import(test, source, FULL).await;
    let (said, done) = (outcomes(test, &dry).await, outcomes(test, &wet).await);
    assert_eq!(said, done, "{dry:?} {wet:?}");
    assert_eq!(dry.counts, wet.counts);
    assert_eq!(dry.reason, None);
    done
}

#[tokio::test]
async fn a_dry_run_sees_two_of_different_batches_who_want_one_name() {
    for test in hubs().await {
        let source = readable(&test, 1, false).await;
        test.directory.set(with_email("ada", "shared@corp.test"));
        test.directory.set(entry("bob"));
        test.directory.set(with_email("cyd", "SHARED@corp.test"));
        let done = dry_as_wet(&test, &source).await;
        assert_eq!(done.iter().filter(|(_, outcome)| *outcome == ImportOutcome::Collision).count(), 1, "{done:?}");
    }
}

#[tokio::test]
async fn a_dry_run_knows_which_names_an_earlier_batch_gives_up() {
    for test in hubs().await {
        let source = readable(&test, 1, false).await;
        test.directory.set(with_email("sam", "sam@corp.test"));
        import(&test, &source, FULL).await;
        test.wait(60);
        let mut married = with_email("sam.new", "sam.new@corp.test");
        married.immutable_id = "id-sam".to_owned().into();
        let mut hire = with_email("sam", "sam@corp.test");
        hire.immutable_id = "id-hire".to_owned().into();
        test.directory.set(married);
        test.directory.set(hire);
        let done = dry_as_wet(&test, &source).await;
        assert_eq!(done[1], ("id-hire".to_owned(), ImportOutcome::Created), "{done:?}");
    }
}

fn numbered(name: &str, number: &str) -> SourceEntry {
    let mut entry = entry(name);
    entry.attributes.insert(AttributeName::EmployeeNumber, number.to_owned());
    entry
}

#[tokio::test]
async fn two_of_different_batches_with_one_value_link_nobody() {
    for test in hubs().await {
        let corp = readable(&test, 1, false).await;
        test.directory.set(numbered("ada", "42"));
        import(&test, &corp, FULL).await;
        let ada = person(&test, &corp, "ada").await;
        let new = registered(&test, "merged", SourceMode::Active).await;
        test.rules(by_number_then_address(&[&corp, &new])).await;
        test.read_whole(&[&corp, &new]).await;
        test.directory.remove(&"id-ada".to_owned().into());
        for entry in [numbered("one", "42"), entry("between"), numbered("other", "042")] {
            test.directory.set(entry);
        }
        let done = dry_as_wet(&test, &new).await;
        let held = done.iter().filter(|(_, outcome)| *outcome == ImportOutcome::Held).count();
        assert_eq!((done.len(), held), (3, 2), "{done:?}");
        assert_eq!(Accounts(&mut test.hub.database.reader()).of_person(ada.id).await.unwrap().len(), 1);
        // One of them has another number now, read before the other: then it is clear who that is.
        test.directory.set(numbered("other", "43"));
        test.directory.set(numbered("one", "42"));
        test.wait(60);
        let done = dry_as_wet(&test, &new).await;
        assert!(done.contains(&("id-one".to_owned(), ImportOutcome::Linked)), "{done:?}");
        assert_eq!(Accounts(&mut test.hub.database.reader()).of_person(ada.id).await.unwrap().len(), 2);
    }
}
