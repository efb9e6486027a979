//! A source: a directory people come from, how it is reached and what the hub may do with it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AttributeName, ConnectorSettings, SourceId, words::words};

words! {
    /// The kind of directory, which decides the connector.
    SourceKind, "source kind" {
        /// OpenLDAP and its kin.
        Ldap = "ldap",
        /// Microsoft Active Directory or Samba AD.
        ActiveDirectory = "active-directory",
        /// A table of people in PostgreSQL, MySQL, MariaDB or SQLite.
        Sql = "sql",
        /// Microsoft Entra ID: sign-in by redirect, people and groups from Microsoft Graph.
        Entra = "entra",
        /// Any other OpenID provider: sign-in by redirect only.
        OpenId = "openid",
        /// A SCIM 2.0 service that hands over people and groups.
        Scim = "scim",
        /// A file with people: CSV, JSON lines or LDIF.
        File = "file",
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

impl SourceKind {
    /// Default of [`Source::capture_settle_seconds`].
    #[must_use]
    pub const fn capture_settle_seconds(self) -> u64 {
        match self {
            Self::ActiveDirectory => 70 * 60,
            Self::Ldap | Self::Sql | Self::Entra | Self::OpenId | Self::Scim | Self::File => 0,
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
