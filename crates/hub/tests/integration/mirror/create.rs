//! Who is created, and what a newcomer never gets.

use std::collections::BTreeSet;

use directory::{
    AccountStatus, AttributeName, CredentialAuthority, LinkKind, Namespace, Person, PersonId, PersonState, Source,
    SourceEntry, SourceMode, fold,
};
use hub::{
    HubError,
    kernel::Actor,
    mirror::{self, NewHubPerson, Provisioned},
};
use storage::{accounts::Accounts, aliases::Aliases, cases::Cases};

use crate::support::{entry, hubs};

use super::*;

#[tokio::test]
async fn d18_create_writes_person_account_names_attributes_and_groups_together() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let mut entry = with(entry("Jsmith"), AttributeName::Email, "J.Smith@corp.test");
        entry.groups = vec![group("g1", "Payables")];
        let (person, account) = created(&test, &source, &entry).await;
        assert_eq!(person.state(), PersonState::Mirrored);
        assert_eq!(person.credential_authority, CredentialAuthority::Source(source.id));
        assert_eq!((person.display_name.as_str(), person.disputed, person.privileged), ("Test Jsmith", false, false));
        assert_ne!(person.subject, person.id.to_string(), "`sub` is a value of its own");
        assert_eq!((account.kind, account.person_id), (LinkKind::Primary, person.id));
        let namespace = Namespace::Source(source.id);
        let expected = ["j.smith@corp.test", "jsmith"].map(|name| (namespace, name.to_owned()));
        assert_eq!(names(&test, person.id).await, BTreeSet::from(expected));
        let email = attribute(&test, person.id, AttributeName::Email).await.unwrap();
        assert_eq!((email.value.as_str(), email.verified), ("J.Smith@corp.test", true));
        assert_eq!(group_names(&test, person.id).await, ["Payables"]);
        assert!(actions(&test).await.contains(&"person.created".to_owned()));
    }
}

#[tokio::test]
async fn two_concurrent_first_sign_ins_of_one_person_give_one_person() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let other = test.second_process().await;
        let entry = with(entry("ada"), AttributeName::Email, "ada@corp.test");
        let processes = [&test.hub, &other.hub];
        let attempts = (0..8).map(|n| {
            let hub = processes[n % processes.len()];
            let (source, entry) = (&source, &entry);
            async move {
                let made: Result<Provisioned, HubError> =
                    storage::write!(hub.database, |tx| { mirror::create(tx, hub, source, entry).await });
                match made.unwrap() {
                    Provisioned::Created { person, .. } => (person.id, 1),
                    Provisioned::Linked { person, .. } => (person.id, 0),
                    other => panic!("{other:?}"),
                }
            }
        });
        let done = futures::future::join_all(attempts).await;
        let people: BTreeSet<PersonId> = done.iter().map(|(id, _)| *id).collect();
        assert_eq!(people.len(), 1, "{}", test.database.name());
        assert_eq!(done.iter().map(|(_, created)| created).sum::<i32>(), 1);
        assert_eq!(actions(&test).await.iter().filter(|a| *a == "person.created").count(), 1);
    }
}

#[tokio::test]
async fn two_directories_each_with_a_jsmith_are_two_people_without_a_case() {
    for test in hubs().await {
        let (a, b) = (source(&test, "a").await, source(&test, "b").await);
        let (first, _) = created(&test, &a, &entry("jsmith")).await;
        let (second, _) = created(&test, &b, &entry("jsmith")).await;
        assert_ne!(first.id, second.id);
        assert!(!second.disputed);
        let holders = Aliases(&mut test.hub.database.reader()).holders(&fold("JSMITH")).await.unwrap();
        assert_eq!(holders.len(), 2);
    }
}

#[tokio::test]
async fn d19_a_held_email_number_or_name_is_not_taken_and_opens_a_case() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let full = |name: &str| {
            let entry = with(entry(name), AttributeName::Email, "shared@corp.test");
            with(entry, AttributeName::EmployeeNumber, "31882")
        };
        let (holder, _) = created(&test, &source, &full("first")).await;
        let mut second = full("second");
        second.names.push("first".to_owned());
        let (newcomer, _) = collided(&test, &source, &second).await;
        assert_ne!(newcomer.id, holder.id);
        assert!(newcomer.disputed && person(&test, holder.id).await.disputed);
        for name in [AttributeName::Email, AttributeName::EmployeeNumber] {
            assert_eq!(attribute(&test, newcomer.id, name).await, None, "{name}");
            assert!(attribute(&test, holder.id, name).await.is_some(), "{name}");
        }
        assert_eq!(names(&test, newcomer.id).await, BTreeSet::from([(Namespace::Source(source.id), "second".into())]));
        let mut reader = test.hub.database.reader();
        let cases = Cases(&mut reader).open_of_person(newcomer.id).await.unwrap();
        let about: BTreeSet<&str> = cases.iter().map(|case| case.identifier.as_str()).collect();
        assert_eq!(about, BTreeSet::from(["alias", "email", "employee_number"]));
        assert!(cases.iter().all(|case| case.holder_id == holder.id));
        // Born disputed: the reach of its own source, and nothing of the holder's changes.
        assert_eq!(Cases(&mut reader).restricted_to(newcomer.id).await.unwrap(), Some(source.id));
        assert_eq!(Cases(&mut reader).restricted_to(holder.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn ignored_a_missing_required_attribute_holds_the_person_and_crashes_nothing() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let nameless = SourceEntry { username: None, ..entry("a") };
        let disabled = SourceEntry { status: AccountStatus::Disabled, ..entry("b") };
        for entry in [nameless, disabled] {
            assert!(matches!(create(&test, &source, &entry).await, Provisioned::Ignored { .. }));
            let mut reader = test.hub.database.reader();
            assert_eq!(Accounts(&mut reader).by_immutable_id(source.id, &entry.immutable_id).await.unwrap(), None);
        }
        assert!(actions(&test).await.contains(&"person.ignored".to_owned()));
        // Of a known person, what was there stays.
        let (_, account) = created(&test, &source, &entry("c")).await;
        let refreshed = refresh(&test, &source, &SourceEntry { username: None, ..entry("c") }).await;
        assert_eq!(refreshed.account.username, account.username);
    }
}

#[tokio::test]
async fn odd_values_are_left_out_and_the_rest_is_taken() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let mut odd = with(entry("odd"), AttributeName::Title, "nul\0here");
        odd = with(odd, AttributeName::Department, &"x".repeat(100_000));
        odd.locator = "uid=odd\0".to_owned();
        odd.names.push("bell\u{7}".to_owned());
        odd.names.extend((0..1_000).map(|n| format!("name-{n}")));
        odd.groups = vec![group("g\0", "Group"), group("g", "Gro\0up")];
        let (person, _) = created(&test, &source, &odd).await;
        assert_eq!(attribute(&test, person.id, AttributeName::Title).await, None);
        assert_eq!(attribute(&test, person.id, AttributeName::Department).await, None);
        assert!(names(&test, person.id).await.len() <= 20);
        assert_eq!(group_names(&test, person.id).await, ["Gro up"]);
    }
}

#[tokio::test]
async fn self_written_values_are_never_a_name_a_claim_or_verified() {
    for test in hubs().await {
        let source = Source { self_written: vec![AttributeName::Email], ..source(&test, "corp").await };
        let (writer, _) = created(&test, &source, &with(entry("w"), AttributeName::Email, "boss@corp.test")).await;
        let written = attribute(&test, writer.id, AttributeName::Email).await.unwrap();
        assert!(written.self_written && !written.verified);
        assert_eq!(names(&test, writer.id).await, BTreeSet::from([(Namespace::Source(source.id), "w".into())]));
        // Whoever the address is declared for gets it, without a case, and the writer loses it.
        let honest = Source { self_written: Vec::new(), ..source };
        let (boss, _) = created(&test, &honest, &with(entry("boss"), AttributeName::Email, "boss@corp.test")).await;
        assert!(!boss.disputed && attribute(&test, boss.id, AttributeName::Email).await.unwrap().verified);
        assert_eq!(attribute(&test, writer.id, AttributeName::Email).await, None);
    }
}

#[tokio::test]
async fn an_address_outside_the_declared_domains_is_no_name_and_not_verified() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (guest, _) = created(&test, &source, &with(entry("g"), AttributeName::Email, "ceo@other.test")).await;
        assert!(!attribute(&test, guest.id, AttributeName::Email).await.unwrap().verified);
        assert_eq!(names(&test, guest.id).await, BTreeSet::from([(Namespace::Source(source.id), "g".into())]));
        let holder =
            Aliases(&mut test.hub.database.reader()).claimed_by("email", &fold("ceo@other.test")).await.unwrap();
        assert_eq!(holder, None);
    }
}

#[tokio::test]
async fn no_source_can_take_a_name_of_the_hub() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let new = NewHubPerson { username: "root".into(), display_name: "Root".into(), email: None };
        let made: Result<Person, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::create_hub_person(tx, &test.hub, Actor::CommandLine, &new).await
        });
        let root = made.unwrap();
        let capturing = Source { mode: SourceMode::Capture, ..source };
        let (impostor, _) = created(&test, &capturing, &entry("root")).await;
        stored(capture(&test, impostor.id, &capturing, None).await);
        let mut reader = test.hub.database.reader();
        let held = Aliases(&mut reader).find(Namespace::Hub, &fold("root")).await.unwrap().unwrap();
        assert_eq!(held.person_id, root.id);
        let twice: Result<Person, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::create_hub_person(tx, &test.hub, Actor::CommandLine, &new).await
        });
        assert!(matches!(twice, Err(HubError::Invalid { field: "username", .. })));
    }
}
