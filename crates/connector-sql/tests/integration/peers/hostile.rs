//! Databases and rows that misbehave, and networks that do.

use std::{sync::Arc, time::Duration};

use connector::{
    Change, Connector, Found, Next, ReadFrom, TroubleKind,
    conformance::{self, reading},
};
use directory::{AccountStatus, ImmutableId, ObjectKind, SqlSettings};
use testkit::{Authority, Fault, FaultProxy, LegacyKind, LegacySql};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{connect, connect_with, settings};

const SERVERS: [LegacyKind; 2] = [LegacyKind::Postgres, LegacyKind::MariaDb];

/// Time limits short enough for tests.
fn impatient(settings: SqlSettings) -> SqlSettings {
    SqlSettings { connect_timeout_ms: 500, operation_timeout_ms: 1_000, ..settings }
}

fn moved(settings: SqlSettings, port: u16) -> SqlSettings {
    let mut url = settings.url.clone();
    url.set_port(Some(port)).unwrap();
    SqlSettings { url, ..settings }
}

/// A server that answers every connection with these bytes and then keeps silent, or hangs up.
async fn answers(bytes: Vec<u8>, hangs_up: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let _sent = stream.write_all(&bytes).await;
                if !hangs_up {
                    let mut rest = vec![0; 1024];
                    while matches!(stream.read(&mut rest).await, Ok(read) if read > 0) {}
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_none_is_never_believed() {
    for kind in SERVERS {
        let legacy = LegacySql::start(kind, 20).await;
        let honest = connect(&legacy, settings(&legacy));
        let Ok(Found::One(entry)) = honest.find("u000001").await else { panic!("{kind:?}") };
        let huge = [b"R\x7f\xff\xff\xff".to_vec(), vec![b'x'; 100_000]].concat();
        let mysql_huge = [b"\xff\xff\xff\x00\x0a".to_vec(), vec![b'8'; 100_000]].concat();
        for (what, bytes, hangs_up) in [
            ("hangs up", Vec::new(), true),
            ("says nothing", Vec::new(), false),
            ("speaks HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), true),
            ("has no TLS", b"N".to_vec(), false),
            ("says TLS and means none", b"Sgarbage".to_vec(), false),
            ("announces two gigabytes", huge, false),
            ("announces sixteen megabytes", mysql_huge, false),
        ] {
            let what = format!("{kind:?} {what}");
            let port = answers(bytes, hangs_up).await;
            let connector = connect(&legacy, impatient(moved(settings(&legacy), port)));
            // A password is not at stake: such a source is never sent one.
            let found = connector.find("somebody").await;
            assert!(found.is_err(), "{what}: {found:?}");
            assert!(connector.fetch(&entry.immutable_id).await.is_err(), "{what}");
            assert!(connector.stored_password(&entry).await.is_err(), "{what}");
            reading::stands_a_hostile_peer(&what, &connector).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_somebody_else_and_a_wrong_account_are_refused_in_words() {
    for kind in SERVERS {
        let legacy = LegacySql::start(kind, 20).await;
        let mut foreign = settings(&legacy);
        foreign.ca_pem = Some(Authority::new("somebody else").ca_pem().to_owned());
        let trouble = connect(&legacy, foreign).find("u000001").await.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Unavailable, "{trouble}");
        assert!(trouble.reason.contains("TLS"), "{trouble}");

        let refused = connect_with(&legacy, settings(&legacy), "not its password").find("u000001").await.unwrap_err();
        assert_eq!(refused.kind, TroubleKind::Misconfigured, "{kind:?} {refused}");
        assert!(!refused.reason.contains("not its password"), "{refused}");

        let mut plain = settings(&legacy);
        plain.tls = false;
        assert!(connect(&legacy, plain).find("u000001").await.is_err(), "{kind:?} asks for TLS");

        for (change, words) in [("people", "T_NOBODY"), ("column", "NO_SUCH_COLUMN")] {
            let mut wrong = settings(&legacy);
            if change == "people" {
                wrong.people = words.to_owned();
            } else {
                wrong.username_column = words.to_owned();
            }
            let trouble = connect(&legacy, wrong).find("u000001").await.unwrap_err();
            assert_eq!(trouble.kind, TroubleKind::Misconfigured, "{kind:?} {trouble}");
            assert!(trouble.reason.contains(words), "{kind:?} {trouble}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ever_written_whatever_the_account_may_do() {
    for kind in LegacyKind::ALL {
        let legacy = LegacySql::start(kind, 20).await;
        match kind {
            LegacyKind::Postgres => {
                legacy.execute("grant all on all tables in schema public to hub_reader").await;
                let text = "create function busy() returns int language plpgsql as \
                            $$ begin delete from T_PERSON; return 1; end $$";
                legacy.execute(text).await;
                let mut sly = settings(&legacy);
                sly.people = "select T_PERSON.*, busy() as b from T_PERSON".to_owned();
                sly.name_columns.push("b".to_owned());
                assert!(connect(&legacy, sly).find("1").await.is_err(), "it wrote");
            }
            LegacyKind::MariaDb | LegacyKind::Sqlite => {}
        }
        // Not even as text: a typed name is a value, and an id is one.
        let connector = connect(&legacy, settings(&legacy));
        for sly in ["u000001' or '1'='1", "'; delete from T_PERSON; --", "\\' or 1=1 #", "u00000_", "u0000%"] {
            assert_eq!(connector.find(sly).await, Ok(Found::Nobody), "{kind:?} {sly}");
            assert_eq!(connector.fetch(&ImmutableId(sly.to_owned())).await, Ok(None), "{kind:?} {sly}");
        }
        let make = || -> Arc<dyn Connector> { Arc::new(connect(&legacy, settings(&legacy))) };
        let everybody = reading::whole(make().reading().unwrap(), ObjectKind::Person).await;
        assert_eq!(everybody.objects.len(), 20, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_rows_are_rejected_or_read_and_never_stop_a_read() {
    for kind in LegacyKind::ALL {
        let legacy = LegacySql::start(kind, 20).await;
        let long = "x".repeat(200);
        legacy
            .execute(&format!("update T_PERSON set EMAIL_ADR = '{long}', NACHNAME = '\u{202e}\u{7}' where PERS_NO = 3"))
            .await;
        legacy
            .execute(
                "create view ODD as select case when PERS_NO = 5 then null else PERS_NO end as ID, \
            case when PERS_NO = 6 then null else LOGIN_NAME end as LOGIN from T_PERSON",
            )
            .await;
        if kind == LegacyKind::Postgres {
            legacy.execute("grant select on ODD to hub_reader").await;
        }
        let odd = SqlSettings {
            people: "ODD".to_owned(),
            id_column: "ID".to_owned(),
            username_column: "LOGIN".to_owned(),
            page_size: 7,
            ..SqlSettings { url: legacy.url.parse().unwrap(), ca_pem: legacy.ca_pem.clone(), ..SqlSettings::preset() }
        };
        let connector: Arc<dyn Connector> = Arc::new(connect(&legacy, odd));
        let read = reading::whole(connector.reading().unwrap(), ObjectKind::Person).await;
        assert_eq!((read.objects.len(), read.rejected.len()), (18, 2), "{kind:?} {:?}", read.rejected);
        // Whoever cannot be read is there all the same, where an id tells who it is.
        assert!(read.rejected.iter().any(|rejected| rejected.immutable_id == Some(ImmutableId("6".to_owned()))));

        let honest: Arc<dyn Connector> = Arc::new(connect(&legacy, settings(&legacy)));
        assert_eq!(reading::whole(honest.reading().unwrap(), ObjectKind::Person).await.objects.len(), 20);
        legacy.execute("update T_PERSON set AKTIV = '?' where PERS_NO = 1").await;
        let Ok(Some(entry)) = honest.fetch(&ImmutableId("1".to_owned())).await else { panic!("{kind:?}") };
        assert_eq!(entry.status, AccountStatus::Disabled, "only a yes is a yes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_breaks_is_trouble_and_never_the_end_of_a_read() {
    for kind in SERVERS {
        let legacy = LegacySql::start(kind, 60).await;
        let proxy = FaultProxy::start(([127, 0, 0, 1], legacy.port()).into()).await;
        let through = impatient(moved(settings(&legacy), proxy.address().port()));
        let make = || -> Arc<dyn Connector> { Arc::new(connect(&legacy, through.clone())) };
        let subject =
            reading::ReadingSubject { connect: &make, people: 60, groups: 10, devices: 60, members: &[], rejected: 0 };
        let network_is = |on: bool| proxy.set(if on { Fault::None } else { Fault::Refuse });
        reading::breaks_in_the_middle(&subject, &network_is).await;

        // Connections that were kept die without a word: the next question is answered over a new one.
        let connector = make();
        assert!(matches!(connector.find("u000001").await, Ok(Found::One(_))));
        proxy.reset();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(matches!(connector.find("u000001").await, Ok(Found::One(_))), "{kind:?}");
        let seen = String::from_utf8_lossy(&proxy.to_server()).into_owned();
        assert!(!seen.contains("LOGIN_NAME") && !seen.contains(&legacy.secret), "{kind:?}: what is asked is encrypted");
        conformance::says_how_its_servers_are(&conformance::Subject {
            connector,
            typed_name: "u000001".to_owned(),
            password: "Passw0rd-1".to_owned(),
            people: 60,
            groups: vec!["Rolle 1".to_owned()],
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_databases_are_refused() {
    let legacy = LegacySql::start(LegacyKind::Sqlite, 20).await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::copy(legacy.folder.join("people.db"), outside.path().join("people.db")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("people.db"), legacy.folder.join("link.db")).unwrap();
    std::fs::write(legacy.folder.join("text.db"), "this is no database, but long enough to look like one".repeat(90))
        .unwrap();
    let mut broken = std::fs::read(legacy.folder.join("people.db")).unwrap();
    let middle = broken.len() / 3;
    broken[100..middle].fill(0xff);
    std::fs::write(legacy.folder.join("broken.db"), broken).unwrap();
    for file in ["missing.db", "link.db", "text.db", "broken.db"] {
        let mut wrong = settings(&legacy);
        wrong.url = format!("sqlite:{file}").parse().unwrap();
        let connector = connect(&legacy, wrong);
        let trouble = connector.find("u000001").await.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Misconfigured, "{file}: {trouble}");
        let read = connector.reading().unwrap().read(ObjectKind::Person, ReadFrom::Beginning).await;
        assert!(read.is_err(), "{file}: {read:?}");
    }
    let gone = connect(&legacy, settings(&legacy));
    let first = gone.reading().unwrap().read(ObjectKind::Person, ReadFrom::Beginning).await.unwrap();
    let Next::More(cursor) = first.next else { panic!("{first:?}") };
    assert!(first.changes.iter().all(|change| matches!(change, Change::Person(_))));
    std::fs::remove_file(legacy.folder.join("people.db")).unwrap();
    // Another file in its place is another source of truth: a new connection sees it, and it is trouble.
    let again = connect(&legacy, settings(&legacy));
    assert!(again.reading().unwrap().read(ObjectKind::Person, ReadFrom::Cursor(cursor)).await.is_err());
    assert!(!legacy.folder.join("people.db").exists(), "it is never made");
}
