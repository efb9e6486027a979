//! Directories that misbehave. None of them learns a password it should not, stops the hub or makes it believe
//! something.

use std::time::{Duration, Instant};

use connector::{Connector as _, Found, TroubleKind};
use directory::{AdapterResult, SourceKind, TransportSecurity};
use testkit::{
    Authority, BindAnswer, Fault, FaultProxy, SearchAnswer, ServerCertificate, StartTlsAnswer, StubEntry, StubLdap,
};

use crate::support::{ANNA, ANNA_ID, READER, anna, connect, script, settings, source, stub_settings, to_stub, until};

const PASSWORD: &str = "Right-Passw0rd";

#[tokio::test]
async fn the_stub_itself_is_an_honest_directory() {
    let stub = StubLdap::start(script()).await;
    let connector = to_stub(&stub);
    let Found::One(entry) = connector.find("anna").await.unwrap() else { panic!("not found") };
    assert_eq!((entry.immutable_id.as_str(), entry.locator.as_str()), (ANNA_ID, ANNA));
    assert_eq!(connector.verify(&entry, &PASSWORD.to_owned().into()).await.result, AdapterResult::Ok);
    assert_eq!(connector.verify(&entry, &"wrong".to_owned().into()).await.result, AdapterResult::BadPassword);
    assert_eq!((stub.binds_of(ANNA), stub.binds_of(READER)), (2, 1));
    // Searches and binds never share a connection, and the bind connection was kept for the second bind.
    let binds = stub.binds();
    let of = |dn: &str| binds.iter().filter(|bind| bind.dn == dn).map(|bind| bind.connection).collect::<Vec<_>>();
    assert_ne!(of(READER)[0], of(ANNA)[0]);
    assert_eq!(of(ANNA)[0], of(ANNA)[1]);
    assert!(stub.searches().iter().all(|search| search.bound_as == READER));
    assert!(binds.iter().filter(|bind| bind.dn == ANNA).all(|bind| bind.controls.len() == 1), "ppolicy is asked for");
}

#[tokio::test]
async fn row_1_an_empty_password_never_reaches_the_wire() {
    let stub = StubLdap::start(script().on_bind(ANNA, BindAnswer::Success)).await;
    let connector = to_stub(&stub);
    for password in ["", "\0", "\0Right-Passw0rd", "Right\0"] {
        let verification = connector.verify(&anna(), &password.to_owned().into()).await;
        assert!(!verification.sent && verification.result != AdapterResult::Ok, "{password:?}");
    }
    assert_eq!((stub.binds_of(ANNA), stub.connections()), (0, 0));
    // Nor does one for an entry that has no name, or one elsewhere.
    for locator in ["", " ", "uid=anna,dc=evil,dc=test", "cn=reader"] {
        let entry = directory::SourceEntry { locator: locator.into(), ..anna() };
        assert!(!connector.verify(&entry, &PASSWORD.to_owned().into()).await.sent, "{locator:?}");
    }
    assert_eq!(stub.received_bytes(), 0);
    // A source whose service account would bind as nobody does not come to be.
    let nameless = settings(SourceKind::Ldap, &stub.ldaps_url(), stub.ca_pem(), "dc=example,dc=test", "");
    assert!(connect(&source(SourceKind::Ldap, nameless), "reader-secret").is_err());
    let good = stub_settings(&stub.ldaps_url(), &stub);
    assert!(connect(&source(SourceKind::Ldap, good), "").is_err());
}

#[tokio::test]
async fn row_2_what_is_typed_arrives_as_one_value() {
    let stub = StubLdap::start(script()).await;
    let connector = to_stub(&stub);
    for typed in ["*", "anna)(uid=*", "a*", "\\", "\\2a", "anna)(|(uid=*", "&|!()", "a\0b", "Łukasz (2)", "a,b=c+d;e"]
    {
        stub.forget();
        assert_eq!(connector.find(typed).await, Ok(Found::Nobody), "{typed:?}");
        let searches = stub.searches();
        let filter = &searches.last().unwrap().filter;
        let expected = ldap3_filter(typed);
        assert_eq!(format!("{filter:?}"), expected, "{typed:?}");
    }
}

/// The filter as the stub decodes it: the people filter, and one equality for each attribute.
fn ldap3_filter(typed: &str) -> String {
    let uid = format!("Equality({:?}, {typed:?})", "uid");
    let mail = format!("Equality({:?}, {typed:?})", "mail");
    format!("And([Equality(\"objectClass\", \"inetOrgPerson\"), Or([{uid}, {mail}])])")
}

#[tokio::test]
async fn row_3_several_entries_and_entries_elsewhere_are_refused() {
    let person = |dn: &str, id: &str| {
        StubEntry::new(dn, &[("objectClass", "inetOrgPerson"), ("uid", "anna"), ("entryUUID", id)])
    };
    let elsewhere = person("uid=anna,ou=people,dc=evil,dc=test", ANNA_ID);
    let twin = person("uid=anna2,ou=people,dc=example,dc=test", "0a0b0c0d-0000-4000-8000-000000000002");
    let stub = StubLdap::start(script()).await;
    let connector = to_stub(&stub);

    let both = vec![person(ANNA, ANNA_ID), twin.clone()];
    stub.set(script().on_search(SearchAnswer::ButRoot(Box::new(SearchAnswer::Entries(both)))));
    assert_eq!(connector.find("anna").await, Ok(Found::Several));
    assert_eq!(connector.fetch(&ANNA_ID.to_owned().into()).await.unwrap_err().kind, TroubleKind::Odd);

    stub.set(script().on_search(SearchAnswer::ButRoot(Box::new(SearchAnswer::Entries(vec![elsewhere])))));
    let trouble = connector.find("anna").await.unwrap_err();
    assert_eq!(trouble.kind, TroubleKind::Odd, "{trouble}");
    assert!(trouble.reason.contains("outside the base"));
    assert_eq!(connector.page(None).await.unwrap_err().kind, TroubleKind::Odd);

    // Asked for one id, the directory answers with somebody else.
    stub.set(script().on_search(SearchAnswer::ButRoot(Box::new(SearchAnswer::Entries(vec![twin])))));
    assert_eq!(connector.fetch(&ANNA_ID.to_owned().into()).await.unwrap_err().kind, TroubleKind::Odd);

    // More entries than were asked for, without end.
    let endless = SearchAnswer::EndlessEntries(person(ANNA, ANNA_ID));
    stub.set(script().on_search(SearchAnswer::ButRoot(Box::new(endless))));
    assert_eq!(connector.find("anna").await.unwrap_err().kind, TroubleKind::Odd);
}

#[tokio::test]
async fn row_4_referrals_are_never_followed() {
    let evil = StubLdap::start(script()).await;
    let url = format!("{}/dc=example,dc=test", evil.ldap_url());
    let stub = StubLdap::start(script().on_search(SearchAnswer::Referral(url.clone()))).await;
    let connector = to_stub(&stub);
    assert_eq!(connector.find("anna").await.unwrap_err().kind, TroubleKind::Odd);
    stub.set(script().on_search(SearchAnswer::Reference(url.clone())));
    assert_eq!(connector.find("anna").await.unwrap_err().kind, TroubleKind::Odd);
    assert_eq!(connector.page(None).await.unwrap_err().kind, TroubleKind::Odd);
    stub.set(script().on_bind(ANNA, BindAnswer::Referral(url)));
    let verification = connector.verify(&anna(), &PASSWORD.to_owned().into()).await;
    assert_eq!((verification.result, verification.sent), (AdapterResult::Unavailable, true));
    assert_eq!(verification.trouble, Some(TroubleKind::Odd), "one entry's referral is no outage");
    assert_eq!((stub.binds_of(ANNA), evil.received_bytes(), evil.connections()), (1, 0, 0));
}

#[tokio::test]
async fn row_5_start_tls_that_is_refused_or_tampered_with_ends_the_connection() {
    let injected = vec![0x30, 0x0c, 2, 1, 2, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0];
    for answer in [
        StartTlsAnswer::Refuse(2),
        StartTlsAnswer::Refuse(52),
        StartTlsAnswer::JunkBefore(injected.clone()),
        StartTlsAnswer::JunkBefore(b"hello".to_vec()),
        StartTlsAnswer::JunkBehind(injected.clone()),
        StartTlsAnswer::JunkBehind(vec![0]),
        StartTlsAnswer::NoTls,
        StartTlsAnswer::Silence,
    ] {
        let what = format!("{answer:?}");
        let stub = StubLdap::start(script().on_start_tls(answer)).await;
        let mut settings = stub_settings(&stub.ldap_url(), &stub);
        (settings.connect_timeout_ms, settings.operation_timeout_ms) = (500, 500);
        let connector = connect(&source(SourceKind::Ldap, settings), "reader-secret").unwrap();
        assert_eq!(connector.find("anna").await.unwrap_err().kind, TroubleKind::Unavailable, "{what}");
        let verification = connector.verify(&anna(), &PASSWORD.to_owned().into()).await;
        assert_eq!((verification.result, verification.sent), (AdapterResult::Unavailable, false), "{what}");
        assert!(!stub.received(b"reader-secret") && !stub.received(PASSWORD.as_bytes()), "{what}");
        assert!(stub.binds().is_empty(), "{what}");
        // A stub that stays silent does not look whether anybody is still there.
        if what != "Silence" {
            until("the connection's end", || stub.open_connections() == 0).await;
        }
    }
    // And where it is answered properly, nothing but StartTLS goes in plain text.
    let stub = StubLdap::start(script()).await;
    let connector =
        connect(&source(SourceKind::Ldap, stub_settings(&stub.ldap_url(), &stub)), "reader-secret").unwrap();
    assert_eq!(connector.verify(&anna(), &PASSWORD.to_owned().into()).await.result, AdapterResult::Ok);
    assert!(stub.received(PASSWORD.as_bytes()) && !stub.received_plain(PASSWORD.as_bytes()));
}

#[tokio::test]
async fn row_5_a_bad_certificate_gets_no_credential() {
    let foreign = Authority::new("foreign");
    let stub = StubLdap::start(script()).await;
    for (what, certificate, says) in [
        ("self-signed", self_signed(), "not trusted"),
        ("expired", stub.authority().expired(), "expired"),
        ("wrong host", stub.authority().wrong_host(), "not for"),
        ("foreign", foreign.local(), "not trusted"),
    ] {
        for url in [stub.ldaps_url(), stub.ldap_url()] {
            stub.set(script().certificate(certificate.clone()));
            stub.forget();
            let settings = stub_settings(&url, &stub);
            let connector = connect(&source(SourceKind::Ldap, settings), "reader-secret").unwrap();
            let trouble = connector.find("anna").await.unwrap_err();
            assert_eq!(trouble.kind, TroubleKind::Unavailable, "{what} {url}");
            assert!(trouble.reason.contains(says), "{what} {url}: {trouble}");
            let verification = connector.verify(&anna(), &PASSWORD.to_owned().into()).await;
            assert!(!verification.sent, "{what} {url}");
            assert!(!stub.received(b"reader-secret") && !stub.received(PASSWORD.as_bytes()), "{what} {url}");
            let steps = connector.probe().await;
            let last = steps.last().unwrap();
            assert_eq!((last.name.as_str(), last.passed), ("TLS", false), "{what} {url}: {steps:#?}");
            assert!(last.remedy.is_some());
        }
    }
}

/// A certificate that vouches for itself.
fn self_signed() -> ServerCertificate {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    ServerCertificate { certificate_pem: signed.cert.pem(), key_pem: signed.signing_key.serialize_pem() }
}

#[tokio::test]
async fn plain_text_only_by_the_explicit_setting() {
    let stub = StubLdap::start(script()).await;
    for transport in [TransportSecurity::Tls, TransportSecurity::StartTls] {
        let mut settings = stub_settings(&stub.ldaps_url(), &stub);
        settings.transport = transport;
        if transport == TransportSecurity::Tls {
            settings.urls = vec![stub.ldap_url().parse().unwrap()];
        }
        assert!(connect(&source(SourceKind::Ldap, settings), "reader-secret").is_err(), "{transport}");
    }
    let mut settings = stub_settings(&stub.ldap_url(), &stub);
    settings.transport = TransportSecurity::Plain;
    let connector = connect(&source(SourceKind::Ldap, settings), "reader-secret").unwrap();
    assert!(matches!(connector.find("anna").await, Ok(Found::One(_))));
}

#[tokio::test]
async fn a_password_is_never_sent_again() {
    // The answer never comes: the budget place is kept, and the next bind goes over another connection.
    let stub = StubLdap::start(script().on_bind(ANNA, BindAnswer::Silence).on_bind(ANNA, BindAnswer::Success)).await;
    let mut settings = stub_settings(&stub.ldaps_url(), &stub);
    settings.operation_timeout_ms = 300;
    let connector = connect(&source(SourceKind::Ldap, settings), "reader-secret").unwrap();
    let first = connector.verify(&anna(), &PASSWORD.to_owned().into()).await;
    assert_eq!((first.result, first.sent), (AdapterResult::Unavailable, true));
    assert_eq!(first.trouble, Some(TroubleKind::Unavailable));
    assert_eq!(stub.binds_of(ANNA), 1);
    let second = connector.verify(&anna(), &PASSWORD.to_owned().into()).await;
    assert_eq!(second.result, AdapterResult::Ok);
    let connections: Vec<usize> = stub.binds().iter().map(|bind| bind.connection).collect();
    assert_ne!(connections[0], connections[1]);

    // A kept connection that died while it rested is noticed before the password is on it.
    stub.set(script());
    let proxy = FaultProxy::in_front_of(&stub.ldaps_url()).await;
    let connector =
        connect(&source(SourceKind::Ldap, stub_settings(&proxy.url("ldaps"), &stub)), "reader-secret").unwrap();
    assert_eq!(connector.verify(&anna(), &PASSWORD.to_owned().into()).await.result, AdapterResult::Ok);
    stub.forget();
    proxy.reset();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(connector.verify(&anna(), &PASSWORD.to_owned().into()).await.result, AdapterResult::Ok);
    assert_eq!(stub.binds_of(ANNA), 1);
}

#[tokio::test]
async fn half_open_and_slow_networks_end_in_time() {
    let stub = StubLdap::start(script()).await;
    let proxy = FaultProxy::in_front_of(&stub.ldaps_url()).await;
    let mut settings = stub_settings(&proxy.url("ldaps"), &stub);
    (settings.connect_timeout_ms, settings.operation_timeout_ms) = (500, 500);
    let connector = connect(&source(SourceKind::Ldap, settings), "reader-secret").unwrap();
    assert!(matches!(connector.find("anna").await, Ok(Found::One(_))));
    for fault in [Fault::BlackHole, Fault::Refuse, Fault::ResetAfter(10), Fault::Latency(Duration::from_secs(2))] {
        proxy.set(fault);
        let started = Instant::now();
        assert_eq!(connector.find("anna").await.unwrap_err().kind, TroubleKind::Unavailable, "{fault:?}");
        let verification = connector.verify(&anna(), &PASSWORD.to_owned().into()).await;
        assert_eq!(verification.result, AdapterResult::Unavailable, "{fault:?}");
        assert!(started.elapsed() < Duration::from_secs(5), "{fault:?} took {:?}", started.elapsed());
    }
    proxy.set(Fault::None);
    proxy.reset();
    assert!(matches!(connector.find("anna").await, Ok(Found::One(_))), "it recovers");
}

#[tokio::test]
async fn the_next_server_is_tried_only_before_a_bind() {
    let first = StubLdap::start(script()).await;
    let authority = Authority::new("both");
    let certificate = authority.local();
    let second = StubLdap::start(script().certificate(certificate.clone())).await;
    first.set(script().certificate(certificate.clone()));
    let proxy = FaultProxy::in_front_of(&first.ldaps_url()).await;
    let mut settings = stub_settings(&proxy.url("ldaps"), &first);
    settings.ca_pem = Some(authority.ca_pem().to_owned());
    settings.urls.push(second.ldaps_url().parse().unwrap());
    settings.operation_timeout_ms = 500;
    let connector = connect(&source(SourceKind::Ldap, settings), "reader-secret").unwrap();
    assert!(matches!(connector.find("anna").await, Ok(Found::One(_))));
    assert_eq!((first.connections(), second.connections()), (1, 0));
    // The first server takes the bind and says nothing: the password does not go to the second.
    first.set(script().certificate(certificate.clone()).on_bind(ANNA, BindAnswer::Close));
    let verification = connector.verify(&anna(), &PASSWORD.to_owned().into()).await;
    assert_eq!((verification.result, verification.sent), (AdapterResult::Unavailable, true));
    assert_eq!((first.binds_of(ANNA), second.binds_of(ANNA)), (1, 0));
    // It is gone before the next one: the second server is used, for reading and for the bind alike.
    proxy.set(Fault::Refuse);
    assert!(matches!(connector.find("anna").await, Ok(Found::One(_))));
    let verification = connector.verify(&anna(), &PASSWORD.to_owned().into()).await;
    assert_eq!(verification.result, AdapterResult::Ok);
    assert_eq!((first.binds_of(ANNA), second.binds_of(ANNA)), (1, 1));
    assert_eq!(format!("ldaps://{}", verification.endpoint), second.ldaps_url());
}

#[tokio::test]
async fn only_allowed_networks_are_connected_to() {
    let stub = StubLdap::start(script()).await;
    for url in [stub.ldaps_url(), stub.ldaps_url().replace("127.0.0.1", "localhost")] {
        let source = source(SourceKind::Ldap, stub_settings(&url, &stub));
        let guarded =
            connector_ldap::LdapConnector::new(&source, "reader-secret".to_owned().into(), Default::default());
        let guarded = guarded.unwrap();
        let trouble = guarded.find("anna").await.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Misconfigured);
        assert!(trouble.reason.contains("--allow-network"), "{trouble}");
        assert!(!guarded.verify(&anna(), &PASSWORD.to_owned().into()).await.sent);
        let steps = guarded.probe().await;
        assert_eq!((steps[0].name.as_str(), steps[0].passed), ("Connect", false));
    }
    assert_eq!(stub.connections(), 0);
}

#[tokio::test]
async fn sub_codes_and_policies_arrive_from_the_wire() {
    let stub = StubLdap::start(script()).await;
    let ad = connect(
        &source(
            SourceKind::ActiveDirectory,
            settings(SourceKind::ActiveDirectory, &stub.ldaps_url(), stub.ca_pem(), "dc=example,dc=test", READER),
        ),
        "reader-secret",
    )
    .unwrap();
    for (code, result) in [
        ("52e", AdapterResult::BadPassword),
        ("533", AdapterResult::Disabled),
        ("775", AdapterResult::Locked),
        ("773", AdapterResult::MustChange),
        ("999", AdapterResult::Unavailable),
    ] {
        stub.set(script().on_bind(ANNA, BindAnswer::active_directory(code)));
        assert_eq!(ad.verify(&anna(), &PASSWORD.to_owned().into()).await.result, result, "{code}");
    }
    let ldap = to_stub(&stub);
    stub.set(script().on_bind(ANNA, BindAnswer::PasswordPolicy(49, vec![0x30, 3, 0x81, 1, 1])));
    assert_eq!(ldap.verify(&anna(), &PASSWORD.to_owned().into()).await.result, AdapterResult::Locked);
    stub.set(script().on_bind(ANNA, BindAnswer::PasswordPolicy(0, vec![0x30, 3, 0x81, 1, 2])));
    assert_eq!(ldap.verify(&anna(), &PASSWORD.to_owned().into()).await.result, AdapterResult::MustChange);
}
