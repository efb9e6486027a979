//! How an OpenID provider is reached: sign-in by redirect; people and groups from Microsoft Graph where it is Entra ID.

use serde::{Deserialize, Serialize};
use url::Url;

use super::AttributeMapping;
use crate::{AttributeName, SourceKind};

/// An OpenID provider. The client secret is the source's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenIdSettings {
    /// The issuer, exactly as its tokens name it; for Entra ID with the tenant's id, never `common`.
    pub issuer: Url,
    pub client_id: String,
    /// PEM of the private certificate authority; the system's authorities if absent.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// Microsoft Graph, for Entra ID.
    #[serde(default)]
    pub graph: Option<Url>,
    /// From the hub's attribute to the provider's claim, or to the property of Microsoft Graph. What is left out is
    /// read where the standard puts it ([`OpenIdSettings::reads`]).
    #[serde(default)]
    pub mapping: AttributeMapping,
}

impl OpenIdSettings {
    /// The settings a fresh source of this kind starts from.
    #[must_use]
    pub fn preset(kind: SourceKind) -> Self {
        let url = |text| Url::parse(text).unwrap_or_else(|_| unreachable!("a constant URL"));
        let entra = kind == SourceKind::Entra;
        Self {
            issuer: url(if entra { "https://login.microsoftonline.com/" } else { "https://provider.example/" }),
            client_id: String::new(),
            ca_pem: None,
            graph: entra.then(|| url("https://graph.microsoft.com/v1.0/")),
            mapping: AttributeMapping::new(),
        }
    }

    /// Whether secrets would cross the network unprotected.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.urls().iter().any(|url| url.scheme() != "https")
    }

    /// Everything that is dialled by these settings.
    #[must_use]
    pub fn urls(&self) -> Vec<&Url> {
        std::iter::once(&self.issuer).chain(&self.graph).collect()
    }

    /// Whether people can be read without their being there: not from a provider that shows them only as they sign in.
    #[must_use]
    pub const fn is_readable(&self) -> bool {
        self.graph.is_some()
    }

    /// The tenant that the issuer of Entra ID names: the first part of its path. `common`, `organizations` and
    /// `consumers` are none.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        let first = self.issuer.path_segments()?.next()?;
        let shape = [8, 4, 4, 4, 12];
        let parts: Vec<&str> = first.split('-').collect();
        let fits = parts.len() == shape.len()
            && parts.iter().zip(shape).all(|(part, length)| {
                part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            });
        fits.then_some(first)
    }

    /// From the hub's attribute to the claim (OpenID Connect Core, 5.1) or to the property of Microsoft Graph's `user`.
    #[must_use]
    pub fn reads(&self) -> AttributeMapping {
        use AttributeName as Name;
        let standard: &[(Name, &str)] = if self.graph.is_some() {
            &[
                (Name::DisplayName, "displayName"),
                (Name::GivenName, "givenName"),
                (Name::FamilyName, "surname"),
                (Name::Email, "mail"),
                (Name::Phone, "mobilePhone"),
                (Name::EmployeeNumber, "employeeId"),
                (Name::Title, "jobTitle"),
                (Name::Department, "department"),
                (Name::Locale, "preferredLanguage"),
            ]
        } else {
            &[
                (Name::DisplayName, "name"),
                (Name::GivenName, "given_name"),
                (Name::FamilyName, "family_name"),
                (Name::Email, "email"),
                (Name::Phone, "phone_number"),
                (Name::Locale, "locale"),
            ]
        };
        let mut reads: AttributeMapping = standard.iter().map(|(name, at)| (*name, (*at).to_owned())).collect();
        for (name, at) in &self.mapping {
            if at.is_empty() {
                reads.remove(name);
            } else {
                reads.insert(*name, at.clone());
            }
        }
        reads
    }
}
