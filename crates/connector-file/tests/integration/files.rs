//! A file is what somebody else writes, at any time.

use std::{fmt::Write as _, fs, time::Duration};

use connector::{Connector as _, Found, Next, Read as _, ReadCursor, ReadFrom, TroubleKind};
use directory::{AdapterResult, FileFormat, ImmutableId, ObjectKind};

use crate::support::{World, people, person, read_all};

fn lines(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        writeln!(text, r#"{{"id":"{n}","username":"user{n}"}}"#).unwrap();
        text
    })
}

async fn next(world: &World, from: ReadFrom) -> Next {
    world.connector().read(ObjectKind::Person, from).await.unwrap().next
}

#[tokio::test]
async fn a_read_goes_on_after_a_restart_and_begins_anew_after_a_change() {
    let world = World::new(FileFormat::JsonLines, lines(2_100));
    let Next::More(cursor) = next(&world, ReadFrom::Beginning).await else { panic!("one page") };
    // Another connector, as after a restart.
    let page = world.connector().read(ObjectKind::Person, ReadFrom::Cursor(cursor.clone())).await.unwrap();
    assert_eq!(page.changes.len(), 500);
    assert!(matches!(&page.changes[0], connector::Change::Person(p) if p.immutable_id.as_str() == "500"));

    for other in [ReadCursor(b"made up".to_vec()), ReadCursor(Vec::new()), ReadCursor(vec![0xff; 5_000])] {
        assert!(matches!(next(&world, ReadFrom::Cursor(other)).await, Next::StartOver { .. }));
    }
    let text = String::from_utf8(cursor.0.clone()).unwrap();
    let moved = text.replacen("\"offset\":", "\"offset\":1", 1);
    assert_ne!(moved, text);
    let moved = next(&world, ReadFrom::Cursor(ReadCursor(moved.into_bytes()))).await;
    assert!(matches!(moved, Next::StartOver { .. }), "it points into the middle of a line: {moved:?}");
    let groups = world.connector().read(ObjectKind::Group, ReadFrom::Cursor(cursor.clone())).await;
    assert!(groups.is_err(), "there is no file of groups");

    let renamed = World { folder: world.folder, settings: world.settings }.with(|s| s.username = "id".into());
    let Next::StartOver { reason } = next(&renamed, ReadFrom::Cursor(cursor.clone())).await else { panic!() };
    assert!(reason.contains("settings"), "{reason}");
    let world = renamed.with(|s| s.username = "username".into());
    world.write(lines(2_099));
    let Next::StartOver { reason } = next(&world, ReadFrom::Cursor(cursor)).await else { panic!() };
    assert!(reason.contains("changed"), "{reason}");
}

#[tokio::test]
async fn a_file_that_nobody_touched_has_no_news() {
    let world = World::new(FileFormat::JsonLines, lines(10));
    let delta = read_all(&world.connector(), ObjectKind::Person).await.unwrap().delta.unwrap();
    let page = world.connector().read(ObjectKind::Person, ReadFrom::Cursor(delta.clone())).await.unwrap();
    assert_eq!((page.changes.len(), page.next), (0, Next::Complete { delta: Some(delta.clone()) }));
    world.write(lines(10));
    assert!(matches!(next(&world, ReadFrom::Cursor(delta)).await, Next::StartOver { .. }), "same text, written anew");
}

#[tokio::test]
async fn a_file_that_is_being_written_is_not_read() {
    let world = World::new(FileFormat::JsonLines, lines(3));
    let early = world.at(Duration::ZERO).unwrap();
    let trouble = early.read(ObjectKind::Person, ReadFrom::Beginning).await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unavailable);
    assert!(trouble.reason.contains("left alone"), "{trouble}");
    assert_eq!(early.find("user1").await.unwrap_err().kind, TroubleKind::Unavailable, "nor is anybody looked up");
    assert_eq!(early.fetch(&ImmutableId("1".into())).await.unwrap_err().kind, TroubleKind::Unavailable);
}

#[tokio::test]
async fn an_id_that_is_there_twice_is_nobodys() {
    let text = "id,username,display_name,given_name,family_name,email\n1,anna,A,,,\n2,bert,B,,,\n1,carla,C,,,\n";
    let world = World::new(FileFormat::Csv, text);
    let connector = world.connector();
    let whole = read_all(&connector, ObjectKind::Person).await.unwrap();
    assert_eq!(whole.changes.len(), 1);
    assert_eq!(whole.rejected.len(), 2);
    assert!(whole.rejected.iter().all(|bad| bad.immutable_id == Some(ImmutableId("1".into()))), "present all the same");
    assert_eq!(connector.fetch(&ImmutableId("1".into())).await.unwrap_err().kind, TroubleKind::Odd);
    // A name may be two people's: nobody is chosen.
    world.write("id,username,display_name,given_name,family_name,email\n1,anna,A,,,\n2,ANNA,B,,,\n");
    assert_eq!(connector.find("anna").await.unwrap(), Found::Several);
}

#[tokio::test]
async fn an_empty_or_missing_file_does_not_say_that_everybody_left() {
    for (format, text) in [
        (FileFormat::Csv, ""),
        (FileFormat::Csv, "id,username,display_name,given_name,family_name,email\n"),
        (FileFormat::JsonLines, ""),
        (FileFormat::JsonLines, "\n\n"),
        (FileFormat::Ldif, ""),
        (FileFormat::Ldif, "version: 1\n"),
        (FileFormat::Ldif, "version: 1\n\ndn: cn=x\nid: 1\nusername: x\n\nsearch: 2\nresult: 4 Size limit exceeded\n"),
    ] {
        let world = World::new(format, text);
        let read = world.connector().read(ObjectKind::Person, ReadFrom::Beginning).await;
        assert!(read.is_err(), "{format}: {read:?}");
    }
    let world = World::new(FileFormat::JsonLines, lines(3));
    fs::remove_file(world.path()).unwrap();
    let read = world.connector().read(ObjectKind::Person, ReadFrom::Beginning).await;
    assert_eq!(read.unwrap_err().kind, TroubleKind::Unavailable, "it may be away while it is replaced");
}

#[tokio::test]
async fn one_bad_record_stops_nobody_else() {
    let text = concat!(
        r#"{"id":"1","username":"anna"}"#,
        "\n",
        "{not json\n",
        r#"{"username":"no id"}"#,
        "\n",
        r#"{"id":"2","username":{"a":1}}"#,
        "\n",
        r#"{"id":["3","4"]}"#,
        "\n",
        r#"{"id":1.5}"#,
        "\n",
        r#"["a list"]"#,
        "\n",
        r#"{"id":"5","username":"bert"}"#,
        "\n"
    );
    let world = World::new(FileFormat::JsonLines, text);
    let whole = read_all(&world.connector(), ObjectKind::Person).await.unwrap();
    assert_eq!(whole.changes.len(), 2, "{whole:?}");
    let lines: Vec<&str> = whole.rejected.iter().map(|bad| bad.locator.as_str()).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7].map(|n| format!("people.jsonl, line {n}")));
    let reasons: String = whole.rejected.iter().map(|bad| bad.reason.as_str()).collect();
    assert!(!reasons.contains("no id\"") && !reasons.contains("a list\""), "no values: {reasons}");
}

#[tokio::test]
async fn nobody_signs_in_with_a_file() {
    let world = World::new(FileFormat::JsonLines, lines(3));
    let connector = world.connector();
    let entry = person(&connector, "1").await;
    let verification = connector.verify(&entry, &"anything".to_owned().into()).await;
    assert_eq!(
        (verification.result, verification.sent, verification.trouble),
        (AdapterResult::Unverifiable, false, None)
    );
}

#[tokio::test]
async fn a_path_that_leaves_the_folder_makes_no_connector() {
    for path in ["../secret.csv", "/etc/passwd", ""] {
        let world = World::new(FileFormat::Csv, "id\n");
        let world = world.with(|settings| settings.path = path.into());
        assert_eq!(world.at(Duration::ZERO).err().unwrap().kind, TroubleKind::Misconfigured, "{path:?}");
    }
}

/// Standard: 100,000; thorough: a million, whose pages never hold more than one page's worth.
#[tokio::test]
async fn many_people_come_page_by_page() {
    let count = match std::env::var("ISTHMUS_TEST_TIER").as_deref() {
        Ok("thorough") => 1_000_000,
        Ok("quick") => 20_000,
        _ => 100_000,
    };
    let world = World::new(FileFormat::JsonLines, lines(count));
    let connector = world.connector();
    let (mut from, mut seen) = (ReadFrom::Beginning, 0);
    loop {
        let page = connector.read(ObjectKind::Person, from).await.unwrap();
        assert!(page.changes.len() <= 1_000 && page.rejected.is_empty());
        seen += page.changes.len();
        match page.next {
            Next::More(cursor) => from = ReadFrom::Cursor(cursor),
            Next::Complete { .. } => break,
            Next::StartOver { reason } => panic!("{reason}"),
        }
    }
    assert_eq!(seen, count);
    let last = format!("user{}", count - 1);
    assert!(matches!(connector.find(&last).await.unwrap(), Found::One(_)));
    assert_eq!(people(&world.connector()).await.len(), count);
}
