//! What the Profile page of a source is told, and what it sends.

use std::collections::BTreeMap;

use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::problem::ApiError;

/// What was typed. Empty lines mean "as the settings have it".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileForm {
    pub name: String,
    /// The revision the form was filled from; a stale form is refused.
    pub revision: i64,
    pub priority: String,
    /// By attribute.
    pub expressions: BTreeMap<String, String>,
    pub priorities: BTreeMap<String, String>,
    /// Whom to try it on; empty = the first few.
    pub person: String,
}

/// Everything on the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileCard {
    pub label: String,
    pub lines: Vec<ProfileLine>,
    pub form: ProfileForm,
    /// What expressions can read of this kind of directory, in words.
    pub reads: String,
    pub editable: bool,
    /// What a browser without scripts asked to try.
    pub preview: Option<Vec<MappedCard>>,
}

/// One attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileLine {
    pub key: String,
    pub label: String,
    /// Where the settings read it from: "mail", or "not read".
    pub plain: String,
}

/// One entry under the mapping that is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedCard {
    /// "aokafor: uid=aokafor,…".
    pub title: String,
    pub rows: Vec<MappedRow>,
}

/// One attribute of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedRow {
    pub label: String,
    pub now: String,
    pub then: String,
    /// "same", "changes", or why it cannot be computed.
    pub remark: String,
    pub fault: bool,
}

/// What saving or trying answers to a page with scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProfileAnswer {
    Saved,
    Tried(Vec<MappedCard>),
}

/// The mapping of a source.
#[server(prefix = "/api", endpoint = "source-profile", input = GetUrl)]
pub async fn read_source_profile(name: String) -> Result<ProfileCard, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ReadConfiguration) = crate::caller::permit().await?;
    let overview = hub.source_by_name(&by, &name).await.map_err(crate::caller::failed)?;
    let editable = hub.permit::<hub::kernel::capability::ManageSources>(Some(by.session_id())).await.is_ok();
    let kept = super::read::kept(&hub, by.session_id(), &name).await;
    Ok(super::read::card(&overview.source, kept, editable))
}

/// Changes the mapping of a source; with `then=try` only tries it on real entries.
#[server(prefix = "/api", endpoint = "save-source-profile")]
pub async fn save_source_profile(
    form: ProfileForm,
    #[server(default)] then: String,
) -> Result<ProfileAnswer, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    if then == "try" {
        return super::read::tried(&hub, &by, form).await.map(ProfileAnswer::Tried);
    }
    let link = super::read::save(&hub, &by, form).await?;
    leptos_axum::redirect(&link);
    Ok(ProfileAnswer::Saved)
}
