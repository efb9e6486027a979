//! U0: somebody the hub does not know yet.

use connector::TroubleKind;
use directory::{AccountStatus, AdapterResult, AttributeName, PersonState, SourceMode};
use hub::{
    session::Reach,
    sign_in::RefusalPage::{Disabled, Generic, NotEnabledYet, Outage, PasswordExpired},
};

use super::{
    door::{RIGHT, WRONG, doors, id, known, person},
    scripted::answer,
};

#[tokio::test]
async fn d18_an_unknown_person_is_created_by_one_bind() {
    for door in doors().await {
        let source = door.source("corp", |_| {}).await;
        door.has("corp", person("jsmith"));
        let outcome = door.types("jsmith", RIGHT).await;
        outcome.let_in_by("D18", 1);
        for table in ["person", "account", "alias", "session", "device"] {
            assert_eq!(outcome.difference.get(table), Some(&1), "{table}");
        }
        assert_eq!(outcome.difference.get("verifier"), None);
        let created = door.person_named(&source, "jsmith").await.unwrap();
        assert_eq!((created.state(), created.display_name.as_str()), (PersonState::Mirrored, "Test jsmith"));
        assert_eq!(outcome.signed_in().reach, Reach::Everywhere);
        door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    }
}

#[tokio::test]
async fn d18_in_capture_mode_they_are_migrated_at_once() {
    for door in doors().await {
        let source = door.source("corp", |s| s.mode = SourceMode::Capture).await;
        door.has("corp", person("jsmith"));
        let outcome = door.types("jsmith", RIGHT).await;
        outcome.let_in_by("D18", 1);
        assert_eq!(outcome.difference.get("verifier"), Some(&1));
        assert_eq!(door.person_named(&source, "jsmith").await.unwrap().state(), PersonState::Migrated);
        door.types("jsmith", RIGHT).await.let_in_by("D1", 0);
    }
}

#[tokio::test]
async fn d18_two_at_once_make_one_person() {
    for door in doors().await {
        let source = door.source("corp", |_| {}).await;
        door.has("corp", person("jsmith"));
        let (a, b) = tokio::join!(
            door.hub().sign_in(door.attempt("jsmith", RIGHT)),
            door.hub().sign_in(door.attempt("jsmith", RIGHT))
        );
        for answer in [a.unwrap(), b.unwrap()] {
            let hub::sign_in::SignInAnswer::SignedIn { session, .. } = answer else { panic!("{answer:?}") };
            assert_eq!(session.person, door.person_named(&source, "jsmith").await.unwrap().id);
        }
    }
}

#[tokio::test]
async fn d19_who_meets_a_holder_gets_an_identity_of_their_own() {
    for door in doors().await {
        let (corp, holder) = known(&door, "jsmith", |_| {}).await;
        let mut clash = person("john");
        clash.names.push("jsmith".to_owned());
        // The linked entry gives the name up only for as long as nobody reads it.
        door.has("corp", clash);
        let outcome = door.types("john", RIGHT).await;
        outcome.let_in_by("D19", 1);
        assert_eq!(outcome.difference.get("review_case"), Some(&1));
        let session = outcome.signed_in();
        assert_ne!(session.person, holder.id);
        assert_eq!(session.reach, Reach::ClientsOf(corp.id));
        // The reach stays while the case is open.
        let again = door.types("john", RIGHT).await;
        again.let_in_by("D6", 1);
        assert_eq!(again.signed_in().reach, Reach::ClientsOf(corp.id));
    }
}

#[tokio::test]
async fn d20_wrong_guesses_write_nothing_but_their_refusal() {
    for door in doors().await {
        door.source("corp", |_| {}).await;
        door.has("corp", person("jsmith"));
        door.types("nobody", RIGHT).await.refused_by("D20", Generic, 0).wrote(&[("refusal", 1)]);
        let wrong = door.types("jsmith", WRONG).await;
        wrong.refused_by("D20", Generic, 1).wrote(&[("refusal", 1), ("budget_place", 1)]);
        door.types("jsmith", WRONG).await.refused_by("D20", Generic, 0).wrote(&[("refusal", 1)]);
    }
}

#[tokio::test]
async fn d20_without_any_directory_everybody_is_refused_alike() {
    for door in doors().await {
        door.types("nobody", RIGHT).await.refused_by("D20", Generic, 0).wrote(&[("refusal", 1)]);
        door.types("", RIGHT).await.refused_by("D20", Generic, 0);
        door.types("a\0b", RIGHT).await.refused_by("D20", Generic, 0);
    }
}

#[tokio::test]
async fn d20b_other_refusals_create_nobody() {
    for door in doors().await {
        door.source("corp", |s| s.lockout.threshold = Some(50)).await;
        door.has("corp", person("jsmith"));
        let told = [
            (AdapterResult::Locked, false, Generic),
            (AdapterResult::PasswordExpired, true, PasswordExpired),
            (AdapterResult::Disabled, true, Disabled),
            (AdapterResult::Unavailable, false, Outage),
        ];
        for (result, proves, page) in told {
            door.tell("corp", |s| {
                s.answers.insert(id("jsmith"), answer(result, proves));
            });
            let outcome = door.types("jsmith", RIGHT).await;
            outcome.refused_by("D20b", page, 1);
            assert_eq!(outcome.difference.get("person"), None);
        }
        // Read as disabled: no bind at all.
        door.tell("corp", |s| s.answers.clear());
        door.edit("corp", "jsmith", |e| e.status = AccountStatus::Disabled);
        door.types("jsmith", RIGHT).await.refused_by("D20b", Generic, 0);
    }
}

#[tokio::test]
async fn d21_a_right_password_is_not_enough() {
    for door in doors().await {
        let source = door.source("corp", |s| s.just_in_time = false).await;
        door.has("corp", person("jsmith"));
        let off = door.types("jsmith", RIGHT).await;
        off.refused_by("D21", NotEnabledYet, 1).wrote(&[("audit_event", 1)]);
        door.change(&source, |s| (s.just_in_time, s.mode) = (true, SourceMode::Draining)).await;
        door.types("jsmith", RIGHT).await.refused_by("D21", NotEnabledYet, 1);
        // Held, because the entry lacks what a person cannot be without.
        door.change(&source, |s| s.mode = SourceMode::Active).await;
        door.edit("corp", "jsmith", |e| {
            e.username = None;
            e.attributes.remove(&AttributeName::DisplayName);
        });
        let held = door.types("jsmith", RIGHT).await;
        held.refused_by("D21", NotEnabledYet, 1);
        assert_eq!(held.difference.get("person"), None);
    }
}

#[tokio::test]
async fn d22_a_source_that_is_down_reads_the_same_for_everybody() {
    for door in doors().await {
        let source = door.source("corp", |_| {}).await;
        door.has("corp", person("jsmith"));
        door.tell("corp", |s| s.trouble = Some(TroubleKind::Unavailable));
        for name in ["jsmith", "nobody"] {
            door.types(name, RIGHT).await.refused_by("D22", Outage, 0).wrote(&[]);
        }
        door.tell("corp", |s| s.trouble = None);
        door.change(&source, |s| s.mode = SourceMode::Paused).await;
        door.types("jsmith", RIGHT).await.refused_by("D22", Outage, 0).wrote(&[]);
    }
}

#[tokio::test]
async fn d22b_a_source_in_observe_is_not_contacted() {
    for door in doors().await {
        let source = door.source("corp", |_| {}).await;
        door.has("corp", person("jsmith"));
        door.change(&source, |s| s.mode = SourceMode::Observe).await;
        let mut attempt = door.attempt("jsmith", RIGHT);
        attempt.directory = Some("corp".to_owned());
        door.sends(attempt).await.refused_by("D22b", Generic, 0).wrote(&[("refusal", 1)]);
    }
}

#[tokio::test]
async fn d23_a_staged_person_is_activated_by_their_password() {
    for door in doors().await {
        let (source, person) = known(&door, "jsmith", |_| {}).await;
        let staged = directory::Person { activated: false, ..person };
        let done: Result<(), storage::StorageError> =
            storage::write!(door.hub().database, |tx| { storage::people::People(tx).update(&staged).await });
        done.unwrap();
        door.types("jsmith", WRONG).await.refused_by("D23b", Generic, 1);
        door.types("jsmith", RIGHT).await.refused_by("D23", NotEnabledYet, 1);
        door.change(&source, |s| s.just_in_time_activation = true).await;
        door.types("jsmith", RIGHT).await.let_in_by("D23", 1);
        assert_eq!(door.person(staged.id).await.state(), PersonState::Mirrored);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn forty_people_at_once_are_all_created_and_come_back() {
    for door in doors().await {
        let door = std::sync::Arc::new(door);
        door.source("corp", |_| {}).await;
        for number in 0..40 {
            door.has("corp", person(&format!("person{number}")));
        }
        for _ in 0..2 {
            let tries: Vec<_> = (0..40)
                .map(|number| {
                    let door = std::sync::Arc::clone(&door);
                    tokio::spawn(
                        async move { door.hub().sign_in(door.attempt(&format!("person{number}"), RIGHT)).await },
                    )
                })
                .collect();
            for attempt in tries {
                let answer = attempt.await.unwrap().unwrap();
                assert!(matches!(answer, hub::sign_in::SignInAnswer::SignedIn { .. }), "{answer:?}");
            }
        }
        assert_eq!(door.binds(), 80);
    }
}
