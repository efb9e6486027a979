//! A source: a directory people come from, how it is reached and what the hub may do with it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{AttributeName, SourceId, words::words};

words! {
    /// The kind of directory, which decides the connector.
    SourceKind, "source kind" {
        /// OpenLDAP and its kin.
        Ldap = "ldap",
        /// Microsoft Active Directory or Samba AD.
        ActiveDirectory = "active-directory",
    }
}

words! {
    /// What the hub may do with a source (semantics, section 1).
    SourceMode, "source mode" {
        /// Delegate; people unknown to the hub are created.
        Active = "active",
        /// As active, and every proven password is stored and taken over.
        Capture = "capture",
        /// Nobody new; people still delegate, and are still captured.
        Draining = "draining",
        /// No delegation; would-have-delegated is counted.
        Observe = "observe",
        /// Treated as down, never as "not found".
        Paused = "paused",
        /// Gone for good.
        Retired = "retired",
    }
}

words! {
    /// How the connection is protected.
    TransportSecurity, "transport security" {
        /// `ldaps://`: TLS from the first byte.
        Tls = "tls",
        /// `ldap://` upgraded with StartTLS before anything else is said.
        StartTls = "start-tls",
        /// No protection. Only by an explicit, audited setting.
        Plain = "plain",
    }
}

words! {
    /// Which of a source's servers is asked first.
    HostChoice, "choice of servers" {
        /// The first in the list that is healthy; the others stand by.
        InOrder = "in-order",
        /// All healthy ones in turn.
        Spread = "spread",
    }
}

/// One registered source. The bind secret is not here: it is sealed and never leaves the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub id: SourceId,
    /// Short, unique, as in `site.toml`.
    pub name: String,
    /// What people read: "Corporate LDAP".
    pub label: String,
    pub kind: SourceKind,
    pub mode: SourceMode,
    /// Create people unknown to the hub when they prove their password here.
    pub just_in_time: bool,
    /// E-mail domains this source owns, folded.
    pub domains: Vec<String>,
    pub connector: ConnectorSettings,
    pub lockout: LockoutSettings,
    /// Seconds a password must have been unchanged at the source before it is captured. AD accepts the old password
    /// for 60 minutes after a change, so 70 minutes there; 0 elsewhere.
    pub capture_settle_seconds: u64,
    /// Keep a captured verifier beside the source's answer and compare the two (U3).
    pub shadow: bool,
    /// Let people whose source is down in with their captured verifier, within narrow limits (D15).
    pub outage_sign_in: bool,
    /// Activate staged people (U1) when they prove their password here.
    pub just_in_time_activation: bool,
    /// Attributes this source's people can write themselves: never an alias, a match key or a recovery address.
    pub self_written: Vec<AttributeName>,
    /// DNs of groups whose members are privileged.
    pub protected_groups: Vec<String>,
    /// Raised by every change; a stale form is refused.
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Where the source is and how to read it, by kind of connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "connector", rename_all = "kebab-case")]
pub enum ConnectorSettings {
    Ldap(LdapSettings),
}

impl ConnectorSettings {
    /// Whether passwords would cross the network unprotected.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        match self {
            Self::Ldap(settings) => settings.transport == TransportSecurity::Plain,
        }
    }
}

/// An LDAP directory or Active Directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LdapSettings {
    /// The servers. One may stand in for another only before a person's password was sent.
    pub urls: Vec<Url>,
    #[serde(default = "in_order")]
    pub host_choice: HostChoice,
    pub transport: TransportSecurity,
    /// PEM of the private certificate authority; the system's authorities if absent.
    pub ca_pem: Option<String>,
    pub bind_dn: String,
    pub base_dn: String,
    /// An LDAP filter (RFC 4515) that selects people.
    pub person_filter: String,
    /// Attributes that a typed name is compared with.
    pub name_attributes: Vec<String>,
    /// The attribute with the immutable id: `entryUUID`, `objectGUID`.
    pub id_attribute: String,
    /// The attribute with the name people type: `uid`, `sAMAccountName`.
    pub username_attribute: String,
    pub mapping: AttributeMapping,
    /// NetBIOS name of the domain, for `DOMAIN\name`; Active Directory only.
    pub netbios_domain: Option<String>,
    /// Milliseconds for connect and TLS together.
    pub connect_timeout_ms: u64,
    /// Milliseconds for one search or bind.
    pub operation_timeout_ms: u64,
    /// Connections kept for binds, and as many again for searches.
    pub connections: u32,
    /// Entries per page of a paged read.
    pub page_size: u32,
}

const fn in_order() -> HostChoice {
    HostChoice::InOrder
}

/// From the hub's attribute to the source's.
pub type AttributeMapping = BTreeMap<AttributeName, String>;

impl LdapSettings {
    /// The settings a fresh source of this kind starts from.
    #[must_use]
    pub fn preset(kind: SourceKind) -> Self {
        let ad = kind == SourceKind::ActiveDirectory;
        let pick = |for_ad: &str, for_ldap: &str| if ad { for_ad.to_owned() } else { for_ldap.to_owned() };
        Self {
            urls: Vec::new(),
            host_choice: in_order(),
            transport: TransportSecurity::Tls,
            ca_pem: None,
            bind_dn: String::new(),
            base_dn: String::new(),
            person_filter: pick("(&(objectCategory=person)(objectClass=user))", "(objectClass=inetOrgPerson)"),
            name_attributes: if ad {
                ["sAMAccountName", "userPrincipalName", "mail"].map(str::to_owned).to_vec()
            } else {
                ["uid", "mail"].map(str::to_owned).to_vec()
            },
            id_attribute: pick("objectGUID", "entryUUID"),
            username_attribute: pick("sAMAccountName", "uid"),
            mapping: AttributeMapping::from([
                (AttributeName::DisplayName, pick("displayName", "cn")),
                (AttributeName::GivenName, "givenName".to_owned()),
                (AttributeName::FamilyName, "sn".to_owned()),
                (AttributeName::Email, "mail".to_owned()),
                (AttributeName::Phone, "telephoneNumber".to_owned()),
                (AttributeName::EmployeeNumber, pick("employeeID", "employeeNumber")),
                (AttributeName::Title, "title".to_owned()),
                (AttributeName::Department, pick("department", "ou")),
                (AttributeName::Locale, "preferredLanguage".to_owned()),
            ]),
            netbios_domain: None,
            connect_timeout_ms: 3_000,
            operation_timeout_ms: 4_000,
            connections: 8,
            page_size: 500,
        }
    }
}

impl SourceKind {
    /// Default of [`Source::capture_settle_seconds`].
    #[must_use]
    pub const fn capture_settle_seconds(self) -> u64 {
        match self {
            Self::Ldap => 0,
            Self::ActiveDirectory => 70 * 60,
        }
    }
}

/// What an administrator configured about the source's lockout, for sources that do not show it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockoutSettings {
    /// Wrong passwords after which the source locks; `Some(0)` = it never does.
    pub threshold: Option<u32>,
    /// Seconds during which they add up; `Some(0)` = they never expire.
    pub window_seconds: Option<u64>,
    /// The administrator accepted that a source which locks at one or two wrong passwords leaves no margin.
    pub waiver: bool,
}
