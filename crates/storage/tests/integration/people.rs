//! People and what belongs to them.

use chrono::{DateTime, TimeDelta, Utc};
use directory::{
    Account, AccountStatus, AttributeName, CredentialAuthority, LinkKind, Namespace, Person, PersonId, Role, SourceId,
    Standing, StandingAuthority, VerifierKind, VerifierOrigin, fold,
};
use proptest::{prelude::*, test_runner::TestRunner};
use storage::{
    Database, StorageError,
    accounts::Accounts,
    aliases::{Alias, Aliases},
    groups::{Group, Groups, Origin},
    people::{People, fresh},
    verifiers::{Verifier, Verifiers},
};
use uuid::Uuid;

use crate::{Opened, now, opened, source};

fn person(n: u128) -> Person {
    fresh(PersonId::from(Uuid::from_u128(n)), format!("subject {n}"), format!("Person {n}"), now())
}

fn account(n: u128, source_id: SourceId, person: &Person) -> Account {
    Account {
        id: Uuid::from_u128(n).into(),
        source_id,
        immutable_id: format!("id-{n:06}").into(),
        person_id: person.id,
        kind: LinkKind::Primary,
        locator: format!("uid=u{n},dc=example,dc=test"),
        username: Some(format!("u{n}")),
        status: AccountStatus::Active,
        password_set_at: None,
        read_at: now(),
        missing_since: None,
        locked_until: None,
        privileged: false,
        unlocked_at: None,
    }
}

async fn insert(database: &Database, person: &Person) {
    let written: Result<(), StorageError> = storage::write!(database, |tx| { People(tx).insert(person).await });
    written.unwrap();
}

async fn link(database: &Database, account: &Account) -> bool {
    let written: Result<bool, StorageError> = storage::write!(database, |tx| { Accounts(tx).insert(account).await });
    written.unwrap()
}

/// Any combination of the facts, sensible or not.
fn any_facts(source: SourceId) -> impl Strategy<Value = Person> {
    let credential = prop_oneof![
        Just(CredentialAuthority::Hub),
        Just(CredentialAuthority::None),
        Just(CredentialAuthority::Source(source))
    ];
    let authority = prop_oneof![Just(StandingAuthority::Hub), Just(StandingAuthority::Source(source))];
    (
        any::<u128>(),
        any::<(bool, bool, bool)>(),
        credential,
        authority,
        prop::sample::select(Standing::ALL),
        prop::sample::select(VerifierKind::ALL),
    )
        .prop_map(move |(n, (activated, disabled, merged), credential, authority, standing, verifier)| Person {
            activated,
            disabled_by_hub: disabled.then(|| "left".to_owned()),
            merged_into: merged.then(|| PersonId::from(Uuid::from_u128(1))),
            credential_authority: credential,
            standing_authority: authority,
            standing,
            verifier,
            ..person(n.max(2))
        })
}

#[test]
fn the_database_derives_the_state_as_the_vocabulary_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for Opened { url, database, kept: _kept } in runtime.block_on(opened()) {
        let source = runtime.block_on(async {
            insert(&database, &person(1)).await;
            source(&database, 7).await
        });
        TestRunner::default()
            .run(&any_facts(source), |facts| {
                let (stored, read) = runtime.block_on(async {
                    insert(&database, &facts).await;
                    let mut reader = database.reader();
                    let stored = People(&mut reader).stored_state(facts.id).await.unwrap();
                    (stored, People(&mut reader).by_id(facts.id).await.unwrap())
                });
                prop_assert_eq!(stored, Some(facts.state()), "{}", &url);
                prop_assert_eq!(read, Some(facts));
                Ok(())
            })
            .unwrap();
    }
}

#[tokio::test]
async fn privileged_follows_from_accounts_and_roles() {
    for Opened { database, kept: _kept, .. } in opened().await {
        let source = source(&database, 7).await;
        let (plain, admin) = (person(1), person(2));
        insert(&database, &plain).await;
        insert(&database, &admin).await;
        link(&database, &Account { privileged: true, ..account(3, source, &admin) }).await;
        let written: Result<(), StorageError> = storage::write!(database, |tx| {
            People(tx).update(&admin).await?;
            People(tx).update(&plain).await
        });
        written.unwrap();
        let read = async |id| People(&mut database.reader()).by_id(id).await.unwrap().unwrap();
        assert!(read(admin.id).await.privileged && !read(admin.id).await.holds_role);
        assert!(!read(plain.id).await.privileged);
        let granted: Result<bool, StorageError> = storage::write!(database, |tx| {
            storage::access::grant(tx, plain.id, Role::HelpDesk, "test".to_owned(), now()).await
        });
        assert!(granted.unwrap());
        assert!(read(plain.id).await.privileged && read(plain.id).await.holds_role);
    }
}

#[tokio::test]
async fn an_immutable_id_links_one_person_only() {
    for Opened { database, kept: _kept, .. } in opened().await {
        let source = source(&database, 7).await;
        let (first, second) = (person(1), person(2));
        insert(&database, &first).await;
        insert(&database, &second).await;
        assert!(link(&database, &account(3, source, &first)).await);
        let stolen = Account { id: Uuid::from_u128(4).into(), ..account(3, source, &second) };
        assert!(!link(&database, &stolen).await);
        let mut reader = database.reader();
        let found = Accounts(&mut reader).by_immutable_id(source, &stolen.immutable_id).await.unwrap().unwrap();
        assert_eq!(found, account(3, source, &first));
        assert_eq!(Accounts(&mut reader).of_person(second.id).await.unwrap(), []);
    }
}

#[tokio::test]
async fn locked_for_good_survives_the_database() {
    for Opened { database, kept: _kept, .. } in opened().await {
        let source = source(&database, 7).await;
        insert(&database, &person(1)).await;
        for (n, until) in [(3, Some(DateTime::<Utc>::MAX_UTC)), (4, Some(now() + TimeDelta::minutes(30))), (5, None)] {
            let locked = Account { locked_until: until, ..account(n, source, &person(1)) };
            link(&database, &locked).await;
            assert_eq!(Accounts(&mut database.reader()).by_id(locked.id).await.unwrap(), Some(locked));
        }
    }
}

#[tokio::test]
async fn a_merged_person_is_looked_up_as_the_survivor_and_a_circle_is_an_error() {
    for Opened { database, kept: _kept, .. } in opened().await {
        insert(&database, &person(1)).await;
        insert(&database, &Person { merged_into: Some(person(1).id), ..person(2) }).await;
        let mut reader = database.reader();
        assert_eq!(People(&mut reader).survivor(person(2).id).await.unwrap(), Some(person(1)));
        assert_eq!(People(&mut reader).survivor(person(9).id).await.unwrap(), None);
        let circle: Result<(), StorageError> = storage::write!(database, |tx| {
            People(tx).update(&Person { merged_into: Some(person(2).id), ..person(1) }).await
        });
        circle.unwrap();
        assert!(People(&mut reader).survivor(person(2).id).await.is_err());
    }
}

#[tokio::test]
async fn an_alias_is_unique_in_its_namespace_and_free_in_another() {
    for Opened { database, kept: _kept, .. } in opened().await {
        let (a, b) = (source(&database, 7).await, source(&database, 8).await);
        insert(&database, &person(1)).await;
        insert(&database, &person(2)).await;
        let alias =
            |namespace, n| Alias { namespace, folded: "jsmith".to_owned(), person_id: person(n).id, account_id: None };
        let taken: Result<Vec<bool>, StorageError> = storage::write!(database, |tx| {
            let mut taken = Vec::new();
            for alias in [
                alias(Namespace::Source(a), 1),
                alias(Namespace::Source(a), 2),
                alias(Namespace::Source(b), 2),
                alias(Namespace::Hub, 1),
            ] {
                taken.push(Aliases(tx).insert(&alias).await?);
            }
            Ok(taken)
        });
        assert_eq!(taken.unwrap(), [true, false, true, true]);
        let mut reader = database.reader();
        let found = Aliases(&mut reader).find(Namespace::Source(a), &fold("JSmith")).await.unwrap();
        assert_eq!(found, Some(alias(Namespace::Source(a), 1)));
        assert_eq!(Aliases(&mut reader).holders(&fold("jsmith")).await.unwrap().len(), 3);
        assert_eq!(Aliases(&mut reader).holders(&fold("nobody")).await.unwrap(), []);
    }
}

#[tokio::test]
async fn leaving_a_group_ends_only_what_the_same_origin_said() {
    for Opened { database, kept: _kept, .. } in opened().await {
        let source = source(&database, 7).await;
        insert(&database, &person(1)).await;
        let (first, second) = (account(3, source, &person(1)), account(4, source, &person(1)));
        link(&database, &first).await;
        link(&database, &second).await;
        let group = Group {
            id: Uuid::from_u128(9).into(),
            source_id: Some(source),
            immutable_id: "g".to_owned().into(),
            name: "Payables".to_owned(),
        };
        let written: Result<Group, StorageError> = storage::write!(database, |tx| {
            Groups(tx).put(&group).await?;
            let renamed = Group { id: Uuid::from_u128(10).into(), name: "Stores".to_owned(), ..group.clone() };
            let kept = Groups(tx).put(&renamed).await?;
            for origin in [Origin::Account(first.id), Origin::Account(second.id), Origin::Hub] {
                Groups(tx).join(kept.id, person(1).id, origin).await?;
            }
            Groups(tx).leave(kept.id, person(1).id, Origin::Account(first.id)).await?;
            Ok(kept)
        });
        let kept = written.unwrap();
        assert_eq!((kept.id, kept.name.as_str()), (group.id, "Stores"), "known by its id at the source");
        let mut reader = database.reader();
        assert_eq!(Groups(&mut reader).of_person(person(1).id).await.unwrap(), std::slice::from_ref(&kept));
        assert_eq!(Groups(&mut reader).of_origin(person(1).id, Origin::Account(first.id)).await.unwrap(), []);
        assert_eq!(Groups(&mut reader).named("Sto", 10).await.unwrap(), [kept]);
    }
}

#[tokio::test]
async fn a_verifier_is_replaced_whole_and_never_shown() {
    for Opened { database, kept: _kept, .. } in opened().await {
        insert(&database, &person(1)).await;
        let captured = Verifier {
            person_id: person(1).id,
            phc: "$argon2id$canary".to_owned(),
            origin: VerifierOrigin::Hub,
            source_id: None,
            password_set_at: Some(now()),
            made_at: now(),
            last_ok_at: now(),
        };
        assert!(!format!("{captured:?}").contains("canary"));
        let newer = Verifier { phc: "$argon2id$newer".to_owned(), password_set_at: None, ..captured.clone() };
        let written: Result<(bool, bool), StorageError> = storage::write!(database, |tx| {
            Verifiers(tx).put(&captured).await?;
            Verifiers(tx).put(&newer).await?;
            let outdated = Verifiers(tx).replace_phc(person(1).id, "x", &captured.phc).await?;
            Ok((outdated, Verifiers(tx).replace_phc(person(1).id, "y", &newer.phc).await?))
        });
        assert_eq!(written.unwrap(), (false, true), "a re-hash of an older password changes nothing");
        let read = Verifiers(&mut database.reader()).of_person(person(1).id).await.unwrap();
        assert_eq!(read, Some(Verifier { phc: "y".to_owned(), ..newer }));
    }
}

#[tokio::test]
async fn an_identifier_has_one_holder() {
    for Opened { database, kept: _kept, .. } in opened().await {
        insert(&database, &person(1)).await;
        insert(&database, &person(2)).await;
        let kind = AttributeName::Email.as_str();
        let claims: Result<[bool; 3], StorageError> = storage::write!(database, |tx| {
            let first = Aliases(tx).claim(kind, &fold("Ada@Example.test"), person(1).id).await?;
            let second = Aliases(tx).claim(kind, &fold("ada@example.test"), person(2).id).await?;
            // Only the holder can give it up.
            Aliases(tx).release(kind, "ada@example.test", person(2).id).await?;
            let third = Aliases(tx).claim(kind, &fold("ada@example.test"), person(2).id).await?;
            Ok([first, second, third])
        });
        assert_eq!(claims.unwrap(), [true, false, false]);
        let holder = Aliases(&mut database.reader()).claimed_by(kind, &fold("ADA@example.test")).await.unwrap();
        assert_eq!(holder, Some(person(1).id));
    }
}
