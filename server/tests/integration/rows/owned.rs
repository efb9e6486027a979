//! U5, U7 and U8: the hub decides, or refuses without asking anybody.

use directory::{Person, PersonState, Policy, Role, Source, SourceMode};
use hub::{access::NewHolder, kernel::Actor};

use super::{
    directory_stub::{Changes as _, RIGHT, WRONG, person},
    house::{Attempt, House, PORTAL, quick},
    outcome::{
        Page::{Generic, Outage},
        SIGNED_IN,
    },
};
use crate::support::PASSWORD;

/// jsmith, captured by a first sign-in; the directory goes on in this mode.
async fn captured(mode: SourceMode) -> (House, Source, Person) {
    let (house, corp, jsmith) = House::known(|draft| draft.mode = SourceMode::Capture).await;
    assert_eq!(jsmith.state(), PersonState::Migrated);
    let corp = house.change(&corp, |draft| draft.mode = mode).await;
    (house, corp, jsmith)
}

#[tokio::test]
async fn d1_the_hub_lets_in_by_itself_also_while_the_directory_is_down() {
    let (house, _, jsmith) = captured(SourceMode::Draining).await;
    let outcome = house.types("jsmith", RIGHT).await;
    outcome.let_in_by("D1", 0).wrote(&SIGNED_IN);
    let session = outcome.session.as_ref().unwrap();
    assert_eq!((session.person_id, session.proven_at_source_id), (jsmith.id.uuid(), None));
    house.stub("corp").go_down();
    // A known browser keeps its mark.
    let again = house.types_with(outcome.device.as_ref().unwrap(), "jsmith", RIGHT).await;
    again.let_in_by("D1", 0).wrote(&SIGNED_IN[..3]);
    assert_eq!(again.device, None);
    house.close().await;
}

#[tokio::test]
async fn d1_an_administrator_signs_in_at_the_console_whatever_a_directory_calls_its_people() {
    let (house, _) = House::with(directory::SourceKind::Ldap, vec![person("ada")], |_| {}).await;
    let console = Attempt { client: None, ..House::attempt("ada", PASSWORD) };
    let outcome = house.sends(console).await;
    outcome.let_in_by("D1", 0);
    assert_eq!(outcome.location, "/console");
    house.sends(Attempt { password: RIGHT, ..console }).await.refused_by("D2", Generic, 0);
    // Their namesake signs in to the application, and stays somebody else.
    let namesake = house.types("ada", RIGHT).await;
    namesake.let_in_by("D18", 1);
    assert_ne!(namesake.person(), outcome.person());
    house.close().await;
}

#[tokio::test]
async fn d1b_a_password_changed_at_the_directory_is_taken_over_again() {
    let (house, _, jsmith) = captured(SourceMode::Capture).await;
    house.stub("corp").put("jsmith", "userPassword", &["New-Passw0rd"]);
    house.stub("corp").put("jsmith", "pwdChangedTime", &["20260201000000Z"]);
    // The hub's verifier does not fit: the entry is read once, and the directory asked.
    house.types("jsmith", "New-Passw0rd").await.let_in_by("D1b", 1);
    assert_eq!(house.person(jsmith.id).await.state(), PersonState::Migrated);
    house.types("jsmith", "New-Passw0rd").await.let_in_by("D1", 0);
    house.types("jsmith", RIGHT).await.refused_by("D2", Generic, 0);
    house.close().await;
}

#[tokio::test]
async fn d1b_a_changed_password_is_not_asked_for_in_draining() {
    let (house, _, _) = captured(SourceMode::Draining).await;
    house.stub("corp").put("jsmith", "userPassword", &["New-Passw0rd"]);
    house.stub("corp").put("jsmith", "pwdChangedTime", &["20260201000000Z"]);
    house.types("jsmith", "New-Passw0rd").await.refused_by("D2", Generic, 0);
    house.types("jsmith", RIGHT).await.let_in_by("D1", 0);
    house.close().await;
}

#[tokio::test]
async fn d1c_a_silent_directory_is_bridged_for_three_days() {
    let (house, _, jsmith) = captured(SourceMode::Draining).await;
    house.stub("corp").go_down();
    house.age_standing(jsmith.id, 25).await;
    let bridged = house.types("jsmith", RIGHT).await;
    bridged.let_in_by("D1c", 0).wrote(&[("session", 1), ("device", 1), ("audit_event", 1)]);
    assert!(house.go_on(&bridged).await.contains("code="));
    house.age_standing(jsmith.id, 73).await;
    house.types("jsmith", RIGHT).await.refused_by("D1c", Outage, 0).wrote(&[]);
    house.stub("corp").come_back();
    house.types("jsmith", RIGHT).await.let_in_by("D1", 0);
    assert!(house.person(jsmith.id).await.standing_read_at > jsmith.standing_read_at, "read again");
    house.close().await;
}

#[tokio::test]
async fn d2_a_wrong_password_is_counted_by_the_hub() {
    let (house, _, _) = captured(SourceMode::Draining).await;
    let wrong = house.types("jsmith", WRONG).await;
    wrong.refused_by("D2", Generic, 0).wrote(&[("refusal", 1), ("failure_count", 1)]);
    let right = house.types("jsmith", RIGHT).await;
    right.let_in_by("D1", 0);
    assert_eq!(right.made("failure_count"), -1);
    house.close().await;
}

#[tokio::test]
async fn d2b_a_person_without_a_password_is_refused_like_anybody() {
    let house = House::open().await;
    let new = NewHolder { username: "grace".to_owned(), display_name: "Grace".to_owned(), email: None };
    house.hub().invite_console_person(&house.administrator, new, Role::HelpDesk).await.unwrap();
    let console = Attempt { client: None, ..House::attempt("grace", WRONG) };
    house.sends(console).await.refused_by("D2b", Generic, 0).wrote(&[("refusal", 1), ("failure_count", 1)]);
    house.close().await;
}

#[tokio::test]
async fn d2c_after_too_many_failures_nothing_is_verified_but_a_known_browser_goes_on() {
    let mut house = House::open_with(Policy { consecutive_failures: 3, ..quick() }).await;
    let capture = |draft: &mut directory::SourceDraft| draft.mode = SourceMode::Capture;
    let corp = house.stub_source("corp", directory::SourceKind::Ldap, vec![person("jsmith")], capture).await;
    house.client(PORTAL, &[&corp]).await;
    let device = house.types("jsmith", RIGHT).await.device.clone().unwrap();
    for number in 0..3 {
        house.types("jsmith", &format!("{WRONG} {number}")).await.refused_by("D2", Generic, 0);
    }
    house.types("jsmith", RIGHT).await.refused_by("D2c", Generic, 0).wrote(&[("refusal", 1)]);
    let known = house.types_with(&device, "jsmith", RIGHT).await;
    known.let_in_by("D1", 0);
    house.types("jsmith", RIGHT).await.refused_by("D2c", Generic, 0);
    assert_eq!(house.person(known.person()).await.state(), PersonState::Migrated, "never disabled for it");
    house.hub().unlock_here(&house.helper(), known.person()).await.unwrap();
    house.types("jsmith", RIGHT).await.let_in_by("D1", 0);
    house.close().await;
}

#[tokio::test]
async fn d25_disabled_here_is_refused_without_asking_anybody() {
    let (house, _, jsmith) = House::known(|_| {}).await;
    let done: Result<_, hub::HubError> = storage::write!(house.hub().database, |tx| {
        hub::mirror::disable_by_hub(tx, house.hub(), Actor::CommandLine, jsmith.id, "left").await
    });
    done.unwrap();
    house.stub("corp").forget();
    house.types("jsmith", RIGHT).await.refused_by("D25", Generic, 0).wrote(&[("refusal", 1)]);
    assert_eq!(house.stub("corp").searches(), [], "not even the service account asked");
    house.close().await;
}

#[tokio::test]
async fn d26_a_merged_record_leads_to_the_survivor() {
    let entries = vec![person("jsmith"), person("john")];
    let (house, _) = House::with(directory::SourceKind::Ldap, entries, |_| {}).await;
    let survivor = house.types("jsmith", RIGHT).await.person();
    let merged = house.types("john", RIGHT).await.person();
    house.edit(merged, |person| person.merged_into = Some(survivor)).await;
    let outcome = house.types("john", RIGHT).await;
    // The row is the survivor's.
    outcome.let_in_by("D6", 1);
    assert_eq!(outcome.person(), survivor);
    house.close().await;
}
