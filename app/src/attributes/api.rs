//! What the pages of the installation's own attributes ask and are told.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::{problem::ApiError, ui::Choice};

/// Every attribute of one's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeList {
    pub lines: Vec<AttributeLine>,
    /// Whoever looks may define one.
    pub editable: bool,
    /// What was just done, in words; else empty.
    pub notice: String,
}

/// One in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeLine {
    pub name: String,
    pub label: String,
    /// "text, several, required, sensitive".
    pub kind: String,
    /// The directories that fill it, or "none".
    pub filled_by: String,
    /// "cost_centre (profile)", or "never".
    pub claim: String,
}

/// What the form holds, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributeForm {
    /// What the change is based on; a stale form is refused.
    pub version: i64,
    /// The name before the change; empty for a new one.
    pub original: String,
    pub name: String,
    pub label: String,
    pub kind: String,
    pub longest: String,
    pub least: String,
    pub most: String,
    pub words: String,
    pub several: bool,
    pub required: bool,
    pub sensitive: bool,
    pub claim: String,
    pub scope: String,
    pub applications: String,
}

/// Everything on the page of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeCard {
    pub form: AttributeForm,
    /// "Filled by Corporate LDAP."
    pub lede: String,
    pub kinds: Vec<Choice>,
    pub scopes: Vec<Choice>,
    /// What removing it would delete, in words, and how somebody says that they read it; if that was asked for.
    pub removal: Option<(String, Seen)>,
}

/// What somebody was told that removing deletes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    pub people: i64,
    pub offers: i64,
    pub changes: i64,
}

/// Everything that is defined.
#[server(prefix = "/api", endpoint = "attributes", input = GetUrl)]
pub async fn list_attributes(done: String) -> Result<AttributeList, ApiError> {
    super::read::list(&done).await
}

/// One attribute, or with an empty name the form for a new one; with `remove=true` also what removing it would delete.
#[server(prefix = "/api", endpoint = "attribute", input = GetUrl)]
pub async fn read_attribute(name: String, remove: bool) -> Result<AttributeCard, ApiError> {
    super::read::card(&name, remove).await
}

/// Defines or changes an attribute.
#[server(prefix = "/api", endpoint = "save-attribute")]
pub async fn save_attribute(form: AttributeForm) -> Result<(), ApiError> {
    let (hub, by): (_, hub::kernel::capability::Administer) = crate::caller::permit().await?;
    super::read::save(&hub, &by, form).await?;
    leptos_axum::redirect("/console/attributes?done=saved");
    Ok(())
}

/// Removes an attribute with everything people have of it.
#[server(prefix = "/api", endpoint = "remove-attribute")]
pub async fn remove_attribute(name: String, version: i64, #[server(default)] seen: Seen) -> Result<(), ApiError> {
    let (hub, by): (_, hub::kernel::capability::Administer) = crate::caller::permit().await?;
    super::read::remove(&hub, &by, &name, version, seen).await?;
    leptos_axum::redirect("/console/attributes?done=removed");
    Ok(())
}
