//! Birth date and national number: they keep people apart, and are nobody's to look at.

use directory::{AttributeName, MatchOutcome, MatchRules, Role, Source, SourceDraft, SourceEntry};
use hub::{
    kernel::capability::{FindPeople, ManageSources},
    mirror::Provisioned,
};
use storage::{attribute_history::AttributeHistory, cases::Cases, matching::Matching};

use super::*;
use crate::support::{TestHub, by_number_then_address, entry, hubs};

const BORN: AttributeName = AttributeName::BirthDate;
const NATIONAL: AttributeName = AttributeName::NationalNumber;
const MAILBOX: &str = "family@a.test";

/// Somebody of a family with one mailbox and one name.
fn family(name: &str, private: &[(AttributeName, &str)]) -> SourceEntry {
    let same = with(with(entry(name), AttributeName::Email, MAILBOX), AttributeName::DisplayName, "Jan Berg");
    private.iter().fold(same, |entry, (name, value)| with(entry, *name, value))
}

/// Two directories under rules that link by e-mail address, and that name no contradiction at all.
async fn prepared(test: &TestHub, first: &SourceEntry) -> (Source, PersonId) {
    let (a, b) = (source(test, "a").await, source(test, "b").await);
    test.rules(MatchRules { contradictions: Vec::new(), ..by_number_then_address(&[&a, &b]) }).await;
    test.read_whole(&[&a, &b]).await;
    let (person, _) = created(test, &a, first).await;
    test.stage(person.id).await;
    (Source { just_in_time_activation: true, ..b }, person.id)
}

async fn is_asked_about(test: &TestHub, newcomer: PersonId, other: PersonId) {
    let cases = Cases(&mut test.hub.database.reader()).open_of_person(newcomer).await.unwrap();
    let asked: Vec<_> = cases.iter().filter(|case| case.identifier == mirror::MATCH).collect();
    assert_eq!(
        asked.iter().map(|case| (case.kind, case.holder_id)).collect::<Vec<_>>(),
        [(MatchOutcome::Review, other)]
    );
}

#[tokio::test]
async fn father_and_son_with_one_name_and_one_address_are_not_linked() {
    for test in hubs().await {
        let (b, father) = prepared(&test, &family("father", &[(BORN, "1950-03-01")])).await;
        let (son, _) = collided(&test, &b, &family("son", &[(BORN, "1984-02-29")])).await;
        assert_ne!(son.id, father);
        is_asked_about(&test, son.id, father).await;
    }
    for test in hubs().await {
        let (b, father) = prepared(&test, &family("father", &[(BORN, "1950-03-01")])).await;
        let linked = create(&test, &b, &family("father-b", &[(BORN, "19500301")])).await;
        assert!(matches!(linked, Provisioned::Matched { person, .. } if person.id == father), "one day, two spellings");
    }
}

#[tokio::test]
async fn twins_are_not_linked() {
    for test in hubs().await {
        let twin = |name: &str, number| family(name, &[(BORN, "1984-02-29"), (NATIONAL, number)]);
        let (b, one) = prepared(&test, &twin("one", "290284-123A")).await;
        let (other, _) = collided(&test, &b, &twin("other", "290284-124B")).await;
        assert_ne!(other.id, one);
        is_asked_about(&test, other.id, one).await;
    }
    for test in hubs().await {
        let (b, one) = prepared(&test, &family("one", &[(NATIONAL, "290284-123A")])).await;
        let linked = create(&test, &b, &family("one-b", &[(NATIONAL, "290284 123a")])).await;
        assert!(matches!(linked, Provisioned::Matched { person, .. } if person.id == one), "one number, two spellings");
    }
}

#[tokio::test]
async fn nobody_is_linked_or_made_while_a_birth_date_cannot_be_read() {
    for test in hubs().await {
        let (b, father) = prepared(&test, &family("father", &[(BORN, "1950-03-01")])).await;
        let Provisioned::Ignored { reason } = create(&test, &b, &family("son", &[(BORN, "29.02.1984")])).await else {
            panic!("made or linked")
        };
        assert!(reason.contains("birth_date") && reason.contains("it is no day"), "{reason}");
        assert!(!reason.contains("1984."), "no values: {reason}");
        // What systems write where there is nothing to write says nothing of anybody.
        let linked = create(&test, &b, &family("father-b", &[(BORN, "1900-01-01")])).await;
        assert!(matches!(&linked, Provisioned::Matched { person, .. } if person.id == father), "{linked:?}");
    }
}

#[tokio::test]
async fn of_a_national_number_nothing_but_a_keyed_digest_is_anywhere() {
    for test in hubs().await {
        let boss = test.administrator("boss").await;
        let registered = test.hub.register_source(&boss.sources, source_draft("corp"), "s".into()).await.unwrap();
        let mut draft = SourceDraft::from(&registered);
        draft.connector.ldap_mut().unwrap().mapping.insert(NATIONAL, "ssn".to_owned());
        let corp = test.hub.update_source(&boss.sources, registered.id, 1, draft.clone(), None).await.unwrap().source;
        let read = with(with(entry("ada"), NATIONAL, "290284-123A"), BORN, "1984-02-29");
        let (ada, account) = created(&test, &corp, &read).await;
        let stored = attribute(&test, ada.id, NATIONAL).await.unwrap();
        assert_eq!(stored.value.len(), 64, "a digest: {}", stored.value);
        refresh(&test, &corp, &with(read.clone(), NATIONAL, "290284-999Z")).await;
        let changed = attribute(&test, ada.id, NATIONAL).await.unwrap();
        assert_ne!(changed.value, stored.value);
        let mut reader = test.hub.database.reader();
        let history = AttributeHistory(&mut reader).of_person(ada.id, 9).await.unwrap();
        let keys = Matching(&mut reader).keys_of_person(ada.id).await.unwrap();
        let audit = test.audit().await;
        let everything = format!("{stored:?} {changed:?} {history:?} {keys:?} {audit:?} {account:?}");
        for (role, sees) in
            [(Role::Administrator, true), (Role::Operator, true), (Role::HelpDesk, false), (Role::Auditor, false)]
        {
            let (_, session) = test.console_person(role.as_str(), role).await;
            let find: FindPeople = test.hub.permit(Some(session)).await.unwrap();
            let manages = test.hub.permit::<ManageSources>(Some(session)).await.ok();
            let page = format!("{:?}", test.hub.person_page(&find, manages.as_ref(), ada.id).await.unwrap().unwrap());
            assert!(page.contains("kept as a digest only") && !page.contains(&changed.value), "{role}: {page}");
            assert_eq!(page.contains("1984-02-29"), sees, "{role}: a birth date is for those who manage directories");
            assert!(!page.contains("290284"), "{role}");
        }
        test.directory.set(read);
        let seen = test.hub.preview_mapping(&boss.sources, corp.id, draft.clone(), "ada").await.unwrap();
        assert!(!format!("{everything} {seen:?}").contains("290284"), "{seen:?}");
        // Nor does an expression carry it elsewhere.
        for text in ["entry.national_number", "entry.ssn", "entry['SSN']"] {
            draft.profile.expressions = [(AttributeName::Title, text.to_owned())].into();
            let refused = test.hub.preview_mapping(&boss.sources, corp.id, draft.clone(), "ada").await.unwrap_err();
            assert!(refused.public().contains("national number"), "{text}: {refused:?}");
        }
    }
}
