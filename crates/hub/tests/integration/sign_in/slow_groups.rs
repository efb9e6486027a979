//! Section 6: reading groups may delay a known person's session by 500 ms, then it goes on in the background.

use std::time::{Duration, Instant};

use directory::{PersonId, Policy, SourceGroup};
use storage::{accounts::Accounts, groups::Groups};

use super::door::{Door, RIGHT, doors_with, known, quick};

const TAKE: Duration = Duration::from_millis(1_500);

fn group(name: &str) -> SourceGroup {
    SourceGroup { immutable_id: format!("id-{name}").into(), name: name.to_owned() }
}

async fn groups(door: &Door, person: PersonId) -> Vec<String> {
    let groups = Groups(&mut door.hub().database.reader()).of_person(person).await.unwrap();
    groups.into_iter().map(|group| group.name).collect()
}

async fn is_privileged(door: &Door, person: PersonId) -> bool {
    let accounts = Accounts(&mut door.hub().database.reader()).of_person(person).await.unwrap();
    accounts.iter().any(|account| account.privileged)
}

#[tokio::test]
async fn a_known_person_does_not_wait_for_slow_groups_and_gets_them_afterwards() {
    for door in doors_with(Policy { profile_patience_ms: 50, ..quick() }).await {
        let (_, person) = known(&door, "jsmith", |_| {}).await;
        door.edit("corp", "jsmith", |entry| {
            entry.groups = vec![group("staff")];
            entry.privileged = true;
        });
        door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
        assert_eq!(groups(&door, person.id).await, ["staff"], "quick ones are there at once");

        door.edit("corp", "jsmith", |entry| {
            entry.groups = vec![group("finance"), group("staff")];
            entry.attributes.insert(directory::AttributeName::Title, "Clerk".to_owned());
        });
        door.tell("corp", |script| script.groups_take = TAKE);
        let began = Instant::now();
        let whole = door.script("corp").lock().unwrap().whole_readings;
        // Twice at once: one reading for both.
        let (first, second) = tokio::join!(door.types("jsmith", RIGHT), door.types("jsmith", RIGHT));
        first.signed_in();
        second.signed_in();
        assert!(began.elapsed() < TAKE, "it waited {:?}", began.elapsed());
        assert_eq!(groups(&door, person.id).await, ["staff"], "groups that were not read are not taken away");
        assert!(is_privileged(&door, person.id).await, "nor is a privilege that may come from them");
        while groups(&door, person.id).await.len() < 2 {
            assert!(began.elapsed() < TAKE * 6, "the rest never came");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(groups(&door, person.id).await, ["finance", "staff"]);
        assert_eq!(door.script("corp").lock().unwrap().whole_readings - whole, 1);
    }
}

#[tokio::test]
async fn somebody_new_is_made_whole() {
    for door in doors_with(Policy { profile_patience_ms: 50, ..quick() }).await {
        door.source("corp", |_| {}).await;
        let mut newcomer = super::door::person("jsmith");
        newcomer.groups = vec![group("staff")];
        door.has("corp", newcomer);
        let outcome = door.types("jsmith", RIGHT).await;
        outcome.let_in_by("D18", 1);
        assert_eq!(groups(&door, outcome.signed_in().person).await, ["staff"]);
    }
}
