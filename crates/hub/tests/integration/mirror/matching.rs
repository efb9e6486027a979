//! Who an entry is: linked, asked about, or somebody new.

use directory::{
    AttributeName, ImportOutcome, MatchAttribute, MatchOutcome, PersonId, Source, SourceEntry, WaitingFor,
};
use hub::mirror::Provisioned;
use storage::{
    cases::Cases,
    matching::{HeldFilter, Matching, VerdictRow},
};

use super::*;
use crate::support::{TestHub, by_number_then_address, entry, hubs};

fn numbered(name: &str, number: &str) -> SourceEntry {
    with(entry(name), AttributeName::EmployeeNumber, number)
}

/// Two directories under rules that trust both; person 42 of the first waits for somebody to check their password.
async fn prepared(test: &TestHub) -> (Source, Source, PersonId) {
    let (a, b) = (source(test, "a").await, source(test, "b").await);
    let b = Source { just_in_time_activation: true, ..b };
    test.rules(by_number_then_address(&[&a, &b])).await;
    test.read_whole(&[&a, &b]).await;
    let (ada, _) = created(test, &a, &numbered("ada", "42")).await;
    test.stage(ada.id).await;
    (a, b, ada.id)
}

async fn asked(test: &TestHub, newcomer: PersonId) -> Vec<(MatchOutcome, PersonId)> {
    let cases = Cases(&mut test.hub.database.reader()).open_of_person(newcomer).await.unwrap();
    let matches = cases.into_iter().filter(|case| case.identifier == mirror::MATCH);
    matches.map(|case| (case.kind, case.holder_id)).collect()
}

#[tokio::test]
async fn case_and_unicode_differences_are_one_person() {
    for test in hubs().await {
        let (a, b) = (source(&test, "a").await, source(&test, "b").await);
        let b = Source { just_in_time_activation: true, ..b };
        test.rules(by_number_then_address(&[&a, &b])).await;
        test.read_whole(&[&a, &b]).await;
        let (jose, _) =
            created(&test, &a, &with(entry("jose"), AttributeName::Email, "Jose\u{301}.Strauß@a.test")).await;
        test.stage(jose.id).await;
        let new = with(entry("jstrauss"), AttributeName::Email, "JOSÉ.STRAUSS@A.TEST");
        let Provisioned::Matched { person, .. } = create(&test, &b, &new).await else { panic!("not linked") };
        assert_eq!(person.id, jose.id);
        // Without the accent it is another address.
        let other = with(entry("jstrauss2"), AttributeName::Email, "jose.strauss@a.test");
        assert!(matches!(create(&test, &b, &other).await, Provisioned::Created { .. }));
    }
}

#[tokio::test]
async fn a_rename_and_a_move_change_neither_link_nor_person_and_the_new_values_are_found() {
    for test in hubs().await {
        let (a, b, ada) = prepared(&test).await;
        let mut renamed = SourceEntry { immutable_id: entry("ada").immutable_id, ..numbered("married", "43") };
        renamed.locator = "uid=married,ou=elsewhere,dc=example,dc=test".to_owned();
        let refreshed = refresh(&test, &a, &renamed).await;
        assert_eq!(refreshed.person.id, ada);
        // Nobody bears 42 any more, and 43 is hers.
        assert!(matches!(create(&test, &b, &numbered("other", "42")).await, Provisioned::Created { .. }));
        let Provisioned::Matched { person, .. } = create(&test, &b, &numbered("ada-b", "43")).await else {
            panic!("not linked")
        };
        assert_eq!(person.id, ada);
    }
}

#[tokio::test]
async fn two_accounts_with_one_address_at_one_directory_are_a_question() {
    for test in hubs().await {
        let (a, _, _) = prepared(&test).await;
        let shared = |name: &str| with(entry(name), AttributeName::Email, "shared@a.test");
        let (first, _) = created(&test, &a, &shared("first")).await;
        let (second, _) = collided(&test, &a, &shared("second")).await;
        assert_eq!(asked(&test, second.id).await, [(MatchOutcome::Taken, first.id)]);
        assert_eq!(attribute(&test, second.id, AttributeName::Email).await, None);
    }
}

#[tokio::test]
async fn a_rehire_under_a_new_id_is_a_question_and_under_the_old_one_is_back() {
    for test in hubs().await {
        let (a, _, _) = prepared(&test).await;
        let (bob, account) = created(&test, &a, &numbered("bob", "7001")).await;
        let policy = test.hub.policy_now().await.unwrap();
        for _ in 0..2 {
            let done: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
                mirror::note_missing(tx, &test.hub, &policy, &a, &account).await
            });
            done.unwrap();
            test.wait(3_600);
        }
        let again = SourceEntry { immutable_id: "new".to_owned().into(), ..numbered("bob2", "7001") };
        let (newcomer, _) = collided(&test, &a, &again).await;
        assert_ne!(newcomer.id, bob.id);
        assert_eq!(asked(&test, newcomer.id).await, [(MatchOutcome::Review, bob.id)]);
        let Provisioned::Linked { person, .. } = create(&test, &a, &numbered("bob", "7001")).await else {
            panic!("not back")
        };
        assert_eq!((person.id, person.standing), (bob.id, directory::Standing::Active));
    }
}

#[tokio::test]
async fn not_the_same_is_remembered_and_beats_rules() {
    for test in hubs().await {
        let (_, b, ada) = prepared(&test).await;
        let new = numbered("ada-b", "42");
        let verdict = VerdictRow {
            source: b.id,
            immutable_id: new.immutable_id.clone(),
            person: ada,
            same: false,
            decided_by: "reviewer".to_owned(),
            decided_at: test.hub.clock.now(),
            reason: None,
        };
        let done: Result<_, HubError> =
            storage::write!(test.hub.database, |tx| { Ok(Matching(tx).put_verdict(&verdict).await?) });
        done.unwrap();
        // The number stays with who holds it; that alone is asked about.
        let (newcomer, _) = collided(&test, &b, &new).await;
        assert_ne!(newcomer.id, ada);
        assert!(asked(&test, newcomer.id).await.is_empty());
    }
}

#[tokio::test]
async fn a_directory_that_was_never_read_whole_links_nobody() {
    for test in hubs().await {
        let (a, b) = (source(&test, "a").await, source(&test, "b").await);
        let b = Source { just_in_time_activation: true, ..b };
        test.rules(by_number_then_address(&[&a, &b])).await;
        let (ada, _) = created(&test, &a, &numbered("ada", "42")).await;
        test.stage(ada.id).await;
        let (newcomer, _) = collided(&test, &b, &numbered("ada-b", "42")).await;
        assert_eq!(asked(&test, newcomer.id).await, [(MatchOutcome::Review, ada.id)]);
    }
}

#[tokio::test]
async fn an_entry_that_was_only_sighted_makes_a_value_ambiguous() {
    for test in hubs().await {
        let (_, b, ada) = prepared(&test).await;
        let twin = numbered("twin", "0042");
        let done: Result<_, HubError> =
            storage::write!(test.hub.database, |tx| { mirror::sight(tx, &test.hub, &b, &twin).await });
        done.unwrap();
        let mut reader = test.hub.database.reader();
        let bearers = Matching(&mut reader).bearers(MatchAttribute::EmployeeNumber, "42", 10).await.unwrap();
        assert_eq!(bearers.len(), 2);
        let (newcomer, _) = collided(&test, &b, &numbered("ada-b", "42")).await;
        assert_eq!(asked(&test, newcomer.id).await, [(MatchOutcome::Review, ada)]);
    }
}

// Imports ----------------------------------------------------------------------------------------------------------

async fn import(test: &TestHub, source: &Source, entries: &[&SourceEntry]) -> Vec<(ImportOutcome, Option<PersonId>)> {
    let run = test.hub.random.id(test.hub.clock.now()).into();
    let done: Result<_, HubError> =
        storage::write!(test.hub.database, |tx| { mirror::import_people(tx, &test.hub, source, entries, run).await });
    done.unwrap().into_iter().map(|one| (one.outcome, one.person)).collect()
}

#[tokio::test]
async fn one_person_from_three_directories_meets() {
    for test in hubs().await {
        let (a, b, c) = (source(&test, "a").await, source(&test, "b").await, source(&test, "c").await);
        let mail = |name: &str, address| with(entry(name), AttributeName::Email, address);
        let first = with(mail("ada", "ada@a.test"), AttributeName::EmployeeNumber, "42");
        let [(ImportOutcome::Created, Some(ada))] = import(&test, &a, &[&first]).await[..] else { panic!() };
        test.rules(by_number_then_address(&[&a, &b, &c])).await;
        // By number from the second, by address from the third, which has no numbers.
        let (second, third) = (numbered("alovelace", "0042"), mail("a.lovelace", "ADA@a.test"));
        for (at, new) in [(&b, &second), (&c, &third)] {
            // The first time, somebody else of the directory may still turn up with the same value.
            assert_eq!(import(&test, at, &[new]).await, [(ImportOutcome::Held, None)]);
            test.read_whole(&[at]).await;
            assert_eq!(import(&test, at, &[new]).await, [(ImportOutcome::Linked, Some(ada))]);
            assert_eq!(import(&test, at, &[new]).await[0].1, Some(ada));
        }
        let met = person(&test, ada).await;
        assert_eq!(met.credential_authority, directory::CredentialAuthority::Source(a.id));
        assert!(!met.disputed && !met.holds_role);
        let mut reader = test.hub.database.reader();
        assert_eq!(Accounts(&mut reader).of_person(ada).await.unwrap().len(), 3);
        assert!(Matching(&mut reader).held_page(HeldFilter::default(), None, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn two_who_exchange_their_identifiers_in_one_batch_stay_who_they_are() {
    for test in hubs().await {
        let (a, _, _) = prepared(&test).await;
        let (x, y) = (numbered("x", "1001"), numbered("y", "1002"));
        let made = import(&test, &a, &[&x, &y]).await;
        let (one, other) = (made[0].1.unwrap(), made[1].1.unwrap());
        let (x2, y2) = (numbered("x", "1002"), numbered("y", "1001"));
        let swapped = import(&test, &a, &[&x2, &y2]).await;
        assert_eq!(swapped, [(ImportOutcome::Updated, Some(one)), (ImportOutcome::Updated, Some(other))]);
        for (person, number) in [(one, "1002"), (other, "1001")] {
            assert_eq!(attribute(&test, person, AttributeName::EmployeeNumber).await.unwrap().value, number);
        }
        assert!(asked(&test, one).await.is_empty());
    }
}

#[tokio::test]
async fn two_of_one_batch_with_one_value_link_nobody() {
    for test in hubs().await {
        let (_, b, ada) = prepared(&test).await;
        let (one, other) = (numbered("one", "42"), numbered("other", "042"));
        let done = import(&test, &b, &[&one, &other]).await;
        assert_eq!(done, [(ImportOutcome::Held, None), (ImportOutcome::Held, None)]);
        assert_eq!(Accounts(&mut test.hub.database.reader()).of_person(ada).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_waits_is_looked_at_again_at_every_import() {
    for test in hubs().await {
        let (a, b, ada) = prepared(&test).await;
        test.rules(by_number_then_address(&[&b])).await;
        let new = numbered("ada-b", "42");
        assert_eq!(import(&test, &b, &[&new]).await, [(ImportOutcome::Held, None)]);
        let held = Matching(&mut test.hub.database.reader()).held_page(HeldFilter::default(), None, 10).await.unwrap();
        assert_eq!((held.len(), held[0].kind), (1, WaitingFor::Review));
        assert!(held[0].found.to_string().contains("can be trusted"), "{}", held[0].found);
        test.rules(by_number_then_address(&[&a, &b])).await;
        assert_eq!(import(&test, &b, &[&new]).await, [(ImportOutcome::Linked, Some(ada))]);
        // Nobody has proven anything: the person stays prepared.
        let linked = person(&test, ada).await;
        assert_eq!((linked.activated, linked.credential_authority), (false, directory::CredentialAuthority::None));
    }
}
