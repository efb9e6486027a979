//! U4, U5, U7 and U8: the hub decides, or refuses without asking anybody.

use chrono::{DateTime, TimeDelta};
use connector::TroubleKind;
use directory::{PersonState, Role, SourceMode};
use hub::{
    kernel::Actor,
    session::ProvenBy,
    sign_in::RefusalPage::{Generic, Outage},
};

use super::door::{Door, RIGHT, WRONG, doors, doors_with, id, known, person, quick};
use crate::support::PASSWORD;

/// Captured by a first sign-in; the source goes on in this mode.
async fn captured(door: &Door, mode: SourceMode) -> (directory::Source, directory::Person) {
    let (source, person) = known(door, "jsmith", |s| s.mode = SourceMode::Capture).await;
    assert_eq!(door.person(person.id).await.state(), PersonState::Migrated);
    if mode != SourceMode::Capture {
        door.change(&source, |s| s.mode = mode).await;
    }
    (source, person)
}

#[tokio::test]
async fn d1_the_hub_lets_in_by_itself() {
    for door in doors().await {
        let (_, person) = captured(&door, SourceMode::Draining).await;
        let outcome = door.types("jsmith", RIGHT).await;
        outcome.let_in_by("D1", 0).wrote(&[("session", 1), ("device", 1), ("audit_event", 1)]);
        assert_eq!((outcome.signed_in().person, outcome.signed_in().proven_by), (person.id, ProvenBy::Hub));
        // A known browser keeps its cookie.
        let cookie = outcome.cookie().unwrap();
        let again = door.types_with(&cookie, "jsmith", RIGHT).await;
        again.let_in_by("D1", 0).wrote(&[("session", 1), ("audit_event", 1)]);
        assert_eq!(again.cookie(), None);
    }
}

#[tokio::test]
async fn d1_an_administrator_signs_in_at_the_console_whatever_a_directory_calls_its_people() {
    for door in doors().await {
        door.source("corp", |_| {}).await;
        door.has("corp", person("ada"));
        let client = door.client("portal", &[]).await;
        door.types("ada", PASSWORD).await.let_in_by("D1", 0);
        // Nobody can take the name by being created elsewhere: at the console the hub's own names come first.
        let mut attempt = door.attempt("ada", RIGHT);
        attempt.client = Some(client);
        attempt.directory = Some("corp".to_owned());
        door.sends(attempt).await.let_in_by("D18", 1);
        door.types("ada", PASSWORD).await.let_in_by("D1", 0);
    }
}

#[tokio::test]
async fn d1b_a_password_changed_at_the_source_is_taken_over_again() {
    for door in doors().await {
        let (_, person) = captured(&door, SourceMode::Capture).await;
        door.tell("corp", |s| {
            s.passwords.insert(id("jsmith"), "new password".to_owned());
        });
        door.edit("corp", "jsmith", |e| e.password_set_at = Some(DateTime::UNIX_EPOCH + TimeDelta::days(1)));
        // The hub's verifier does not fit: the entry is read once, and the source asked.
        door.types("jsmith", "new password").await.let_in_by("D1b", 1);
        assert_eq!(door.person(person.id).await.state(), PersonState::Migrated);
        door.types("jsmith", "new password").await.let_in_by("D1", 0);
        door.wait(60);
        door.types("jsmith", RIGHT).await.refused_by("D2", Generic, 0);
    }
}

#[tokio::test]
async fn d1b_reads_the_source_once_a_minute_and_not_at_all_in_draining() {
    for door in doors().await {
        let (source, _) = captured(&door, SourceMode::Active).await;
        door.types("jsmith", WRONG).await.refused_by("D2", Generic, 0);
        door.edit("corp", "jsmith", |e| e.password_set_at = Some(DateTime::UNIX_EPOCH));
        door.types("jsmith", "other wrong").await.refused_by("D2", Generic, 0);
        door.wait(60);
        door.types("jsmith", "third wrong").await.refused_by("D1b", Generic, 1);
        door.change(&source, |s| s.mode = SourceMode::Draining).await;
        door.wait(60);
        door.types("jsmith", "fourth wrong").await.refused_by("D2", Generic, 0);
    }
}

#[tokio::test]
async fn d1c_a_silent_source_is_bridged_for_three_days() {
    for door in doors().await {
        captured(&door, SourceMode::Draining).await;
        door.tell("corp", |s| s.trouble = Some(TroubleKind::Unavailable));
        door.wait(25 * 3_600);
        door.types("jsmith", RIGHT).await.let_in_by("D1c", 0);
        door.wait(48 * 3_600);
        door.types("jsmith", RIGHT).await.refused_by("D1c", Outage, 0).wrote(&[]);
        door.tell("corp", |s| s.trouble = None);
        door.types("jsmith", RIGHT).await.let_in_by("D1", 0);
    }
}

#[tokio::test]
async fn d2_a_wrong_password_is_counted_by_the_hub() {
    for door in doors().await {
        captured(&door, SourceMode::Draining).await;
        let wrong = door.types("jsmith", WRONG).await;
        wrong.refused_by("D2", Generic, 0).wrote(&[("refusal", 1), ("failure_count", 1)]);
    }
}

#[tokio::test]
async fn d2b_a_person_without_a_password_is_refused_like_anybody() {
    for door in doors().await {
        // Invited, and the link not used yet.
        let new =
            hub::mirror::NewHubPerson { username: "grace".to_owned(), display_name: "Grace".to_owned(), email: None };
        door.hub().invite_console_person(&door.administrator.roles, new, Role::HelpDesk).await.unwrap();
        door.types("grace", WRONG).await.refused_by("D2b", Generic, 0);
    }
}

#[tokio::test]
async fn d2c_after_too_many_failures_nothing_is_verified_but_a_known_browser_goes_on() {
    let policy = directory::Policy { consecutive_failures: 3, ..quick() };
    for door in doors_with(policy).await {
        let (_, person) = captured(&door, SourceMode::Draining).await;
        let cookie = door.types("jsmith", RIGHT).await.cookie().unwrap();
        for number in 0..3 {
            door.types("jsmith", &format!("wrong {number}")).await.refused_by("D2", Generic, 0);
        }
        door.types("jsmith", RIGHT).await.refused_by("D2c", Generic, 0).wrote(&[("refusal", 1)]);
        door.types_with(&cookie, "jsmith", RIGHT).await.let_in_by("D1", 0);
        door.types("jsmith", RIGHT).await.refused_by("D2c", Generic, 0);
        assert_eq!(door.person(person.id).await.state(), PersonState::Migrated, "never disabled for it");
        door.wait(15 * 60);
        door.types("jsmith", RIGHT).await.let_in_by("D1", 0);
        // Help desk clears it.
        for number in 0..3 {
            door.types("jsmith", &format!("wrong again {number}")).await;
        }
        door.hub().unlock_here(&door.administrator.help, person.id).await.unwrap();
        door.types("jsmith", RIGHT).await.let_in_by("D1", 0);
    }
}

#[tokio::test]
async fn d25_disabled_here_is_refused_without_asking() {
    for door in doors().await {
        let (_, person) = known(&door, "jsmith", |_| {}).await;
        let done: Result<_, hub::HubError> = storage::write!(door.hub().database, |tx| {
            hub::mirror::disable_by_hub(tx, door.hub(), Actor::CommandLine, person.id, "left").await
        });
        done.unwrap();
        door.types("jsmith", RIGHT).await.refused_by("D25", Generic, 0).wrote(&[("refusal", 1)]);
    }
}

#[tokio::test]
async fn d25_a_leaver_disabled_at_the_source_does_not_live_on_in_the_hub() {
    for door in doors().await {
        let (_, person) = captured(&door, SourceMode::Capture).await;
        door.edit("corp", "jsmith", |e| e.status = directory::AccountStatus::Disabled);
        door.types("jsmith", RIGHT).await.let_in_by("D1", 0);
        // Within `status_max_age` the standing is read again.
        door.wait(24 * 3_600);
        door.types("jsmith", RIGHT).await.refused_by("D25", Generic, 0);
        assert_eq!(door.person(person.id).await.state(), PersonState::DisabledBySource);
        door.edit("corp", "jsmith", |e| e.status = directory::AccountStatus::Active);
        door.types("jsmith", RIGHT).await.let_in_by("D1", 0);
    }
}

#[tokio::test]
async fn d26_a_merged_record_leads_to_the_survivor() {
    for door in doors().await {
        let (source, _) = known(&door, "jsmith", |_| {}).await;
        door.has("corp", person("john"));
        door.types("john", RIGHT).await.let_in_by("D18", 1);
        let loser = door.person_named(&source, "john").await.unwrap();
        let survivor = door.person_named(&source, "jsmith").await.unwrap();
        let merged = directory::Person { merged_into: Some(survivor.id), ..loser };
        let done: Result<(), storage::StorageError> =
            storage::write!(door.hub().database, |tx| { storage::people::People(tx).update(&merged).await });
        done.unwrap();
        let outcome = door.types("john", RIGHT).await;
        assert_eq!(outcome.signed_in().person, survivor.id);
        assert!(door.test.audit().await.iter().any(|(action, _)| action == "alias.of-merged-person-used"));
    }
}
