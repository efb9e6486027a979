//! What the Sources page is told.

use directory::{SourceKind, SourceMode};
use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::problem::ApiError;

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceList {
    pub lines: Vec<SourceLine>,
    /// Whoever looks may add one.
    pub editable: bool,
}

/// One source in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLine {
    pub name: String,
    pub label: String,
    pub kind: SourceKind,
    /// The first address.
    pub address: String,
    pub mode: SourceMode,
    /// A sign-in would find it down right now.
    pub down: bool,
    /// Why, if it is misconfigured.
    pub trouble: Option<String>,
    /// "214", or "10,000+"; people with an account there.
    pub people: String,
    pub domains: String,
}

/// Every source.
#[server(prefix = "/api", endpoint = "sources", input = GetUrl)]
pub async fn list_sources() -> Result<SourceList, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ReadConfiguration) = crate::caller::permit().await?;
    let sources = hub.sources(&by).await.map_err(crate::caller::failed)?;
    let editable = hub.permit::<hub::kernel::capability::ManageSources>(Some(by.session_id())).await.is_ok();
    Ok(SourceList { editable, lines: sources.iter().map(SourceLine::from).collect() })
}

#[cfg(feature = "ssr")]
impl From<&hub::sources::SourceOverview> for SourceLine {
    fn from(overview: &hub::sources::SourceOverview) -> Self {
        let source = &overview.source;
        Self {
            name: source.name.clone(),
            label: source.label.clone(),
            kind: source.kind,
            address: source
                .connector
                .urls()
                .first()
                .map(|url| url.to_string().trim_end_matches('/').to_owned())
                .unwrap_or_default(),
            mode: source.mode,
            down: overview.down,
            // A paused or retired source says so in its mode; that is no trouble.
            trouble: overview
                .trouble
                .clone()
                .filter(|_| !matches!(source.mode, SourceMode::Paused | SourceMode::Retired)),
            people: crate::people::count_text(overview.people),
            domains: source.domains.join(", "),
        }
    }
}
