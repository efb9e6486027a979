//! One `[[client]]`.

use std::collections::BTreeMap;

use directory::{ClientAuthentication, ClientDraft, ClientId, PublishedGroup, SourceId};
use secrecy::ExposeSecret as _;
use storage::{Queries, clients::StoredClient, groups::Groups};

use super::{ItemChange, ItemKind, SiteSecrets, outcome};
use crate::{Hub, HubError, apply::ClientSection, registry::PreparedClient};

/// Below this a secret can hardly be random.
const SHORT_SECRET: usize = 32;

fn invalid(field: &'static str, message: String) -> HubError {
    HubError::Invalid { field, message }
}

pub(super) fn prepare(
    hub: &Hub,
    section: &ClientSection,
    known: Option<&StoredClient>,
    secrets: &SiteSecrets,
    sources: &BTreeMap<SourceId, String>,
) -> Result<PreparedClient, HubError> {
    let mut draft = known.map_or_else(
        || ClientDraft { id: ClientId(section.id.clone()), name: section.id.clone(), ..ClientDraft::preset() },
        |known| ClientDraft::from(&known.client),
    );
    let secret = secrets.client_secrets.get(&section.id);
    draft.redirect_uris.clone_from(&section.redirect_uris);
    if let Some(name) = &section.name {
        draft.name.clone_from(name);
    }
    match section.authentication {
        Some(authentication) => draft.authentication = authentication,
        None if known.is_none() && secret.is_none() => {
            return Err(invalid("secret", "give a secret, or authentication = \"none\" for one without".to_owned()));
        }
        // A secret in the file makes a public client confidential.
        None if secret.is_some() && draft.authentication == ClientAuthentication::None => {
            draft.authentication = ClientAuthentication::SecretBasic;
        }
        None => {}
    }
    if let Some(uris) = &section.post_logout_redirect_uris {
        draft.post_logout_redirect_uris.clone_from(uris);
    }
    draft.require_pkce = section.require_pkce.unwrap_or(draft.require_pkce);
    draft.consent = section.consent.unwrap_or(draft.consent);
    let by_name = |name: &str| sources.iter().find(|(_, known)| *known == name).map(|(id, _)| *id);
    if let Some(names) = &section.original_source {
        draft.original_sources = names
            .iter()
            .map(|name| {
                by_name(name).ok_or_else(|| invalid("original_source", format!("no directory is called {name:?}")))
            })
            .collect::<Result<_, _>>()?;
    }
    if let Some(groups) = &section.groups {
        draft.groups = groups
            .iter()
            .map(|group| {
                let (source, name) = group
                    .split_once('/')
                    .ok_or_else(|| invalid("groups", format!("{group:?}: write directory/group, corp-ldap/staff")))?;
                let source = by_name(source)
                    .ok_or_else(|| invalid("groups", format!("{group:?}: no directory is called {source:?}")))?;
                Ok::<_, HubError>(PublishedGroup { source, name: name.to_owned() })
            })
            .collect::<Result<_, _>>()?;
    }
    match known {
        Some(known) => hub.prepare_changed_client(known, draft, secret, sources),
        None => hub.prepare_new_client(draft, secret, sources),
    }
}

/// Remarks that are no errors.
pub(super) async fn notes(
    queries: &mut impl Queries,
    section: &ClientSection,
    prepared: &PreparedClient,
    secrets: &SiteSecrets,
) -> Result<Vec<String>, HubError> {
    let mut notes = Vec::new();
    if secrets.client_secrets.get(&section.id).is_some_and(|s| s.expose_secret().len() < SHORT_SECRET) {
        notes.push(format!("its secret has fewer than {SHORT_SECRET} characters: better take a random one"));
    }
    for group in &prepared.client.groups {
        let known = Groups(queries).named(&group.name, 100).await?;
        if !known.iter().any(|g| g.source_id == Some(group.source) && g.name == group.name) {
            notes.push(format!("the group {:?} is not known yet: it is named once a member has signed in", group.name));
        }
    }
    Ok(notes)
}

pub(super) fn item(known: bool, prepared: &PreparedClient, notes: Vec<String>) -> ItemChange {
    ItemChange {
        kind: ItemKind::Client,
        name: prepared.client.id.0.clone(),
        outcome: outcome(known, prepared.changes.is_empty()),
        changes: prepared.changes.clone(),
        proposed: Vec::new(),
        notes,
    }
}
