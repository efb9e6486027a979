//! From the forms to the hub.

use directory::{ClientAuthentication, ClientDraft, ClientId, ConsentPolicy, PublishedGroup, SessionId, SourceId};
use hub::{Hub, clients::RegisteredClient, kernel::capability::ManageApps};
use secrecy::ExposeSecret as _;

use super::{
    api::{AppChanged, Ticks},
    form::AppForm,
};
use crate::{caller::failed, flash, problem::ApiError};

/// Registers or changes the application of the form.
pub(super) async fn save(hub: &Hub, by: &ManageApps, form: AppForm) -> Result<RegisteredClient, ApiError> {
    let (original, revision) = (form.original.clone(), form.revision);
    let sources = super::read::source_choices(hub).await?;
    let ticked =
        sources.into_iter().filter(|(_, choice)| form.sources.contains_key(&choice.value)).map(|(id, _)| id).collect();
    if original.is_empty() {
        let draft = draft(form, ticked, Vec::new())?;
        return hub.register_client(by, draft).await.map_err(failed);
    }
    let id = ClientId(original);
    let before = hub.client(&by.into(), &id).await.map_err(failed)?;
    let draft = draft(form, in_the_old_order(ticked, &before.original_sources), before.groups)?;
    hub.update_client(by, &id, revision, draft).await.map_err(failed)
}

/// The form has ticks and no order: those that were there keep theirs, new ones follow.
fn in_the_old_order(mut ticked: Vec<SourceId>, before: &[SourceId]) -> Vec<SourceId> {
    ticked.sort_by_key(|id| before.iter().position(|old| old == id).unwrap_or(usize::MAX));
    ticked
}

fn draft(form: AppForm, original_sources: Vec<SourceId>, groups: Vec<PublishedGroup>) -> Result<ClientDraft, ApiError> {
    let invalid = |field: &str, error: directory::UnknownWord| ApiError::Invalid {
        field: field.to_owned(),
        message: error.to_string(),
    };
    let lines = |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let authentication: ClientAuthentication = form.authentication.parse().map_err(|e| invalid("authentication", e))?;
    let consent: ConsentPolicy = form.consent.parse().map_err(|e| invalid("consent", e))?;
    Ok(ClientDraft {
        id: ClientId(form.id.trim().to_owned()),
        name: form.name.trim().to_owned(),
        authentication,
        redirect_uris: lines(&form.redirect_uris),
        post_logout_redirect_uris: lines(&form.post_logout_redirect_uris),
        require_pkce: !form.without_pkce,
        consent,
        original_sources,
        groups,
    })
}

/// Where a secret waits for a browser without scripts.
pub(super) fn place(id: &ClientId) -> String {
    format!("app-secret:{id}")
}

/// The answer with the secret; a browser without scripts finds it on the next page instead.
pub(super) async fn shown_once(hub: &Hub, session: SessionId, registered: RegisteredClient) -> AppChanged {
    let secret = registered.secret.map(|secret| secret.expose_secret().to_owned());
    if let (Some(secret), true) = (&secret, flash::without_scripts()) {
        flash::keep(hub, session, &place(&registered.client.id), secret.clone()).await;
    }
    AppChanged { id: registered.client.id.0, name: registered.client.name, secret }
}

/// The page of the application, saying what happened.
pub(super) fn link_after(id: &str, done: &str) -> String {
    crate::link::with_query(&format!("/console/apps/{}", crate::link::encode(id)), &[("done", done)])
}

/// How a group stands in the form: brackets have a meaning in field names, so they are written otherwise.
pub(super) fn group_value(source: SourceId, name: &str) -> String {
    format!("{source}/{}", crate::link::encode(name))
}

/// Replaces the published groups by the ticked ones.
pub(super) async fn publish(
    hub: &Hub,
    by: &ManageApps,
    id: &ClientId,
    revision: i64,
    ticks: Ticks,
) -> Result<(), ApiError> {
    let choice = |value: &str| {
        let (source, name) = value.split_once('/')?;
        Some(PublishedGroup { source: source.parse().ok()?, name: crate::link::decode(name)? })
    };
    let groups = ticks.keys().map(|value| choice(value)).collect::<Option<Vec<_>>>();
    let groups = groups.ok_or_else(|| ApiError::Invalid {
        field: "groups".into(),
        message: "Open the page again and tick the groups anew.".into(),
    })?;
    hub.publish_groups(by, id, revision, groups).await.map(|_| ()).map_err(failed)
}
