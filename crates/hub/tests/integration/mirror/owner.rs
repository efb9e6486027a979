//! Whose value an attribute has when several directories know a person, and why it changed.

use directory::{AttributeName, ChangeReason, PersonId, ProfileSettings, Source, SourceEntry};
use hub::mirror::{Cause, Provisioned};
use storage::attribute_history::{AttributeChange, AttributeHistory};

use super::*;
use crate::support::{TestHub, by_number_then_address, entry, hubs};

const TITLE: AttributeName = AttributeName::Title;

fn says(name: &str, title: Option<&str>) -> SourceEntry {
    let numbered = with(entry(name), AttributeName::EmployeeNumber, "42");
    match title {
        Some(title) => with(numbered, TITLE, title),
        None => numbered,
    }
}

fn ranked(source: &Source, priority: u32) -> Source {
    let profile = ProfileSettings { priority: Some(priority), ..ProfileSettings::default() };
    Source { profile, revision: source.revision + 1, ..source.clone() }
}

/// Settings as they are stored: whoever compares two sources reads the other one from there.
async fn keep(test: &TestHub, source: &Source) -> Source {
    let done: Result<(), HubError> = storage::write!(test.hub.database, |tx| {
        let now = storage::sources::by_id(tx, source.id).await?.unwrap().source;
        Ok(storage::sources::update(tx, &Source { revision: now.revision, ..source.clone() }, None).await?)
    });
    done.unwrap();
    storage::sources::by_id(&mut test.hub.database.reader(), source.id).await.unwrap().unwrap().source
}

/// One person with an account at each of two directories, of which `a` was first.
async fn of_two(test: &TestHub, a: Option<u32>, b: Option<u32>, said: (&str, &str)) -> (Source, Source, PersonId) {
    let (mut first, mut second) = (source(test, "a").await, source(test, "b").await);
    test.rules(by_number_then_address(&[&first, &second])).await;
    test.read_whole(&[&first, &second]).await;
    second.just_in_time_activation = true;
    if let Some(a) = a {
        first = ranked(&first, a);
    }
    if let Some(b) = b {
        second = ranked(&second, b);
    }
    let (first, second) = (keep(test, &first).await, keep(test, &second).await);
    let (ada, _) = created(test, &first, &says("ada", Some(said.0))).await;
    test.stage(ada.id).await;
    let Provisioned::Matched { person, .. } = create(test, &second, &says("ada-b", Some(said.1))).await else {
        panic!("not linked")
    };
    assert_eq!(person.id, ada.id);
    (first, second, ada.id)
}

async fn title(test: &TestHub, person: PersonId) -> Option<String> {
    attribute(test, person, TITLE).await.map(|attribute| attribute.value)
}

async fn history(test: &TestHub, person: PersonId) -> Vec<AttributeChange> {
    let mut reader = test.hub.database.reader();
    let all = AttributeHistory(&mut reader).of_person(person, 50).await.unwrap();
    all.into_iter().filter(|change| change.name == TITLE).collect()
}

async fn gone(test: &TestHub, source: &Source, name: &str) {
    let policy = test.hub.policy_now().await.unwrap();
    let id = entry(name).immutable_id;
    for _ in 0..2 {
        let account = Accounts(&mut test.hub.database.reader()).by_immutable_id(source.id, &id).await.unwrap().unwrap();
        let done: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::note_missing(tx, &test.hub, &policy, source, &account).await
        });
        done.unwrap();
        test.wait(3_600);
    }
}

#[tokio::test]
async fn every_change_keeps_the_former_value_its_source_and_the_reason() {
    for test in hubs().await {
        let corp = source(&test, "corp").await;
        let (ada, account) = created(&test, &corp, &says("ada", Some("Clerk"))).await;
        assert_eq!(attribute(&test, ada.id, TITLE).await.unwrap().cause, Some(Cause::SignIn));
        assert_eq!(history(&test, ada.id).await, [], "a first value is no change");
        let began = test.hub.clock.now();
        test.wait(60);
        refresh(&test, &corp, &says("ada", Some("Manager"))).await;
        test.wait(60);
        refresh(&test, &corp, &says("ada", None)).await;
        let [removed, changed] = history(&test, ada.id).await.try_into().unwrap();
        assert_eq!((changed.former.value.as_str(), changed.reason), ("Clerk", ChangeReason::Said));
        assert_eq!((changed.former.source, changed.former.account), (Some(corp.id), Some(account.id)));
        assert_eq!(changed.now.as_ref().map(|now| now.value.as_str()), Some("Manager"));
        assert_eq!((changed.cause, changed.changed_at), (Some(Cause::Reading), began + chrono::TimeDelta::seconds(60)));
        assert_eq!((removed.former.value.as_str(), removed.reason), ("Manager", ChangeReason::NoLongerSaid));
        assert_eq!(removed.now, None);
    }
}

#[tokio::test]
async fn a_value_that_flaps_keeps_its_last_hundred_changes() {
    let test = TestHub::on(testkit::sqlite()).await;
    let corp = source(&test, "corp").await;
    let (ada, _) = created(&test, &corp, &says("ada", Some("t"))).await;
    for round in 0..120 {
        test.wait(1);
        refresh(&test, &corp, &says("ada", Some(&format!("t{round}")))).await;
    }
    let mut reader = test.hub.database.reader();
    let kept = AttributeHistory(&mut reader).of_person(ada.id, 1_000).await.unwrap();
    assert_eq!(kept.len(), 100);
    assert_eq!(kept[0].former.value, "t118", "the newest are kept");
}

#[tokio::test]
async fn without_numbers_whoever_was_first_keeps_the_attribute() {
    for test in hubs().await {
        let (_, b, ada) = of_two(&test, None, None, ("Clerk", "Boss")).await;
        assert_eq!(title(&test, ada).await.as_deref(), Some("Clerk"));
        refresh(&test, &b, &says("ada-b", Some("Chief"))).await;
        assert_eq!(title(&test, ada).await.as_deref(), Some("Clerk"));
        assert_eq!(history(&test, ada).await, []);
    }
}

#[tokio::test]
async fn a_source_that_comes_first_takes_over_and_the_next_follows_when_it_falls_silent() {
    for test in hubs().await {
        let (a, b, ada) = of_two(&test, Some(20), Some(10), ("Clerk", "Boss")).await;
        assert_eq!(title(&test, ada).await.as_deref(), Some("Boss"), "the lower number");
        // What the second says changes nothing, and is kept.
        refresh(&test, &a, &says("ada", Some("Head clerk"))).await;
        assert_eq!(title(&test, ada).await.as_deref(), Some("Boss"));
        refresh(&test, &b, &says("ada-b", None)).await;
        assert_eq!(title(&test, ada).await.as_deref(), Some("Head clerk"), "in the same transaction");
        refresh(&test, &b, &says("ada-b", Some("Boss again"))).await;
        assert_eq!(title(&test, ada).await.as_deref(), Some("Boss again"));
        let reasons: Vec<ChangeReason> = history(&test, ada).await.into_iter().map(|change| change.reason).collect();
        assert_eq!(reasons, [ChangeReason::Preferred, ChangeReason::FellBack, ChangeReason::Preferred]);
    }
}

#[tokio::test]
async fn an_account_that_is_gone_hands_over_and_takes_back_when_it_returns() {
    for test in hubs().await {
        let (_, b, ada) = of_two(&test, Some(20), Some(10), ("Clerk", "Boss")).await;
        gone(&test, &b, "ada-b").await;
        assert_eq!(title(&test, ada).await.as_deref(), Some("Clerk"));
        refresh(&test, &b, &says("ada-b", Some("Boss"))).await;
        assert_eq!(title(&test, ada).await.as_deref(), Some("Boss"));
    }
}

#[tokio::test]
async fn with_nobody_else_what_a_gone_account_said_stays() {
    for test in hubs().await {
        let corp = source(&test, "corp").await;
        let (ada, _) = created(&test, &corp, &says("ada", Some("Clerk"))).await;
        gone(&test, &corp, "ada").await;
        assert_eq!(title(&test, ada.id).await.as_deref(), Some("Clerk"));
    }
}

#[tokio::test]
async fn what_the_hub_owns_is_no_sources_to_change_and_a_retired_one_leaves_its_values_to_the_hub() {
    for test in hubs().await {
        let (a, b, ada) = of_two(&test, Some(20), Some(10), ("Clerk", "Boss")).await;
        let done: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::end_source_authority(tx, &test.hub, hub::kernel::Actor::System, b.id).await
        });
        done.unwrap();
        assert_eq!(attribute(&test, ada, TITLE).await.unwrap().authority, None);
        assert_eq!(history(&test, ada).await[0].reason, ChangeReason::Retired);
        refresh(&test, &a, &says("ada", Some("Head clerk"))).await;
        assert_eq!(title(&test, ada).await.as_deref(), Some("Boss"), "the hub's");
    }
}

#[tokio::test]
async fn the_order_of_reading_decides_nothing_when_the_numbers_differ() {
    for first in [true, false] {
        for test in hubs().await {
            let (a, b, ada) = of_two(&test, Some(20), Some(10), ("Clerk", "Boss")).await;
            let (one, other) = (says("ada", Some("C2")), says("ada-b", Some("B2")));
            if first {
                refresh(&test, &a, &one).await;
                refresh(&test, &b, &other).await;
            } else {
                refresh(&test, &b, &other).await;
                refresh(&test, &a, &one).await;
            }
            assert_eq!(title(&test, ada).await.as_deref(), Some("B2"));
            // A change of the numbers is noticed when the directory that got another one is next read.
            let b = keep(&test, &ranked(&b, 30)).await;
            refresh(&test, &b, &other).await;
            assert_eq!(title(&test, ada).await.as_deref(), Some("C2"));
        }
    }
}
