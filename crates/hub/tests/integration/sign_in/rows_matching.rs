//! U0 whose entry fits somebody who is there: rows D18b, D19 and D21.

use directory::{
    AttributeName, CredentialAuthority, MatchOutcome, MatchRules, PersonState, Source, SynchronisedPair, WaitingFor,
};
use hub::{session::Reach, sign_in::RefusalPage::NotEnabledYet};
use storage::{
    accounts::Accounts,
    attributes::Attributes,
    cases::Cases,
    matching::{HeldFilter, Matching},
};

use super::door::{Door, RIGHT, doors, person};
use crate::support::by_number_then_address;

/// Two directories; at the first, somebody with number 42 whom an import has prepared, at the second an entry with it.
async fn prepared(door: &Door) -> (Source, Source, directory::PersonId) {
    let staff = door.source("staff", |_| {}).await;
    let corp = door.source("corp", |s| s.just_in_time_activation = true).await;
    let mut there = person("grace");
    there.attributes.insert(AttributeName::EmployeeNumber, "0042".to_owned());
    let id = door.test.provision_entry(&staff, &there).await;
    door.test.stage(id).await;
    let mut new = person("ghopper");
    new.attributes.insert(AttributeName::EmployeeNumber, "0042".to_owned());
    door.has("corp", new);
    door.test.rules(by_number_then_address(&[&staff, &corp])).await;
    door.test.read_whole(&[&staff, &corp]).await;
    (staff, corp, id)
}

#[tokio::test]
async fn d18b_a_person_whose_password_nobody_checks_is_linked_and_activated() {
    for door in doors().await {
        let (_, corp, id) = prepared(&door).await;
        let outcome = door.types("ghopper", RIGHT).await;
        outcome.let_in_by("D18b", 1);
        assert_eq!(outcome.difference.get("person"), None);
        assert_eq!(outcome.difference.get("account"), Some(&1));
        let linked = door.person(id).await;
        assert_eq!(outcome.signed_in().person, id);
        assert_eq!(outcome.signed_in().reach, Reach::Everywhere);
        assert_eq!(linked.credential_authority, CredentialAuthority::Source(corp.id));
        assert_eq!((linked.state(), linked.holds_role, linked.disputed), (PersonState::Mirrored, false, false));
        door.types("ghopper", RIGHT).await.let_in_by("D6", 1);
    }
}

#[tokio::test]
async fn d21_without_activation_the_prepared_person_waits() {
    for door in doors().await {
        let (_, corp, id) = prepared(&door).await;
        door.change(&corp, |s| s.just_in_time_activation = false).await;
        let outcome = door.types("ghopper", RIGHT).await;
        outcome.refused_by("D21", NotEnabledYet, 1).wrote(&[("audit_event", 1)]);
        let before = door.person(id).await;
        assert_eq!((before.activated, before.credential_authority), (false, CredentialAuthority::None));
    }
}

#[tokio::test]
async fn d21_a_rule_that_is_not_automatic_waits_for_a_reviewer() {
    for door in doors().await {
        let (staff, corp, _) = prepared(&door).await;
        let mut rules = by_number_then_address(&[&staff, &corp]);
        rules.tiers[0].rules[0].automatic = false;
        door.test.rules(rules).await;
        let outcome = door.types("ghopper", RIGHT).await;
        outcome.refused_by("D21", NotEnabledYet, 1);
        let held =
            Matching(&mut door.hub().database.reader()).held_page(HeldFilter::default(), None, 10).await.unwrap();
        assert_eq!((held.len(), held[0].kind), (1, WaitingFor::Link));
        assert_eq!(outcome.difference.get("person"), None);
    }
}

/// Lets `ghopper` in as an identity of its own, and says what the question about it is.
async fn d19(door: &Door, corp: &Source, other: directory::PersonId) -> MatchOutcome {
    let before = door.person(other).await;
    let accounts = Accounts(&mut door.hub().database.reader()).of_person(other).await.unwrap();
    let outcome = door.types("ghopper", RIGHT).await;
    outcome.let_in_by("D19", 1);
    let session = outcome.signed_in();
    assert_ne!(session.person, other);
    assert_eq!(session.reach, Reach::ClientsOf(corp.id));
    let after = door.person(other).await;
    assert_eq!(
        (after.credential_authority, after.activated, after.holds_role, after.state()),
        (before.credential_authority, before.activated, before.holds_role, before.state())
    );
    let mut reader = door.hub().database.reader();
    assert_eq!(Accounts(&mut reader).of_person(other).await.unwrap(), accounts);
    // What the other holds is not written to the newcomer.
    let taken = Attributes(&mut reader).of_person(session.person).await.unwrap();
    assert!(taken.iter().all(|a| a.name != AttributeName::EmployeeNumber));
    let cases = Cases(&mut reader).open_of_person(session.person).await.unwrap();
    let asked = cases.iter().find(|case| case.identifier == hub::mirror::MATCH).expect("no question was asked");
    assert_eq!((asked.holder_id, asked.restricts_reach), (other, true));
    asked.kind
}

#[tokio::test]
async fn d19_somebody_whose_password_another_place_checks_is_never_linked_at_sign_in() {
    for door in doors().await {
        let (_, corp, id) = prepared(&door).await;
        let mut there = door.person(id).await;
        there.credential_authority = CredentialAuthority::Hub;
        there.activated = true;
        let done: Result<_, hub::HubError> =
            storage::write!(door.hub().database, |tx| { Ok(storage::people::People(tx).update(&there).await?) });
        done.unwrap();
        assert_eq!(d19(&door, &corp, id).await, MatchOutcome::Link);
    }
}

#[tokio::test]
async fn d19_every_doubt_is_a_question() {
    for door in doors().await {
        let (staff, corp, id) = prepared(&door).await;
        // The first directory is not trusted with the number.
        door.test.rules(by_number_then_address(&[&corp])).await;
        assert_eq!(d19(&door, &corp, id).await, MatchOutcome::Review);
        let _ = staff;
    }
}

#[tokio::test]
async fn d19_a_person_with_special_rights_is_never_linked_by_a_rule() {
    for door in doors().await {
        let (staff, corp, id) = prepared(&door).await;
        let mut account = Accounts(&mut door.hub().database.reader()).of_person(id).await.unwrap().remove(0);
        account.privileged = true;
        let done: Result<_, hub::HubError> =
            storage::write!(door.hub().database, |tx| { Ok(Accounts(tx).update(&account).await?) });
        done.unwrap();
        assert_eq!(d19(&door, &corp, id).await, MatchOutcome::Review);
        let _ = staff;
    }
}

#[tokio::test]
async fn synchronised_directories_share_their_people_within_the_reach_of_each() {
    for door in doors().await {
        let one = door.source("one", |_| {}).await;
        let two = door.source("corp", |_| {}).await;
        let guid = "03020100-0504-0706-0809-0a0b0c0d0e0f";
        let mut there = person("grace");
        there.anchors.guid = Some(guid.to_owned());
        let id = door.test.provision_entry(&one, &there).await;
        let mut new = person("ghopper");
        new.anchors.guid = Some("AAECAwQFBgcICQoLDA0ODw==".to_owned());
        door.has("corp", new);
        let pair = SynchronisedPair { one: one.id, other: two.id };
        door.test.rules(MatchRules { synchronised: vec![pair], ..MatchRules::default() }).await;
        let outcome = door.types("ghopper", RIGHT).await;
        outcome.let_in_by("D6", 1);
        assert_eq!(outcome.signed_in().person, id);
        assert_eq!(outcome.signed_in().reach, Reach::ClientsOf(two.id));
        let linked = door.person(id).await;
        assert_eq!(linked.credential_authority, CredentialAuthority::Source(one.id));
    }
}
