//! How an OpenID provider is reached: sign-in by redirect; people and groups from Microsoft Graph where it is Entra ID.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::SourceKind;

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
}
