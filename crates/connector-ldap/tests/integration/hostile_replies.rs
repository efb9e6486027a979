//! Row 6: what a hostile directory sends. Each reply ends in time, in trouble of the right kind, makes the hub believe
//! nothing, lets no password go out twice, and costs little memory: that is measured in a process of its own.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use connector::{Connector, TroubleKind, conformance};
use directory::{LdapSettings, SourceKind};
use testkit::{BindAnswer, SearchAnswer, StubEntry, StubLdap, StubScript};
use tokio::process::Command;

use crate::support::{ANNA, ANNA_ID, READER, anna, connect, script, source, stub_settings};

/// What all of them together may cost the process that meets them.
const MEMORY_LIMIT: u64 = 256 * 1024 * 1024;
/// And the longest answer, with the limits that a source has by default.
const PATIENCE: Duration = Duration::from_secs(5);
const DRIP: Duration = Duration::from_millis(50);

fn entry() -> StubEntry {
    StubEntry::new(ANNA, &[("objectClass", "inetOrgPerson"), ("uid", "anna"), ("entryUUID", ANNA_ID)])
}

fn with(name: &str, count: usize, size: usize) -> StubEntry {
    let mut entry = entry();
    entry.attributes.push((name.to_owned(), vec![vec![b'x'; size]; count]));
    entry
}

/// An element with a length of four bytes.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, content].concat()
}

/// Every reply by name. The service account's bind and, where the reply is one to searches, the root DSE too get it:
/// nothing about these directories is honest but what the connector needs to come so far.
fn replies() -> Vec<(&'static str, StubScript)> {
    let mut all = vec![];
    let mut raw = |what, bytes: Vec<u8>| {
        let answers = script().on_search(SearchAnswer::Raw(bytes.clone())).on_bind(ANNA, BindAnswer::Raw(bytes));
        all.push((what, answers));
    };
    let mut nested = vec![0x30, 0x83, 0x02, 0, 0, 0x30, 0x84, 0, 1, 0xff, 0];
    nested.resize(0x2_0005, 0x30);
    raw("endless nesting", nested);
    let deep =
        (0..10_000).fold(vec![4, 0], |inner, _| if inner.len() < 60_000 { element(0x30, &inner) } else { inner });
    raw("true nesting", deep);
    raw("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    raw("zeroes", vec![0; 4096]);
    raw("a cut-off message", vec![0x30, 0x10, 2, 1]);
    raw("an indefinite length", vec![0x30, 0x80, 2, 1, 1, 0, 0]);
    raw("an answer to nothing", vec![0x30, 0x0c, 2, 1, 99, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0]);
    raw(
        "a message id of nine bytes",
        element(0x30, &[&[2, 9][..], &[0x7f; 9], &[0x61, 7, 10, 1, 0, 4, 0, 4, 0]].concat()),
    );
    // RFC 4511 4.4.1: message id 0.
    let notice = [&[10, 1, 52, 4, 0, 4, 0, 0x8a, 22][..], b"1.3.6.1.4.1.1466.20036"].concat();
    raw("an unsolicited notification", element(0x30, &[&[2, 1, 0][..], &element(0x78, &notice)].concat()));
    let tiny = element(0x30, &[&[2, 1, 4][..], &element(0x64, &[4, 0].repeat(1_900_000))].concat());
    raw("two million elements in one message", tiny);

    let searches: Vec<(&'static str, SearchAnswer)> = vec![
        ("an entry of 1 GB", SearchAnswer::Flood(vec![0x30, 0x84, 0x40, 0, 0, 0, 2, 1, 1], vec![b'x'; 64 * 1024])),
        ("a flood of results that nobody asked for", {
            let result = vec![0x30, 0x0c, 2, 1, 99, 0x65, 7, 0x0a, 1, 0, 4, 0, 4, 0];
            SearchAnswer::Flood(vec![], result.repeat(1_000))
        }),
        ("silence", SearchAnswer::Silence),
        ("closing", SearchAnswer::Close),
        ("busy", SearchAnswer::Code(51, "busy".into())),
        ("a value of 5 MB", SearchAnswer::Entries(vec![with("mail", 1, 5 * 1024 * 1024)])),
        ("a value of 100 kB", SearchAnswer::Entries(vec![with("mail", 1, 100 * 1024)])),
        ("600,000 values", SearchAnswer::Entries(vec![with("memberOf", 600_000, 1)])),
        ("a flood of small entries", SearchAnswer::EndlessEntries(entry())),
        ("a flood of large entries", SearchAnswer::EndlessEntries(with("memberOf", 60, 60_000))),
        ("a flood of entries with many values", SearchAnswer::EndlessEntries(with("memberOf", 200_000, 1))),
        ("results under another id", SearchAnswer::OtherId),
        ("a bind's answer to a search", SearchAnswer::LikeABind),
        ("a byte at a time", SearchAnswer::Drip(DRIP)),
        ("a referral", SearchAnswer::Referral("ldap://127.0.0.1:1/".into())),
        ("a reference", SearchAnswer::Reference("ldap://127.0.0.1:1/".into())),
    ];
    all.extend(
        searches.into_iter().map(|(what, answer)| (what, script().on_search(answer).on_bind(ANNA, BindAnswer::Close))),
    );

    let huge_number = [&[0x30, 13, 0xa0, 11, 0x80, 9][..], &[0x7f; 9]].concat();
    let lying = vec![0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let binds = [
        ("a ppolicy control with a huge number", BindAnswer::PasswordPolicy(0, huge_number)),
        ("a ppolicy control that lies", BindAnswer::PasswordPolicy(0, lying)),
        ("a bind's success under another id", BindAnswer::OtherId),
        ("an entry instead of a bind's answer", BindAnswer::LikeASearch { entry: true }),
        ("a search's success instead of a bind's", BindAnswer::LikeASearch { entry: false }),
        ("a bind's answer a byte at a time", BindAnswer::Drip(DRIP)),
        ("a bind's answer that never comes", BindAnswer::Silence),
    ];
    all.extend(binds.map(|(what, answer)| (what, script().on_search(SearchAnswer::Close).on_bind(ANNA, answer))));
    all
}

#[tokio::test]
async fn row_6_hostile_replies_end_in_time_and_say_nothing() {
    for (what, script) in replies() {
        let stub = StubLdap::start(script).await;
        let mut settings = stub_settings(&stub.ldaps_url(), &stub);
        settings.operation_timeout_ms = 500;
        let connector = connect(&source(SourceKind::Ldap, settings), "reader-secret").unwrap();
        conformance::stands_a_hostile_peer(what, &connector, &anna()).await;
        conformance::reading::stands_a_hostile_peer(what, &connector).await;
        assert!(stub.binds_of(ANNA) <= 1, "{what}: the password went out {} times", stub.binds_of(ANNA));
    }
}

#[tokio::test]
async fn row_6_trouble_is_of_the_right_kind() {
    use TroubleKind::{Odd, Unavailable};
    for (what, kind) in [
        ("silence", Unavailable),
        ("closing", Unavailable),
        ("busy", Unavailable),
        ("an entry of 1 GB", Unavailable),
        ("HTTP", Unavailable),
        ("true nesting", Unavailable),
        ("an unsolicited notification", Unavailable),
        ("results under another id", Unavailable),
        ("a bind's answer to a search", Unavailable),
        ("a byte at a time", Unavailable),
        // The directory answers, and what it says is no answer: nobody opens the breaker by typing odd names.
        ("a value of 100 kB", Odd),
        ("a flood of small entries", Odd),
        ("a referral", Odd),
        ("a reference", Odd),
    ] {
        let (_, script) = replies().into_iter().find(|(name, _)| *name == what).unwrap();
        let stub = StubLdap::start(script).await;
        let mut settings = stub_settings(&stub.ldaps_url(), &stub);
        settings.operation_timeout_ms = 500;
        let connector = connect(&source(SourceKind::Ldap, settings), "reader-secret").unwrap();
        let trouble = connector.find("anna").await.unwrap_err();
        assert_eq!(trouble.kind, kind, "{what}: {trouble}");
        assert!(!trouble.reason.is_empty() && !trouble.reason.contains("reader-secret"), "{what}: {trouble}");
    }
}

#[tokio::test]
async fn row_6_a_bind_that_was_not_answered_as_a_bind_is_no_success() {
    for answer in
        [BindAnswer::OtherId, BindAnswer::LikeASearch { entry: true }, BindAnswer::LikeASearch { entry: false }]
    {
        let what = format!("{answer:?}");
        // The service account's own bind first, then a person's.
        let stub = StubLdap::start(script().on_bind(READER, answer.clone())).await;
        let mut settings = stub_settings(&stub.ldaps_url(), &stub);
        settings.operation_timeout_ms = 500;
        let connector = connect(&source(SourceKind::Ldap, settings), "reader-secret").unwrap();
        assert_eq!(connector.find("anna").await.unwrap_err().kind, TroubleKind::Unavailable, "{what}");
        stub.set(script().on_bind(ANNA, answer));
        let verification = connector.verify(&anna(), &"Right-Passw0rd".to_owned().into()).await;
        assert_eq!(verification.result, directory::AdapterResult::Unavailable, "{what}");
        assert!(verification.sent && !verification.proves_password, "{what}");
    }
}

#[tokio::test]
async fn row_6_paging_without_end_is_noticed() {
    for entries in [vec![entry()], vec![]] {
        let answer = SearchAnswer::ButRoot(Box::new(SearchAnswer::EndlessPaging(entries)));
        let stub = StubLdap::start(script().on_search(answer)).await;
        let (pages, trouble) = read_on(&crate::support::to_stub(&stub), 100).await;
        let trouble = trouble.unwrap_or_else(|| panic!("{pages} pages, and it was not noticed"));
        assert_eq!(trouble.kind, TroubleKind::Odd, "{trouble}");
    }
}

/// Reads pages until there is trouble, or this many were read.
async fn read_on(connector: &impl Connector, most: usize) -> (usize, Option<connector::Trouble>) {
    let mut cursor = None;
    for pages in 0..most {
        match connector.page(cursor).await {
            Ok(page) => cursor = Some(page.next.expect("there is always a next")),
            Err(trouble) => return (pages, Some(trouble)),
        }
    }
    (most, None)
}

// ---- memory -----------------------------------------------------------------------------------------------------

const VICTIM: &str = "ISTHMUS_TEST_VICTIM";

/// Everything above again, and pages of new people without end, several times over and at once, in a process of its
/// own: how much memory it ever held is read from the system.
#[tokio::test]
async fn row_6_all_of_it_together_costs_less_than_256_mb() {
    let mut stubs = Vec::new();
    for (_, script) in replies() {
        stubs.push(StubLdap::start(script).await);
    }
    let people = SearchAnswer::ButRoot(Box::new(SearchAnswer::EndlessPeople(with("mail", 1, 60_000))));
    let endless = StubLdap::start(script().on_search(people)).await;
    let mut lines: Vec<_> = stubs.iter().map(victim_line).collect();
    lines.push(victim_line(&endless));
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "hostile_replies::the_victim", "--ignored", "--nocapture"])
        .env(VICTIM, lines.join("|"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = child.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let peak = said.lines().find_map(|line| line.split_once("peak bytes: ")?.1.trim().parse::<u64>().ok());
    let peak = peak.unwrap_or_else(|| panic!("it measured nothing: {said}"));
    println!("the most memory it held: {} MB", peak / 1024 / 1024);
    assert!(peak < MEMORY_LIMIT, "{peak} bytes");
    for (stub, (what, _)) in stubs.iter().zip(replies()) {
        let binds = stub.binds().iter().filter(|bind| bind.dn == ANNA).count();
        assert!(binds <= AT_ONCE, "{what}: {binds} binds for {AT_ONCE} attempts");
    }
}

/// Attempts at each directory at the same time.
const AT_ONCE: usize = 4;

fn victim_line(stub: &StubLdap) -> String {
    format!("{}#{}", stub.ldaps_url(), stub.ca_pem())
}

fn victims_settings(line: &str) -> LdapSettings {
    let (url, ca_pem) = line.split_once('#').unwrap();
    LdapSettings {
        // As a source has them unless somebody changes them.
        connect_timeout_ms: 3_000,
        operation_timeout_ms: 4_000,
        connections: 8,
        page_size: 500,
        ..crate::support::settings(SourceKind::Ldap, url, ca_pem, crate::support::BASE, READER)
    }
}

#[tokio::test]
#[ignore = "run by row_6_all_of_it_together_costs_less_than_256_mb in a process of its own"]
async fn the_victim() {
    let lines = std::env::var(VICTIM).expect("run by the test of the memory");
    let lines: Vec<&str> = lines.split('|').collect();
    // Each alone is not enough: a hub meets several at a time.
    for some in lines.chunks(6) {
        let attempts = some.iter().map(|line| async {
            let connector = connect(&source(SourceKind::Ldap, victims_settings(line)), "reader-secret").unwrap();
            let (entry, password) = (anna(), "some password".to_owned().into());
            let in_time = async |what: &str, began: Instant| {
                assert!(began.elapsed() < PATIENCE + Duration::from_secs(1), "{what} took {:?}", began.elapsed());
            };
            let once = async || {
                let began = Instant::now();
                let _found = connector.find("somebody").await;
                in_time("find", began).await;
                let began = Instant::now();
                let _verified = connector.verify(&entry, &password).await;
                in_time("verify", began).await;
            };
            futures::future::join_all((0..AT_ONCE).map(|_| once())).await;
            read_on(&connector, 400).await;
        });
        futures::future::join_all(attempts).await;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    println!("peak bytes: {}", kilobytes.unwrap().trim().parse::<u64>().unwrap() * 1024);
}
