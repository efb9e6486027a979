//! What the Apps pages ask and are told.

use std::collections::BTreeMap;

use directory::{ClientAuthentication, ConsentPolicy};
use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use super::{form::AppForm, snippet::Snippet};
use crate::{
    problem::ApiError,
    ui::{Choice, Moment},
};

/// All applications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppList {
    pub lines: Vec<AppLine>,
    /// Whoever looks may register one.
    pub editable: bool,
}

/// One in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppLine {
    pub id: String,
    pub name: String,
    pub redirect_uri: String,
    pub authentication: ClientAuthentication,
    /// The names of the sources its people came from.
    pub sources: String,
}

/// Everything on the page of one application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppCard {
    pub form: AppForm,
    pub consent: ConsentPolicy,
    pub authentication: ClientAuthentication,
    pub sources: Vec<String>,
    pub snippet: Snippet,
    /// Starts a sign-in as the application would.
    pub test_link: String,
    pub updated_at: Moment,
    /// Published groups and, if searched for, others to publish: (value, label), ticked or not.
    pub groups: Vec<(Choice, bool)>,
    /// What was searched for among the groups.
    pub group_search: String,
    /// The secret, once, if it was just made and the browser runs no scripts.
    pub secret: Option<String>,
    /// `registered`, `saved`, `groups`.
    pub notice: String,
    /// Whoever looks may change it.
    pub editable: bool,
    /// They may also make a new secret.
    pub administers: bool,
}

/// What a change of an application answers to a page with scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppChanged {
    pub id: String,
    pub name: String,
    /// Shown once.
    pub secret: Option<String>,
}

/// Ticked boxes of a form: what they stand for is the key.
pub type Ticks = BTreeMap<String, String>;

/// Every application.
#[server(prefix = "/api", endpoint = "apps", input = GetUrl)]
pub async fn list_apps() -> Result<AppList, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ReadConfiguration) = crate::caller::permit().await?;
    let clients = hub.clients(&by).await.map_err(crate::caller::failed)?;
    let sources = super::read::source_choices(&hub).await?;
    let editable = hub.permit::<hub::kernel::capability::ManageApps>(Some(by.session_id())).await.is_ok();
    Ok(AppList { editable, lines: clients.into_iter().map(|client| super::read::line(client, &sources)).collect() })
}

/// One application.
#[server(prefix = "/api", endpoint = "app", input = GetUrl)]
pub async fn read_app(id: String, groups: String, done: String) -> Result<AppCard, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ReadConfiguration) = crate::caller::permit().await?;
    super::read::card(&hub, &by, &id.into(), groups, done).await
}

/// What the form for a new application starts from.
#[server(prefix = "/api", endpoint = "app-settings", input = GetUrl)]
pub async fn app_settings_of() -> Result<AppForm, ApiError> {
    let (hub, _): (_, hub::kernel::capability::ManageApps) = crate::caller::permit().await?;
    let sources = super::read::source_choices(&hub).await?;
    Ok(super::read::form_of(&directory::ClientDraft::preset(), String::new(), 0, &sources))
}

/// Registers or changes an application.
#[server(prefix = "/api", endpoint = "save-app")]
pub async fn save_app(form: AppForm) -> Result<AppChanged, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ManageApps) = crate::caller::permit().await?;
    let new = form.original.is_empty();
    let registered = super::write::save(&hub, &by, form).await?;
    let changed = super::write::shown_once(&hub, by.session_id(), registered).await;
    if !new || crate::flash::without_scripts() {
        leptos_axum::redirect(&super::write::link_after(&changed.id, if new { "registered" } else { "saved" }));
    }
    Ok(changed)
}

/// Makes a new secret and ends the old one.
#[server(prefix = "/api", endpoint = "new-app-secret")]
pub async fn new_secret(id: String, revision: i64) -> Result<AppChanged, ApiError> {
    let (hub, by): (_, hub::kernel::capability::Administer) = crate::caller::permit().await?;
    let registered = hub.rotate_client_secret(&by, &id.into(), revision).await.map_err(crate::caller::failed)?;
    Ok(super::write::shown_once(&hub, by.session_id(), registered).await)
}

/// Replaces the groups that the application's tokens may name.
#[server(prefix = "/api", endpoint = "publish-groups")]
pub async fn publish_groups(id: String, revision: i64, #[server(default)] groups: Ticks) -> Result<(), ApiError> {
    let (hub, by): (_, hub::kernel::capability::ManageApps) = crate::caller::permit().await?;
    super::write::publish(&hub, &by, &id.clone().into(), revision, groups).await?;
    leptos_axum::redirect(&super::write::link_after(&id, "groups"));
    Ok(())
}
