//! The one writer of people: who is created, what is taken over, what is never taken.

mod capture;
mod create;
mod custom;
mod mapped;
mod matching;
mod owner;
mod private;
mod property;
mod refresh;
mod standing;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use directory::{Account, AttributeName, Namespace, Person, PersonId, Source, SourceEntry, SourceGroup};
use hub::{
    HubError,
    mirror::{self, Capture, Captured, Provisioned, Refreshed},
};
use storage::{
    accounts::Accounts,
    aliases::Aliases,
    attributes::{Attributes, StoredAttribute},
    groups::Groups,
    people::People,
};

use crate::support::{TestHub, source_draft};

/// A registered source, as it stands in the database.
pub(super) async fn source(test: &TestHub, name: &str) -> Source {
    let administrator = test.administrator(&format!("boss-of-{name}")).await;
    test.hub.register_source(&administrator.sources, source_draft(name), "secret".into()).await.unwrap()
}

pub(super) async fn create(test: &TestHub, source: &Source, entry: &SourceEntry) -> Provisioned {
    let made: Result<_, HubError> =
        storage::write!(test.hub.database, |tx| { mirror::create(tx, &test.hub, source, entry).await });
    made.unwrap()
}

pub(super) async fn created(test: &TestHub, source: &Source, entry: &SourceEntry) -> (Person, Account) {
    match create(test, source, entry).await {
        Provisioned::Created { person, account } => (person, account),
        other => panic!("{other:?}"),
    }
}

pub(super) async fn collided(test: &TestHub, source: &Source, entry: &SourceEntry) -> (Person, Account) {
    match create(test, source, entry).await {
        Provisioned::Collided { person, account, .. } => (person, account),
        other => panic!("{other:?}"),
    }
}

pub(super) async fn refresh(test: &TestHub, source: &Source, entry: &SourceEntry) -> Refreshed {
    let account = Accounts(&mut test.hub.database.reader())
        .by_immutable_id(source.id, &entry.immutable_id)
        .await
        .unwrap()
        .unwrap();
    let done: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
        mirror::refresh(tx, &test.hub, source, entry, &account, mirror::Cause::Reading).await
    });
    done.unwrap()
}

pub(super) async fn capture(
    test: &TestHub,
    person: PersonId,
    source: &Source,
    set_at: Option<DateTime<Utc>>,
) -> Captured {
    capture_as(test, person, source, set_at, Capture::TakeOver).await
}

pub(super) async fn capture_as(
    test: &TestHub,
    person: PersonId,
    source: &Source,
    set_at: Option<DateTime<Utc>>,
    how: Capture,
) -> Captured {
    let done: Result<_, HubError> = storage::write!(test.hub.database, |tx| {
        mirror::capture(tx, &test.hub, person, source, "$argon2id$x".to_owned(), set_at, how).await
    });
    done.unwrap()
}

pub(super) fn stored(captured: Captured) -> Person {
    match captured {
        Captured::Stored(person) => person,
        Captured::Not(reason) => panic!("{reason}"),
    }
}

pub(super) fn with(mut entry: SourceEntry, name: AttributeName, value: &str) -> SourceEntry {
    entry.attributes.insert(name, value.to_owned());
    if name == AttributeName::Email {
        entry.names.push(value.to_owned());
    }
    entry
}

pub(super) async fn attribute(test: &TestHub, person: PersonId, name: AttributeName) -> Option<StoredAttribute> {
    let all = Attributes(&mut test.hub.database.reader()).of_person(person).await.unwrap();
    all.into_iter().find(|a| a.name == name)
}

pub(super) async fn names(test: &TestHub, person: PersonId) -> BTreeSet<(Namespace, String)> {
    let aliases = Aliases(&mut test.hub.database.reader()).of_person(person).await.unwrap();
    aliases.into_iter().map(|a| (a.namespace, a.folded)).collect()
}

pub(super) async fn group_names(test: &TestHub, person: PersonId) -> Vec<String> {
    let groups = Groups(&mut test.hub.database.reader()).of_person(person).await.unwrap();
    groups.into_iter().map(|g| g.name).collect()
}

pub(super) async fn person(test: &TestHub, id: PersonId) -> Person {
    People(&mut test.hub.database.reader()).by_id(id).await.unwrap().unwrap()
}

pub(super) fn group(id: &str, name: &str) -> SourceGroup {
    SourceGroup { immutable_id: id.to_owned().into(), name: name.to_owned() }
}

pub(super) async fn actions(test: &TestHub) -> Vec<String> {
    test.audit().await.into_iter().map(|(action, _)| action).collect()
}
