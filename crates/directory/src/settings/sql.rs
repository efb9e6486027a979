//! How a table of people in a database is reached and read.

use serde::{Deserialize, Serialize};
use url::Url;

use super::AttributeMapping;

/// A database with people in it. The password of the account is the source's secret and never in the URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlSettings {
    /// `postgres://reader@host:5432/database`, `mysql://…`, or `sqlite:people.db` below the folder of source files.
    pub url: Url,
    /// PEM of the private certificate authority; the system's authorities if absent.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// From the hub's attribute to the column.
    #[serde(default)]
    pub mapping: AttributeMapping,
}

impl SqlSettings {
    /// The settings a fresh source of this kind starts from.
    #[must_use]
    pub fn preset() -> Self {
        let url = Url::parse("postgres://localhost/people").unwrap_or_else(|_| unreachable!("a constant URL"));
        Self { url, ca_pem: None, mapping: AttributeMapping::new() }
    }

    /// Whether the service account's password would cross the network unprotected.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        false
    }
}
