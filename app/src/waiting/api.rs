//! What the page of waiting entries asks and is told.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::{
    problem::ApiError,
    ui::{Choice, Moment},
};

/// The whole state of the list, as it stands in the address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WaitingAsk {
    /// A source's name, or empty.
    pub source: String,
    /// Why they wait, or empty.
    pub kind: String,
    /// Where the page before ended.
    pub after: String,
}

impl WaitingAsk {
    /// The address of the list with this state.
    #[must_use]
    pub fn link(&self) -> String {
        let pairs = [("source", &*self.source), ("kind", &*self.kind), ("after", &*self.after)];
        crate::link::with_query("/console/waiting", &pairs)
    }
}

/// One page of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingPage {
    pub ask: WaitingAsk,
    pub lines: Vec<WaitingLine>,
    pub sources: Vec<Choice>,
    pub kinds: Vec<Choice>,
    /// "1,204 entries".
    pub count: String,
    pub next: Option<String>,
}

/// One entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingLine {
    pub name: String,
    pub locator: String,
    pub source: String,
    pub kind: String,
    pub why: String,
    pub what_to_do: String,
    /// Who it may be: (id, name).
    pub may_be: Vec<(String, String)>,
    pub since: Option<Moment>,
}

/// One page of entries that wait.
#[server(prefix = "/api", endpoint = "waiting", input = GetUrl)]
pub async fn list_waiting(ask: WaitingAsk) -> Result<WaitingPage, ApiError> {
    super::read::list(ask).await
}
