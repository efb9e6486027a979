//! Several servers behind one source: one is down, comes back, lags behind or lies, and no password goes out twice.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use connector::{Connector as _, Found, HostState, TroubleKind, conformance};
use connector_ldap::LdapConnector;
use directory::{AdapterResult, HostChoice, LdapSettings, SourceEntry, SourceKind};
use testkit::{Authority, BindAnswer, Fault, FaultProxy, SearchAnswer, ServerCertificate, StubLdap, StubScript};

use crate::support::{ANNA, ANNA_ID, READER, connect, script, source, stub_settings};

const PASSWORD: &str = "Right-Passw0rd";

/// Two servers of one directory, each behind a network that can fail.
struct Two {
    authority: Authority,
    certificate: ServerCertificate,
    a: StubLdap,
    b: StubLdap,
    to_a: FaultProxy,
    to_b: FaultProxy,
}

impl Two {
    async fn start() -> Self {
        let authority = Authority::new("both");
        let certificate = authority.local();
        let a = StubLdap::start(script().certificate(certificate.clone())).await;
        let b = StubLdap::start(script().certificate(certificate.clone())).await;
        let (to_a, to_b) =
            (FaultProxy::in_front_of(&a.ldaps_url()).await, FaultProxy::in_front_of(&b.ldaps_url()).await);
        Self { authority, certificate, a, b, to_a, to_b }
    }

    fn connector(&self) -> LdapConnector {
        self.with(|_| {})
    }

    fn with(&self, change: impl FnOnce(&mut LdapSettings)) -> LdapConnector {
        let mut settings = stub_settings(&self.to_a.url("ldaps"), &self.a);
        settings.ca_pem = Some(self.authority.ca_pem().to_owned());
        settings.urls.push(self.to_b.url("ldaps").parse().unwrap());
        (settings.connect_timeout_ms, settings.operation_timeout_ms) = (1_000, 1_000);
        change(&mut settings);
        connect(&source(SourceKind::Ldap, settings), "reader-secret").unwrap()
    }

    /// The script of an honest server with this certificate.
    fn honest(&self) -> StubScript {
        script().certificate(self.certificate.clone())
    }

    fn binds(&self) -> (usize, usize) {
        (self.a.binds_of(ANNA), self.b.binds_of(ANNA))
    }
}

async fn find(connector: &LdapConnector) -> SourceEntry {
    match connector.find("anna").await {
        Ok(Found::One(entry)) => *entry,
        other => panic!("anna was not found: {other:?}"),
    }
}

async fn verify(connector: &LdapConnector, entry: &SourceEntry) -> (AdapterResult, bool) {
    let verification = connector.verify(entry, &PASSWORD.to_owned().into()).await;
    (verification.result, verification.sent)
}

fn states(connector: &LdapConnector) -> Vec<(HostState, bool)> {
    connector.hosts().iter().map(|host| (host.state, host.in_use)).collect()
}

#[tokio::test]
async fn one_server_down_the_next_sign_in_works_and_it_is_used_again_without_a_restart() {
    let two = Two::start().await;
    let connector = two.connector();
    assert_eq!(states(&connector), [(HostState::Untried, true), (HostState::Untried, false)]);
    let entry = find(&connector).await;
    assert_eq!(verify(&connector, &entry).await, (AdapterResult::Ok, true));
    assert_eq!((two.binds(), two.b.connections()), ((1, 0), 0), "the first in the list");

    two.to_a.set(Fault::Refuse);
    let entry = find(&connector).await;
    assert_eq!(verify(&connector, &entry).await, (AdapterResult::Ok, true));
    assert_eq!(two.binds(), (1, 1));
    assert_eq!(states(&connector), [(HostState::Doubtful, false), (HostState::Healthy, true)]);
    let health = connector.hosts();
    let trouble = health[0].last_trouble.as_ref().unwrap();
    assert!(!trouble.reason.is_empty() && health[0].failures > 0 && health[0].last_success.is_some(), "{health:#?}");
    assert!(health[1].search_ms.is_some() && health[1].connect_ms.is_some() && health[1].last_trouble.is_none());

    // While it is away nobody waits for it, and checks see that it is away.
    let dialled = two.to_a.connections();
    find(&connector).await;
    assert_eq!(two.to_a.connections(), dialled, "the healthy one is asked first");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert!(!connector.check_hosts().await);
    assert!(two.to_a.connections() > dialled);

    two.to_a.set(Fault::None);
    let back = Instant::now();
    while !connector.check_hosts().await {
        assert!(back.elapsed() < Duration::from_secs(10), "its recovery is not seen");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(states(&connector)[0], (HostState::Healthy, true));
    let entry = find(&connector).await;
    assert_eq!(verify(&connector, &entry).await, (AdapterResult::Ok, true));
    assert_eq!(two.binds(), (2, 1), "the first in the list again");
}

#[tokio::test]
async fn a_password_that_was_sent_goes_nowhere_else_whatever_comes_back() {
    let two = Two::start().await;
    for answer in [
        BindAnswer::Silence,
        BindAnswer::Close,
        BindAnswer::Code(51, "busy".into()),
        BindAnswer::Code(52, "unavailable".into()),
        BindAnswer::Code(1, String::new()),
        BindAnswer::Raw(b"\x30\x84\xff\xff\xff\xff".to_vec()),
        BindAnswer::Referral(two.b.ldap_url()),
    ] {
        let what = format!("{answer:?}");
        two.a.set(two.honest().on_bind(ANNA, answer));
        let connector = two.connector();
        let entry = find(&connector).await;
        two.a.forget();
        two.b.forget();
        assert_eq!(verify(&connector, &entry).await, (AdapterResult::Unavailable, true), "{what}");
        assert_eq!(two.binds(), (1, 0), "{what}");
        assert!(!two.b.received(PASSWORD.as_bytes()), "{what}");
    }
    // The network takes the connection away while the answer is on its way.
    two.a.set(two.honest().on_bind(ANNA, BindAnswer::After(Duration::from_millis(300), Box::new(BindAnswer::Success))));
    let connector = two.connector();
    let entry = find(&connector).await;
    two.a.forget();
    let password = PASSWORD.to_owned().into();
    let (verification, ()) = tokio::join!(connector.verify(&entry, &password), async {
        crate::support::until("the bind's arrival", || two.a.binds_of(ANNA) == 1).await;
        two.to_a.set(Fault::Refuse);
    });
    assert_eq!((verification.result, verification.sent), (AdapterResult::Unavailable, true));
    assert_eq!(two.binds(), (1, 0));
    // And the next attempt, which is another password press, goes to the other one.
    let entry = find(&connector).await;
    assert_eq!(verify(&connector, &entry).await, (AdapterResult::Ok, true));
    assert_eq!(two.binds(), (1, 1));
}

#[tokio::test]
async fn a_server_gone_between_reading_and_binding_is_replaced_only_by_one_that_shows_the_same() {
    let two = Two::start().await;
    let anna = |attributes: &[(&str, &str)]| {
        let mut script = two.honest();
        let entry = script.entries.iter_mut().find(|entry| entry.dn == ANNA).unwrap();
        for (name, value) in attributes {
            entry.push(name, value.as_bytes().to_vec());
        }
        script
    };
    let gone = |script: &StubScript| {
        let mut script = script.clone();
        script.entries.retain(|entry| entry.dn != ANNA);
        script
    };
    let set = "20260101000000Z";
    for (what, at_b, sent) in [
        ("the same", anna(&[("pwdChangedTime", set)]), true),
        ("an older password", anna(&[("pwdChangedTime", "20250101000000Z")]), false),
        ("no time at all", anna(&[]), false),
        ("more wrong passwords", anna(&[("pwdChangedTime", set), ("pwdFailureTime", "20990101000000Z")]), false),
        ("locked", anna(&[("pwdChangedTime", set), ("pwdAccountLockedTime", "20260101000000Z")]), false),
        ("disabled", anna(&[("pwdChangedTime", set), ("nsAccountLock", "TRUE")]), false),
        ("absent", gone(&two.honest()), false),
    ] {
        two.to_a.set(Fault::None);
        two.a.set(anna(&[("pwdChangedTime", set)]));
        two.b.set(at_b);
        let connector = two.connector();
        let entry = find(&connector).await;
        two.a.forget();
        two.b.forget();
        two.to_a.set(Fault::Refuse);
        let verification = connector.verify(&entry, &PASSWORD.to_owned().into()).await;
        assert_eq!(verification.sent, sent, "{what}: {verification:?}");
        let expected = if sent { AdapterResult::Ok } else { AdapterResult::Unavailable };
        assert_eq!(verification.result, expected, "{what}: {verification:?}");
        assert_eq!(two.binds(), (0, usize::from(sent)), "{what}");
        if !sent {
            assert_eq!(verification.trouble, Some(TroubleKind::Unavailable), "{what}");
            assert!(verification.reason.contains("not sent") || what == "absent", "{what}: {verification:?}");
        }
    }
}

#[tokio::test]
async fn both_down_is_an_outage_that_names_both() {
    let two = Two::start().await;
    let connector = two.connector();
    let entry = find(&connector).await;
    two.to_a.set(Fault::Refuse);
    two.to_b.set(Fault::Refuse);
    let trouble = connector.find("anna").await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Unavailable);
    for proxy in [&two.to_a, &two.to_b] {
        assert!(trouble.reason.contains(&proxy.address().to_string()), "{trouble}");
    }
    assert_eq!(verify(&connector, &entry).await, (AdapterResult::Unavailable, false));
    for _ in 0..3 {
        connector.find("anna").await.unwrap_err();
    }
    assert!(connector.hosts().iter().all(|host| host.state == HostState::Down), "{:#?}", connector.hosts());
    assert_eq!(two.binds(), (0, 0));
    // Where nobody else is left, those that are down are asked: the breaker above decides whether to dial.
    two.to_b.set(Fault::None);
    find(&connector).await;
}

#[tokio::test]
async fn spread_over_both_and_the_bind_goes_where_the_entry_was_read() {
    let two = Two::start().await;
    let connector = two.with(|settings| settings.host_choice = HostChoice::Spread);
    for _ in 0..10 {
        let entry = find(&connector).await;
        let before = two.binds();
        assert_eq!(verify(&connector, &entry).await, (AdapterResult::Ok, true));
        let after = two.binds();
        let at_a = entry.server.contains(&two.to_a.address().to_string());
        assert_eq!((after.0 - before.0, after.1 - before.1), if at_a { (1, 0) } else { (0, 1) });
    }
    assert_eq!(two.binds(), (5, 5), "in turn");
    assert!(states(&connector).iter().all(|(state, in_use)| *state == HostState::Healthy && *in_use));
}

#[tokio::test]
async fn an_id_that_one_server_lacks_is_asked_for_at_another() {
    let two = Two::start().await;
    let mut lagging = two.honest();
    lagging.entries.retain(|entry| entry.dn != ANNA);
    two.a.set(lagging.clone());
    let connector = two.connector();
    let id = ANNA_ID.to_owned().into();
    let entry = connector.fetch(&id).await.unwrap().expect("the other one has her");
    assert_eq!(verify(&connector, &entry).await, (AdapterResult::Ok, true));
    assert_eq!(two.binds(), (0, 1), "and takes the bind");
    two.b.set(lagging);
    assert_eq!(connector.fetch(&id).await, Ok(None), "both agree");
}

#[tokio::test]
async fn trouble_with_tls_searches_and_load_moves_on_in_time() {
    let two = Two::start().await;
    let foreign = Authority::new("foreign").local();
    for (what, at_a) in [
        ("a foreign certificate", script().certificate(foreign)),
        ("busy", two.honest().on_search(SearchAnswer::Code(51, "busy".into()))),
        ("unavailable", two.honest().on_search(SearchAnswer::Code(52, String::new()))),
        ("no base", two.honest().on_search(SearchAnswer::Code(32, String::new()))),
        ("silent", two.honest().on_search(SearchAnswer::Silence)),
        ("junk", two.honest().on_search(SearchAnswer::Raw(b"HTTP/1.1 400".to_vec()))),
        ("a busy service account", two.honest().on_bind(READER, BindAnswer::Code(51, String::new()))),
    ] {
        two.a.set(at_a);
        let connector = two.connector();
        let started = Instant::now();
        let entry = find(&connector).await;
        assert!(started.elapsed() < Duration::from_secs(4), "{what} took {:?}", started.elapsed());
        assert_eq!(verify(&connector, &entry).await, (AdapterResult::Ok, true), "{what}");
        assert!(entry.server.contains(&two.to_b.address().to_string()), "{what}");
        assert!(!connector.hosts()[0].state.is_usable(), "{what}: {:?}", connector.hosts());
    }
    assert_eq!(two.a.binds_of(ANNA), 0);
    // A network that swallows everything costs its share of the time, and only the first attempt pays it.
    two.a.set(two.honest());
    two.to_a.set(Fault::BlackHole);
    let connector = two.connector();
    for limit in [3_000, 500] {
        let started = Instant::now();
        find(&connector).await;
        assert!(started.elapsed() < Duration::from_millis(limit), "took {:?}", started.elapsed());
    }
}

#[tokio::test]
async fn the_service_account_is_not_locked_by_trying_it_everywhere() {
    let two = Two::start().await;
    let refusing = |code| two.honest().on_bind(READER, BindAnswer::Code(code, String::new()));
    two.a.set(refusing(49));
    two.b.set(refusing(49));
    let connector = two.connector();
    for _ in 0..4 {
        assert_eq!(connector.find("anna").await.unwrap_err().kind, TroubleKind::Misconfigured);
    }
    assert_eq!((two.a.binds_of(READER), two.b.binds_of(READER)), (1, 1), "once each, then left alone for minutes");
    assert_eq!(states(&connector)[0].0, HostState::Refusing);
    // One that is known to take it may stand in.
    two.a.set(two.honest());
    two.b.set(two.honest());
    let connector = two.connector();
    connector.check_hosts().await;
    assert!(connector.hosts().iter().all(|host| host.state == HostState::Healthy), "those standing by are looked at");
    two.a.set(refusing(49));
    two.to_a.reset();
    find(&connector).await;
    assert_eq!(states(&connector)[0].0, HostState::Refusing);
}

#[tokio::test]
async fn two_servers_conform() {
    let two = Two::start().await;
    let subject = conformance::Subject {
        connector: Arc::new(two.connector()),
        typed_name: "anna".into(),
        password: PASSWORD.into(),
        people: 1,
        groups: vec![],
    };
    conformance::fails_over(&subject, &|up| two.to_a.set(if up { Fault::None } else { Fault::Refuse })).await;
    conformance::says_how_its_servers_are(&subject).await;
}

#[tokio::test]
async fn a_source_with_one_server_recovers_too() {
    let two = Two::start().await;
    let connector = two.with(|settings| settings.urls.truncate(1));
    assert!(!connector.check_hosts().await);
    assert_eq!(two.to_a.connections(), 0, "the only server is not checked while nothing is wrong");
    find(&connector).await;
    two.to_a.set(Fault::Refuse);
    for _ in 0..3 {
        connector.find("anna").await.unwrap_err();
    }
    assert_eq!(connector.hosts()[0].state, HostState::Down);
    two.to_a.set(Fault::None);
    let started = Instant::now();
    while !connector.check_hosts().await {
        assert!(started.elapsed() < Duration::from_secs(12));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(connector.hosts()[0].state, HostState::Healthy);
}
