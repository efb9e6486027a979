//! How a SCIM 2.0 service is reached and read (RFC 7643, RFC 7644).

use serde::{Deserialize, Serialize};
use url::Url;

/// A SCIM service. The bearer token is the source's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScimSettings {
    /// The base below which `Users` and `Groups` are.
    pub url: Url,
    /// PEM of the private certificate authority; the system's authorities if absent.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// Whether it has groups to read.
    #[serde(default = "yes")]
    pub groups: bool,
    /// How many are asked for at once; the service may show fewer.
    #[serde(default = "page_size")]
    pub page_size: u32,
}

const fn yes() -> bool {
    true
}

const fn page_size() -> u32 {
    100
}

impl ScimSettings {
    /// The settings a fresh source of this kind starts from.
    #[must_use]
    pub fn preset() -> Self {
        let url = Url::parse("https://scim.example/v2/").unwrap_or_else(|_| unreachable!("a constant URL"));
        Self { url, ca_pem: None, groups: yes(), page_size: page_size() }
    }

    /// Whether the token would cross the network unprotected.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.url.scheme() != "https"
    }
}
