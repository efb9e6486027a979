//! Lists of people.

use directory::{Account, AccountStatus, LinkKind, Person, PersonId, PersonState, SourceId, search_words};
use storage::{
    Database, StorageError,
    accounts::Accounts,
    people::{People, fresh},
    search::{After, COUNT_LIMIT, ListedPerson, PeopleFilter, Search},
};
use uuid::Uuid;

use crate::{Opened, now, opened, source};

const FIRST: [&str; 8] = ["Ada", "Bilal", "Çetin", "Dmytro", "Elif", "Fatou", "Goran", "Hana"];
const LAST: [&str; 5] = ["Okafor", "Virtanen", "Şahin", "Quiroga", "Ødegård"];

fn person(n: u128) -> Person {
    let i = usize::try_from(n).unwrap();
    let name = format!("{} {} {n}", FIRST[i % FIRST.len()], LAST[i % LAST.len()]);
    fresh(PersonId::from(Uuid::from_u128(n)), format!("subject {n}"), name, now())
}

/// People 1 to `count`; every tenth has an account at `source`, every hundredth is disabled by the hub.
async fn populate(database: &Database, source: SourceId, count: u128) {
    let mut next = 1;
    while next <= count {
        let last = count.min(next + 999);
        let written: Result<(), StorageError> = storage::write!(database, |tx| {
            for n in next..=last {
                let disabled = n.is_multiple_of(100).then(|| "left".to_owned());
                let person = Person { disabled_by_hub: disabled, ..person(n) };
                People(tx).insert(&person).await?;
                Search(tx).set_words(person.id, &search_words(&person.display_name)).await?;
                if n.is_multiple_of(10) {
                    Accounts(tx).insert(&account(n, source, &person)).await?;
                }
            }
            Ok(())
        });
        written.unwrap();
        next = last + 1;
    }
}

fn account(n: u128, source_id: SourceId, person: &Person) -> Account {
    Account {
        id: Uuid::from_u128(n).into(),
        source_id,
        immutable_id: n.to_string().into(),
        person_id: person.id,
        kind: LinkKind::Primary,
        locator: String::new(),
        username: Some(format!("u{n:06}")),
        status: AccountStatus::Active,
        password_set_at: None,
        read_at: now(),
        missing_since: None,
        locked_until: None,
        privileged: false,
        unlocked_at: None,
    }
}

/// Everybody the filter finds, page by page.
async fn walk(database: &Database, filter: &PeopleFilter, size: u32) -> Vec<ListedPerson> {
    let mut all: Vec<ListedPerson> = Vec::new();
    let mut after = None;
    loop {
        let mut page = Search(&mut database.reader()).page(filter, after.as_ref(), size).await.unwrap();
        let more = page.len() > size as usize;
        page.truncate(size as usize);
        after = page.last().map(|last| After { sort_name: last.sort_name.clone(), id: last.person.id });
        all.extend(page);
        if !more {
            return all;
        }
    }
}

fn words(text: &str) -> PeopleFilter {
    PeopleFilter { words: search_words(text), ..PeopleFilter::default() }
}

#[tokio::test]
async fn pages_together_are_everybody_once_in_order() {
    for Opened { url, database, kept: _kept } in opened().await {
        let source = source(&database, 7).await;
        populate(&database, source, 230).await;
        let all = walk(&database, &PeopleFilter::default(), 7).await;
        assert_eq!(all.len(), 230, "{url}");
        assert!(all.is_sorted_by(|a, b| (&a.sort_name, a.person.id) < (&b.sort_name, b.person.id)), "{url}");
        assert_eq!(Search(&mut database.reader()).count(&PeopleFilter::default()).await.unwrap().number, 230);
    }
}

#[tokio::test]
async fn people_are_found_by_the_beginnings_of_words_without_diacritics() {
    for Opened { url, database, kept: _kept } in opened().await {
        let source = source(&database, 7).await;
        populate(&database, source, 200).await;
        for (text, expected) in [("sahin", 40), ("ŞAH", 40), ("ada oka", 5), ("ødeg", 40), ("odeg", 0), ("xyz", 0)] {
            let found = walk(&database, &words(text), 50).await;
            assert_eq!(found.len(), expected, "{url}: {text}");
            let counted = Search(&mut database.reader()).count(&words(text)).await.unwrap();
            assert_eq!((counted.number, counted.complete), (expected as i64, true), "{text}");
        }
        // What is typed is never a pattern.
        for text in ["%", "_", "'", "a%b", "\\"] {
            assert_eq!(walk(&database, &words(text), 50).await, [], "{url}: {text}");
        }
    }
}

#[tokio::test]
async fn state_source_and_words_filter_together() {
    for Opened { url, database, kept: _kept } in opened().await {
        let source_id = source(&database, 7).await;
        let empty = source(&database, 8).await;
        populate(&database, source_id, 400).await;
        let of_source = PeopleFilter { source: Some(source_id), ..PeopleFilter::default() };
        let found = walk(&database, &of_source, 9).await;
        assert_eq!(found.len(), 40, "{url}");
        assert!(found.iter().all(|line| line.sources == [source_id] && line.username.is_some()));
        let disabled = PeopleFilter { state: Some(PersonState::DisabledByHub), ..of_source.clone() };
        assert_eq!(walk(&database, &disabled, 9).await.len(), 4, "{url}");
        let nobody = PeopleFilter { source: Some(empty), ..PeopleFilter::default() };
        assert_eq!(walk(&database, &nobody, 9).await, [], "{url}");
        let both = PeopleFilter { words: search_words("ada"), ..of_source };
        assert!(walk(&database, &both, 9).await.iter().all(|line| line.person.display_name.starts_with("Ada")));
    }
}

#[tokio::test]
async fn merged_records_are_listed_only_when_asked_for() {
    for Opened { database, kept: _kept, .. } in opened().await {
        let source = source(&database, 7).await;
        populate(&database, source, 3).await;
        let merged = Person { merged_into: Some(person(1).id), ..person(4) };
        let written: Result<(), StorageError> = storage::write!(database, |tx| { People(tx).insert(&merged).await });
        written.unwrap();
        assert_eq!(walk(&database, &PeopleFilter::default(), 10).await.len(), 3);
        let asked = PeopleFilter { state: Some(PersonState::Merged), ..PeopleFilter::default() };
        assert_eq!(walk(&database, &asked, 10).await[0].person, merged);
    }
}

#[tokio::test]
async fn words_that_a_person_lost_no_longer_find_them() {
    for Opened { database, kept: _kept, .. } in opened().await {
        let source = source(&database, 7).await;
        populate(&database, source, 1).await;
        let written: Result<(), StorageError> = storage::write!(database, |tx| {
            Search(tx).set_words(person(1).id, &["zora".to_owned(), "virtanen".to_owned()]).await
        });
        written.unwrap();
        assert_eq!(walk(&database, &words("bilal"), 10).await, []);
        assert_eq!(walk(&database, &words("zora virt"), 10).await.len(), 1);
    }
}

/// The thousand people 200 times over, in SQL: the repositories would take minutes.
async fn multiply(database: &Database) {
    let mut tx = database.begin().await.unwrap();
    for sql in [
        "create table copy as with recursive n (n) as (select 1 union all select n + 1 from n where n < 199) \
         select n.n as n, p.id as id, cast(printf('%016d', n.n * 1000 + p.rowid) as blob) as new \
         from n cross join person p",
        "insert into person (id, subject, display_name, sort_name, activated, credential_authority, standing, \
         verifier_kind, disabled_by_hub, privileged_account, created_at, updated_at) \
         select c.new, hex(c.new), p.display_name, p.sort_name || c.n, activated, credential_authority, standing, \
         verifier_kind, disabled_by_hub, privileged_account, created_at, updated_at \
         from copy c join person p on p.id = c.id",
        "insert into search_token (token, person_id) select t.token, c.new from copy c \
         join search_token t on t.person_id = c.id",
        "insert into account (id, source_id, immutable_id, person_id, kind, locator, username, status, read_at, \
         privileged) select c.new, source_id, hex(c.new), c.new, kind, locator, username, status, read_at, privileged \
         from copy c join account a on a.person_id = c.id",
    ] {
        tx.execute(sql, storage::no_parameters()).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Not timed: a plan that scans everybody for every row would not end.
#[tokio::test]
async fn two_hundred_thousand_people_are_listed_page_by_page() {
    let kept = testkit::sqlite();
    let database = Database::open(&kept.url()).await.unwrap();
    database.upgrade().await.unwrap();
    let source = source(&database, 7).await;
    populate(&database, source, 1_000).await;
    multiply(&database).await;
    let many = [
        PeopleFilter::default(),
        words("ada"),
        words("o"),
        PeopleFilter { source: Some(source), ..PeopleFilter::default() },
        PeopleFilter { state: Some(PersonState::Migrated), ..PeopleFilter::default() },
        PeopleFilter { words: search_words("virt"), source: Some(source), state: None },
        PeopleFilter { words: search_words("a o"), source: Some(source), state: None },
    ];
    for filter in many {
        let page = Search(&mut database.reader()).page(&filter, None, 50).await.unwrap();
        let began = std::time::Instant::now();
        let count = Search(&mut database.reader()).count(&filter).await.unwrap();
        println!("{count:?} in {:.0?}: {filter:?}", began.elapsed());
        let number = usize::try_from(count.number).unwrap();
        assert_eq!(page.len().min(number), number.min(51), "{filter:?}");
        assert!(!count.complete || page.len() == number.min(51), "{filter:?}");
        assert!(count.number <= COUNT_LIMIT + 1);
    }
    assert_eq!(walk(&database, &words("777"), 50).await.len(), 200);
    let far = After { sort_name: "hana".to_owned(), id: person(1).id };
    assert_eq!(Search(&mut database.reader()).page(&PeopleFilter::default(), Some(&far), 50).await.unwrap().len(), 51);
}
