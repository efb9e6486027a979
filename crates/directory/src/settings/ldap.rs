//! How an LDAP directory or Active Directory is reached and read.

use serde::{Deserialize, Serialize};
use url::Url;

use super::AttributeMapping;
use crate::{AttributeName, SourceKind, words::words};

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

/// Where groups and devices are. Each absent = as usual for this kind of directory; an empty filter = none are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdapObjects {
    /// The tree that holds groups; the whole directory if absent: people's groups are often not below their base.
    pub group_base: Option<String>,
    pub group_filter: Option<String>,
    pub device_base: Option<String>,
    pub device_filter: Option<String>,
}

impl LdapObjects {
    /// What selects groups where nothing is said: `groupOfNames` and `groupOfUniqueNames` (RFC 4519), `posixGroup`
    /// (RFC 2307); in Active Directory its own category.
    #[must_use]
    pub const fn usual_group_filter(kind: SourceKind) -> &'static str {
        if matches!(kind, SourceKind::ActiveDirectory) {
            "(objectCategory=group)"
        } else {
            "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
        }
    }

    /// What selects devices where nothing is said: `device` (RFC 4519); in Active Directory computers.
    #[must_use]
    pub const fn usual_device_filter(kind: SourceKind) -> &'static str {
        if matches!(kind, SourceKind::ActiveDirectory) { "(objectCategory=computer)" } else { "(objectClass=device)" }
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
    #[serde(default)]
    pub objects: LdapObjects,
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
            objects: LdapObjects::default(),
            netbios_domain: None,
            connect_timeout_ms: 3_000,
            operation_timeout_ms: 4_000,
            connections: 8,
            page_size: 500,
        }
    }
}
