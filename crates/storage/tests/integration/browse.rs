//! Lists of groups and devices, small ones exactly and a large one walked.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use directory::{ImmutableId, PersonId, SourceId, fold};
use storage::{
    Database, Reader, StorageError,
    browse::{Browse, BrowseFilter, DeviceRow, GroupRow, Place, Presence},
    groups::{Group, Groups, Origin},
    no_parameters,
    people::{People, fresh},
    search::COUNT_LIMIT,
};
use uuid::Uuid;

use crate::{Opened, now, opened, source};

/// Groups and devices 1 to `count` of two sources in turn, in SQL: the repositories would take minutes. Every tenth is
/// gone; every fourth device was not seen for 200 days, and every third not at all.
async fn populate(database: &Database, (first, second): (SourceId, SourceId), count: u64) {
    let stamp = |days| (now() - TimeDelta::days(days)).format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
    let (fresh, old) = (stamp(1), stamp(200));
    let (id, first, second, numbers) = match database {
        Database::Sqlite { .. } => (
            "cast(printf('%016d', n) as blob)".to_owned(),
            format!("x'{}'", first.uuid().simple()),
            format!("x'{}'", second.uuid().simple()),
            format!("with recursive s (n) as (select 1 union all select n + 1 from s where n < {count}) "),
        ),
        Database::Postgres { .. } => (
            "lpad(to_hex(n), 32, '0')::uuid".to_owned(),
            format!("'{}'::uuid", first.uuid()),
            format!("'{}'::uuid", second.uuid()),
            format!("with s (n) as (select generate_series(1, {count})) "),
        ),
    };
    let at = |text: &str| match database {
        Database::Sqlite { .. } => format!("'{text}'"),
        Database::Postgres { .. } => format!("'{text}'::timestamptz"),
    };
    // Names in another order than ids.
    let name = format!("'n' || ((n * 7919) % {count}) || '-' || n");
    let of = format!("case when n % 2 = 0 then {first} else {second} end");
    let gone = format!("case when n % 10 = 0 then {} end", at(&fresh));
    let seen = format!("case when n % 4 = 0 then {} when n % 3 = 0 then null else {} end", at(&old), at(&fresh));
    let groups = format!(
        "{numbers}insert into directory_group (id, source_id, immutable_id, name, sort_name, gone_at) \
         select {id}, {of}, 'id-' || n, {name}, {name}, {gone} from s"
    );
    let devices = format!(
        "{numbers}insert into directory_device (id, source_id, immutable_id, same_device, name, sort_name, locator, \
         serial_key, enabled, last_seen_at, read_at, gone_at) select {id}, {of}, 'id-' || n, {id}, {name}, {name}, '', \
         'serial' || n, true, {seen}, {}, {gone} from s",
        at(&fresh)
    );
    let mut tx = database.begin().await.unwrap();
    for sql in [groups, devices] {
        // The text is this test's own; statements of the crate are constants.
        tx.execute(Box::leak(sql.into_boxed_str()), no_parameters()).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn all_groups(database: &Database, filter: &BrowseFilter, size: u32) -> Vec<GroupRow> {
    let (mut all, mut after) = (Vec::new(), None::<Place>);
    loop {
        let mut page = Browse(&mut database.reader()).groups(filter, after.as_ref(), size).await.unwrap();
        let more = page.len() > size as usize;
        page.truncate(size as usize);
        after = page.last().map(GroupRow::place);
        all.extend(page);
        if !more {
            return all;
        }
    }
}

async fn all_devices(database: &Database, filter: &BrowseFilter, size: u32) -> Vec<DeviceRow> {
    let (mut all, mut after) = (Vec::new(), None::<Place>);
    loop {
        let mut page = Browse(&mut database.reader()).devices(filter, after.as_ref(), size).await.unwrap();
        let more = page.len() > size as usize;
        page.truncate(size as usize);
        after = page.last().map(DeviceRow::place);
        all.extend(page);
        if !more {
            return all;
        }
    }
}

fn only(presence: Presence) -> BrowseFilter {
    BrowseFilter { presence, ..BrowseFilter::default() }
}

fn unseen() -> Presence {
    Presence::UnseenSince(now() - TimeDelta::days(90))
}

#[tokio::test]
async fn pages_together_are_every_group_and_device_once_in_order() {
    for Opened { url, database, kept: _kept } in opened().await {
        let sources = (source(&database, 7).await, source(&database, 8).await);
        populate(&database, sources, 200).await;
        let groups = all_groups(&database, &BrowseFilter::default(), 7).await;
        assert_eq!(groups.len(), 180, "{url}");
        assert!(groups.is_sorted_by(|a, b| (&a.sort_name, a.id()) < (&b.sort_name, b.id())), "{url}");
        assert_eq!(Browse(&mut database.reader()).count_groups(&BrowseFilter::default()).await.unwrap(), 180);
        let devices = all_devices(&database, &BrowseFilter::default(), 7).await;
        assert_eq!(devices.len(), 180, "{url}");
        let of_one = BrowseFilter { source: Some(sources.0), ..BrowseFilter::default() };
        let devices = all_devices(&database, &of_one, 7).await;
        assert_eq!(devices.len(), 80, "{url}");
        assert!(devices.iter().all(|device| device.source() == sources.0));
        for (presence, number) in [(Presence::Gone, 20), (unseen(), 40)] {
            assert_eq!(all_devices(&database, &only(presence), 7).await.len(), number, "{url}: {presence:?}");
            assert_eq!(Browse(&mut database.reader()).count_devices(&only(presence)).await.unwrap(), number as i64);
        }
        assert_eq!(all_groups(&database, &only(Presence::Gone), 3).await.len(), 20, "{url}");
    }
}

#[tokio::test]
async fn a_name_is_searched_by_its_beginning_and_a_number_by_the_serial_number() {
    for Opened { url, database, kept: _kept } in opened().await {
        let sources = (source(&database, 7).await, source(&database, 8).await);
        populate(&database, sources, 200).await;
        let beginning =
            |text: &str| BrowseFilter { beginning: fold(text).as_str().to_owned(), ..BrowseFilter::default() };
        let all = all_devices(&database, &BrowseFilter::default(), 50).await;
        let wanted = all.iter().filter(|device| device.name.starts_with("n11")).count();
        assert!(wanted > 1, "the names are such");
        assert_eq!(all_devices(&database, &beginning("N11"), 4).await.len(), wanted, "{url}");
        // What is typed is never a pattern.
        for text in ["%", "_", "'", "n%", "\\"] {
            assert_eq!(all_devices(&database, &beginning(text), 50).await, [], "{url}: {text}");
        }
        let numbered = Browse(&mut database.reader()).devices_numbered("serial17", "S-1-5", 50).await.unwrap();
        assert_eq!(numbered.len(), 11, "{url}: 17 and 170 to 179");
    }
}

#[tokio::test]
async fn a_group_shows_its_people_by_everybody_who_says_so_and_the_groups_around_it() {
    for Opened { url, database, kept: _kept } in opened().await {
        let source = source(&database, 7).await;
        let person = |n: u128| PersonId::from(Uuid::from_u128(n));
        let group = |n: u128, name: &str| Group {
            id: Uuid::from_u128(n).into(),
            source_id: Some(source),
            immutable_id: ImmutableId(format!("id-{n}")),
            name: name.to_owned(),
        };
        let written: Result<(), StorageError> = storage::write!(database, |tx| {
            for n in 1..=5 {
                People(tx).insert(&fresh(person(n), format!("subject {n}"), format!("Person {n}"), now())).await?;
            }
            for (n, name) in [(1, "Ærlig"), (2, "crew"), (3, "all")] {
                Groups(tx).put(&group(n, name)).await?;
            }
            for n in 1..=5 {
                Groups(tx).join(group(1, "").id, person(n), Origin::List).await?;
            }
            Groups(tx).join(group(1, "").id, person(2), Origin::Account(Uuid::from_u128(9).into())).await?;
            let insert = "insert into group_member (group_id, member) select id, 'id-2' from directory_group \
                          where immutable_id = 'id-1'";
            tx.execute(insert, no_parameters()).await.map(|_| ())
        });
        written.unwrap();
        let mut reader = database.reader();
        let rows = Browse(&mut reader).members(group(1, "").id, person(1), 3).await.unwrap();
        let said: Vec<_> = rows.iter().map(|row| (row.person(), row.origin.as_str())).collect();
        assert_eq!(said.len(), 3, "{url}");
        assert_eq!((said[0].0, said[1].0, said[2].0), (person(2), person(2), person(3)), "{url}");
        assert_eq!(Browse(&mut reader).group(group(1, "").id).await.unwrap().unwrap().people, 5, "{url}: each once");
        let within = Browse(&mut reader).within(group(1, "").id, source, 9).await.unwrap();
        let around = Browse(&mut reader).around(&ImmutableId("id-2".into()), source, 9).await.unwrap();
        assert_eq!((within.len(), within[0].name.as_str()), (1, "crew"), "{url}");
        assert_eq!((around.len(), around[0].id()), (1, group(1, "").id), "{url}");
        assert_eq!(Browse(&mut reader).listed(group(1, "").id).await.unwrap(), 1, "{url}");
        assert_eq!(Browse(&mut reader).memberships(person(2), 9).await.unwrap().len(), 2, "{url}");
        let folded = BrowseFilter { beginning: fold("ÆR").as_str().to_owned(), ..BrowseFilter::default() };
        assert_eq!(all_groups(&database, &folded, 9).await.len(), 1, "{url}: the order is that of folded names");
    }
}

/// What a page costs: rows and count, and beside it the rows alone, as a plain query.
async fn measure(database: &Database, what: &str, filter: &BrowseFilter, after: Option<&Place>, plain: &'static str) {
    const TIMES: usize = 30;
    let (mut page, mut query) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let mut reader: Reader = database.reader();
        let begin = Instant::now();
        let rows = Browse(&mut reader).devices(filter, after, 50).await.unwrap();
        let count = Browse(&mut reader).count_devices(filter).await.unwrap();
        page.push(begin.elapsed());
        assert!(count <= COUNT_LIMIT + 1 && rows.len() <= 51);
        let begin = Instant::now();
        let rows: Vec<(Uuid, String)> = storage::Queries::fetch_all(&mut reader, plain, no_parameters()).await.unwrap();
        query.push(begin.elapsed());
        assert!(rows.len() <= 51);
    }
    page.sort_unstable();
    query.sort_unstable();
    let say = |times: &[Duration]| format!("{:.1?}, worst {:.1?}", times[TIMES / 2], times[TIMES - 1]);
    println!("{:?} {what}: page with count {}; the plain query {}", database.kind(), say(&page), say(&query));
}

/// Not judged by time: a plan that scans everything for every row would not end. `ISTHMUS_TEST_TIER=thorough` makes a
/// million of each, and prints what a page costs.
#[tokio::test]
async fn very_many_are_listed_page_by_page() {
    let many = match std::env::var("ISTHMUS_TEST_TIER").as_deref() {
        Ok("thorough") => 1_000_000,
        _ => 30_000,
    };
    for Opened { database, kept: _kept, .. } in opened().await {
        let sources = (source(&database, 7).await, source(&database, 8).await);
        populate(&database, sources, many).await;
        if matches!(database, Database::Postgres { .. }) {
            let mut tx = database.begin().await.unwrap();
            tx.execute("analyze", no_parameters()).await.unwrap();
            tx.commit().await.unwrap();
        }
        const PLAIN: &str =
            "select id, name from directory_device where gone_at is null order by sort_name, id limit 51";
        const DEEP: &str = "select id, name from directory_device where gone_at is null and sort_name > 'n5' \
                            order by sort_name, id limit 51";
        const GONE: &str = "select id, name from directory_device where gone_at is not null \
                            order by sort_name, id limit 51";
        const UNSEEN: &str = "select id, name from directory_device where gone_at is null \
                              and last_seen_at < '2024-07-01T00:00:00+00:00' order by last_seen_at, id limit 51";
        let all = BrowseFilter::default();
        let deep = Place { sort_name: "n5".to_owned(), last_seen_at: None, id: Uuid::nil() };
        measure(&database, "first page", &all, None, PLAIN).await;
        measure(&database, "in the middle", &all, Some(&deep), DEEP).await;
        measure(&database, "of one source", &BrowseFilter { source: Some(sources.0), ..all.clone() }, None, PLAIN)
            .await;
        measure(&database, "by beginning", &BrowseFilter { beginning: "n5".into(), ..all.clone() }, None, DEEP).await;
        measure(&database, "gone", &only(Presence::Gone), None, GONE).await;
        measure(&database, "unseen", &only(unseen()), None, UNSEEN).await;
        let nothing = BrowseFilter { beginning: "zzz".into(), ..all };
        measure(&database, "nothing", &nothing, None, PLAIN).await;
        let begin = Instant::now();
        let page = Browse(&mut database.reader()).groups(&BrowseFilter::default(), Some(&deep), 50).await.unwrap();
        println!("{:?} groups in the middle: {:.1?}", database.kind(), begin.elapsed());
        assert_eq!(page.len(), 51);
    }
}
