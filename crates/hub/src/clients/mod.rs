//! Applications: register, change, make a new secret, publish groups, copy the settings over.

use std::collections::BTreeMap;

use directory::{Client, ClientAuthentication, ClientDraft, ClientId, PublishedGroup, SourceId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use storage::clients::StoredClient;

use crate::{
    Hub, HubError,
    kernel::{
        Actor,
        capability::{Administer, ManageApps, ReadConfiguration},
    },
    registry::{GroupChoice, PreparedClient, insert_client, update_client},
};

/// What an application's own configuration asks for. The secret is not here: it is shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSnippet {
    pub issuer: String,
    pub discovery: String,
    pub client_id: String,
    pub redirect_uri: String,
    pub scopes: String,
    pub authentication: ClientAuthentication,
    /// Whether the application must use PKCE.
    pub pkce: bool,
}

/// A registered application and, once, its secret.
pub struct RegisteredClient {
    pub client: Client,
    /// Empty for an application without one. Shown once; the hub keeps only a digest.
    pub secret: Option<SecretString>,
}

impl std::fmt::Debug for RegisteredClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisteredClient").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Hub {
    /// Every application, by id.
    pub async fn clients(&self, _: &ReadConfiguration) -> Result<Vec<Client>, HubError> {
        let stored = storage::clients::all(&mut self.database.reader()).await?;
        Ok(stored.into_iter().map(|s| s.client).collect())
    }

    /// One application.
    pub async fn client(&self, _: &ReadConfiguration, id: &ClientId) -> Result<Client, HubError> {
        Ok(self.stored_client(id).await?.client)
    }

    /// Registers an application and makes its secret.
    pub async fn register_client(&self, by: &ManageApps, draft: ClientDraft) -> Result<RegisteredClient, HubError> {
        let secret = (draft.authentication != ClientAuthentication::None).then(|| self.new_secret());
        let sources = self.source_names().await?;
        let prepared = self.prepare_new_client(draft, secret.as_ref(), &sources)?;
        storage::write!(self.database, |tx| { insert_client(tx, self, by.actor(), &prepared).await })?;
        Ok(RegisteredClient { client: prepared.client, secret })
    }

    /// Changes an application. One that becomes confidential gets a secret.
    pub async fn update_client(
        &self,
        by: &ManageApps,
        id: &ClientId,
        revision: i64,
        draft: ClientDraft,
    ) -> Result<RegisteredClient, HubError> {
        let stored = self.client_at(id, revision).await?;
        let becomes_confidential = draft.authentication != ClientAuthentication::None && stored.secret_digest.is_none();
        let secret = becomes_confidential.then(|| self.new_secret());
        let sources = self.source_names().await?;
        let prepared = self.prepare_changed_client(&stored, draft, secret.as_ref(), &sources)?;
        self.write_client(by.actor(), prepared, secret).await
    }

    /// Makes a new secret; the old one stops working at once.
    pub async fn rotate_client_secret(
        &self,
        by: &Administer,
        id: &ClientId,
        revision: i64,
    ) -> Result<RegisteredClient, HubError> {
        let stored = self.client_at(id, revision).await?;
        if stored.client.authentication == ClientAuthentication::None {
            return Err(HubError::Refused("This application has no secret.".to_owned()));
        }
        let secret = self.new_secret();
        let draft = ClientDraft::from(&stored.client);
        let sources = self.source_names().await?;
        let prepared = self.prepare_changed_client(&stored, draft, Some(&secret), &sources)?;
        self.write_client(by.actor(), prepared, Some(secret)).await
    }

    /// Replaces the groups that this application's tokens may name.
    pub async fn publish_groups(
        &self,
        by: &ManageApps,
        id: &ClientId,
        revision: i64,
        groups: Vec<PublishedGroup>,
    ) -> Result<Client, HubError> {
        let stored = self.client_at(id, revision).await?;
        let draft = ClientDraft { groups, ..ClientDraft::from(&stored.client) };
        let sources = self.source_names().await?;
        let prepared = self.prepare_changed_client(&stored, draft, None, &sources)?;
        Ok(self.write_client(by.actor(), prepared, None).await?.client)
    }

    /// Groups to choose from: those published already, then those whose name begins so.
    pub async fn group_choices(
        &self,
        reader: &ReadConfiguration,
        id: &ClientId,
        beginning: &str,
    ) -> Result<Vec<GroupChoice>, HubError> {
        let published = self.client(reader, id).await?.groups;
        let names = self.source_names().await?;
        let choice = |source: SourceId, name: String, published| GroupChoice {
            label: format!("{}/{name}", names.get(&source).map_or("", String::as_str)),
            source,
            name,
            published,
        };
        let mut choices: Vec<GroupChoice> = published.iter().map(|g| choice(g.source, g.name.clone(), true)).collect();
        let mut reader = self.database.reader();
        for group in storage::groups::Groups(&mut reader).named(beginning, 100).await? {
            let Some(source) = group.source_id else { continue };
            if !choices.iter().any(|c| c.source == source && c.name == group.name) {
                choices.push(choice(source, group.name, false));
            }
        }
        Ok(choices)
    }

    /// What to copy into the application.
    pub async fn client_snippet(&self, reader: &ReadConfiguration, id: &ClientId) -> Result<ClientSnippet, HubError> {
        let client = self.client(reader, id).await?;
        let issuer = self.public_url.as_str().trim_end_matches('/').to_owned();
        let groups = if client.groups.is_empty() { "" } else { " groups" };
        Ok(ClientSnippet {
            discovery: format!("{issuer}/.well-known/openid-configuration"),
            issuer,
            client_id: client.id.0,
            redirect_uri: client.redirect_uris.first().cloned().unwrap_or_default(),
            scopes: format!("openid profile email{groups}"),
            authentication: client.authentication,
            pkce: client.require_pkce,
        })
    }

    async fn write_client(
        &self,
        actor: Actor,
        prepared: PreparedClient,
        secret: Option<SecretString>,
    ) -> Result<RegisteredClient, HubError> {
        let client: Client = storage::write!(self.database, |tx| { update_client(tx, self, actor, &prepared).await })?;
        Ok(RegisteredClient { client, secret })
    }

    fn new_secret(&self) -> SecretString {
        SecretString::from(self.random.token())
    }

    async fn stored_client(&self, id: &ClientId) -> Result<StoredClient, HubError> {
        let found = storage::clients::by_id(&mut self.database.reader(), id).await?;
        found.ok_or(HubError::NotFound("The application"))
    }

    async fn client_at(&self, id: &ClientId, revision: i64) -> Result<StoredClient, HubError> {
        let stored = self.stored_client(id).await?;
        if stored.client.revision != revision {
            return Err(storage::StorageError::Stale { what: "This application" }.into());
        }
        Ok(stored)
    }

    async fn source_names(&self) -> Result<BTreeMap<SourceId, String>, HubError> {
        let sources = self.sources_now().await?;
        Ok(sources.iter().map(|s| (s.source.id, s.source.name.clone())).collect())
    }
}
