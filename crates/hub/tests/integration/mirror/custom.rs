//! Attributes that the installation defines: typed, with an owner, an origin and a history like the hub's own.

use std::collections::BTreeMap;

use directory::{
    AttributeDefinition, AttributeName, AttributeType, ChangeReason, ImportOutcome, ProfileSettings, Role, Source,
    SourceDraft, SourceEntry,
};
use hub::{
    HubError,
    kernel::capability::{FindPeople, ManageSources},
    mirror::{Imported, Provisioned},
    registry::Removal,
};
use storage::attribute_history::AttributeHistory;

use super::*;
use crate::support::{Powers, TestHub, by_number_then_address, entry, hubs};

fn definition(name: &str, kind: AttributeType) -> AttributeDefinition {
    AttributeDefinition {
        name: name.parse().unwrap(),
        label: name.to_owned(),
        kind,
        several: false,
        required: false,
        sensitive: false,
        release: None,
    }
}

fn number(name: &str) -> AttributeDefinition {
    definition(name, AttributeType::WholeNumber { least: None, most: Some(999) })
}

fn own(name: &str) -> AttributeName {
    AttributeName::Custom(name.parse().unwrap())
}

async fn define(test: &TestHub, boss: &Powers, definition: AttributeDefinition) -> Result<(), HubError> {
    let known = test.hub.defined_attributes(&boss.read).await.unwrap();
    let new = !known.attributes.iter().any(|known| known.definition.name == definition.name);
    test.hub.define_attribute(&boss.roles, known.version, definition, new).await
}

/// A source whose profile fills attributes, as it stands in the database.
async fn filling(test: &TestHub, boss: &Powers, name: &str, expressions: &[(&str, &str)], order: u32) -> Source {
    let registered = test.hub.register_source(&boss.sources, source_draft(name), "s".into()).await.unwrap();
    let mut draft = SourceDraft::from(&registered);
    let computed = expressions.iter().map(|(name, text)| (own(name), (*text).to_owned()));
    draft.profile =
        ProfileSettings { priority: Some(order), expressions: computed.collect(), priorities: BTreeMap::new() };
    test.hub.update_source(&boss.sources, registered.id, registered.revision, draft, None).await.unwrap();
    now(test, &registered).await
}

async fn now(test: &TestHub, source: &Source) -> Source {
    storage::sources::by_id(&mut test.hub.database.reader(), source.id).await.unwrap().unwrap().source
}

fn saying(name: &str, raw: &[(&str, &[&str])]) -> SourceEntry {
    let mut entry = with(entry(name), AttributeName::EmployeeNumber, "42");
    for (name, values) in raw {
        entry.raw.insert((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect());
    }
    entry
}

async fn value(test: &TestHub, person: PersonId, name: &str) -> Option<String> {
    attribute(test, person, own(name)).await.map(|attribute| attribute.value)
}

async fn import(test: &TestHub, source: &Source, entry: &SourceEntry) -> Imported {
    let done: Result<_, HubError> =
        storage::write!(test.hub.database, |tx| { mirror::import_entry(tx, &test.hub, source, entry, None).await });
    done.unwrap()
}

#[tokio::test]
async fn an_attribute_of_ones_own_has_an_owner_an_origin_and_a_history() {
    for test in hubs().await {
        let boss = test.administrator("boss").await;
        define(&test, &boss, number("badge")).await.unwrap();
        define(
            &test,
            &boss,
            AttributeDefinition { several: true, ..definition("site", AttributeType::Text { longest: None }) },
        )
        .await
        .unwrap();
        let a = filling(&test, &boss, "a", &[("badge", "entry.badge"), ("site", "entry.site")], 5).await;
        let b = filling(&test, &boss, "b", &[("badge", "entry.no")], 9).await;
        test.rules(by_number_then_address(&[&a, &b])).await;
        test.read_whole(&[&a, &b]).await;
        let b = Source { just_in_time_activation: true, ..b };
        let (ada, account) =
            created(&test, &a, &saying("ada", &[("badge", &["007"]), ("site", &["Oslo", "Bergen"])])).await;
        test.stage(ada.id).await;
        let badge = attribute(&test, ada.id, own("badge")).await.unwrap();
        assert_eq!((badge.value.as_str(), badge.origin, badge.authority), ("7", Some(account.id), Some(a.id)));
        assert_eq!(value(&test, ada.id, "site").await.as_deref(), Some(r#"["Oslo","Bergen"]"#));
        // The second directory comes behind the first: what it says waits.
        let Provisioned::Matched { person, .. } = create(&test, &b, &saying("ada-b", &[("no", &["8"])])).await else {
            panic!("not linked")
        };
        assert_eq!((person.id, value(&test, ada.id, "badge").await.as_deref()), (ada.id, Some("7")));
        let offers = AttributeHistory(&mut test.hub.database.reader()).offers(ada.id).await.unwrap();
        assert!(offers.iter().any(|offer| offer.name == own("badge") && offer.value == "8"), "{offers:?}");
        // The first falls silent: the second goes on, and the page says why.
        refresh(&test, &a, &saying("ada", &[("badge", &[""]), ("site", &["Oslo"])])).await;
        assert_eq!(value(&test, ada.id, "badge").await.as_deref(), Some("8"));
        let history = AttributeHistory(&mut test.hub.database.reader()).of_person(ada.id, 50).await.unwrap();
        let change = history.iter().find(|change| change.name == own("badge")).unwrap();
        assert_eq!((change.reason, change.former.value.as_str()), (ChangeReason::FellBack, "7"));
        let page = test.hub.person_page(&boss.find, Some(&boss.sources), ada.id).await.unwrap().unwrap();
        let line = page.attributes.iter().find(|line| line.name == own("site")).unwrap();
        assert_eq!((line.label.as_deref(), line.value.as_str()), (Some("site"), "Oslo"));
        let change = page.history.iter().find(|change| change.name == own("site")).unwrap();
        assert_eq!((change.before.as_str(), change.after.as_deref()), ("Oslo; Bergen", Some("Oslo")));
    }
}

#[tokio::test]
async fn a_value_that_does_not_hold_to_its_type_is_a_fault_and_takes_nothing_away() {
    for test in hubs().await {
        let boss = test.administrator("boss").await;
        define(&test, &boss, number("badge")).await.unwrap();
        let a = filling(&test, &boss, "a", &[("badge", "entry.badge")], 5).await;
        let (ada, _) = created(&test, &a, &saying("ada", &[("badge", &["7"])])).await;
        for (wrong, why) in
            [(&["seven"][..], "no whole number"), (&["1000"], "outside"), (&["1", "2"], "several values")]
        {
            let imported = import(&test, &a, &saying("ada", &[("badge", wrong)])).await;
            let detail = imported.detail.unwrap();
            assert!(detail.contains("custom.badge not computed") && detail.contains(why), "{detail}");
            assert!(!detail.contains("seven") && !detail.contains("1000"), "no values: {detail}");
            assert_eq!(value(&test, ada.id, "badge").await.as_deref(), Some("7"));
        }
        // Somebody new is made all the same, without it.
        let bob = import(&test, &a, &saying("bob", &[("badge", &["x"])])).await;
        assert_eq!(value(&test, bob.person.unwrap(), "badge").await, None);
        assert!(
            test.audit()
                .await
                .iter()
                .any(|(action, details)| action == "person.mapping-failed" && details.contains("custom.badge"))
        );
    }
}

#[tokio::test]
async fn a_missing_required_attribute_holds_the_person_and_never_crashes_the_run() {
    for test in hubs().await {
        let boss = test.administrator("boss").await;
        define(&test, &boss, AttributeDefinition { required: true, ..number("badge") }).await.unwrap();
        let a = filling(&test, &boss, "a", &[("badge", "entry.?badge.orValue(null)")], 5).await;
        let held = import(&test, &a, &saying("ada", &[])).await;
        assert_eq!((held.outcome, held.person), (ImportOutcome::Held, None));
        assert!(held.detail.unwrap().contains("badge: it is required"));
        let Provisioned::Ignored { reason } = create(&test, &a, &saying("ada", &[("badge", &["no"])])).await else {
            panic!("made")
        };
        assert!(reason.contains("no whole number"), "{reason}");
        // A directory that does not fill it makes nobody either, and says what to do.
        let b = filling(&test, &boss, "b", &[], 5).await;
        let Provisioned::Ignored { reason } = create(&test, &b, &saying("cyd", &[])).await else { panic!("made") };
        assert!(reason.contains("profile does not fill it"), "{reason}");
        // Whoever has it keeps it.
        let (ada, _) = created(&test, &a, &saying("ada", &[("badge", &["7"])])).await;
        refresh(&test, &a, &saying("ada", &[])).await;
        assert_eq!(value(&test, ada.id, "badge").await.as_deref(), Some("7"));
    }
}

#[tokio::test]
async fn a_new_definition_counts_at_the_next_reading_though_the_entry_reads_as_before() {
    for test in hubs().await {
        let boss = test.administrator("boss").await;
        let plain = definition("badge", AttributeType::Text { longest: Some(2) });
        define(&test, &boss, plain.clone()).await.unwrap();
        let a = filling(&test, &boss, "a", &[("badge", "entry.badge")], 5).await;
        let read = saying("ada", &[("badge", &["0007"])]);
        let (ada, _) = created(&test, &a, &read).await;
        assert_eq!(value(&test, ada.id, "badge").await, None, "too long");
        assert_eq!(import(&test, &now(&test, &a).await, &read).await.outcome, ImportOutcome::Unchanged);
        let kind = AttributeType::Text { longest: Some(4) };
        define(&test, &boss, AttributeDefinition { kind, ..plain.clone() }).await.unwrap();
        let after = now(&test, &a).await;
        assert_eq!(after.revision, a.revision + 1, "places of changes are given up: the next import reads all");
        assert_eq!(import(&test, &after, &read).await.outcome, ImportOutcome::Updated);
        assert_eq!(value(&test, ada.id, "badge").await.as_deref(), Some("0007"));
        // What only people read changes nothing of what is stored.
        let kind = AttributeType::Text { longest: Some(4) };
        define(&test, &boss, AttributeDefinition { label: "Badge".to_owned(), kind, ..plain.clone() }).await.unwrap();
        assert_eq!(now(&test, &a).await.revision, after.revision);
        // The type of what people have stays.
        let retyped = define(&test, &boss, number("badge")).await.unwrap_err();
        assert!(retyped.public().contains("people have values of badge"), "{retyped:?}");
    }
}

#[tokio::test]
async fn removing_an_attribute_says_first_what_goes_and_never_while_a_directory_fills_it() {
    for test in hubs().await {
        let boss = test.administrator("boss").await;
        define(&test, &boss, number("badge")).await.unwrap();
        let a = filling(&test, &boss, "a", &[("badge", "entry.badge")], 5).await;
        let (ada, _) = created(&test, &a, &saying("ada", &[("badge", &["7"])])).await;
        refresh(&test, &a, &saying("ada", &[("badge", &["8"])])).await;
        let name = "badge".parse().unwrap();
        let seen = test.hub.attribute_removal(&boss.roles, name).await.unwrap();
        assert_eq!(seen, Removal { people: 1, offers: 0, changes: 1 });
        let remove = async |seen| {
            let version = test.hub.defined_attributes(&boss.read).await.unwrap().version;
            test.hub.remove_attribute(&boss.roles, version, name, seen).await
        };
        let filled = remove(seen).await.unwrap_err();
        assert!(filled.public().contains("fills it"), "{filled:?}");
        let draft = SourceDraft { profile: ProfileSettings::default(), ..SourceDraft::from(&a) };
        test.hub.update_source(&boss.sources, a.id, a.revision, draft, None).await.unwrap();
        let blind = remove(Removal::default()).await.unwrap_err();
        assert!(blind.public().contains("1 people have it"), "{blind:?}");
        assert_eq!(value(&test, ada.id, "badge").await.as_deref(), Some("8"), "nothing is gone yet");
        remove(seen).await.unwrap();
        assert_eq!(value(&test, ada.id, "badge").await, None);
        assert!(AttributeHistory(&mut test.hub.database.reader()).of_person(ada.id, 9).await.unwrap().is_empty());
        let audit = test.audit().await;
        let (_, details) = audit.iter().find(|(action, _)| action == "attribute.removed").unwrap();
        assert!(details.contains(r#""people":1"#), "{details}");
        // Nobody fills what nobody defined.
        let draft = SourceDraft { profile: a.profile.clone(), ..SourceDraft::from(&a) };
        let unknown = test.hub.update_source(&boss.sources, a.id, now(&test, &a).await.revision, draft, None).await;
        assert!(matches!(unknown, Err(HubError::Invalid { field: "profile.expressions", .. })), "{unknown:?}");
    }
}

#[tokio::test]
async fn a_sensitive_value_is_shown_to_who_manages_directories_and_to_nobody_else() {
    for test in hubs().await {
        let boss = test.administrator("boss").await;
        define(&test, &boss, AttributeDefinition { sensitive: true, ..number("badge") }).await.unwrap();
        let a = filling(&test, &boss, "a", &[("badge", "entry.badge")], 5).await;
        let (ada, _) = created(&test, &a, &saying("ada", &[("badge", &["777"])])).await;
        refresh(&test, &a, &saying("ada", &[("badge", &["778"])])).await;
        for (role, sees) in
            [(Role::Operator, true), (Role::HelpDesk, false), (Role::Reviewer, false), (Role::Auditor, false)]
        {
            let (_, session) = test.console_person(role.as_str(), role).await;
            let find: FindPeople = test.hub.permit(Some(session)).await.unwrap();
            let manages = test.hub.permit::<ManageSources>(Some(session)).await.ok();
            let page = test.hub.person_page(&find, manages.as_ref(), ada.id).await.unwrap().unwrap();
            let all = format!("{page:?}");
            assert_eq!((all.contains("777"), all.contains("778")), (sees, sees), "{role}");
            assert!(all.contains("not shown: sensitive") != sees, "{role}");
        }
    }
}

#[tokio::test]
async fn what_people_write_themselves_stays_self_written_however_it_is_computed() {
    for test in hubs().await {
        let boss = test.administrator("boss").await;
        define(&test, &boss, definition("room", AttributeType::Text { longest: None })).await.unwrap();
        let a = filling(&test, &boss, "a", &[("room", "entry.phone + entry.wing")], 5).await;
        let read = with(saying("ada", &[("wing", &["B"])]), AttributeName::Phone, "12");
        let (ada, _) = created(&test, &a, &read).await;
        let room = attribute(&test, ada.id, own("room")).await.unwrap();
        assert_eq!((room.value.as_str(), room.self_written), ("12B", true), "phones are written by people");
    }
}
