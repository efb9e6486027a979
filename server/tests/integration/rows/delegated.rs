//! U1, U2 and U3: a directory decides.

use chrono::TimeDelta;
use directory::{AttributeName, CredentialAuthority, PersonState, SourceKind, SourceMode};
use hub::session::ProvenBy;
use testkit::BindAnswer;

use super::{
    directory_stub::{
        Changes as _, LOCKED_FOR_GOOD, RIGHT, WRONG, ad_person, ago, dn, filetime, password_policy, person,
    },
    house::{House, PORTAL},
    outcome::{
        Page::{Disabled, Generic, NotAllowedNow, NotEnabledYet, Outage, PasswordExpired},
        SIGNED_IN,
    },
};

#[tokio::test]
async fn d6_the_directory_lets_in_and_nothing_is_kept_in_active_mode() {
    let (house, corp, jsmith) = House::known(|_| {}).await;
    let outcome = house.types("JSmith", RIGHT).await;
    outcome.let_in_by("D6", 1).wrote(&SIGNED_IN);
    let session = outcome.session.as_ref().unwrap();
    assert_eq!((session.person_id, session.proven_at_source_id), (jsmith.id.uuid(), Some(corp.id.uuid())));
    assert_eq!((session.reach_source_id, session.offline), (None, false));
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Mirrored);
    assert_eq!(house.stub("corp").binds_of(&dn("jsmith")), 2, "one bind per sign-in");
    let claims = house.claims(PORTAL, &outcome.code()).await;
    assert_eq!((claims["name"].as_str(), claims["sub"].as_str()), (Some("Test jsmith"), Some(jsmith.subject.as_str())));
    house.close().await;
}

#[tokio::test]
async fn d6_what_changed_in_the_directory_is_there_after_the_sign_in() {
    let (house, _, jsmith) = House::known(|_| {}).await;
    house.stub("corp").put("jsmith", "cn", &["Jo Smith-Jones"]);
    house.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    assert_eq!(house.person(jsmith.id).await.display_name, "Jo Smith-Jones");
    house.close().await;
}

#[tokio::test]
async fn d6_capture_takes_the_password_over_and_the_directory_sees_no_more_binds() {
    let (house, corp, jsmith) = House::known(|_| {}).await;
    house.change(&corp, |draft| draft.mode = SourceMode::Capture).await;
    let captured = house.types("jsmith", RIGHT).await;
    captured.let_in_by("D6", 1);
    assert_eq!((captured.made("verifier"), captured.made("person")), (1, 0));
    let migrated = house.person(jsmith.id).await;
    assert_eq!((migrated.state(), migrated.credential_authority), (PersonState::Migrated, CredentialAuthority::Hub));
    house.stub("corp").forget();
    for _ in 0..3 {
        house.types("jsmith", RIGHT).await.let_in_by("D1", 0);
    }
    assert!(!house.stub("corp").received(RIGHT.as_bytes()), "after capture the directory never sees the password");
    house.close().await;
}

#[tokio::test]
async fn d6_shadow_keeps_a_verifier_and_the_directory_goes_on_deciding() {
    let (house, corp, jsmith) = House::known(|_| {}).await;
    house.change(&corp, |draft| draft.shadow = true).await;
    let shadowed = house.types("jsmith", RIGHT).await;
    shadowed.let_in_by("D6", 1);
    assert_eq!(shadowed.made("verifier"), 1);
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Shadow);
    let again = house.types("jsmith", RIGHT).await;
    again.let_in_by("D6", 1);
    assert_eq!(again.made("verifier"), 0);
    house.close().await;
}

#[tokio::test]
async fn d6_active_directory_must_settle_before_a_password_is_captured() {
    let young = ad_person("jsmith", ago(TimeDelta::minutes(69)));
    let (house, _) = House::with(SourceKind::ActiveDirectory, vec![young], |d| d.mode = SourceMode::Capture).await;
    let first = house.types("jsmith", RIGHT).await;
    first.let_in_by("D18", 1);
    let jsmith = first.person();
    assert_eq!((first.made("verifier"), house.person(jsmith).await.state()), (0, PersonState::Mirrored));
    house.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    assert_eq!(house.person(jsmith).await.state(), PersonState::Mirrored);
    // Somebody who must change their password shows no time at all: never settled.
    house.stub("corp").put("jsmith", "pwdLastSet", &["0"]);
    house.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    assert_eq!(house.person(jsmith).await.state(), PersonState::Mirrored);
    house.stub("corp").put("jsmith", "pwdLastSet", &[&filetime(ago(TimeDelta::minutes(71)))]);
    let settled = house.types("jsmith", RIGHT).await;
    settled.let_in_by("D6", 1);
    assert_eq!((settled.made("verifier"), house.person(jsmith).await.state()), (1, PersonState::Migrated));
    house.types("jsmith", RIGHT).await.let_in_by("D1", 0);
    house.close().await;
}

#[tokio::test]
async fn d7_a_wrong_password_costs_one_bind_and_its_repetition_none() {
    let (house, _, _) = House::known(|_| {}).await;
    let wrong = house.types("jsmith", WRONG).await;
    wrong.refused_by("D7", Generic, 1);
    wrong.wrote(&[("budget_place", 1), ("refusal", 1), ("failure_count", 1)]);
    house.types("jsmith", WRONG).await.refused_by("D7", Generic, 0).wrote(&[("refusal", 1)]);
    assert_eq!(house.stub("corp").binds_of(&dn("jsmith")), 2, "the first sign-in and the first wrong password");
    // The right one returns the place and ends the count.
    let right = house.types("jsmith", RIGHT).await;
    right.let_in_by("D6", 1);
    assert_eq!((right.made("budget_place"), right.made("failure_count")), (-1, -1));
    house.close().await;
}

#[tokio::test]
async fn d7_beyond_the_budget_no_password_reaches_the_directory_but_from_a_known_browser() {
    let (house, _, _) = House::known(|_| {}).await;
    let device = house.types("jsmith", RIGHT).await.device.clone().unwrap();
    for number in 0..2 {
        house.types("jsmith", &format!("{WRONG} {number}")).await.refused_by("D7", Generic, 1);
    }
    house.types("jsmith", RIGHT).await.refused_by("2.7", Generic, 0).wrote(&[("refusal", 1)]);
    house.types_with(&device, "jsmith", RIGHT).await.let_in_by("D6", 1);
    house.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    house.close().await;
}

#[tokio::test]
async fn d8_a_missing_entry_is_noted_and_nobody_is_deleted() {
    let (house, _, jsmith) = House::known(|_| {}).await;
    house.stub("corp").remove("jsmith");
    let gone = house.types("jsmith", RIGHT).await;
    gone.refused_by("D8", Generic, 0).wrote(&[("refusal", 1), ("failure_count", 1)]);
    assert!(house.account(jsmith.id).await.missing_since.is_some());
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Mirrored, "one sighting is none");
    house.stub("corp").add(person("jsmith"));
    house.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    assert_eq!(house.account(jsmith.id).await.missing_since, None, "the first sighting brings them back");
    house.close().await;
}

#[tokio::test]
async fn d8_the_typed_name_at_another_entry_is_somebody_else() {
    let (house, corp, jsmith) = House::known(|_| {}).await;
    let stub = house.stub("corp");
    stub.remove("jsmith");
    stub.add(person("jsmith"));
    stub.put("jsmith", "entryUUID", &["99999999-0000-4000-8000-000000000001"]);
    stub.put("jsmith", "cn", &["Jane Smith"]);
    // The old alias is still held: an identity of its own with a case (row D19).
    let outcome = house.types("jsmith", RIGHT).await;
    outcome.let_in_by("D19", 1);
    assert_ne!(outcome.person(), jsmith.id);
    assert!(outcome.made("review_case") >= 1);
    assert_eq!(outcome.session.as_ref().unwrap().reach_source_id, Some(corp.id.uuid()));
    assert!(house.account(jsmith.id).await.missing_since.is_some());
    house.close().await;
}

#[tokio::test]
async fn d9_read_as_disabled_nobody_reads_why_and_all_sessions_end() {
    let (house, _, jsmith) = House::known(|_| {}).await;
    let before = house.types("jsmith", RIGHT).await;
    house.stub("corp").put("jsmith", "pwdAccountLockedTime", &[LOCKED_FOR_GOOD]);
    // With the right password, which is not sent.
    let disabled = house.types("jsmith", RIGHT).await;
    disabled.refused_by("D9", Generic, 0);
    assert_eq!((disabled.made("refusal"), disabled.made("failure_count")), (1, 0));
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::DisabledBySource);
    assert!(house.has_ended(before.session.as_ref().unwrap()).await);
    let cookie = before.cookie.clone().unwrap();
    let asked = house.authorize(PORTAL, &cookie).await;
    assert!(crate::support::location(&asked).starts_with("/sign-in"), "the browser is no longer signed in");
    // D25: the linked entry is read, and nobody is asked about the password.
    let still = house.types("jsmith", RIGHT).await;
    still.refused_by("D25", Generic, 0).wrote(&[("refusal", 1)]);
    house.stub("corp").put("jsmith", "pwdAccountLockedTime", &[]);
    house.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    house.close().await;
}

#[tokio::test]
async fn d9_whose_password_is_proven_may_read_that_they_are_disabled() {
    let entry = ad_person("jsmith", ago(TimeDelta::days(1)));
    let (house, _) = House::with(SourceKind::ActiveDirectory, vec![entry], |_| {}).await;
    let first = house.types("jsmith", RIGHT).await;
    first.let_in_by("D18", 1);
    house.stub("corp").answer("jsmith", BindAnswer::active_directory("533"));
    let disabled = house.types("jsmith", RIGHT).await;
    disabled.refused_by("D9", Disabled, 1);
    assert_eq!((disabled.made("budget_place"), disabled.made("refusal"), disabled.made("failure_count")), (0, 0, 0));
    assert_eq!(house.person(first.person()).await.state(), PersonState::DisabledBySource);
    assert!(house.has_ended(first.session.as_ref().unwrap()).await);
    house.close().await;
}

#[tokio::test]
async fn d10_locked_as_the_directory_says_and_in_words_only_in_a_known_browser() {
    let entry = ad_person("jsmith", ago(TimeDelta::days(1)));
    let (house, _) = House::with(SourceKind::ActiveDirectory, vec![entry], |_| {}).await;
    let device = house.types("jsmith", RIGHT).await.device.clone().unwrap();
    house.stub("corp").answer("jsmith", BindAnswer::active_directory("775"));
    let locked = house.types("jsmith", RIGHT).await;
    locked.refused_by("D10", Generic, 1).wrote(&[("budget_place", 1), ("refusal", 1)]);
    assert!(!locked.says_locked());
    let known = house.types_with(&device, "jsmith", RIGHT).await;
    known.refused_by("D10", Generic, 1);
    assert!(known.says_locked());
    house.close().await;
}

#[tokio::test]
async fn d10_locked_as_the_entry_shows_and_no_password_is_sent() {
    let (house, _, _) = House::known(|_| {}).await;
    let now = ago(TimeDelta::zero()).format("%Y%m%d%H%M%SZ").to_string();
    house.stub("corp").put("jsmith", "pwdAccountLockedTime", &[&now]);
    house.types("jsmith", RIGHT).await.refused_by("D10", Generic, 0).wrote(&[("refusal", 1)]);
    // Unlocked there is unlocked here.
    house.stub("corp").put("jsmith", "pwdAccountLockedTime", &[]);
    house.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    house.close().await;
}

#[tokio::test]
async fn d11_with_writing_off_who_proved_an_old_password_reads_where_to_change_it() {
    let (house, _, jsmith) = House::known(|_| {}).await;
    // Success with "change after reset", and expired without grace.
    for answer in [password_policy(0, 2), password_policy(49, 0)] {
        house.stub("corp").answer("jsmith", answer);
        house.types("jsmith", RIGHT).await.refused_by("D11", PasswordExpired, 1).wrote(&[]);
    }
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Mirrored);
    house.close().await;
}

#[tokio::test]
async fn d11b_not_at_this_hour_reads_whoever_proved_the_password() {
    let entry = ad_person("jsmith", ago(TimeDelta::days(1)));
    let (house, _) = House::with(SourceKind::ActiveDirectory, vec![entry], |_| {}).await;
    house.types("jsmith", RIGHT).await.let_in_by("D18", 1);
    for code in ["530", "531"] {
        house.stub("corp").answer("jsmith", BindAnswer::active_directory(code));
        house.types("jsmith", RIGHT).await.refused_by("D11b", NotAllowedNow, 1).wrote(&[]);
    }
    house.close().await;
}

#[tokio::test]
async fn d13_two_entries_with_one_name_are_nobody() {
    let mut twin = person("twin");
    twin.dn = format!("uid=twin,ou=elsewhere,{}", super::directory_stub::BASE);
    let entries = vec![person("twin"), twin, person("jsmith")];
    let (house, _) = House::with(SourceKind::Ldap, entries, |_| {}).await;
    // Unknown: D20b writes nothing.
    house.types("twin", RIGHT).await.refused_by("D20b", Generic, 0).wrote(&[("refusal", 1)]);
    house.close().await;
}

#[tokio::test]
async fn d13_two_entries_with_one_immutable_id_are_no_answer() {
    let (house, _, jsmith) = House::known(|_| {}).await;
    let mut twin = person("jsmith");
    twin.dn = format!("uid=jsmith,ou=elsewhere,{}", super::directory_stub::BASE);
    house.stub("corp").add(twin);
    let outcome = house.types("jsmith", RIGHT).await;
    outcome.refused_by("D14", Outage, 0).wrote(&[]);
    assert_eq!(house.person(jsmith.id).await, jsmith);
    house.close().await;
}

#[tokio::test]
async fn d13b_an_entry_without_a_password_is_refused_like_anybody() {
    let (house, _, _) = House::known(|_| {}).await;
    house.stub("corp").answer("jsmith", BindAnswer::Code(48, String::new()));
    house.types("jsmith", RIGHT).await.refused_by("D13b", Generic, 1).wrote(&[("budget_place", 1), ("refusal", 1)]);
    house.close().await;
}

#[tokio::test]
async fn d14_a_directory_that_is_down_changes_nothing() {
    let (house, corp, jsmith) = House::known(|_| {}).await;
    house.stub("corp").go_down();
    for password in [RIGHT, WRONG] {
        house.types("jsmith", password).await.refused_by("D14", Outage, 0).wrote(&[]);
    }
    house.stub("corp").come_back();
    house.change(&corp, |draft| draft.mode = SourceMode::Paused).await;
    house.types("jsmith", RIGHT).await.refused_by("D14", Outage, 0).wrote(&[]);
    assert_eq!(house.person(jsmith.id).await, jsmith, "not one fact moved");
    house.change(&corp, |draft| draft.mode = SourceMode::Active).await;
    house.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    house.close().await;
}

#[tokio::test]
async fn d14_a_password_that_left_is_not_sent_again_and_keeps_its_place() {
    let (house, _, jsmith) = House::known(|_| {}).await;
    house.stub("corp").answer("jsmith", BindAnswer::Close);
    house.types("jsmith", RIGHT).await.refused_by("D14", Outage, 1).wrote(&[("budget_place", 1)]);
    // An answer that nobody understands is not better.
    house.stub("corp").answer("jsmith", BindAnswer::Code(80, "what?".to_owned()));
    house.types("jsmith", RIGHT).await.refused_by("D14", Outage, 1).wrote(&[("budget_place", 1)]);
    assert_eq!(house.person(jsmith.id).await, jsmith);
    house.close().await;
}

#[tokio::test]
async fn d15_the_outage_policy_lets_in_for_an_hour_and_d15b_d16_do_not() {
    let (house, corp, jsmith) = House::known(|draft| draft.outage_sign_in = true).await;
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Shadow);
    house.stub("corp").go_down();
    let offline = house.types("jsmith", RIGHT).await;
    offline.let_in_by("D15", 0).wrote(&[("session", 1), ("device", 1), ("audit_event", 1)]);
    assert!(house.go_on(&offline).await.contains("code="));
    let session = offline.session.as_ref().unwrap();
    assert!(session.offline && session.proven_at_source_id == Some(corp.id.uuid()), "no role counts in it");
    assert!(session.expires_at <= session.created_at + TimeDelta::hours(1));
    let wrong = house.types("jsmith", WRONG).await;
    wrong.refused_by("D15b", Outage, 0).wrote(&[("refusal", 1), ("failure_count", 1)]);
    // Read too long ago who may be here.
    house.age_standing(jsmith.id, 5).await;
    house.types("jsmith", RIGHT).await.refused_by("D16", Outage, 0).wrote(&[]);
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Shadow);
    house.close().await;
}

#[tokio::test]
async fn d17_a_directory_that_refuses_the_hub_is_down_and_that_is_recorded() {
    let (house, _, jsmith) = House::known(|_| {}).await;
    house.stub("corp").change(|script| {
        script.search = testkit::SearchAnswer::Code(50, "insufficient access".to_owned());
    });
    house.types("jsmith", RIGHT).await.refused_by("D17", Outage, 0).wrote(&[("audit_event", 1)]);
    // The breaker is open at once: the directory is not even dialled.
    let searches = house.stub("corp").searches().len();
    house.types("jsmith", RIGHT).await.refused_by("D14", Outage, 0).wrote(&[]);
    assert_eq!(house.stub("corp").searches().len(), searches);
    assert_eq!(house.person(jsmith.id).await, jsmith);
    house.close().await;
}

#[tokio::test]
async fn d23_a_staged_person_is_activated_by_their_password() {
    let (house, corp, jsmith) = House::known(|_| {}).await;
    house.edit(jsmith.id, |person| person.activated = false).await;
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Staged);
    house.types("jsmith", WRONG).await.refused_by("D23b", Generic, 1);
    let waiting = house.types("jsmith", RIGHT).await;
    waiting.refused_by("D23", NotEnabledYet, 1);
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Staged);
    house.change(&corp, |draft| draft.just_in_time_activation = true).await;
    house.types("jsmith", RIGHT).await.let_in_by("D23", 1);
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Mirrored);
    house.close().await;
}

#[tokio::test]
async fn d24_where_the_two_disagree_the_directory_decides() {
    let (house, _, jsmith) = House::known(|draft| draft.shadow = true).await;
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Shadow);
    house.stub("corp").put("jsmith", "userPassword", &["New-Passw0rd"]);
    // The old one still fits here, and no longer there: what the hub kept is deleted, without proof.
    let old = house.types("jsmith", RIGHT).await;
    old.refused_by("D24", Generic, 1);
    assert_eq!(old.made("verifier"), -1);
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Mirrored);
    house.types("jsmith", "New-Passw0rd").await.let_in_by("D6", 1);
    house.stub("corp").put("jsmith", "userPassword", &["Newer-Passw0rd"]);
    house.types("jsmith", "Newer-Passw0rd").await.let_in_by("D24", 1);
    house.types("jsmith", "Newer-Passw0rd").await.let_in_by("D6", 1);
    house.close().await;
}

#[tokio::test]
async fn d27_a_person_of_a_directory_not_asked_any_more_is_stranded() {
    let (house, corp, _) = House::known(|_| {}).await;
    house.change(&corp, |draft| draft.mode = SourceMode::Observe).await;
    house.types("jsmith", RIGHT).await.refused_by("D27", Generic, 0).wrote(&[("refusal", 1)]);
    assert_eq!(house.tally(&corp, "D27").await, 1);
    // One click back.
    house.change(&corp, |draft| draft.mode = SourceMode::Active).await;
    house.types("jsmith", RIGHT).await.let_in_by("D6", 1);
    house.close().await;
}

#[tokio::test]
async fn section_2_4_a_renamed_entry_gives_its_old_name_up() {
    let (house, corp, jsmith) = House::known(|_| {}).await;
    let stub = house.stub("corp");
    stub.put("jsmith", "uid", &["jjones"]);
    stub.put("jsmith", "mail", &["jjones@example.test"]);
    let old = house.types("jsmith", RIGHT).await;
    old.refused_by("D20", Generic, 0);
    assert_eq!(old.made("alias"), -1);
    // By the new name the link is found, and the bind goes to the entry just read.
    let renamed = house.types("jjones", RIGHT).await;
    renamed.let_in_by("D6", 1);
    assert_eq!(renamed.person(), jsmith.id);
    assert_eq!(
        renamed.session.as_ref().unwrap().proven_at_source_id,
        ProvenBy::Source(corp.id).source().map(|s| s.uuid())
    );
    let held = storage::attributes::Attributes(&mut house.hub().database.reader()).of_person(jsmith.id).await.unwrap();
    assert!(held.iter().any(|a| a.name == AttributeName::Email && a.value == "jjones@example.test"));
    house.close().await;
}
