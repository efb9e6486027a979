//! What an administrator fills in to register or change a source or an application, before the hub has checked it.

use serde::{Deserialize, Serialize};

use crate::{
    AttributeName, Client, ClientAuthentication, ClientId, ConnectorSettings, ConsentPolicy, LockoutSettings,
    ProfileSettings, PublishedGroup, Source, SourceId, SourceKind, SourceMode,
};

/// A source as an administrator wants it. The bind secret travels apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDraft {
    pub name: String,
    pub label: String,
    pub kind: SourceKind,
    pub mode: SourceMode,
    pub just_in_time: bool,
    pub domains: Vec<String>,
    pub connector: ConnectorSettings,
    pub lockout: LockoutSettings,
    pub capture_settle_seconds: u64,
    pub shadow: bool,
    pub outage_sign_in: bool,
    pub just_in_time_activation: bool,
    pub self_written: Vec<AttributeName>,
    pub protected_groups: Vec<String>,
    #[serde(default)]
    pub profile: ProfileSettings,
    /// Says yes to a connection without TLS; without it, plain transport is refused.
    pub allow_plain: bool,
}

impl SourceDraft {
    /// What the form for a new source of this kind starts from. It starts paused: nothing is asked of the directory
    /// before somebody has tested it.
    #[must_use]
    pub fn preset(kind: SourceKind) -> Self {
        Self {
            name: String::new(),
            label: String::new(),
            kind,
            mode: SourceMode::Paused,
            just_in_time: true,
            domains: Vec::new(),
            connector: ConnectorSettings::preset(kind),
            lockout: LockoutSettings::default(),
            capture_settle_seconds: kind.capture_settle_seconds(),
            shadow: false,
            outage_sign_in: false,
            just_in_time_activation: false,
            self_written: vec![AttributeName::Phone],
            protected_groups: Vec::new(),
            profile: ProfileSettings::default(),
            allow_plain: false,
        }
    }
}

impl From<&Source> for SourceDraft {
    /// What the form for changing a source starts from.
    fn from(source: &Source) -> Self {
        Self {
            name: source.name.clone(),
            label: source.label.clone(),
            kind: source.kind,
            mode: source.mode,
            just_in_time: source.just_in_time,
            domains: source.domains.clone(),
            connector: source.connector.clone(),
            lockout: source.lockout,
            capture_settle_seconds: source.capture_settle_seconds,
            shadow: source.shadow,
            outage_sign_in: source.outage_sign_in,
            just_in_time_activation: source.just_in_time_activation,
            self_written: source.self_written.clone(),
            protected_groups: source.protected_groups.clone(),
            profile: source.profile.clone(),
            allow_plain: source.connector.is_plain(),
        }
    }
}

/// An application as an administrator wants it. The hub makes its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientDraft {
    pub id: ClientId,
    pub name: String,
    pub authentication: ClientAuthentication,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub require_pkce: bool,
    pub consent: ConsentPolicy,
    pub original_sources: Vec<SourceId>,
    pub groups: Vec<PublishedGroup>,
}

impl ClientDraft {
    /// What the form for a new application starts from.
    #[must_use]
    pub fn preset() -> Self {
        Self {
            id: ClientId(String::new()),
            name: String::new(),
            authentication: ClientAuthentication::SecretBasic,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            require_pkce: true,
            consent: ConsentPolicy::Never,
            original_sources: Vec::new(),
            groups: Vec::new(),
        }
    }
}

impl From<&Client> for ClientDraft {
    fn from(client: &Client) -> Self {
        Self {
            id: client.id.clone(),
            name: client.name.clone(),
            authentication: client.authentication,
            redirect_uris: client.redirect_uris.clone(),
            post_logout_redirect_uris: client.post_logout_redirect_uris.clone(),
            require_pkce: client.require_pkce,
            consent: client.consent,
            original_sources: client.original_sources.clone(),
            groups: client.groups.clone(),
        }
    }
}
