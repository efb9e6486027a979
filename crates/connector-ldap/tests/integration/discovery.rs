//! Looking at directories that are not what they seem, and at one of a make that no test machine has.

use std::sync::Arc;

use connector::{AllowedNetworks, Discovery as _, DiscoveryStage, FailureKind, Greeting, Vendor, conformance};
use connector_ldap::LdapDiscovery;
use directory::{LdapSettings, SourceKind, TransportSecurity};
use testkit::{Authority, BindAnswer, SearchAnswer, StartTlsAnswer, StubEntry, StubLdap};

use crate::support::{ANNA, ANNA_ID, READER, loopback, script, source, stub_settings};

const SECRET: &str = "reader-secret";

fn look(settings: LdapSettings) -> LdapDiscovery {
    LdapDiscovery::new(&source(SourceKind::Ldap, settings), Some(SECRET.to_owned().into()), loopback())
}

fn failure(greeting: &Greeting) -> Option<(DiscoveryStage, FailureKind)> {
    let steps = greeting.servers.iter().flat_map(|server| &server.steps);
    let mut failed = steps.filter_map(|step| step.outcome.as_ref().err().map(|failure| (step.stage, failure.kind)));
    failed.next()
}

#[tokio::test]
async fn a_greeting_sends_no_credential() {
    let stub = StubLdap::start(script()).await;
    let greeting = look(stub_settings(&stub.ldaps_url(), &stub)).greet().await;
    assert_eq!(failure(&greeting), None, "{greeting:#?}");
    assert!(stub.binds().is_empty() && !stub.received(SECRET.as_bytes()));
    assert!(stub.searches().iter().all(|search| search.base.is_empty()), "only the root DSE is asked for");
}

#[tokio::test]
async fn each_bad_certificate_is_named_and_shown_and_no_secret_follows_it() {
    let (ours, foreign) = (Authority::new("Ours"), Authority::new("Somebody else"));
    for (what, certificate, kind) in [
        ("foreign", foreign.local(), FailureKind::IssuerUnknown),
        ("wrong host", ours.wrong_host(), FailureKind::CertificateForOtherName),
        ("expired", ours.expired(), FailureKind::CertificateExpired),
    ] {
        let stub = StubLdap::start(script().certificate(certificate)).await;
        for url in [stub.ldaps_url(), stub.ldap_url()] {
            let mut settings = stub_settings(&url, &stub);
            settings.ca_pem = Some(ours.ca_pem().to_owned());
            let discovery = look(settings);
            let greeting = discovery.greet().await;
            assert_eq!(failure(&greeting), Some((DiscoveryStage::Tls, kind)), "{what}: {greeting:#?}");
            let shown = &greeting.servers[0].certificates[0];
            assert_eq!(shown.issuer.contains("Somebody else"), what == "foreign", "{shown:?}");
            assert_eq!(shown.names == ["directory.elsewhere.test"], what == "wrong host", "{shown:?}");
            assert!(!shown.is_authority);
            assert_eq!(discovery.survey().await.unwrap_err().kind, kind, "{what}");
            assert!(stub.binds().is_empty() && !stub.received(SECRET.as_bytes()), "{what}");
        }
    }
}

#[tokio::test]
async fn what_fails_before_tls_has_a_kind_of_its_own() {
    let stub = StubLdap::start(script()).await;
    let good = || stub_settings(&stub.ldaps_url(), &stub);
    let at = |url: &str| LdapSettings { urls: vec![url.parse().unwrap()], ..good() };
    let port = stub.ldap_url().rsplit(':').next().unwrap().to_owned();
    for (settings, stage, kind) in [
        (at("ldaps://no-such-host.invalid"), DiscoveryStage::Resolve, FailureKind::NameUnknown),
        (at("ldaps://10.1.2.3"), DiscoveryStage::Resolve, FailureKind::AddressNotAllowed),
        (at("ldaps://127.0.0.1:9"), DiscoveryStage::Connect, FailureKind::PortClosed),
        (at(&format!("ldaps://127.0.0.1:{port}")), DiscoveryStage::Tls, FailureKind::NotTls),
        (
            LdapSettings { ca_pem: Some("nonsense".into()), ..good() },
            DiscoveryStage::Resolve,
            FailureKind::AuthorityUnreadable,
        ),
        (LdapSettings { urls: vec![], ..good() }, DiscoveryStage::Resolve, FailureKind::Settings),
    ] {
        let greeting = look(settings).greet().await;
        assert_eq!(failure(&greeting), Some((stage, kind)), "{greeting:#?}");
    }
    let refusing = StubLdap::start(script().on_start_tls(StartTlsAnswer::Refuse(2))).await;
    let greeting = look(stub_settings(&refusing.ldap_url(), &refusing)).greet().await;
    assert_eq!(failure(&greeting), Some((DiscoveryStage::Tls, FailureKind::StartTlsRefused)));
    assert!(!stub.received(SECRET.as_bytes()) && !refusing.received(SECRET.as_bytes()));
    // Nobody is asked about the hub's own network unless the server was started to allow it.
    let closed = Arc::new(AllowedNetworks::default());
    let greeting = LdapDiscovery::new(&source(SourceKind::Ldap, good()), None, closed).greet().await;
    assert_eq!(failure(&greeting), Some((DiscoveryStage::Resolve, FailureKind::AddressNotAllowed)));
}

#[tokio::test]
async fn a_refused_service_account_is_tried_once_and_nowhere_else() {
    let refuse = || script().on_bind(READER, BindAnswer::Code(49, "no".into()));
    let (first, second) = (StubLdap::start(refuse()).await, StubLdap::start(refuse()).await);
    let mut settings = stub_settings(&first.ldaps_url(), &first);
    settings.urls.push(second.ldaps_url().parse().unwrap());
    settings.ca_pem = Some(format!("{}{}", first.ca_pem(), second.ca_pem()));
    assert_eq!(look(settings).survey().await.unwrap_err().kind, FailureKind::AccountRefused);
    assert_eq!((first.binds_of(READER), second.binds_of(READER)), (1, 0));
    let nameless = LdapSettings { bind_dn: " ".into(), ..stub_settings(&first.ldaps_url(), &first) };
    assert_eq!(look(nameless).survey().await.unwrap_err().kind, FailureKind::AccountMissing);
    let plain =
        StubLdap::start(script().on_bind(READER, BindAnswer::Code(13, "confidentiality required".into()))).await;
    let mut settings = stub_settings(&plain.ldap_url(), &plain);
    settings.transport = TransportSecurity::Plain;
    assert_eq!(look(settings).survey().await.unwrap_err().kind, FailureKind::EncryptionRequired);
}

#[tokio::test]
async fn hostile_directories_end_in_failures() {
    let evil = StubLdap::start(script()).await;
    let url = format!("{}/dc=example,dc=test", evil.ldap_url());
    let person = StubEntry::new(ANNA, &[("objectClass", "inetOrgPerson"), ("uid", "anna"), ("entryUUID", ANNA_ID)]);
    for (what, answer) in [
        ("endless entries", SearchAnswer::EndlessEntries(person.clone())),
        ("endless, but the root", SearchAnswer::ButRoot(Box::new(SearchAnswer::EndlessEntries(person.clone())))),
        ("a referral", SearchAnswer::Referral(url.clone())),
        ("a reference", SearchAnswer::ButRoot(Box::new(SearchAnswer::Reference(url)))),
        ("silence", SearchAnswer::ButRoot(Box::new(SearchAnswer::Silence))),
        ("an end", SearchAnswer::Close),
        ("junk", SearchAnswer::ButRoot(Box::new(SearchAnswer::Raw(vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff])))),
        ("deep junk", SearchAnswer::Raw([0x30, 0x80].repeat(2_000))),
        ("refusals", SearchAnswer::Code(50, "no\u{7}".into())),
    ] {
        let stub = StubLdap::start(script().on_search(answer)).await;
        let mut settings = stub_settings(&stub.ldaps_url(), &stub);
        (settings.connect_timeout_ms, settings.operation_timeout_ms) = (1_000, 1_000);
        conformance::discovery_stands_a_hostile_peer(what, &look(settings)).await;
    }
    assert_eq!((evil.connections(), evil.received_bytes()), (0, 0), "no pointer is followed");
}

#[tokio::test]
async fn entries_outside_the_base_are_refused() {
    let elsewhere = StubEntry::new("uid=anna,dc=evil,dc=test", &[("uid", "anna"), ("entryUUID", ANNA_ID)]);
    let stub = StubLdap::start(script()).await;
    assert!(look(stub_settings(&stub.ldaps_url(), &stub)).inspect().await.iter().all(|step| step.outcome.is_ok()));
    stub.set(script().on_search(SearchAnswer::ButRoot(Box::new(SearchAnswer::Entries(vec![elsewhere])))));
    let steps = look(stub_settings(&stub.ldaps_url(), &stub)).inspect().await;
    assert!(
        matches!(&steps.last().unwrap().outcome, Err(failure) if failure.kind == FailureKind::Hostile),
        "{steps:#?}"
    );
}

#[tokio::test]
async fn directory_389_is_recognised_and_its_lockout_read_where_it_may_be() {
    let person = |name: &str, id: &str| {
        StubEntry::new(
            &format!("uid={name},ou=People,dc=example,dc=test"),
            &[("objectClass", "inetOrgPerson"), ("uid", name), ("cn", name), ("nsUniqueId", id)],
        )
    };
    let mut script = script();
    script.entries.retain(|entry| !entry.dn.is_empty() && entry.dn != ANNA);
    let mut script = script.entry(
        "",
        &[
            ("objectClass", "top"),
            ("namingContexts", "o=netscaperoot"),
            ("namingContexts", "dc=example,dc=test"),
            ("vendorName", "389 Project"),
            ("vendorVersion", "389-Directory/2.3.1"),
        ],
    );
    script.entries.extend([
        person("anna", "66446001-1dd211b2-66225011-2ee211db"),
        person("bo", "66446001-1dd211b2-66225011-2ee211dc"),
    ]);
    let stub = StubLdap::start(script.clone()).await;
    let survey = look(stub_settings(&stub.ldaps_url(), &stub)).survey().await.unwrap();
    assert_eq!(survey.introduction.vendor, Vendor::Directory389);
    assert_eq!(survey.proposal.id_attribute, "nsUniqueId");
    assert_eq!(survey.proposal.base_dn, "ou=People,dc=example,dc=test");
    assert!(
        survey.lockout.threshold.is_none() && survey.lockout.unreadable[0].contains("directory manager"),
        "{survey:#?}"
    );
    let figures = [
        ("objectClass", "top"),
        ("passwordLockout", "on"),
        ("passwordMaxFailure", "3"),
        ("passwordResetFailureCount", "600"),
        ("passwordUnlock", "on"),
        ("passwordLockoutDuration", "3600"),
    ];
    stub.set(script.entry("cn=config", &figures));
    let lockout = look(stub_settings(&stub.ldaps_url(), &stub)).survey().await.unwrap().lockout;
    assert_eq!(
        (lockout.threshold, lockout.window_seconds, lockout.duration_seconds),
        (Some(3), Some(600), Some(3_600))
    );
    assert!(!lockout.read_at_sign_in, "the connector does not look there at sign-in, so it has to be entered");
}
