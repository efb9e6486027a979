//! Preparing an application and writing it with its audit line.

use std::collections::BTreeMap;

use directory::{Client, ClientAuthentication, ClientDraft, SourceId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::{Transaction, clients::StoredClient};

use super::{
    client_check,
    difference::{self, FieldChange},
    invalid,
};
use crate::{
    Hub, HubError,
    kernel::{Actor, AuditEvent, record},
};

/// A group as the form offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupChoice {
    pub source: SourceId,
    /// `corp-ldap/staff`.
    pub label: String,
    pub name: String,
    pub published: bool,
}

/// An application that passed every check, ready to be written.
pub(crate) struct PreparedClient {
    /// As it will be; its revision is the one the change was based on.
    pub(crate) client: Client,
    /// Empty = the stored secret stays.
    secret: Option<SecretWrite>,
    pub(crate) changes: Vec<FieldChange>,
}

/// The digest to store; empty for an application that has no secret any more.
struct SecretWrite(Option<Vec<u8>>);

impl Hub {
    /// Checks a new application. `sources` names the registered sources.
    pub(crate) fn prepare_new_client(
        &self,
        draft: ClientDraft,
        secret: Option<&SecretString>,
        sources: &BTreeMap<SourceId, String>,
    ) -> Result<PreparedClient, HubError> {
        let draft = client_check::check(draft, None)?;
        check_sources(&draft, sources)?;
        let secret = self.secret_write(&draft, secret, None)?;
        let now = self.clock.now();
        let empty = shown(&ClientDraft::preset(), sources);
        let changes = difference::compare(&empty, &shown(&draft, sources), &["id"]);
        let client = client_of(draft, |c| {
            c.revision = 1;
            c.created_at = now;
            c.updated_at = now;
        });
        Ok(PreparedClient { client, secret, changes })
    }

    /// Checks a change of an application. `secret` is given if it was entered or made anew.
    pub(crate) fn prepare_changed_client(
        &self,
        stored: &StoredClient,
        draft: ClientDraft,
        secret: Option<&SecretString>,
        sources: &BTreeMap<SourceId, String>,
    ) -> Result<PreparedClient, HubError> {
        let draft = client_check::check(draft, Some(&stored.client))?;
        check_sources(&draft, sources)?;
        let secret = self.secret_write(&draft, secret, Some(stored))?;
        let before = shown(&ClientDraft::from(&stored.client), sources);
        let mut changes = difference::compare(&before, &shown(&draft, sources), &["id"]);
        if let Some(SecretWrite(Some(_))) = &secret {
            changes.push(FieldChange::secret("secret"));
        }
        let client = client_of(draft, |c| {
            c.revision = stored.client.revision;
            c.created_at = stored.client.created_at;
            c.updated_at = self.clock.now();
        });
        Ok(PreparedClient { client, secret, changes })
    }

    fn secret_write(
        &self,
        draft: &ClientDraft,
        secret: Option<&SecretString>,
        stored: Option<&StoredClient>,
    ) -> Result<Option<SecretWrite>, HubError> {
        let known = stored.and_then(|s| s.secret_digest.as_ref());
        match (draft.authentication, secret) {
            (ClientAuthentication::None, Some(_)) => {
                Err(invalid("secret", "an application with authentication \"none\" has no secret: leave it out"))
            }
            (ClientAuthentication::None, None) => {
                Ok((stored.is_none() || known.is_some()).then_some(SecretWrite(None)))
            }
            (ClientAuthentication::SecretBasic | ClientAuthentication::SecretPost, None) => {
                if known.is_none() {
                    return Err(invalid("secret", "this application needs a secret, or authentication = \"none\""));
                }
                Ok(None)
            }
            (ClientAuthentication::SecretBasic | ClientAuthentication::SecretPost, Some(secret)) => {
                check_secret(secret)?;
                let digest = self.vault.client_secret_digest(&draft.id, secret);
                Ok((known != Some(&digest)).then_some(SecretWrite(Some(digest))))
            }
        }
    }
}

fn check_secret(secret: &SecretString) -> Result<(), HubError> {
    let text = secret.expose_secret();
    // RFC 6749, appendix A.2: visible characters. A short one can be guessed at the token endpoint.
    if text.len() < 8 || text.len() > 512 || !text.chars().all(|c| (' '..='~').contains(&c)) {
        return Err(invalid("secret", "use 8 to 512 visible ASCII characters, best 32 random ones"));
    }
    Ok(())
}

fn check_sources(draft: &ClientDraft, sources: &BTreeMap<SourceId, String>) -> Result<(), HubError> {
    if draft.original_sources.iter().any(|id| !sources.contains_key(id)) {
        return Err(invalid("original_source", "one of these directories is not registered"));
    }
    if draft.groups.iter().any(|g| !sources.contains_key(&g.source)) {
        return Err(invalid("groups", "a group's directory is not registered"));
    }
    Ok(())
}

/// A draft with names in place of ids, for the difference.
fn shown(draft: &ClientDraft, sources: &BTreeMap<SourceId, String>) -> serde_json::Value {
    let name = |id: &SourceId| sources.get(id).cloned().unwrap_or_else(|| id.to_string());
    json!({
        "id": draft.id,
        "name": draft.name,
        "authentication": draft.authentication,
        "redirect_uris": draft.redirect_uris,
        "post_logout_redirect_uris": draft.post_logout_redirect_uris,
        "require_pkce": draft.require_pkce,
        "consent": draft.consent,
        "original_source": draft.original_sources.iter().map(name).collect::<Vec<_>>(),
        "groups": draft.groups.iter().map(|g| format!("{}/{}", name(&g.source), g.name)).collect::<Vec<_>>(),
    })
}

fn client_of(draft: ClientDraft, identify: impl FnOnce(&mut Client)) -> Client {
    let mut client = Client {
        id: draft.id,
        name: draft.name,
        authentication: draft.authentication,
        redirect_uris: draft.redirect_uris,
        post_logout_redirect_uris: draft.post_logout_redirect_uris,
        require_pkce: draft.require_pkce,
        consent: draft.consent,
        original_sources: draft.original_sources,
        groups: draft.groups,
        revision: 0,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    };
    identify(&mut client);
    client
}

/// Writes a new application.
pub(crate) async fn insert_client(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    prepared: &PreparedClient,
) -> Result<(), HubError> {
    let client = &prepared.client;
    if storage::clients::by_id(tx, &client.id).await?.is_some() {
        return Err(invalid("id", format!("{:?} is registered already", client.id.0)));
    }
    let digest = prepared.secret.as_ref().and_then(|s| s.0.clone());
    storage::clients::insert(tx, client, digest).await?;
    let event = AuditEvent::new(actor, "client.registered")
        .client(client.id.clone())
        .details(json!({ "changes": prepared.changes }));
    Ok(record(tx, &*hub.clock, &*hub.random, event).await?)
}

/// Writes a changed application; as it then is.
pub(crate) async fn update_client(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    prepared: &PreparedClient,
) -> Result<Client, HubError> {
    let mut client = prepared.client.clone();
    if prepared.changes.is_empty() && prepared.secret.is_none() {
        return Ok(client);
    }
    storage::clients::update(tx, &client).await?;
    if let Some(SecretWrite(digest)) = &prepared.secret {
        storage::clients::set_secret(tx, &client.id, digest.clone()).await?;
    }
    client.revision += 1;
    let event = AuditEvent::new(actor, "client.changed")
        .client(client.id.clone())
        .details(json!({ "changes": prepared.changes }));
    record(tx, &*hub.clock, &*hub.random, event).await?;
    Ok(client)
}
