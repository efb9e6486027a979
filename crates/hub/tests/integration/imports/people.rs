//! What an import makes of people.

use directory::{
    AccountStatus, AttributeName, CredentialAuthority, ImportOutcome, ObjectKind, PersonState, SourceEntry, SourceMode,
    fold,
};
use storage::{aliases::Aliases, attributes::Attributes, cases::Cases, search::Search};

use super::{FULL, account, import, outcomes, person, readable, registered, results};
use crate::support::{TestHub, entry, hubs};

fn with_email(name: &str, email: &str) -> SourceEntry {
    let mut entry = entry(name);
    entry.names.push(email.to_owned());
    entry.attributes.insert(AttributeName::Email, email.to_owned());
    entry
}

/// Everything of a person that a test can compare.
async fn facts(test: &TestHub, source: &directory::Source, name: &str) -> String {
    let mut reader = test.hub.database.reader();
    let person = person(test, source, name).await;
    let account = account(test, source, name).await;
    let aliases: Vec<_> =
        Aliases(&mut reader).of_person(person.id).await.unwrap().into_iter().map(|a| a.folded).collect();
    let attributes: Vec<_> = Attributes(&mut reader)
        .of_person(person.id)
        .await
        .unwrap()
        .into_iter()
        .map(|a| (a.name, a.value, a.folded.map(|f| f.as_str().to_owned()), a.self_written, a.verified))
        .collect();
    let claims = Aliases(&mut reader).claims_of(person.id).await.unwrap();
    let filter = storage::search::PeopleFilter { words: vec![name.to_owned()], ..Default::default() };
    let found = Search(&mut reader).page(&filter, None, 10).await.unwrap().len();
    format!(
        "{} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {aliases:?} {attributes:?} {claims:?} found {found}",
        person.display_name,
        person.state(),
        person.credential_authority,
        person.standing,
        person.standing_authority,
        account.locator,
        account.username,
        account.status,
    )
}

#[tokio::test]
async fn people_made_together_are_the_same_as_people_made_one_by_one() {
    for test in hubs().await {
        let source = readable(&test, 100, false).await;
        test.directory.set(with_email("ada", "Ada@corp.test"));
        test.directory.set(SourceEntry { privileged: true, ..with_email("bob", "bob@elsewhere.test") });
        import(&test, &source, FULL).await;
        let together = [facts(&test, &source, "ada").await, facts(&test, &source, "bob").await];
        let other = registered(&test, "other", SourceMode::Active).await;
        let mut one = with_email("ada2", "Ada2@other.test");
        one.attributes.insert(AttributeName::DisplayName, "Test ada".to_owned());
        test.provision_entry(&other, &one).await;
        let alone = facts(&test, &other, "ada2").await.replace("ada2", "ada").replace("Ada2", "Ada");
        let alone = alone.replace("other.test", "corp.test").replace(&other.id.to_string(), &source.id.to_string());
        assert_eq!(together[0], alone, "{:?}", test.database);
        assert!(person(&test, &source, "bob").await.privileged);
        assert!(together[1].contains("bob@elsewhere.test") && !together[1].contains("(\"email\""), "{}", together[1]);
    }
}

#[tokio::test]
async fn a_second_run_changes_nobody_and_a_third_only_who_changed() {
    for test in hubs().await {
        let source = readable(&test, 2, false).await;
        for name in ["ada", "bob", "cyd", "dee", "eve"] {
            test.directory.set(entry(name));
        }
        let first = import(&test, &source, FULL).await;
        assert_eq!(first.counts.of(ObjectKind::Person, ImportOutcome::Created), 5);
        test.wait(60);
        let second = import(&test, &source, FULL).await;
        assert_eq!(second.counts.of(ObjectKind::Person, ImportOutcome::Unchanged), 5);
        assert!(results(&test, &second).await.is_empty());
        assert_eq!(person(&test, &source, "eve").await.standing_read_at, Some(test.hub.clock.now()));
        let mut eve = entry("eve");
        eve.attributes.insert(AttributeName::Title, "Engineer".to_owned());
        test.directory.set(eve);
        test.wait(60);
        let third = import(&test, &source, FULL).await;
        assert_eq!(outcomes(&test, &third).await, [("id-eve".to_owned(), ImportOutcome::Updated)]);
        let lines = results(&test, &third).await;
        assert_eq!(lines[0].detail.as_deref(), Some("title"));
        assert_eq!(lines[0].person, Some(person(&test, &source, "eve").await.id));
    }
}

#[tokio::test]
async fn two_people_who_exchange_their_names_in_one_batch_come_out_right() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        test.directory.set(with_email("ada", "first@corp.test"));
        test.directory.set(with_email("bob", "second@corp.test"));
        import(&test, &source, FULL).await;
        let (ada, bob) = (person(&test, &source, "ada").await, person(&test, &source, "bob").await);
        let swap = |name: &str, other: &str, email: &str| {
            let mut entry = with_email(other, email);
            entry.immutable_id = format!("id-{name}").into();
            entry
        };
        test.directory.set(swap("ada", "bob", "second@corp.test"));
        test.directory.set(swap("bob", "ada", "first@corp.test"));
        let run = import(&test, &source, FULL).await;
        assert_eq!(run.counts.of(ObjectKind::Person, ImportOutcome::Updated), 2, "{run:?}");
        let mut reader = test.hub.database.reader();
        for (name, holder) in [("first@corp.test", bob.id), ("second@corp.test", ada.id)] {
            assert_eq!(Aliases(&mut reader).claimed_by("email", &fold(name)).await.unwrap(), Some(holder));
        }
        for id in [ada.id, bob.id] {
            assert!(Cases(&mut reader).open_of_person(id).await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn a_new_hire_gets_the_name_that_a_colleague_gives_up_in_the_same_batch() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        test.directory.set(with_email("sam", "sam@corp.test"));
        import(&test, &source, FULL).await;
        let mut married = with_email("sam.new", "sam.new@corp.test");
        married.immutable_id = "id-sam".to_owned().into();
        let mut hire = with_email("sam", "sam@corp.test");
        hire.immutable_id = "id-hire".to_owned().into();
        test.directory.set(hire);
        test.directory.set(married);
        let run = import(&test, &source, FULL).await;
        assert_eq!(run.counts.all(ImportOutcome::Collision), 0, "{run:?}");
        let holder =
            Aliases(&mut test.hub.database.reader()).claimed_by("email", &fold("sam@corp.test")).await.unwrap();
        assert_eq!(holder, Some(person(&test, &source, "hire").await.id));
    }
}

#[tokio::test]
async fn two_accounts_with_one_email_are_two_people_and_a_case() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        test.directory.set(with_email("ada", "shared@corp.test"));
        test.directory.set(with_email("ben", "SHARED@corp.test"));
        let run = import(&test, &source, FULL).await;
        assert_eq!(run.counts.of(ObjectKind::Person, ImportOutcome::Created), 1);
        assert_eq!(run.counts.of(ObjectKind::Person, ImportOutcome::Collision), 1);
        let (ada, ben) = (person(&test, &source, "ada").await, person(&test, &source, "ben").await);
        let cases = Cases(&mut test.hub.database.reader()).open_of_person(ben.id).await.unwrap();
        assert!(cases.iter().all(|case| case.holder_id == ada.id) && !cases.is_empty());
        let attributes = Attributes(&mut test.hub.database.reader()).of_person(ben.id).await.unwrap();
        assert!(attributes.iter().all(|a| a.name != AttributeName::Email), "the held value is not written");
        // It comes free, and the entry did not change.
        test.directory.set(entry("ada"));
        import(&test, &source, FULL).await;
        let attributes = Attributes(&mut test.hub.database.reader()).of_person(ben.id).await.unwrap();
        assert!(attributes.iter().any(|a| a.name == AttributeName::Email && a.value == "SHARED@corp.test"));
    }
}

#[tokio::test]
async fn who_is_disabled_at_the_source_is_known_and_out() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        test.directory.set(SourceEntry { status: AccountStatus::Disabled, ..entry("ada") });
        import(&test, &source, FULL).await;
        let ada = person(&test, &source, "ada").await;
        assert_eq!(ada.state(), PersonState::DisabledBySource);
        assert_eq!(ada.credential_authority, CredentialAuthority::Source(source.id));
        test.directory.set(entry("ada"));
        import(&test, &source, FULL).await;
        assert_eq!(person(&test, &source, "ada").await.state(), PersonState::Mirrored);
    }
}

#[tokio::test]
async fn what_cannot_be_a_person_is_held_and_never_stops_the_run() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        let nameless = SourceEntry { username: None, names: Vec::new(), ..entry("nobody") };
        let odd = SourceEntry { immutable_id: "id\0odd".to_owned().into(), ..entry("odd") };
        for entry in [nameless, odd, entry("ada")] {
            test.directory.set(entry);
        }
        let run = import(&test, &source, FULL).await;
        let lines = results(&test, &run).await;
        let of = |outcome| lines.iter().filter(|l| l.outcome == outcome).count();
        assert_eq!((of(ImportOutcome::Created), of(ImportOutcome::Held), of(ImportOutcome::Rejected)), (1, 1, 1));
        let held = lines.iter().find(|l| l.outcome == ImportOutcome::Held).unwrap();
        assert_eq!(held.detail.as_deref(), Some("the entry has no username"));
    }
}

#[tokio::test]
async fn a_directory_that_drains_gains_nobody() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        test.directory.set(entry("ada"));
        import(&test, &source, FULL).await;
        let draining = registered(&test, "old", SourceMode::Draining).await;
        let run = import(&test, &draining, FULL).await;
        assert_eq!(outcomes(&test, &run).await, [("id-ada".to_owned(), ImportOutcome::Ignored)]);
    }
}

#[tokio::test]
async fn renames_and_moves_keep_the_person() {
    for test in hubs().await {
        let source = readable(&test, 10, false).await;
        test.directory.set(with_email("ada", "ada@corp.test"));
        import(&test, &source, FULL).await;
        let before = person(&test, &source, "ada").await;
        let mut renamed = with_email("ÄDA.neu", "ada.neu@corp.test");
        renamed.immutable_id = "id-ada".to_owned().into();
        renamed.locator = "uid=ada,ou=elsewhere,dc=example,dc=test".to_owned();
        test.directory.set(renamed);
        import(&test, &source, FULL).await;
        let after = person(&test, &source, "ada").await;
        assert_eq!((before.id, &before.subject), (after.id, &after.subject));
        let mut reader = test.hub.database.reader();
        let names: Vec<_> =
            Aliases(&mut reader).of_person(after.id).await.unwrap().into_iter().map(|a| a.folded).collect();
        assert_eq!(names, ["ada.neu@corp.test", "äda.neu"]);
        assert_eq!(Aliases(&mut reader).claimed_by("email", &fold("ada@corp.test")).await.unwrap(), None);
    }
}
