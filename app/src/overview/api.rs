//! What the Overview is told: words and drawings are made on the server, the browser only puts them in their places.

use directory::SourceMode;
use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::{problem::ApiError, ui::Moment};

/// The page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverviewCard {
    pub lede: String,
    /// Old shore, on the way, new shore.
    pub marks: Vec<Mark>,
    /// The crossing bar as SVG.
    pub crossing: String,
    /// People by state.
    pub states: Vec<Figure>,
    /// Sign-ins by hour as SVG.
    pub chart: String,
    /// Its legend with the sums of today; `key` is the class of the colour.
    pub paths: Vec<Figure>,
    /// Refusals by reason.
    pub reasons: Vec<Figure>,
    /// The chart as a table: hour and three numbers.
    pub hours: Vec<[String; 4]>,
    pub sources: Vec<SourceHealthLine>,
    pub decisions: Vec<DecisionLine>,
    /// "12 open cases".
    pub waiting: String,
    /// What somebody should look at before anything else.
    pub trouble: Option<String>,
}

/// A shore with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Of the link, and of the key's colour.
    pub class: String,
    pub key: String,
    pub name: String,
    pub figure: String,
    pub hint: String,
    pub href: String,
}

/// A number with the rows behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    pub key: String,
    pub label: String,
    pub figure: String,
    pub href: String,
}

/// A source's health in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHealthLine {
    pub name: String,
    pub label: String,
    pub kind: String,
    pub mode: SourceMode,
    pub class: String,
    pub word: String,
    pub trouble: Option<String>,
    /// "41 ms", or a dash.
    pub took: String,
    pub last_success: Option<Moment>,
}

/// Something that a person must decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionLine {
    pub title: String,
    pub text: String,
    pub href: String,
    pub since: Moment,
}

/// The Overview.
#[server(prefix = "/api", endpoint = "overview", input = GetUrl)]
pub async fn read_overview() -> Result<OverviewCard, ApiError> {
    super::read::card().await
}
