//! A source: a directory people come from, how it is reached and what the hub may do with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AttributeDefinition, AttributeName, ConnectorSettings, CustomName, SourceId, words::words};

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
    pub profile: ProfileSettings,
    /// The attributes that the installation defines, the same for every source: no setting of it.
    #[serde(skip)]
    pub definitions: Arc<[AttributeDefinition]>,
    /// Raised by every change; a stale form is refused.
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Source {
    /// The definition of one of the installation's own attributes.
    #[must_use]
    pub fn definition(&self, name: CustomName) -> Option<&AttributeDefinition> {
        self.definitions.iter().find(|definition| definition.name == name)
    }

    /// Whether people can write this attribute there themselves: it is declared so, or it is one of the installation's
    /// own and computed from one that is. What people write does not become anybody else's word by being computed.
    #[must_use]
    pub fn is_self_written(&self, name: AttributeName) -> bool {
        if self.self_written.contains(&name) {
            return true;
        }
        let expression = name.custom().and_then(|_| self.profile.expressions.get(&name));
        let mapping = self.connector.mapping();
        let written = |read: &String| {
            self.self_written.iter().any(|own| {
                let at_source = mapping.and_then(|mapping| mapping.get(own));
                own.as_str() == read || at_source.is_some_and(|at| at.eq_ignore_ascii_case(read))
            })
        };
        expression.is_some_and(|text| names_in(text).iter().any(written))
    }
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

/// Writing at a source, off by default: a second account, and what it is for. Its password is not here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteAccess {
    /// Never the account that reads. Empty = nothing is written there.
    pub bind_dn: String,
    /// Help desk may end a lock there.
    pub unlock_at_source: bool,
    /// Whose password has expired there may change it there.
    pub password_write_back: bool,
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

/// How much a source counts for the attributes of people whom other sources know too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileSettings {
    /// The lowest number owns an attribute; without one, a source comes after all that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    /// For single attributes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub priorities: BTreeMap<AttributeName, u32>,
    /// What an attribute is computed from, as CEL over `entry`; the plain mapping reads the others.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub expressions: BTreeMap<AttributeName, String>,
}

impl ProfileSettings {
    /// The number that counts for this attribute.
    #[must_use]
    pub fn priority_of(&self, name: AttributeName) -> Option<u32> {
        self.priorities.get(&name).copied().or(self.priority)
    }

    /// The source's own attributes that expressions read. The hub's names, and `username`, mean what the plain mapping
    /// reads.
    #[must_use]
    pub fn reads(&self) -> BTreeSet<String> {
        let ours = |name: &String| name == "username" || name.parse::<AttributeName>().is_ok();
        self.expressions.values().flat_map(|text| names_in(text)).filter(|name| !ours(name)).collect()
    }
}

/// The names an expression reads: `entry.mail`, `entry.?mail`, `entry["x-mail"]`, `"mail" in entry`. One too many only
/// costs reading it.
#[must_use]
pub fn names_in(expression: &str) -> BTreeSet<String> {
    const ENTRY: &str = "entry";
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let quote = |c: char| c == '"' || c == '\'';
    let mut names = BTreeSet::new();
    for (at, _) in expression.match_indices(ENTRY) {
        let (before, after) = (&expression[..at], expression[at + ENTRY.len()..].trim_start());
        if before.ends_with(is_word) || after.starts_with(is_word) {
            continue;
        }
        if let Some(rest) = after.strip_prefix('.') {
            let rest = rest.trim_start().trim_start_matches('?').trim_start();
            names.insert(rest.chars().take_while(|c| is_word(*c)).collect());
        } else if let Some(rest) = after.strip_prefix('[') {
            let rest = rest.trim_start().trim_start_matches('?').trim_start();
            if let Some(mark) = rest.chars().next().filter(|c| quote(*c)) {
                names.extend(rest[1..].split(mark).next().map(str::to_owned));
            }
        }
        if let Some(literal) = before.trim_end().strip_suffix("in").map(str::trim_end)
            && let Some(mark) = literal.chars().last().filter(|c| quote(*c))
        {
            names.extend(literal[..literal.len() - 1].rsplit(mark).next().map(str::to_owned));
        }
    }
    names.remove("");
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_expression_reads_is_found_by_its_name() {
        let names = |text: &str| names_in(text).into_iter().collect::<Vec<_>>();
        assert_eq!(names("entry.mail.lower()"), ["mail"]);
        assert_eq!(names("entry.?ou.orValue(\"none\") + entry['x-cost']"), ["ou", "x-cost"]);
        assert_eq!(names("\"l\" in entry ? entry[\"l\"] : null"), ["l"]);
        assert_eq!(names("\"entry\" + sentry.x + entryx"), Vec::<String>::new());
        assert_eq!(names("entry[entry.which]"), ["which"]);
        let profile = ProfileSettings {
            expressions: [(AttributeName::Email, "entry.email + entry.username + entry.mail".to_owned())].into(),
            ..ProfileSettings::default()
        };
        assert_eq!(profile.reads().into_iter().collect::<Vec<_>>(), ["mail"]);
    }
}
