//! From the hub's words to the page's.

use directory::{Client, ClientAuthentication, ClientDraft, ClientId, SourceId};
use hub::{
    Hub,
    clients::ClientSnippet,
    kernel::capability::{Administer, ManageApps, ReadConfiguration},
};

use super::{
    api::{AppCard, AppLine},
    form::AppForm,
    snippet::Snippet,
};
use crate::{caller::failed, flash, problem::ApiError, ui::Choice};

/// The registered sources, with how they are chosen and read.
pub(super) async fn source_choices(hub: &Hub) -> Result<Vec<(SourceId, Choice)>, ApiError> {
    let sources = hub.sources_now().await.map_err(failed)?;
    Ok(sources.iter().map(|live| (live.source.id, Choice::new(&live.source.name, &live.source.label))).collect())
}

fn labels(ids: &[SourceId], sources: &[(SourceId, Choice)]) -> Vec<String> {
    ids.iter()
        .filter_map(|id| sources.iter().find(|(known, _)| known == id))
        .map(|(_, choice)| choice.label.clone())
        .collect()
}

/// One line of the list.
pub(super) fn line(client: Client, sources: &[(SourceId, Choice)]) -> AppLine {
    AppLine {
        id: client.id.0,
        name: client.name,
        redirect_uri: client.redirect_uris.into_iter().next().unwrap_or_default(),
        authentication: client.authentication,
        sources: labels(&client.original_sources, sources).join(", "),
    }
}

/// The form that these settings fill.
pub(super) fn form_of(draft: &ClientDraft, original: String, revision: i64, sources: &[(SourceId, Choice)]) -> AppForm {
    let ticked = sources.iter().filter(|(id, _)| draft.original_sources.contains(id));
    AppForm {
        original,
        revision,
        id: draft.id.0.clone(),
        name: draft.name.clone(),
        authentication: draft.authentication.to_string(),
        redirect_uris: draft.redirect_uris.join("\n"),
        post_logout_redirect_uris: draft.post_logout_redirect_uris.join("\n"),
        without_pkce: !draft.require_pkce,
        consent: draft.consent.to_string(),
        sources: ticked.map(|(_, choice)| (choice.value.clone(), "true".to_owned())).collect(),
        source_choices: sources.iter().map(|(_, choice)| choice.clone()).collect(),
    }
}

/// The page of one application.
pub(super) async fn card(
    hub: &Hub,
    by: &ReadConfiguration,
    id: &ClientId,
    group_search: String,
    notice: String,
) -> Result<AppCard, ApiError> {
    let client = hub.client(by, id).await.map_err(failed)?;
    let snippet = hub.client_snippet(by, id).await.map_err(failed)?;
    let choices = hub.group_choices(by, id, group_search.trim()).await.map_err(failed)?;
    let sources = source_choices(hub).await?;
    let groups = choices
        .into_iter()
        .map(|group| (Choice::new(super::write::group_value(group.source, &group.name), group.label), group.published))
        .collect();
    Ok(AppCard {
        form: form_of(&ClientDraft::from(&client), client.id.0.clone(), client.revision, &sources),
        consent: client.consent,
        authentication: client.authentication,
        sources: labels(&client.original_sources, &sources),
        test_link: test_link(&snippet),
        snippet: snippet_of(snippet),
        updated_at: client.updated_at.into(),
        groups,
        group_search,
        secret: flash::take(hub, by.session_id(), &super::write::place(&client.id)).await,
        notice,
        editable: hub.permit::<ManageApps>(Some(by.session_id())).await.is_ok(),
        administers: hub.permit::<Administer>(Some(by.session_id())).await.is_ok(),
    })
}

fn snippet_of(snippet: ClientSnippet) -> Snippet {
    Snippet {
        issuer: snippet.issuer,
        discovery: snippet.discovery,
        client_id: snippet.client_id,
        redirect_uri: snippet.redirect_uri,
        scopes: snippet.scopes,
        confidential: snippet.authentication != ClientAuthentication::None,
        authentication: snippet.authentication.to_string(),
    }
}

/// An authorization request as the application would make it, always with the sign-in page. Nobody can redeem its
/// code: the challenge belongs to no verifier.
fn test_link(snippet: &ClientSnippet) -> String {
    let challenge = "test-sign-in-from-the-console-000000000000000";
    crate::link::with_query(
        "/oauth2/authorize",
        &[
            ("response_type", "code"),
            ("client_id", &snippet.client_id),
            ("redirect_uri", &snippet.redirect_uri),
            ("scope", &snippet.scopes),
            ("state", "console-test"),
            ("prompt", "login"),
            ("code_challenge", &challenge[..43]),
            ("code_challenge_method", "S256"),
        ],
    )
}
