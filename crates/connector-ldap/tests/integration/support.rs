use std::{sync::Arc, time::Duration};

use connector::{AllowedNetworks, Trouble};
use connector_ldap::LdapConnector;
use directory::{
    AccountStatus, ConnectorSettings, LdapSettings, LockoutReading, LockoutSettings, Source, SourceEntry, SourceId,
    SourceKind, SourceMode, TransportSecurity,
};
use testkit::{StubLdap, StubScript};
use uuid::Uuid;

pub const BASE: &str = "dc=example,dc=test";
pub const READER: &str = "cn=reader,dc=example,dc=test";
pub const ANNA: &str = "uid=anna,ou=people,dc=example,dc=test";
pub const ANNA_ID: &str = "0a0b0c0d-0000-4000-8000-000000000001";

/// Settings of a source on this machine.
pub fn settings(kind: SourceKind, url: &str, ca_pem: &str, base: &str, reader: &str) -> LdapSettings {
    let transport = if url.starts_with("ldaps:") { TransportSecurity::Tls } else { TransportSecurity::StartTls };
    LdapSettings {
        urls: vec![url.parse().unwrap()],
        transport,
        ca_pem: Some(ca_pem.to_owned()),
        bind_dn: reader.to_owned(),
        base_dn: base.to_owned(),
        connect_timeout_ms: 2_000,
        operation_timeout_ms: 2_000,
        connections: 4,
        page_size: 50,
        ..LdapSettings::preset(kind)
    }
}

pub fn source(kind: SourceKind, settings: LdapSettings) -> Source {
    Source {
        id: SourceId::from(Uuid::from_u128(7)),
        name: "test".into(),
        label: "Test directory".into(),
        kind,
        mode: SourceMode::Active,
        just_in_time: true,
        domains: vec![],
        connector: ConnectorSettings::Ldap(settings),
        lockout: LockoutSettings::default(),
        capture_settle_seconds: 0,
        shadow: false,
        outage_sign_in: false,
        just_in_time_activation: false,
        self_written: vec![],
        protected_groups: vec![],
        profile: directory::ProfileSettings::default(),
        definitions: Default::default(),
        revision: 1,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

pub fn loopback() -> Arc<AllowedNetworks> {
    Arc::new(AllowedNetworks::new(["127.0.0.0/8".parse().unwrap()]))
}

pub fn connect(source: &Source, password: &str) -> Result<LdapConnector, Trouble> {
    LdapConnector::new(source, password.to_owned().into(), loopback())
}

/// A stub directory with a reader and Anna, and a connector to it.
pub fn script() -> StubScript {
    StubScript::default()
        .entry("", &[("objectClass", "top"), ("namingContexts", BASE)])
        .entry(BASE, &[("objectClass", "domain"), ("dc", "example")])
        .entry(READER, &[("objectClass", "person"), ("cn", "reader"), ("userPassword", "reader-secret")])
        .entry(
            ANNA,
            &[
                ("objectClass", "inetOrgPerson"),
                ("uid", "anna"),
                ("cn", "Anna Åkesson"),
                ("sn", "Åkesson"),
                ("mail", "anna@example.test"),
                ("entryUUID", ANNA_ID),
                ("userPassword", "Right-Passw0rd"),
            ],
        )
}

pub fn stub_settings(url: &str, stub: &StubLdap) -> LdapSettings {
    settings(SourceKind::Ldap, url, stub.ca_pem(), BASE, READER)
}

pub fn to_stub(stub: &StubLdap) -> LdapConnector {
    connect(&source(SourceKind::Ldap, stub_settings(&stub.ldaps_url(), stub)), "reader-secret").unwrap()
}

pub fn anna() -> SourceEntry {
    SourceEntry {
        immutable_id: ANNA_ID.to_owned().into(),
        locator: ANNA.into(),
        username: Some("anna".into()),
        names: vec!["anna".into()],
        attributes: Default::default(),
        groups: vec![],
        groups_complete: true,
        status: AccountStatus::Active,
        password_set_at: None,
        lockout: LockoutReading::default(),
        privileged: false,
        raw: std::collections::BTreeMap::new(),
        anchors: directory::Anchors::default(),
        server: String::new(),
    }
}

/// Waits for something that another task is about to do.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come about");
}
