//! What the Audit page asks and is told.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    problem::ApiError,
    ui::{Choice, Moment},
};

/// The whole state of the page, as it stands in the address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditAsk {
    /// A day, or a day and a time, in UTC.
    pub from: String,
    pub until: String,
    pub actor: String,
    pub kind: String,
    pub person: String,
    /// A source's name.
    pub source: String,
    pub q: String,
    /// Where the page before ended.
    pub after: String,
}

impl AuditAsk {
    /// The filters by their names in the address.
    #[must_use]
    pub fn filters(&self) -> [(&'static str, &str); 7] {
        [
            ("from", &self.from),
            ("until", &self.until),
            ("actor", &self.actor),
            ("kind", &self.kind),
            ("person", &self.person),
            ("source", &self.source),
            ("q", &self.q),
        ]
    }

    /// The address with these filters, after a place.
    #[must_use]
    pub fn link(&self, after: &str) -> String {
        let mut pairs = self.filters().to_vec();
        pairs.push(("after", after));
        crate::link::with_query("/console/audit", &pairs)
    }
}

/// One page of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditList {
    pub ask: AuditAsk,
    pub lines: Vec<AuditLine>,
    pub next: Option<String>,
    /// How far was looked, if the page is not full and the log goes on.
    pub looked_until: Option<Moment>,
    pub kinds: Vec<String>,
    pub sources: Vec<Choice>,
    pub chain: ChainCard,
}

/// How the chain stands, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainCard {
    /// Name and value.
    pub facts: Vec<(String, String)>,
    /// What somebody should look at.
    pub trouble: Option<String>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    pub at: Moment,
    pub kind: String,
    pub who: String,
    /// The actor as a filter.
    pub actor: String,
    /// Whom it is about: id and name.
    pub person: Option<(String, String)>,
    pub source: Option<String>,
    /// Everything else there is to it.
    pub facts: Vec<(String, String)>,
}

/// One page of the audit log.
#[server(prefix = "/api", endpoint = "audit")]
pub async fn read_audit_log(ask: AuditAsk) -> Result<AuditList, ApiError> {
    super::read::page(ask).await
}
