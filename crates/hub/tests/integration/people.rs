//! Finding people, and the sentence help desk reads out.

use directory::{AccountStatus, AttributeName, PersonId, PersonState, Role, Source, SourceEntry, SourceMode};
use hub::{
    HubError,
    kernel::capability::FindPeople,
    mirror::{self, Capture, Provisioned},
    people::{PeopleAsk, PersonPage},
};

use crate::support::{TestHub, entry, hubs, source_draft};

async fn source(test: &TestHub, mode: SourceMode) -> Source {
    let administrator = test.administrator("boss").await;
    let mut draft = source_draft("corp");
    draft.mode = mode;
    draft.label = "Corporate LDAP".to_owned();
    test.hub.register_source(&administrator.sources, draft, "secret".into()).await.unwrap()
}

async fn help_desk(test: &TestHub) -> FindPeople {
    let (_, session) = test.console_person("hanna", Role::HelpDesk).await;
    test.hub.permit(Some(session)).await.unwrap()
}

async fn create(test: &TestHub, source: &Source, entry: &SourceEntry) -> PersonId {
    let made: Result<_, HubError> =
        storage::write!(test.hub.database, |tx| { mirror::create(tx, &test.hub, source, entry).await });
    match made.unwrap() {
        Provisioned::Created { person, .. }
        | Provisioned::Collided { person, .. }
        | Provisioned::Matched { person, .. }
        | Provisioned::Linked { person, .. } => person.id,
        Provisioned::Ignored { reason } => panic!("{reason}"),
    }
}

async fn page(test: &TestHub, help_desk: &FindPeople, id: PersonId) -> PersonPage {
    test.hub.person_page(help_desk, None, id).await.unwrap().unwrap()
}

/// Amara, with everything help desk searches by.
fn amara() -> SourceEntry {
    let mut amara = entry("aokafor");
    for (name, value) in [
        (AttributeName::DisplayName, "Amara Okafór"),
        (AttributeName::Email, "amara.okafor@corp.test"),
        (AttributeName::EmployeeNumber, "031882"),
        (AttributeName::Phone, "+47 21 09 44 61"),
    ] {
        amara.attributes.insert(name, value.to_owned());
    }
    amara.names.push("amara.okafor@corp.test".to_owned());
    amara
}

#[tokio::test]
async fn a_caller_is_found_by_name_address_username_number_or_phone() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        let help_desk = help_desk(&test).await;
        let id = create(&test, &source, &amara()).await;
        create(&test, &source, &entry("bilal")).await;
        for text in [
            "amara",
            "okafor",
            "Okafór am",
            "AMARA.OKAFOR@corp.test",
            "amara.ok",
            "aokafor",
            "031882",
            "21 09 44 61",
            "+47 21 09",
            "0047 2109 4461",
            "21094461",
        ] {
            let ask = PeopleAsk { text: text.to_owned(), size: 10, ..PeopleAsk::default() };
            let found = test.hub.people_page(&help_desk, &ask).await.unwrap();
            let ids: Vec<PersonId> = found.people.iter().map(|line| line.id).collect();
            assert_eq!(ids, [id], "{text}");
        }
    }
}

#[tokio::test]
async fn the_list_goes_on_where_the_page_before_ended() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        let help_desk = help_desk(&test).await;
        for n in 0..12 {
            create(&test, &source, &entry(&format!("u{n:02}"))).await;
        }
        let mut ask = PeopleAsk { source: Some(source.id), size: 5, ..PeopleAsk::default() };
        let mut names = Vec::new();
        loop {
            let list = test.hub.people_page(&help_desk, &ask).await.unwrap();
            assert_eq!(list.count, "12");
            names.extend(list.people.iter().map(|line| line.name.clone()));
            assert!(list.people.iter().all(|line| line.checked_by.as_deref() == Some("Corporate LDAP")));
            match list.next {
                Some(next) => ask.after = Some(next),
                None => break,
            }
        }
        assert_eq!(names, (0..12).map(|n| format!("Test u{n:02}")).collect::<Vec<_>>());
        ask.after = Some("nonsense".to_owned());
        assert!(matches!(test.hub.people_page(&help_desk, &ask).await, Err(HubError::Invalid { .. })));
    }
}

#[tokio::test]
async fn the_sentence_says_who_checks_the_password_and_what_is_wrong() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Capture).await;
        let help_desk = help_desk(&test).await;
        let id = create(&test, &source, &amara()).await;
        let sentence = async || page(&test, &help_desk, id).await.sentence;
        assert_eq!(
            sentence().await,
            "Amara Okafór signs in with the Corporate LDAP password. The next sign-in moves it here."
        );
        let locked = SourceEntry {
            lockout: directory::LockoutReading {
                locked_until: Some(test.hub.clock.now() + chrono::TimeDelta::minutes(30)),
                ..Default::default()
            },
            ..amara()
        };
        create(&test, &source, &locked).await;
        assert!(
            sentence().await.ends_with("The account is locked at Corporate LDAP until 15 January 2027 at 08:30 UTC.")
        );
        create(&test, &source, &amara()).await;

        let done: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::capture(tx, &test.hub, id, &source, "$argon2id$x".into(), None, Capture::TakeOver).await
        });
        done.unwrap();
        assert_eq!(
            sentence().await,
            "Amara Okafór has moved: Isthmus checks the password, which came from Corporate LDAP on 15 January 2027 at \
             08:00 UTC. Corporate LDAP still says whether Amara Okafór may be here."
        );
        create(&test, &source, &SourceEntry { status: AccountStatus::Disabled, ..amara() }).await;
        assert_eq!(
            sentence().await,
            "Amara Okafór cannot sign in: Corporate LDAP says that the account is disabled. As soon as it shows the \
             account active again, Amara Okafór is back."
        );
    }
}

#[tokio::test]
async fn the_page_shows_where_every_value_comes_from_and_both_sides_of_a_case() {
    for test in hubs().await {
        let source = source(&test, SourceMode::Active).await;
        let help_desk = help_desk(&test).await;
        let holder = create(&test, &source, &amara()).await;
        let mut second = entry("other");
        second.attributes.insert(AttributeName::EmployeeNumber, "031882".to_owned());
        let newcomer = create(&test, &source, &second).await;
        let shown = page(&test, &help_desk, newcomer).await;
        assert_eq!(shown.state, PersonState::Mirrored);
        assert_eq!(shown.accounts[0].source_label, "Corporate LDAP");
        assert!(shown.attributes.iter().all(|line| line.origin == "Corporate LDAP"));
        assert_eq!(shown.cases[0].other, Some((holder, "Amara Okafór".to_owned())));
        assert!(shown.sentence.ends_with("A case is open and waits for a decision."), "{}", shown.sentence);
        assert!(shown.cases[0].text.contains("employee number 031882 that Amara Okafór holds"));
        let other_side = page(&test, &help_desk, holder).await;
        assert_eq!(other_side.cases[0].other.as_ref().map(|(id, _)| *id), Some(newcomer));
        assert_eq!(test.hub.person_page(&help_desk, None, uuid::Uuid::from_u128(9).into()).await.unwrap(), None);
    }
}
