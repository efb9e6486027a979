//! U4: passwords that a source stores, taken over and renewed at the first sign-in.

use directory::{PersonState, SourceMode, StoredScheme};
use hub::{
    HubError,
    kernel::Actor,
    sign_in::RefusalPage::Generic,
    stored_passwords::{Coverage, PasswordReport},
};
use storage::verifiers::Verifiers;

use super::door::{Door, RIGHT, WRONG, doors, id, known, person};

/// `openssl passwd -1 -salt Na7Cl 'right password'`: cheap to guess, so it is wrapped.
const MD5_CRYPT: &str = "$1$Na7Cl$OZoCAcphS8xzBb6AOoo78.";
/// `openssl passwd -6 -salt Na7Cl 'right password'`.
const SHA512_CRYPT: &str =
    "$6$Na7Cl$cY1JcVphUL7bKUgVHXXcCX3pFg2pZ.QtCx5YMRG8PjD/YAw7kPPGRRAWUFqoHveFfe72Iyjw9dfuoah4q1Z4L1";

async fn reads(door: &Door, take_over: bool) -> Result<PasswordReport, HubError> {
    door.hub().read_stored_passwords(Actor::CommandLine, "corp", take_over).await
}

/// A person whose stored password was taken over, in a directory that drains.
async fn imported(door: &Door, stored: &str) -> directory::Person {
    let (source, person) = known(door, "jsmith", |_| {}).await;
    door.change(&source, |s| s.mode = SourceMode::Draining).await;
    door.tell("corp", |s| drop(s.stored.insert(id("jsmith"), stored.to_owned())));
    let report = reads(door, true).await.unwrap();
    assert_eq!((report.read, report.taken_over, report.stopped), (1, 1, None));
    person
}

async fn stored_text(door: &Door, person: &directory::Person) -> String {
    Verifiers(&mut door.hub().database.reader()).of_person(person.id).await.unwrap().unwrap().phc
}

#[tokio::test]
async fn d4_the_first_sign_in_renews_an_imported_verifier_and_deletes_it() {
    for stored in [MD5_CRYPT, SHA512_CRYPT] {
        for door in doors().await {
            let person = imported(&door, stored).await;
            assert_eq!(door.person(person.id).await.state(), PersonState::VerifierImported);
            let kept = stored_text(&door, &person).await;
            assert!(!kept.contains(&MD5_CRYPT[9..]), "a value that is cheap to guess is not stored: {kept}");
            door.types("jsmith", RIGHT).await.let_in_by("D4", 0);
            assert_eq!(door.person(person.id).await.state(), PersonState::Migrated);
            let renewed = stored_text(&door, &person).await;
            assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
            door.types("jsmith", RIGHT).await.let_in_by("D1", 0);
        }
    }
}

#[tokio::test]
async fn d5_a_wrong_password_is_counted_and_leaves_the_imported_verifier() {
    for door in doors().await {
        let person = imported(&door, SHA512_CRYPT).await;
        assert_eq!(stored_text(&door, &person).await, SHA512_CRYPT, "dear enough to be kept as it is");
        let wrong = door.types("jsmith", WRONG).await;
        wrong.refused_by("D5", Generic, 0).wrote(&[("refusal", 1), ("failure_count", 1)]);
        assert_eq!(door.person(person.id).await.state(), PersonState::VerifierImported);
        assert_eq!(stored_text(&door, &person).await, SHA512_CRYPT);
        door.types("jsmith", RIGHT).await.let_in_by("D4", 0);
    }
}

#[tokio::test]
async fn stored_passwords_are_taken_over_only_where_the_hub_may_decide() {
    for door in doors().await {
        let (source, person) = known(&door, "jsmith", |_| {}).await;
        door.tell("corp", |s| drop(s.stored.insert(id("jsmith"), SHA512_CRYPT.to_owned())));
        // Counting changes nobody, in any mode.
        let report = reads(&door, false).await.unwrap();
        assert_eq!((report.read, report.taken_over), (1, 0));
        assert_eq!(door.person(person.id).await.state(), PersonState::Mirrored);
        assert!(matches!(reads(&door, true).await, Err(HubError::Refused(_))), "active: the source decides");
        // Compared only: the directory goes on deciding.
        door.change(&source, |s| (s.mode, s.shadow) = (SourceMode::Capture, true)).await;
        let report = reads(&door, true).await.unwrap();
        assert_eq!((report.taken_over, report.stayed.values().sum::<u64>()), (0, 1), "{report:?}");
        assert_eq!(door.person(person.id).await.state(), PersonState::Mirrored);
    }
}

#[tokio::test]
async fn what_cannot_be_verified_is_counted_and_stops_nothing() {
    for door in doors().await {
        let source = door.source("corp", |_| {}).await;
        let stored = [
            ("a", Some(SHA512_CRYPT), StoredScheme::CryptSha512),
            ("b", Some("{CRYPT}rEK1ecacw.7.c"), StoredScheme::Refused),
            ("c", Some("{ROT13}x"), StoredScheme::Unknown),
            ("d", Some("$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$c2FsdHNhbHRzYWx0"), StoredScheme::TooCostly),
            ("e", None, StoredScheme::None),
        ];
        for (name, value, _) in stored {
            door.has("corp", person(name));
            door.test.provision(&source, name).await;
            if let Some(value) = value {
                door.tell("corp", |s| drop(s.stored.insert(id(name), value.to_owned())));
            }
        }
        door.change(&source, |s| s.mode = SourceMode::Draining).await;
        let report = reads(&door, true).await.unwrap();
        assert_eq!((report.read, report.taken_over, report.stopped), (5, 1, None));
        for (name, _, scheme) in stored {
            assert_eq!(report.schemes[&scheme], 1, "{name}");
        }
        let by = door.administrator.read;
        let coverage: Vec<Coverage> = door.hub().password_coverage(&by, source.id).await.unwrap();
        assert_eq!(coverage.len(), 5);
        let moved: Vec<StoredScheme> = coverage.iter().filter(|c| c.moved == 1).map(|c| c.scheme).collect();
        assert_eq!(moved, [StoredScheme::CryptSha512]);
        // The others go on signing in at their source.
        door.types("b", RIGHT).await.let_in_by("D6", 1);
    }
}
