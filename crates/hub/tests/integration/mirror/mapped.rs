//! A source's expressions, at the one place where sign-ins and imports pass: what they make, and what their faults
//! never do.

use std::collections::BTreeMap;

use directory::{AttributeName, ImportOutcome, ImportRunId, ProfileSettings, Source, SourceDraft, SourceEntry};
use hub::{HubError, mirror::Imported, mirror::Provisioned};
use storage::{aliases::Aliases, matching::Matching};

use super::*;
use crate::support::{TestHub, by_number_then_address, entry, hubs};

const DEPARTMENT: AttributeName = AttributeName::Department;
const NUMBER: AttributeName = AttributeName::EmployeeNumber;

fn computing(source: &Source, expressions: &[(AttributeName, &str)]) -> Source {
    let expressions: BTreeMap<_, _> = expressions.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    let profile = ProfileSettings { expressions, ..ProfileSettings::default() };
    Source { profile, revision: source.revision + 1, ..source.clone() }
}

fn raw(mut entry: SourceEntry, name: &str, values: &[&str]) -> SourceEntry {
    entry.raw.insert(name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect());
    entry
}

async fn value(test: &TestHub, person: PersonId, name: AttributeName) -> Option<String> {
    attribute(test, person, name).await.map(|attribute| attribute.value)
}

async fn import(test: &TestHub, source: &Source, entry: &SourceEntry) -> Imported {
    let done: Result<_, HubError> =
        storage::write!(test.hub.database, |tx| { mirror::import_entry(tx, &test.hub, source, entry, None).await });
    done.unwrap()
}

#[tokio::test]
async fn expressions_compute_from_the_sources_own_attributes_and_from_the_hubs() {
    for test in hubs().await {
        let corp = computing(
            &source(&test, "corp").await,
            &[
                (DEPARTMENT, "entry.ou.first().after(\"=\").upper()"),
                (AttributeName::Email, "entry.username + \"@corp.test\""),
                (AttributeName::Title, "entry.?role.orValue(\"none\") + \" / \" + entry.family_name"),
            ],
        );
        let read = raw(entry("ada"), "ou", &["ou=sales", "ou=other"]);
        let (ada, _) = created(&test, &corp, &read).await;
        assert_eq!(value(&test, ada.id, DEPARTMENT).await.as_deref(), Some("SALES"));
        assert_eq!(value(&test, ada.id, AttributeName::Title).await.as_deref(), Some("none / ada"));
        let email = attribute(&test, ada.id, AttributeName::Email).await.unwrap();
        assert_eq!((email.value.as_str(), email.verified), ("ada@corp.test", true));
        // An import goes through the same place.
        let bob = import(&test, &corp, &raw(entry("bob"), "ou", &["ou=it", "x"])).await;
        assert_eq!(value(&test, bob.person.unwrap(), DEPARTMENT).await.as_deref(), Some("IT"));
        // `null` is an answer: the person has no such attribute.
        let none = Source { revision: corp.revision + 1, ..computing(&corp, &[(DEPARTMENT, "null")]) };
        refresh(&test, &none, &read).await;
        assert_eq!(value(&test, ada.id, DEPARTMENT).await, None);
    }
}

#[tokio::test]
async fn an_expression_that_fails_keeps_what_was_there_with_its_claim_and_its_key() {
    for test in hubs().await {
        let corp = computing(
            &source(&test, "corp").await,
            &[(DEPARTMENT, "entry.ou"), (NUMBER, "entry.number"), (AttributeName::Email, "entry.address")],
        );
        let whole = raw(raw(raw(entry("ada"), "ou", &["Sales"]), "number", &["42"]), "address", &["ada@corp.test"]);
        let (ada, _) = created(&test, &corp, &whole).await;
        // The columns are gone, the address is none any more, and a title came.
        let broken = with(raw(entry("ada"), "address", &["nobody knows"]), AttributeName::Title, "Boss");
        let refreshed = refresh(&test, &corp, &broken).await;
        assert_eq!(refreshed.changed, ["title"], "the others go on");
        assert_eq!(value(&test, ada.id, DEPARTMENT).await.as_deref(), Some("Sales"));
        assert_eq!(value(&test, ada.id, NUMBER).await.as_deref(), Some("42"));
        assert_eq!(value(&test, ada.id, AttributeName::Email).await.as_deref(), Some("ada@corp.test"));
        let mut reader = test.hub.database.reader();
        let claims = Aliases(&mut reader).claims_of(ada.id).await.unwrap();
        assert_eq!(claims.len(), 2, "number and address are theirs still: {claims:?}");
        assert_eq!(Matching(&mut reader).keys_of_person(ada.id).await.unwrap().len(), 3);
        let audit = test.audit().await;
        let (_, details) = audit.iter().find(|(action, _)| action == "person.mapping-failed").unwrap();
        let said = details.to_string();
        assert!(said.contains("entry has no ou") && said.contains("no e-mail address"), "{said}");
        assert!(!said.contains("nobody knows"), "no values: {said}");
        // The same through an import, which says so in its result.
        let imported = import(&test, &corp, &with(broken, AttributeName::Title, "Chief")).await;
        assert_eq!(imported.outcome, ImportOutcome::Updated);
        assert!(imported.detail.unwrap().contains("department not computed"));
        assert_eq!(value(&test, ada.id, NUMBER).await.as_deref(), Some("42"));
    }
}

#[tokio::test]
async fn a_fault_in_a_batch_stops_nobody_and_frees_nothing() {
    for test in hubs().await {
        let plain = source(&test, "corp").await;
        let corp = computing(&plain, &[(NUMBER, "entry.number"), (DEPARTMENT, "entry.ou")]);
        let numbered = |name: &str, number: &str| raw(raw(entry(name), "number", &[number]), "ou", &["x"]);
        let batch = |entries: Vec<SourceEntry>| {
            let (test, corp) = (&test, &corp);
            async move {
                let run: ImportRunId = uuid::Uuid::from_u128(7).into();
                let entries: Vec<&SourceEntry> = entries.iter().collect();
                let done: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
                    mirror::import_people(tx, &test.hub, corp, &entries, run).await
                });
                done.unwrap()
            }
        };
        let made = batch(vec![numbered("ada", "1"), entry("bob"), numbered("cyd", "3")]).await;
        let outcomes: Vec<_> = made.iter().map(|one| one.outcome).collect();
        assert_eq!(outcomes, [ImportOutcome::Created; 3]);
        assert!(made[1].detail.as_deref().unwrap().contains("employee_number not computed"), "{made:?}");
        assert_eq!(value(&test, made[1].person.unwrap(), NUMBER).await, None);
        // Ada's number cannot be computed any more, and somebody else comes with it in the same batch: it is hers.
        let again = batch(vec![entry("ada"), numbered("dan", "1")]).await;
        assert_eq!(value(&test, made[0].person.unwrap(), NUMBER).await.as_deref(), Some("1"));
        assert_eq!(again[1].outcome, ImportOutcome::Collision);
        assert_eq!(value(&test, again[1].person.unwrap(), NUMBER).await, None);
    }
}

#[tokio::test]
async fn nobody_is_made_on_a_guess_while_a_value_that_rules_match_by_cannot_be_computed() {
    for test in hubs().await {
        let plain = source(&test, "corp").await;
        test.rules(by_number_then_address(&[&plain])).await;
        let corp = computing(&plain, &[(NUMBER, "entry.number"), (DEPARTMENT, "entry.ou")]);
        let Provisioned::Ignored { reason } = create(&test, &corp, &raw(entry("ada"), "ou", &["x"])).await else {
            panic!("made")
        };
        assert!(reason.contains("matched by employee_number"), "{reason}");
        assert_eq!(import(&test, &corp, &entry("ada")).await.outcome, ImportOutcome::Held);
        // A department decides nothing about who somebody is.
        created(&test, &corp, &raw(entry("bob"), "number", &["2"])).await;
    }
}

#[tokio::test]
async fn what_people_write_themselves_gives_no_name_to_sign_in_with_however_it_is_computed() {
    for test in hubs().await {
        let mut corp = source(&test, "corp").await;
        corp.self_written = vec![AttributeName::Email];
        let corp = computing(&corp, &[(AttributeName::Email, "entry.username + \"x@corp.test\"")]);
        let mut read = entry("ada");
        read.names.push("adax@corp.test".to_owned());
        let (ada, _) = created(&test, &corp, &read).await;
        assert_eq!(names(&test, ada.id).await.len(), 1, "the username alone");
    }
}

fn saved(result: Result<hub::sources::SourceChange, HubError>) -> hub::sources::SourceChange {
    result.unwrap()
}

#[tokio::test]
async fn a_mapping_that_feeds_a_rule_takes_two_people_and_any_other_one() {
    for test in hubs().await {
        let boss = test.administrator("ada").await;
        let corp = test.hub.register_source(&boss.sources, source_draft("corp"), "s".into()).await.unwrap();
        let change = |revision: i64, expressions: Vec<(AttributeName, &str)>| {
            let mut draft = SourceDraft::from(&corp);
            draft.profile.expressions = expressions.into_iter().map(|(n, text)| (n, text.to_owned())).collect();
            test.hub.update_source(&boss.sources, corp.id, revision, draft, None)
        };
        // No rule links anybody yet.
        let first = saved(change(corp.revision, vec![(NUMBER, "entry.a"), (DEPARTMENT, "entry.ou")]).await);
        assert_eq!(first.proposal, None);
        test.rules(by_number_then_address(&[&corp])).await;
        let alone = saved(change(first.source.revision, vec![(NUMBER, "entry.a"), (DEPARTMENT, "entry.l")]).await);
        assert_eq!(alone.proposal, None, "departments link nobody");
        let both = saved(change(alone.source.revision, vec![(NUMBER, "entry.b"), (DEPARTMENT, "entry.l")]).await);
        let proposal = both.proposal.expect("a second person");
        assert!(proposal.summary.contains("entry.b"), "{}", proposal.summary);
        assert_eq!(both.source.profile.expressions[&NUMBER], "entry.a", "nothing changed yet");
        // The plain mapping feeds rules as well.
        let mut draft = SourceDraft::from(&both.source);
        draft.connector.ldap_mut().unwrap().mapping.insert(AttributeName::Email, "otherMailbox".to_owned());
        let revision = both.source.revision;
        let plain = saved(test.hub.update_source(&boss.sources, corp.id, revision, draft, None).await);
        assert!(plain.proposal.is_some());
        // The second person agrees, and it is in force.
        let bea = test.administrator("bea").await;
        test.wait(24 * 60 * 60);
        let session = test.session(bea.person_id(), hub::session::ProvenBy::Hub).await;
        let bea = crate::support::Powers::from(
            test.hub.permit::<hub::kernel::capability::Administer>(Some(session)).await.unwrap(),
        );
        test.hub.approve(&bea.roles, proposal.id, None, "looked at it").await.unwrap();
        let now = test.hub.source_by_name(&bea.read, "corp").await.unwrap().source;
        assert_eq!(now.profile.expressions[&NUMBER], "entry.b");
    }
}

#[tokio::test]
async fn a_preview_shows_real_entries_with_what_fails_and_writes_nothing() {
    for test in hubs().await {
        let boss = test.administrator("ada").await;
        let corp = test.hub.register_source(&boss.sources, source_draft("corp"), "s".into()).await.unwrap();
        test.directory.set(raw(with(entry("ann"), DEPARTMENT, "Old"), "ou", &["New"]));
        test.directory.set(with(entry("bob"), DEPARTMENT, "Old"));
        let mut draft = SourceDraft::from(&corp);
        draft.profile.expressions.insert(DEPARTMENT, "entry.ou".to_owned());
        let seen = test.hub.preview_mapping(&boss.sources, corp.id, draft.clone(), "").await.unwrap();
        let of = |name: &str| {
            let entry = seen.iter().find(|entry| entry.username.as_deref() == Some(name)).unwrap();
            entry.values.iter().find(|value| value.name == DEPARTMENT).unwrap().clone()
        };
        assert_eq!((of("ann").now.as_deref(), of("ann").then.as_deref()), (Some("Old"), Some("New")));
        assert!(of("bob").fault.unwrap().contains("entry has no ou"));
        let one = test.hub.preview_mapping(&boss.sources, corp.id, draft.clone(), "bob").await.unwrap();
        assert_eq!(one.len(), 1);
        draft.profile.expressions.insert(DEPARTMENT, "entry.ou +".to_owned());
        let wrong = test.hub.preview_mapping(&boss.sources, corp.id, draft, "").await;
        assert!(matches!(wrong, Err(HubError::Invalid { field: "profile.expressions", .. })), "{wrong:?}");
        let stored = test.hub.source_by_name(&boss.read, "corp").await.unwrap().source;
        assert!(stored.profile.expressions.is_empty());
    }
}
