//! Sources and browsers of these tests.

use std::sync::Arc;

use connector::{AllowedNetworks, RedirectReturn, RedirectStart};
use connector_entra::OpenIdConnector;
use directory::{ConnectorSettings, OpenIdSettings, Source, SourceDraft, SourceKind, SourceMode};
use url::Url;

/// A source with these settings.
pub fn source(kind: SourceKind, settings: OpenIdSettings) -> Source {
    let draft = SourceDraft::preset(kind);
    Source {
        id: "0198c0de-0000-7000-8000-000000000001".parse().unwrap(),
        name: "cloud".to_owned(),
        label: "Cloud".to_owned(),
        kind,
        mode: SourceMode::Active,
        just_in_time: true,
        domains: vec!["example.test".to_owned()],
        connector: ConnectorSettings::OpenId(settings),
        lockout: draft.lockout,
        capture_settle_seconds: 0,
        shadow: false,
        outage_sign_in: false,
        just_in_time_activation: false,
        self_written: Vec::new(),
        protected_groups: Vec::new(),
        profile: directory::ProfileSettings::default(),
        definitions: Default::default(),
        revision: 1,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// The networks of this machine.
pub fn local() -> Arc<AllowedNetworks> {
    Arc::new(AllowedNetworks::new(["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]))
}

pub fn connect(source: &Source, secret: &str) -> OpenIdConnector {
    OpenIdConnector::new(source, secret.to_owned().into(), local()).unwrap()
}

pub fn start(redirect_uri: &Url) -> RedirectStart {
    RedirectStart {
        redirect_uri: redirect_uri.clone(),
        state: "a-state".to_owned(),
        nonce: "a-nonce".to_owned(),
        // RFC 7636, appendix B.
        code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned().into(),
        login_hint: Some("ada@example.test".to_owned()),
    }
}

/// What the browser brought back, as the hub would hand it on.
pub fn came_back(redirect_uri: &Url, back: &Url) -> RedirectReturn {
    let value = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let RedirectStart { nonce, code_verifier, .. } = start(redirect_uri);
    RedirectReturn {
        redirect_uri: redirect_uri.clone(),
        code: value("code").unwrap_or_else(|| panic!("no code in {back}")).into(),
        issuer: value("iss"),
        nonce,
        code_verifier,
    }
}
