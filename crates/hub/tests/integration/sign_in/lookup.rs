//! Names, namespaces, and the one place that decides (sections 2.2 and 2.4).

use connector::TroubleKind;
use directory::{ImmutableId, SourceMode};
use hub::{
    session::Reach,
    sign_in::RefusalPage::{Generic, Outage},
};

use super::door::{Door, RIGHT, WRONG, doors, known, person};

/// Two directories, each with a jsmith of their own.
async fn two(door: &Door) -> (directory::Source, directory::Source) {
    let corp = door.source("corp", |s| s.domains = vec!["corp.test".to_owned()]).await;
    let other = door.source("other", |s| s.domains = vec!["other.test".to_owned()]).await;
    door.has("corp", person("jsmith"));
    let mut namesake = person("jsmith");
    namesake.immutable_id = ImmutableId("id-namesake".into());
    namesake.names.push("jsmith@other.test".to_owned());
    door.has("other", namesake);
    door.tell("other", |s| {
        s.passwords.insert(ImmutableId("id-namesake".into()), "other password".to_owned());
    });
    (corp, other)
}

#[tokio::test]
async fn two_directories_each_with_a_jsmith_both_sign_in_by_their_application() {
    for door in doors().await {
        let (corp, other) = two(&door).await;
        let portal = door.client("portal", &[&corp]).await;
        let shop = door.client("shop", &[&other]).await;
        let first = door.types_at(&portal, "jsmith", RIGHT).await;
        first.let_in_by("D18", 1);
        let second = door.types_at(&shop, "jsmith", "other password").await;
        second.let_in_by("D18", 1);
        assert_ne!(first.signed_in().person, second.signed_in().person);
        door.types_at(&portal, "jsmith", RIGHT).await.let_in_by("D6", 1);
        door.types_at(&shop, "jsmith", "other password").await.let_in_by("D6", 1);
        // Without an application of either, nobody is chosen, and no directory sees a password.
        door.types("jsmith", RIGHT).await.refused_by("D20", Generic, 0);
    }
}

#[tokio::test]
async fn two_directories_each_with_a_jsmith_both_sign_in_by_their_choice() {
    for door in doors().await {
        two(&door).await;
        let page = door.hub().sign_in_page(None).await.unwrap();
        assert_eq!(page.directories.iter().map(|d| d.value.as_str()).collect::<Vec<_>>(), ["corp", "other"]);
        door.types("jsmith", RIGHT).await.refused_by("D20", Generic, 0);
        for (directory, password) in [("corp", RIGHT), ("other", "other password")] {
            let mut attempt = door.attempt("jsmith", password);
            attempt.directory = Some(directory.to_owned());
            door.sends(attempt).await.let_in_by("D18", 1);
        }
        // A qualified name needs no choice.
        door.types("JSmith@Other.test", "other password").await.let_in_by("D6", 1);
    }
}

#[tokio::test]
async fn the_page_asks_nobody_where_the_route_leaves_one_namespace() {
    for door in doors().await {
        let (corp, other) = two(&door).await;
        let portal = door.client("portal", &[&corp]).await;
        let both = door.client("both", &[&corp, &other]).await;
        let page = door.hub().sign_in_page(Some(&portal)).await.unwrap();
        assert_eq!((page.directories.len(), page.client_name.as_deref()), (0, Some("Portal")));
        assert_eq!(door.hub().sign_in_page(Some(&both)).await.unwrap().directories.len(), 2);
        // A retired directory stands there by its label.
        door.change(&other, |s| s.mode = SourceMode::Retired).await;
        assert_eq!(door.hub().sign_in_page(Some(&both)).await.unwrap().directories.len(), 2);
    }
}

#[tokio::test]
async fn a_renamed_entry_leaves_its_old_name_to_somebody_new() {
    for door in doors().await {
        let (source, renamed) = known(&door, "jsmith", |_| {}).await;
        door.edit("corp", "jsmith", |e| {
            e.username = Some("john.smith".to_owned());
            e.names = vec!["john.smith".to_owned()];
        });
        let mut newcomer = person("jsmith");
        newcomer.immutable_id = ImmutableId("id-newcomer".into());
        door.has("corp", newcomer);
        let outcome = door.types("jsmith", RIGHT).await;
        outcome.let_in_by("D18", 1);
        assert_ne!(outcome.signed_in().person, renamed.id);
        assert!(door.test.audit().await.iter().any(|(action, _)| action == "alias.dropped"));
        let old = door.types("john.smith", RIGHT).await;
        old.let_in_by("D6", 1);
        assert_eq!(old.signed_in().person, renamed.id);
        assert!(door.person_named(&source, "john.smith").await.is_some());
    }
}

#[tokio::test]
async fn a_typed_name_the_hub_does_not_know_leads_to_the_linked_person() {
    for door in doors().await {
        let (_, known) = known(&door, "jsmith", |_| {}).await;
        door.edit("corp", "jsmith", |e| e.names.push("nickname".to_owned()));
        let outcome = door.types("nickname", RIGHT).await;
        outcome.let_in_by("D6", 1);
        assert_eq!(outcome.signed_in().person, known.id);
    }
}

#[tokio::test]
async fn one_of_two_directories_down_hides_who_bears_the_name() {
    for door in doors().await {
        two(&door).await;
        door.has("corp", person("unique"));
        door.tell("other", |s| s.trouble = Some(TroubleKind::Unavailable));
        door.types("unique", RIGHT).await.refused_by("D22", Outage, 0);
        let mut chosen = door.attempt("unique", RIGHT);
        chosen.directory = Some("corp".to_owned());
        door.sends(chosen).await.let_in_by("D18", 1);
        // A known person of the healthy one is asked there, and reads the text of the route when refused.
        door.types("unique", RIGHT).await.let_in_by("D6", 1);
        door.types("unique", WRONG).await.refused_by("D7", Outage, 1);
    }
}

#[tokio::test]
async fn a_second_account_opens_the_applications_of_its_directory_only() {
    for door in doors().await {
        let (corp, person) = known(&door, "jsmith", |_| {}).await;
        let other = door.source("other", |_| {}).await;
        let shop = door.client("shop", &[&other]).await;
        // A second account of the same person, as a reviewer would link it.
        let mut second = super::door::person("js2");
        second.names.push("jsmith".to_owned());
        door.has("other", second.clone());
        door.tell("other", |s| {
            s.passwords.insert(second.immutable_id.clone(), "second password".to_owned());
        });
        let mut account = {
            let mut reader = door.hub().database.reader();
            storage::accounts::Accounts(&mut reader).of_person(person.id).await.unwrap().remove(0)
        };
        account.id = uuid_of(7).into();
        (account.source_id, account.immutable_id) = (other.id, second.immutable_id.clone());
        let done: Result<bool, storage::StorageError> =
            storage::write!(door.hub().database, |tx| { storage::accounts::Accounts(tx).insert(&account).await });
        assert!(done.unwrap());
        let there = door.types_at(&shop, "jsmith", "second password").await;
        there.let_in_by("D6", 1);
        assert_eq!(there.signed_in().reach, Reach::ClientsOf(other.id));
        // Dead there: the next place decides, and it is the credential authority.
        door.tell("other", |s| s.entries[0].status = directory::AccountStatus::Disabled);
        let here = door.types_at(&shop, "jsmith", RIGHT).await;
        here.let_in_by("D6", 1);
        assert_eq!((here.signed_in().reach, here.trace.source), (Reach::Everywhere, Some(corp.id)));
    }
}

fn uuid_of(byte: u8) -> uuid::Uuid {
    uuid::Uuid::from_bytes([byte; 16])
}
