//! What a later reading changes, and what it leaves.

use std::collections::BTreeSet;

use directory::{AttributeName, Namespace, SourceEntry};
use hub::{
    HubError,
    mirror::{self, Refreshed},
};
use storage::{
    attributes::{Attributes, StoredAttribute},
    cases::Cases,
    groups::{Groups, Origin},
};

use crate::support::{entry, hubs};

use super::*;

#[tokio::test]
async fn a_collision_at_a_later_reading_takes_nothing_and_restricts_nobody() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (holder, _) = created(&test, &source, &with(entry("a"), AttributeName::Email, "a@corp.test")).await;
        let (other, _) = created(&test, &source, &with(entry("b"), AttributeName::Email, "b@corp.test")).await;
        let claims = with(entry("b"), AttributeName::Email, "A@corp.test");
        for _ in 0..3 {
            let refreshed = refresh(&test, &source, &claims).await;
            assert!(refreshed.person.disputed);
        }
        assert_eq!(attribute(&test, other.id, AttributeName::Email).await, None, "its old address is no longer its");
        let mut reader = test.hub.database.reader();
        assert_eq!(Cases(&mut reader).restricted_to(other.id).await.unwrap(), None);
        let cases = Cases(&mut reader).open_of_person(holder.id).await.unwrap();
        assert_eq!(cases.len(), 2, "one about the name, one about the address; asked once, not at every reading");

        // The holder gives it up: the next reading takes it, and the questions are outdated.
        refresh(&test, &source, &entry("a")).await;
        let refreshed = refresh(&test, &source, &claims).await;
        assert!(!refreshed.person.disputed);
        assert_eq!(attribute(&test, other.id, AttributeName::Email).await.unwrap().value, "A@corp.test");
    }
}

#[tokio::test]
async fn a_refresh_changes_only_what_its_source_owns() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (made, account) = created(&test, &source, &with(entry("a"), AttributeName::Phone, "111")).await;
        let by_hub = StoredAttribute {
            authority: None,
            origin: None,
            value: "999".into(),
            ..attribute(&test, made.id, AttributeName::Phone).await.unwrap()
        };
        let written: Result<(), HubError> =
            storage::write!(test.hub.database, |tx| { Ok(Attributes(tx).put(&by_hub).await?) });
        written.unwrap();
        let mut changed = with(entry("a"), AttributeName::Phone, "222");
        changed = with(changed, AttributeName::DisplayName, "Ada Newname");
        changed.attributes.remove(&AttributeName::FamilyName);
        changed.names = vec!["ada".into()];
        let refreshed = refresh(&test, &source, &changed).await;
        assert_eq!(refreshed.person.display_name, "Ada Newname");
        assert_eq!(refreshed.person.subject, made.subject, "`sub` survives every change");
        assert_eq!(attribute(&test, made.id, AttributeName::Phone).await, Some(by_hub));
        assert_eq!(attribute(&test, made.id, AttributeName::FamilyName).await, None);
        let namespace = Namespace::Source(source.id);
        assert_eq!(names(&test, made.id).await, BTreeSet::from([(namespace, "a".into()), (namespace, "ada".into())]));
        assert_eq!(refresh(&test, &source, &changed).await.changed, Vec::<String>::new(), "nothing new, nothing said");
        assert_eq!(refreshed.account.id, account.id);
    }
}

#[tokio::test]
async fn a_refresh_removes_only_memberships_of_its_own_origin_and_none_of_a_half_read() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let mut read = entry("a");
        read.groups = vec![group("g1", "One"), group("g2", "Two")];
        let (made, _) = created(&test, &source, &read).await;
        let of_hub: Result<(), HubError> = storage::write!(test.hub.database, |tx| {
            let one = Groups(tx).by_key(source.id, &"g1".to_owned().into()).await?.unwrap();
            Ok(Groups(tx).join(one.id, made.id, Origin::Hub).await?)
        });
        of_hub.unwrap();
        let half = SourceEntry { groups: Vec::new(), groups_complete: false, ..read.clone() };
        refresh(&test, &source, &half).await;
        assert_eq!(group_names(&test, made.id).await, ["One", "Two"]);
        let none = SourceEntry { groups: Vec::new(), ..read };
        refresh(&test, &source, &none).await;
        assert_eq!(group_names(&test, made.id).await, ["One"], "the hub says so too");
    }
}

#[tokio::test]
async fn a_rename_keeps_the_person() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (made, _) = created(&test, &source, &entry("maiden")).await;
        let renamed = SourceEntry { immutable_id: entry("maiden").immutable_id, ..entry("married") };
        let refreshed = refresh(&test, &source, &renamed).await;
        assert_eq!(refreshed.person.id, made.id);
        assert_eq!(names(&test, made.id).await, BTreeSet::from([(Namespace::Source(source.id), "married".into())]));
        // The freed name belongs to whoever bears it now: another id, another person.
        let namesake = SourceEntry { immutable_id: "another".to_owned().into(), ..entry("maiden") };
        assert_ne!(created(&test, &source, &namesake).await.0.id, made.id);
    }
}

#[tokio::test]
async fn an_entry_is_never_written_to_another_account() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (_, account) = created(&test, &source, &entry("ada")).await;
        let refused: Result<Refreshed, HubError> = storage::write!(test.hub.database, |tx| {
            mirror::refresh(tx, &test.hub, &source, &entry("bob"), &account, mirror::Cause::Reading).await
        });
        assert!(matches!(refused, Err(HubError::Internal(_))));
    }
}

#[tokio::test]
async fn an_entry_that_reads_as_last_time_writes_only_when_it_was_read() {
    for test in hubs().await {
        let source = source(&test, "corp").await;
        let (made, account) = created(&test, &source, &entry("ada")).await;
        test.wait(60);
        let same = refresh(&test, &source, &entry("ada")).await;
        assert_eq!(same.person, Person { standing_read_at: Some(test.hub.clock.now()), ..made.clone() });
        assert_eq!(same.account, Account { read_at: test.hub.clock.now(), ..account });
        assert_eq!(person(&test, made.id).await, same.person);
        // Settings decide what an entry means: a change of theirs makes it news again.
        let declared = Source { domains: vec!["new.test".into()], revision: source.revision + 1, ..source };
        let mut with_address = with(entry("ada"), AttributeName::Email, "ada@new.test");
        assert!(!refresh(&test, &declared, &with_address).await.changed.is_empty());
        with_address.lockout.failures = Some(3);
        assert_eq!(refresh(&test, &declared, &with_address).await.changed, Vec::<String>::new());
    }
}
