//! What missing, disabled and retired mean for a person.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use directory::{AccountStatus, AttributeName, Person, PersonState, Source, SourceEntry, SourceMode, Standing, fold};
use hub::{
    HubError,
    kernel::Actor,
    mirror::{self, MissingNoted},
    session::ProvenBy,
};

use crate::support::{entry, hubs};

use super::*;

#[tokio::test]
async fn d8_one_missing_sighting_changes_nobody_and_two_far_apart_end_the_sessions() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (made, account) = created(&test, &source, &entry("ada")).await;
        let session = test.session(made.id, ProvenBy::Source(source.id)).await;
        let policy = test.hub.policy_now().await.unwrap();
        let missing = async || -> MissingNoted {
            let noted: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
                mirror::note_missing(tx, &test.hub, &policy, &source, &account).await
            });
            noted.unwrap()
        };
        assert_eq!(missing().await, MissingNoted::First);
        test.wait(14 * 60);
        assert_eq!(missing().await, MissingNoted::TooSoon);
        assert_eq!(person(&test, made.id).await.state(), PersonState::Mirrored);
        assert!(test.hub.session(session).await.unwrap().is_some());
        test.wait(2 * 60);
        assert_eq!(missing().await, MissingNoted::Confirmed);
        assert_eq!(missing().await, MissingNoted::Already);
        let gone = person(&test, made.id).await;
        assert_eq!((gone.state(), gone.standing), (PersonState::DisabledBySource, Standing::Missing));
        assert!(test.hub.session(session).await.unwrap().is_none());
        assert!(names(&test, made.id).await.len() == 1, "nothing is deleted");
        // The first sighting brings the person back.
        let back = refresh(&test, &source, &entry("ada")).await;
        assert!(back.came_back);
        assert_eq!((back.person.state(), back.account.missing_since), (PersonState::Mirrored, None));
    }
}

#[tokio::test]
async fn a_sighting_between_two_missing_ones_starts_the_count_again() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (_, account) = created(&test, &source, &entry("ada")).await;
        let policy = test.hub.policy_now().await.unwrap();
        let missing = async || -> MissingNoted {
            let noted: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
                mirror::note_missing(tx, &test.hub, &policy, &source, &account).await
            });
            noted.unwrap()
        };
        assert_eq!(missing().await, MissingNoted::First);
        refresh(&test, &source, &entry("ada")).await;
        test.wait(20 * 60);
        assert_eq!(missing().await, MissingNoted::First);
    }
}

#[tokio::test]
async fn d9_disabled_at_the_standing_authority_ends_every_session_even_of_somebody_captured() {
    for test in hubs().await {
        let source = Source { mode: SourceMode::Capture, ..source(&test, "corp").await };
        let (made, _) = created(&test, &source, &entry("ada")).await;
        stored(capture(&test, made.id, &source, None).await);
        let session = test.session(made.id, ProvenBy::Hub).await;
        let disabled = SourceEntry { status: AccountStatus::Disabled, ..entry("ada") };
        let refreshed = refresh(&test, &source, &disabled).await;
        assert!(refreshed.became_disabled);
        assert_eq!(refreshed.person.state(), PersonState::DisabledBySource);
        assert!(test.hub.session(session).await.unwrap().is_none());
        assert!(refresh(&test, &source, &entry("ada")).await.came_back);
        assert_eq!(person(&test, made.id).await.state(), PersonState::Migrated);
    }
}

#[tokio::test]
async fn a_retired_source_decides_nothing_and_brings_nobody_back() {
    for test in hubs().await {
        let source = Source { mode: SourceMode::Capture, ..source(&test, "corp").await };
        let (stays, _) = created(&test, &source, &entry("ada")).await;
        let (left, _) = created(&test, &source, &entry("bob")).await;
        stored(capture(&test, stays.id, &source, None).await);
        refresh(&test, &source, &SourceEntry { status: AccountStatus::Disabled, ..entry("bob") }).await;
        let ended: Result<u64, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::end_source_authority(tx, &test.hub, Actor::CommandLine, source.id).await
        });
        assert_eq!(ended.unwrap(), 2);
        assert_eq!(person(&test, stays.id).await.state(), PersonState::Migrated);
        assert_eq!(person(&test, left.id).await.state(), PersonState::DisabledByHub);
        refresh(&test, &source, &SourceEntry { status: AccountStatus::Disabled, ..entry("ada") }).await;
        assert_eq!(person(&test, stays.id).await.state(), PersonState::Migrated);
        assert_eq!(attribute(&test, stays.id, AttributeName::DisplayName).await.unwrap().authority, None);
    }
}

#[tokio::test]
async fn u7_hub_ends_sessions_and_survives_every_reading() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (made, _) = created(&test, &source, &entry("ada")).await;
        let session = test.session(made.id, ProvenBy::Source(source.id)).await;
        let disabled: Result<Person, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::disable_by_hub(tx, &test.hub, Actor::CommandLine, made.id, "left").await
        });
        disabled.unwrap();
        assert!(test.hub.session(session).await.unwrap().is_none());
        refresh(&test, &source, &entry("ada")).await;
        assert_eq!(person(&test, made.id).await.state(), PersonState::DisabledByHub);
    }
}

#[tokio::test]
async fn a_dropped_name_comes_back_with_the_next_entry_that_bears_it() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (made, account) = created(&test, &source, &entry("ada")).await;
        let dropped: Result<bool, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::drop_alias(tx, &test.hub, &account, &fold("ADA")).await
        });
        assert!(dropped.unwrap());
        assert_eq!(names(&test, made.id).await, BTreeSet::new());
        refresh(&test, &source, &entry("ada")).await;
        assert_eq!(names(&test, made.id).await.len(), 1);
        assert!(actions(&test).await.contains(&"alias.dropped".to_owned()));
    }
}

#[tokio::test]
async fn d10_a_lock_lasts_until_its_time_or_until_the_entry_shows_none() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (_, account) = created(&test, &source, &entry("ada")).await;
        let until = Some(test.hub.clock.now() + TimeDelta::minutes(30));
        let noted: Result<(), HubError> =
            storage::write!(test.hub.database, |tx| { mirror::note_locked(tx, &account, until).await });
        noted.unwrap();
        let stored =
            async || Accounts(&mut test.hub.database.reader()).by_id(account.id).await.unwrap().unwrap().locked_until;
        assert_eq!(stored().await, until);
        refresh(&test, &source, &entry("ada")).await;
        assert_eq!(stored().await, None);
    }
}
