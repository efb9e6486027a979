//! Which proven passwords are kept.

use chrono::TimeDelta;
use directory::{AttributeName, Namespace, Person, PersonState, Source, SourceMode, fold};
use hub::{
    HubError,
    kernel::Actor,
    mirror::{self, Capture, Captured},
};
use storage::{aliases::Aliases, cases::Cases, verifiers::Verifiers};

use crate::support::{entry, hubs};

use super::*;

#[tokio::test]
async fn d6_capture_takes_over_and_gives_a_name_in_the_hub() {
    for test in hubs().await {
        let source = Source { mode: SourceMode::Capture, ..source(&test, "corp").await };
        let (made, _) = created(&test, &source, &entry("ada")).await;
        let person = stored(capture(&test, made.id, &source, None).await);
        assert_eq!(person.state(), PersonState::Migrated);
        assert_eq!(person.standing_authority, made.standing_authority, "capture moves the password, not the standing");
        let mut reader = test.hub.database.reader();
        assert!(Aliases(&mut reader).find(Namespace::Hub, &fold("ada")).await.unwrap().is_some());
        let verifier = Verifiers(&mut reader).of_person(made.id).await.unwrap().unwrap();
        assert_eq!(verifier.source_id, Some(source.id));
        assert!(actions(&test).await.contains(&"person.captured".to_owned()));
    }
}

#[tokio::test]
async fn d6_capture_waits_until_the_password_has_settled() {
    for test in hubs().await {
        let settled =
            Source { mode: SourceMode::Capture, capture_settle_seconds: 70 * 60, ..source(&test, "corp").await };
        let (made, _) = created(&test, &settled, &entry("ada")).await;
        let now = test.hub.clock.now();
        let unknown = None;
        for too_young in [unknown, Some(now), Some(now - TimeDelta::minutes(70)), Some(now + TimeDelta::hours(1))] {
            assert!(matches!(capture(&test, made.id, &settled, too_young).await, Captured::Not(_)), "{too_young:?}");
            assert_eq!(Verifiers(&mut test.hub.database.reader()).of_person(made.id).await.unwrap(), None);
        }
        let old = Some(now - TimeDelta::minutes(71));
        assert_eq!(stored(capture(&test, made.id, &settled, old).await).state(), PersonState::Migrated);
    }
}

#[tokio::test]
async fn only_the_credential_authority_captures() {
    for test in hubs().await {
        let own = Source { mode: SourceMode::Capture, ..source(&test, "own").await };
        let other = Source { mode: SourceMode::Capture, ..source(&test, "other").await };
        let (made, _) = created(&test, &own, &entry("ada")).await;
        assert!(matches!(capture(&test, made.id, &other, None).await, Captured::Not(_)));
        for mode in [SourceMode::Active, SourceMode::Observe, SourceMode::Paused, SourceMode::Retired] {
            let not_capturing = Source { mode, ..own.clone() };
            assert!(matches!(capture(&test, made.id, &not_capturing, None).await, Captured::Not(_)), "{mode}");
        }
        assert_eq!(person(&test, made.id).await.state(), PersonState::Mirrored);
    }
}

#[tokio::test]
async fn d1b_a_captured_password_is_captured_again_but_one_set_here_never() {
    for test in hubs().await {
        let source = Source { mode: SourceMode::Capture, ..source(&test, "corp").await };
        let (made, _) = created(&test, &source, &entry("ada")).await;
        stored(capture(&test, made.id, &source, None).await);
        let changed = Some(test.hub.clock.now());
        let active = Source { mode: SourceMode::Active, ..source.clone() };
        stored(capture(&test, made.id, &active, changed).await);
        let verifier = Verifiers(&mut test.hub.database.reader()).of_person(made.id).await.unwrap().unwrap();
        assert_eq!(verifier.password_set_at, changed);
        let set_here: Result<Person, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::set_hub_verifier(tx, &test.hub, Actor::Person(made.id), made.id, "$argon2id$own".into()).await
        });
        set_here.unwrap();
        assert!(matches!(capture(&test, made.id, &source, changed).await, Captured::Not(_)));
        let kept = Verifiers(&mut test.hub.database.reader()).of_person(made.id).await.unwrap().unwrap();
        assert_eq!(kept.phc, "$argon2id$own");
    }
}

#[tokio::test]
async fn d24_a_shadow_leaves_the_source_in_charge_and_can_be_deleted() {
    for test in hubs().await {
        let source = Source { shadow: true, mode: SourceMode::Capture, ..source(&test, "corp").await };
        let (made, _) = created(&test, &source, &entry("ada")).await;
        assert!(matches!(capture(&test, made.id, &source, None).await, Captured::Not(_)), "shadow is on");
        let shadowed = stored(capture_as(&test, made.id, &source, None, Capture::Shadow).await);
        assert_eq!(shadowed.state(), PersonState::Shadow);
        let deleted: Result<bool, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::delete_shadow_verifier(tx, &test.hub, made.id, "the source refused it").await
        });
        assert!(deleted.unwrap());
        assert_eq!(person(&test, made.id).await.state(), PersonState::Mirrored);
        // Somebody who has moved keeps theirs.
        let taking = Source { shadow: false, ..source };
        stored(capture(&test, made.id, &taking, None).await);
        let kept: Result<bool, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::delete_shadow_verifier(tx, &test.hub, made.id, "never").await
        });
        assert!(!kept.unwrap());
        assert_eq!(person(&test, made.id).await.state(), PersonState::Migrated);
    }
}

#[tokio::test]
async fn d19_a_disputed_newcomer_is_captured_without_a_name_in_the_hub_and_keeps_the_reach() {
    for test in hubs().await {
        let source = Source { mode: SourceMode::Capture, ..source(&test, "corp").await };
        let number = |name: &str| with(entry(name), AttributeName::EmployeeNumber, "31882");
        created(&test, &source, &number("first")).await;
        let (newcomer, _) = collided(&test, &source, &number("second")).await;
        assert_eq!(stored(capture(&test, newcomer.id, &source, None).await).state(), PersonState::Migrated);
        let mut reader = test.hub.database.reader();
        assert_eq!(Aliases(&mut reader).find(Namespace::Hub, &fold("second")).await.unwrap(), None);
        assert_eq!(Cases(&mut reader).restricted_to(newcomer.id).await.unwrap(), Some(source.id));
    }
}
