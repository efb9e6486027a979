//! Where a source is and how to read it: one file per kind of connector.

mod file;
mod ldap;
mod openid;
mod scim;
mod sql;

use std::collections::BTreeMap;

pub use file::{Delimiter, FileFormat, FileSettings};
pub use ldap::{HostChoice, LdapObjects, LdapSettings, TransportSecurity};
pub use openid::OpenIdSettings;
pub use scim::ScimSettings;
use serde::{Deserialize, Serialize};
pub use sql::{SqlCallOut, SqlDevices, SqlFlag, SqlGroups, SqlPassword, SqlSettings};
use url::Url;

use crate::{AttributeName, SourceKind};

/// From the hub's attribute to the source's.
pub type AttributeMapping = BTreeMap<AttributeName, String>;

/// Where the source is and how to read it, by kind of connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "connector", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "there is one per source, and plain data is easier to fill unboxed")]
pub enum ConnectorSettings {
    Ldap(LdapSettings),
    Sql(SqlSettings),
    /// Entra ID, and every other OpenID provider.
    #[serde(rename = "openid")]
    OpenId(OpenIdSettings),
    Scim(ScimSettings),
    File(FileSettings),
}

impl ConnectorSettings {
    /// The settings a fresh source of this kind starts from.
    #[must_use]
    pub fn preset(kind: SourceKind) -> Self {
        match kind {
            SourceKind::Ldap | SourceKind::ActiveDirectory => Self::Ldap(LdapSettings::preset(kind)),
            SourceKind::Sql => Self::Sql(SqlSettings::preset()),
            SourceKind::Entra | SourceKind::OpenId => Self::OpenId(OpenIdSettings::preset(kind)),
            SourceKind::Scim => Self::Scim(ScimSettings::preset()),
            SourceKind::File => Self::File(FileSettings::preset()),
        }
    }

    /// Whether these settings are for sources of this kind.
    #[must_use]
    pub const fn fits(&self, kind: SourceKind) -> bool {
        match self {
            Self::Ldap(_) => matches!(kind, SourceKind::Ldap | SourceKind::ActiveDirectory),
            Self::Sql(_) => matches!(kind, SourceKind::Sql),
            Self::OpenId(_) => matches!(kind, SourceKind::Entra | SourceKind::OpenId),
            Self::Scim(_) => matches!(kind, SourceKind::Scim),
            Self::File(_) => matches!(kind, SourceKind::File),
        }
    }

    /// Whether passwords would cross the network unprotected.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        match self {
            Self::Ldap(settings) => settings.transport == TransportSecurity::Plain,
            Self::Sql(settings) => settings.is_plain(),
            Self::OpenId(settings) => settings.is_plain(),
            Self::Scim(settings) => settings.is_plain(),
            Self::File(_) => false,
        }
    }

    /// The servers, in the order of the settings; none for a file.
    #[must_use]
    pub fn urls(&self) -> Vec<&Url> {
        match self {
            Self::Ldap(settings) => settings.urls.iter().collect(),
            Self::Sql(settings) => vec![&settings.url],
            Self::OpenId(settings) => settings.urls(),
            Self::Scim(settings) => vec![&settings.url],
            Self::File(_) => Vec::new(),
        }
    }

    /// The private authority its servers' certificates are checked against, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        match self {
            Self::Ldap(settings) => settings.ca_pem.as_deref(),
            Self::Sql(settings) => settings.ca_pem.as_deref(),
            Self::OpenId(settings) => settings.ca_pem.as_deref(),
            Self::Scim(settings) => settings.ca_pem.as_deref(),
            Self::File(_) => None,
        }
    }

    /// The account the hub uses there, as it is called.
    #[must_use]
    pub fn service_account(&self) -> &str {
        match self {
            Self::Ldap(settings) => &settings.bind_dn,
            Self::Sql(settings) => settings.url.username(),
            Self::OpenId(settings) => &settings.client_id,
            Self::Scim(_) | Self::File(_) => "",
        }
    }

    /// Whether the hub needs a secret of its own there.
    #[must_use]
    pub fn needs_secret(&self) -> bool {
        match self {
            Self::Ldap(_) | Self::OpenId(_) | Self::Scim(_) => true,
            Self::Sql(settings) => settings.url.scheme() != "sqlite",
            Self::File(_) => false,
        }
    }

    /// Whether the hub itself compares typed passwords with those stored there: the source sees no attempt, so it
    /// locks nobody and there is no budget to keep.
    #[must_use]
    pub const fn hands_passwords_over(&self) -> bool {
        match self {
            Self::Sql(_) | Self::File(_) => true,
            Self::Ldap(_) | Self::OpenId(_) | Self::Scim(_) => false,
        }
    }

    /// Whether a password typed at the hub can be compared with what the source holds.
    #[must_use]
    pub const fn takes_passwords(&self) -> bool {
        match self {
            Self::Ldap(_) => true,
            Self::Sql(settings) => settings.password.is_some(),
            Self::File(settings) => settings.password.is_some(),
            Self::OpenId(_) | Self::Scim(_) => false,
        }
    }

    /// Whether people sign in there by redirect: no password typed here is ever sent there.
    #[must_use]
    pub const fn redirects(&self) -> bool {
        match self {
            Self::OpenId(_) => true,
            Self::Ldap(_) | Self::Sql(_) | Self::Scim(_) | Self::File(_) => false,
        }
    }

    /// Whether its people can be read with the hub's own account.
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        match self {
            Self::OpenId(settings) => settings.is_readable(),
            Self::Ldap(_) | Self::Sql(_) | Self::Scim(_) | Self::File(_) => true,
        }
    }

    /// From the hub's attributes to the source's; none where the protocol itself says what is what.
    #[must_use]
    pub const fn mapping(&self) -> Option<&AttributeMapping> {
        match self {
            Self::Ldap(settings) => Some(&settings.mapping),
            Self::Sql(settings) => Some(&settings.mapping),
            Self::OpenId(settings) => Some(&settings.mapping),
            Self::File(settings) => Some(&settings.mapping),
            Self::Scim(_) => None,
        }
    }

    /// The settings of an LDAP directory, if it is one.
    #[must_use]
    pub const fn ldap(&self) -> Option<&LdapSettings> {
        if let Self::Ldap(settings) = self { Some(settings) } else { None }
    }

    /// The same, to be changed.
    #[must_use]
    pub const fn ldap_mut(&mut self) -> Option<&mut LdapSettings> {
        if let Self::Ldap(settings) = self { Some(settings) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source without a column of passwords says who there is, and cannot let anybody in.
    #[test]
    fn a_file_takes_passwords_only_where_a_column_has_them() {
        let without = FileSettings::preset();
        let with = FileSettings { password: Some("password_hash".into()), ..without.clone() };
        assert!(!ConnectorSettings::File(without).takes_passwords());
        assert!(ConnectorSettings::File(with).takes_passwords());
    }
}
