//! What the pages of groups and devices ask and are told.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::{
    problem::ApiError,
    ui::{Choice, Moment},
};

/// The whole state of a list, as it stands in the address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BrowseAsk {
    /// The beginning of a name.
    pub q: String,
    /// A source's name, or empty.
    pub source: String,
    /// Empty, `gone`, or of devices `unseen`.
    pub which: String,
    /// Where the page before ended.
    pub after: String,
}

impl BrowseAsk {
    /// The address of the list with this state.
    #[must_use]
    pub fn link(&self, path: &str) -> String {
        let pairs = [("q", &*self.q), ("source", &*self.source), ("which", &*self.which), ("after", &*self.after)];
        crate::link::with_query(path, &pairs)
    }

    /// Whether anything narrows the list.
    #[must_use]
    pub fn narrows(&self) -> bool {
        !(self.q.is_empty() && self.source.is_empty() && self.which.is_empty())
    }
}

/// One page of groups or devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowseList {
    pub ask: BrowseAsk,
    /// "Groups".
    pub title: String,
    /// "/console/groups".
    pub path: String,
    /// What can be searched for.
    pub search: String,
    pub which: Vec<Choice>,
    pub sources: Vec<Choice>,
    /// Heads of the columns between the name and the source.
    pub columns: Vec<String>,
    /// The rows say when each was last seen.
    pub dated: bool,
    pub lines: Vec<BrowseLine>,
    /// "1,204 groups".
    pub count: String,
    /// What is to be known about these results; else empty.
    pub remark: String,
    pub next: Option<String>,
    /// Instead of rows: a title and a text.
    pub nothing: Option<(String, String)>,
}

/// One of them in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrowseLine {
    pub id: String,
    pub name: String,
    pub cells: Vec<String>,
    pub source: String,
    /// The class of its dot and a word, if there is something to say.
    pub state: Option<(String, String)>,
    pub seen: Option<Moment>,
}

/// Everything on the page of one group or device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectCard {
    pub name: String,
    pub lede: String,
    /// What is wrong with it; else empty.
    pub warning: String,
    pub facts: Vec<Fact>,
    /// The first is the main one.
    pub panels: Vec<LinkedPanel>,
}

/// One fact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub what: String,
    pub text: String,
    pub href: Option<String>,
    /// An id or a place, to be read letter by letter.
    pub exact: bool,
    pub at: Option<Moment>,
}

/// A list beside the facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedPanel {
    pub title: String,
    pub hint: String,
    /// What stands there if it has no lines.
    pub empty: String,
    pub lines: Vec<Linked>,
    /// Where its first page is, if this is another one; and the next one.
    pub first: Option<String>,
    pub next: Option<String>,
}

/// One line of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    pub label: String,
    pub href: Option<String>,
    pub hint: String,
}

/// One page of groups.
#[server(prefix = "/api", endpoint = "groups")]
pub async fn list_groups(ask: BrowseAsk) -> Result<BrowseList, ApiError> {
    super::read::groups(ask).await
}

/// One group, with its people behind the one named by `after`.
#[server(prefix = "/api", endpoint = "group", input = GetUrl)]
pub async fn read_group(id: String, after: String) -> Result<ObjectCard, ApiError> {
    super::read::group(id, after).await
}

/// One page of devices.
#[server(prefix = "/api", endpoint = "devices")]
pub async fn list_devices(ask: BrowseAsk) -> Result<BrowseList, ApiError> {
    super::read::devices(ask).await
}

/// One device.
#[server(prefix = "/api", endpoint = "device", input = GetUrl)]
pub async fn read_device(id: String) -> Result<ObjectCard, ApiError> {
    super::read::device(id).await
}
