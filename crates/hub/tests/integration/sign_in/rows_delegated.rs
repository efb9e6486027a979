//! U2 and U3: a source decides.

use chrono::{DateTime, TimeDelta, Utc};
use connector::{TroubleKind, Verification};
use directory::{AccountStatus, AdapterResult, CredentialAuthority, PersonState, SourceMode};
use hub::{
    kernel::Clock as _,
    session::{ProvenBy, Reach},
    sign_in::RefusalPage::{Disabled, Generic, NotAllowedNow, Outage, PasswordExpired},
};

use super::{
    door::{Door, RIGHT, WRONG, doors, id, known, person},
    scripted::answer,
};

fn now(door: &Door) -> DateTime<Utc> {
    door.test.clock.now()
}

#[tokio::test]
async fn d6_the_source_lets_in_and_nothing_is_kept_in_active_mode() {
    for door in doors().await {
        let (source, person) = known(&door, "jsmith", |_| {}).await;
        let outcome = door.types("JSmith", RIGHT).await;
        outcome.let_in_by("D6", 1).wrote(&[("session", 1), ("device", 1), ("audit_event", 1)]);
        let session = outcome.signed_in();
        assert_eq!((session.person, session.proven_by), (person.id, ProvenBy::Source(source.id)));
        assert_eq!((session.reach, session.offline), (Reach::Everywhere, false));
        assert_eq!(door.person(person.id).await.state(), PersonState::Mirrored);
    }
}

#[tokio::test]
async fn d6_capture_takes_the_password_over_and_the_source_is_never_asked_again() {
    for door in doors().await {
        let (source, person) = known(&door, "jsmith", |_| {}).await;
        door.change(&source, |s| s.mode = SourceMode::Capture).await;
        let captured = door.types("jsmith", RIGHT).await;
        captured.let_in_by("D6", 1);
        assert_eq!(captured.difference.get("verifier"), Some(&1));
        let migrated = door.person(person.id).await;
        assert_eq!(
            (migrated.state(), migrated.credential_authority),
            (PersonState::Migrated, CredentialAuthority::Hub)
        );
        // The source is stopped, and nobody notices.
        door.tell("corp", |s| s.trouble = Some(TroubleKind::Unavailable));
        let again = door.types("jsmith", RIGHT).await;
        again.let_in_by("D1", 0);
        assert_eq!(again.signed_in().proven_by, ProvenBy::Hub);
        // Refused by the hub, and in the words of the route, which are the same for everybody on it.
        door.types("jsmith", WRONG).await.refused_by("D2", Outage, 0);
    }
}

#[tokio::test]
async fn d6_a_password_changed_a_moment_ago_is_not_captured_yet() {
    for door in doors().await {
        let source = door.source("corp", |s| (s.mode, s.capture_settle_seconds) = (SourceMode::Capture, 4_200)).await;
        let mut young = person("jsmith");
        young.password_set_at = Some(now(&door) - TimeDelta::minutes(5));
        door.has("corp", young);
        door.types("jsmith", RIGHT).await.let_in_by("D18", 1);
        let person = door.person_named(&source, "jsmith").await.unwrap();
        assert_eq!(person.state(), PersonState::Mirrored);
        door.wait(4_200);
        door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
        assert_eq!(door.person(person.id).await.state(), PersonState::Migrated);
    }
}

#[tokio::test]
async fn d7_a_wrong_password_costs_one_bind_and_its_repetition_none() {
    for door in doors().await {
        known(&door, "jsmith", |s| s.lockout.threshold = Some(50)).await;
        let wrong = door.types("jsmith", WRONG).await;
        wrong.refused_by("D7", Generic, 1);
        wrong.wrote(&[("budget_place", 1), ("refusal", 1), ("failure_count", 1)]);
        let again = door.types("jsmith", WRONG).await;
        again.refused_by("D7", Generic, 0).wrote(&[("refusal", 1)]);
        // A new password at the source makes the old one news again.
        door.edit("corp", "jsmith", |e| e.password_set_at = Some(DateTime::UNIX_EPOCH));
        door.types("jsmith", WRONG).await.refused_by("D7", Generic, 1);
        // The right one returns all places and ends the count.
        let right = door.types("jsmith", RIGHT).await;
        right.let_in_by("D6", 1);
        assert_eq!(right.difference.get("budget_place"), Some(&-2));
        assert_eq!(right.difference.get("failure_count"), Some(&-1));
    }
}

#[tokio::test]
async fn d8_a_missing_entry_is_noted_once_and_nobody_is_deleted() {
    for door in doors().await {
        let (_, person) = known(&door, "jsmith", |_| {}).await;
        door.tell("corp", |s| s.entries.clear());
        let gone = door.types("jsmith", RIGHT).await;
        gone.refused_by("D8", Generic, 0).wrote(&[("refusal", 1), ("failure_count", 1)]);
        assert_eq!(door.person(person.id).await.state(), PersonState::Mirrored, "one sighting is none");
        // The first sighting brings them back.
        door.has("corp", super::door::person("jsmith"));
        door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    }
}

#[tokio::test]
async fn d8_the_typed_name_at_another_entry_is_somebody_else() {
    for door in doors().await {
        let (_, before) = known(&door, "jsmith", |_| {}).await;
        door.tell("corp", |s| s.entries.clear());
        let mut reused = person("jsmith");
        reused.immutable_id = directory::ImmutableId("id-reused".into());
        door.has("corp", reused);
        let outcome = door.types("jsmith", RIGHT).await;
        // The old alias is still held: an identity of its own with a case (row D19).
        outcome.let_in_by("D19", 1);
        assert_ne!(outcome.signed_in().person, before.id);
    }
}

#[tokio::test]
async fn d9_disabled_at_the_source_ends_everything_and_comes_back_by_itself() {
    for door in doors().await {
        let (_, person) = known(&door, "jsmith", |_| {}).await;
        let session = door.types("jsmith", RIGHT).await.signed_in();
        door.edit("corp", "jsmith", |e| e.status = AccountStatus::Disabled);
        let disabled = door.types("jsmith", RIGHT).await;
        disabled.refused_by("D9", Generic, 0);
        assert_eq!(door.person(person.id).await.state(), PersonState::DisabledBySource);
        assert_eq!(door.hub().session(session.id).await.unwrap(), None);
        door.types("jsmith", RIGHT).await.refused_by("D25", Generic, 0);
        door.edit("corp", "jsmith", |e| e.status = AccountStatus::Active);
        door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    }
}

#[tokio::test]
async fn d9_who_proved_the_password_may_read_that_they_are_disabled() {
    for door in doors().await {
        let (_, person) = known(&door, "jsmith", |_| {}).await;
        door.tell("corp", |s| {
            s.answers.insert(id("jsmith"), answer(AdapterResult::Disabled, true));
        });
        door.types("jsmith", RIGHT).await.refused_by("D9", Disabled, 1);
        assert_eq!(door.person(person.id).await.state(), PersonState::DisabledBySource);
    }
}

#[tokio::test]
async fn d10_a_lock_is_remembered_and_named_only_on_a_known_device() {
    for door in doors().await {
        known(&door, "jsmith", |_| {}).await;
        let cookie = door.types("jsmith", RIGHT).await.cookie().unwrap();
        let until = now(&door) + TimeDelta::minutes(15);
        door.tell("corp", |s| {
            let told = Verification { locked_until: Some(until), ..answer(AdapterResult::Locked, false) };
            s.answers.insert(id("jsmith"), told);
        });
        let locked = door.types("jsmith", WRONG).await;
        locked.refused_by("D10", Generic, 1).wrote(&[("budget_place", 1), ("refusal", 1)]);
        assert!(!locked.refused().locked_words);
        // Cached: the source is left alone, and only this person's browser reads the word.
        let known_device = door.types_with(&cookie, "jsmith", RIGHT).await;
        known_device.refused_by("D10", Generic, 0);
        assert!(known_device.refused().locked_words);
        door.tell("corp", |s| s.answers.clear());
        door.wait(15 * 60);
        door.types_with(&cookie, "jsmith", RIGHT).await.let_in_by("D6", 1);
    }
}

#[tokio::test]
async fn d11_to_d13b_are_refused_and_only_the_place_moves() {
    let rows = [
        (AdapterResult::PasswordExpired, true, "D11", PasswordExpired, false),
        (AdapterResult::MustChange, true, "D11", PasswordExpired, false),
        (AdapterResult::MustChange, false, "D11", Generic, true),
        (AdapterResult::NotAllowedNow, true, "D11b", NotAllowedNow, false),
        (AdapterResult::MfaRequired, false, "D12", Generic, true),
        (AdapterResult::SeveralEntries, false, "D13", Generic, true),
        (AdapterResult::Unverifiable, false, "D13b", Generic, true),
        (AdapterResult::AccountExpired, false, "D9", Generic, true),
    ];
    for door in doors().await {
        let (_, person) = known(&door, "jsmith", |s| s.lockout.threshold = Some(50)).await;
        for (result, proves, row, page, kept) in rows {
            door.tell("corp", |s| {
                s.answers.insert(id("jsmith"), answer(result, proves));
            });
            door.wait(3_600);
            let outcome = door.types("jsmith", RIGHT).await;
            outcome.refused_by(row, page, 1);
            assert_eq!(outcome.trace.adapter_result.as_deref(), Some(result.as_str()));
            let places = storage_places(&door, &person).await;
            assert_eq!(places, usize::from(kept), "{result}: a proven password returns its place");
            assert_eq!(outcome.difference.get("failure_count"), None, "{result}");
            assert_eq!(door.person(person.id).await.state(), PersonState::Mirrored);
        }
    }
}

async fn storage_places(door: &Door, person: &directory::Person) -> usize {
    let mut reader = door.hub().database.reader();
    let account = storage::accounts::Accounts(&mut reader).of_person(person.id).await.unwrap().remove(0);
    let (source, immutable_id) = (account.source_id, &account.immutable_id);
    storage::budget::Budget { queries: &mut reader, source, immutable_id }.places().await.unwrap().len()
}

#[tokio::test]
async fn d14_source_down_changes_nothing() {
    for door in doors().await {
        let (source, person) = known(&door, "jsmith", |_| {}).await;
        for kind in [TroubleKind::Unavailable, TroubleKind::BreakerOpen, TroubleKind::Busy] {
            door.tell("corp", |s| s.trouble = Some(kind));
            for password in [RIGHT, WRONG] {
                door.types("jsmith", password).await.refused_by("D14", Outage, 0).wrote(&[]);
            }
        }
        door.tell("corp", |s| s.trouble = None);
        door.change(&source, |s| s.mode = SourceMode::Paused).await;
        door.types("jsmith", RIGHT).await.refused_by("D14", Outage, 0).wrote(&[]);
        assert_eq!(door.person(person.id).await, person, "not one fact moved");
    }
}

#[tokio::test]
async fn d14_a_bind_that_may_have_left_keeps_its_place_and_nothing_else() {
    for door in doors().await {
        let (_, person) = known(&door, "jsmith", |_| {}).await;
        door.tell("corp", |s| s.bind_trouble = Some(TroubleKind::Unavailable));
        let lost = door.types("jsmith", RIGHT).await;
        lost.refused_by("D14", Outage, 1).wrote(&[("budget_place", 1)]);
        assert_eq!(door.person(person.id).await, person);
    }
}

#[tokio::test]
async fn d14_an_answer_nobody_understands_reads_like_an_outage_and_keeps_its_place() {
    for door in doors().await {
        known(&door, "jsmith", |_| {}).await;
        door.tell("corp", |s| {
            s.answers.insert(id("jsmith"), answer(AdapterResult::Unavailable, false));
        });
        door.types("jsmith", RIGHT).await.refused_by("D14", Outage, 1).wrote(&[("budget_place", 1)]);
    }
}

async fn shadowed(door: &Door) -> directory::Person {
    let (_, person) = known(door, "jsmith", |s| (s.shadow, s.outage_sign_in) = (true, true)).await;
    let person = door.person(person.id).await;
    assert_eq!(person.state(), PersonState::Shadow);
    person
}

#[tokio::test]
async fn d15_the_outage_policy_lets_in_for_an_hour() {
    for door in doors().await {
        let person = shadowed(&door).await;
        door.tell("corp", |s| s.trouble = Some(TroubleKind::Unavailable));
        let offline = door.types("jsmith", RIGHT).await;
        offline.let_in_by("D15", 0);
        let session = offline.signed_in();
        assert!(session.offline && session.proven_by != ProvenBy::Hub, "no role counts in it");
        assert_eq!(session.expires_at, now(&door) + TimeDelta::hours(1));
        let wrong = door.types("jsmith", WRONG).await;
        wrong.refused_by("D15b", Outage, 0).wrote(&[("refusal", 1), ("failure_count", 1)]);
        // The standing was read too long ago.
        door.wait(4 * 3_600);
        door.types("jsmith", RIGHT).await.refused_by("D16", Outage, 0);
        assert_eq!(door.person(person.id).await.state(), PersonState::Shadow);
    }
}

#[tokio::test]
async fn d16_privileged_people_are_not_let_in_offline() {
    for door in doors().await {
        shadowed(&door).await;
        door.edit("corp", "jsmith", |e| e.privileged = true);
        door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
        door.tell("corp", |s| s.trouble = Some(TroubleKind::Unavailable));
        door.types("jsmith", RIGHT).await.refused_by("D16", Outage, 0).wrote(&[]);
    }
}

#[tokio::test]
async fn d17_a_source_that_refuses_the_hub_is_down_and_administrators_are_told() {
    for door in doors().await {
        known(&door, "jsmith", |_| {}).await;
        door.tell("corp", |s| s.trouble = Some(TroubleKind::Misconfigured));
        door.types("jsmith", RIGHT).await.refused_by("D17", Outage, 0).wrote(&[("audit_event", 1)]);
    }
}

#[tokio::test]
async fn d24_the_source_decides_where_the_two_disagree() {
    for door in doors().await {
        let person = shadowed(&door).await;
        door.tell("corp", |s| {
            s.passwords.insert(id("jsmith"), "new password".to_owned());
        });
        // The old one still fits here, and no longer there: what the hub kept is deleted, without proof.
        let old = door.types("jsmith", RIGHT).await;
        old.refused_by("D24", Generic, 1);
        assert_eq!(old.difference.get("verifier"), Some(&-1));
        assert_eq!(door.person(person.id).await.state(), PersonState::Mirrored);
        door.types("jsmith", "new password").await.let_in_by("D6", 1);
        door.tell("corp", |s| {
            s.passwords.insert(id("jsmith"), "newer password".to_owned());
        });
        door.types("jsmith", "newer password").await.let_in_by("D24", 1);
        door.types("jsmith", "newer password").await.let_in_by("D6", 1);
    }
}

#[tokio::test]
async fn d27_a_person_of_a_source_not_asked_any_more_is_stranded() {
    for door in doors().await {
        let (source, _) = known(&door, "jsmith", |_| {}).await;
        door.change(&source, |s| s.mode = SourceMode::Observe).await;
        door.types("jsmith", RIGHT).await.refused_by("D27", Generic, 0).wrote(&[("refusal", 1)]);
        let since = DateTime::UNIX_EPOCH;
        let mut reader = door.hub().database.reader();
        let stranded = storage::trace::Traces(&mut reader).tally(source.id, "D27", since).await.unwrap();
        assert_eq!(stranded, 1);
    }
}
