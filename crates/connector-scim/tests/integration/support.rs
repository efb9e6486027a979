use std::sync::Arc;

use connector::{AllowedNetworks, Trouble};
use connector_scim::ScimConnector;
use directory::{ConnectorSettings, LockoutSettings, ScimSettings, Source, SourceId, SourceKind, SourceMode};
use uuid::Uuid;

pub fn source(url: &str) -> Source {
    let settings = ScimSettings { url: url.parse().unwrap(), page_size: 7, ..ScimSettings::preset() };
    Source {
        id: SourceId::from(Uuid::from_u128(7)),
        name: "scim".into(),
        label: "SCIM".into(),
        kind: SourceKind::Scim,
        mode: SourceMode::Active,
        just_in_time: true,
        domains: vec![],
        connector: ConnectorSettings::Scim(settings),
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

pub fn connect(url: &str, token: &str) -> Result<ScimConnector, Trouble> {
    let loopback = Arc::new(AllowedNetworks::new(["127.0.0.0/8".parse().unwrap()]));
    ScimConnector::new(&source(url), token.to_owned().into(), loopback)
}
