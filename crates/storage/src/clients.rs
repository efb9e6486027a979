//! Registered applications, the sources they are bound to and the groups published to them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use directory::{Client, ClientId, ConsentPolicy, GroupId, SourceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// A client with the digest of its secret.
#[derive(Clone)]
pub struct StoredClient {
    pub client: Client,
    /// Empty for a public client.
    pub secret_digest: Option<Vec<u8>>,
}

impl std::fmt::Debug for StoredClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredClient").field("client", &self.client).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Settings {
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    require_pkce: bool,
    consent: ConsentPolicy,
}

#[derive(FromRow)]
struct ClientRow {
    id: String,
    name: String,
    authentication: String,
    secret_digest: Option<Vec<u8>>,
    settings: Value,
    revision: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct ClientSourceRow {
    client_id: String,
    source_id: Uuid,
}

#[derive(FromRow)]
struct ClientGroupRow {
    group_id: Uuid,
}

fn inconsistent(column: &'static str, reason: &dyn std::fmt::Display) -> StorageError {
    StorageError::Inconsistent { table: "client", column, reason: reason.to_string() }
}

fn settings_of(client: &Client) -> Result<Value, StorageError> {
    let settings = Settings {
        redirect_uris: client.redirect_uris.clone(),
        post_logout_redirect_uris: client.post_logout_redirect_uris.clone(),
        require_pkce: client.require_pkce,
        consent: client.consent,
    };
    serde_json::to_value(settings).map_err(|e| inconsistent("settings", &e))
}

fn client_of(row: ClientRow, original_sources: Vec<SourceId>) -> Result<StoredClient, StorageError> {
    let settings: Settings = serde_json::from_value(row.settings).map_err(|e| inconsistent("settings", &e))?;
    let client = Client {
        id: ClientId(row.id),
        name: row.name,
        authentication: row.authentication.parse().map_err(|e| inconsistent("authentication", &e))?,
        redirect_uris: settings.redirect_uris,
        post_logout_redirect_uris: settings.post_logout_redirect_uris,
        require_pkce: settings.require_pkce,
        consent: settings.consent,
        original_sources,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Ok(StoredClient { client, secret_digest: row.secret_digest })
}

const ALL: &str = "select id, name, authentication, secret_digest, settings, revision, created_at, updated_at \
                   from client order by id";
const BY_ID: &str = "select id, name, authentication, secret_digest, settings, revision, created_at, updated_at \
                     from client where id = $1";
const SOURCES: &str = "select client_id, source_id from client_source order by client_id, position";
const SOURCES_OF: &str = "select client_id, source_id from client_source where client_id = $1 order by position";
const INSERT: &str = "insert into client (id, name, authentication, secret_digest, settings, revision, created_at, \
                      updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8)";
const UPDATE: &str = "update client set name = $3, authentication = $4, settings = $5, revision = revision + 1, \
                      updated_at = $6 where id = $1 and revision = $2";
const UPDATE_SECRET: &str = "update client set secret_digest = $2 where id = $1";
const DELETE_SOURCES: &str = "delete from client_source where client_id = $1";
const INSERT_SOURCE: &str = "insert into client_source (client_id, position, source_id) values ($1, $2, $3)";
const GROUPS_OF: &str = "select group_id from client_group where client_id = $1 order by group_id";
const DELETE_GROUPS: &str = "delete from client_group where client_id = $1";
const INSERT_GROUP: &str = "insert into client_group (client_id, group_id) values ($1, $2)";

/// Every client, by id.
pub async fn all(queries: &mut impl Queries) -> Result<Vec<StoredClient>, StorageError> {
    let rows: Vec<ClientRow> = queries.fetch_all(ALL, params![]).await?;
    let mut sources: BTreeMap<String, Vec<SourceId>> = BTreeMap::new();
    for row in queries.fetch_all::<ClientSourceRow>(SOURCES, params![]).await? {
        sources.entry(row.client_id).or_default().push(row.source_id.into());
    }
    rows.into_iter()
        .map(|row| {
            let own = sources.remove(&row.id).unwrap_or_default();
            client_of(row, own)
        })
        .collect()
}

/// The client with this id.
pub async fn by_id(queries: &mut impl Queries, id: &ClientId) -> Result<Option<StoredClient>, StorageError> {
    let Some(row) = queries.fetch_optional::<ClientRow>(BY_ID, params![id.0.clone()]).await? else { return Ok(None) };
    let sources: Vec<ClientSourceRow> = queries.fetch_all(SOURCES_OF, params![id.0.clone()]).await?;
    client_of(row, sources.into_iter().map(|s| s.source_id.into()).collect()).map(Some)
}

/// The groups this client's tokens may name.
pub async fn published_groups(queries: &mut impl Queries, id: &ClientId) -> Result<Vec<GroupId>, StorageError> {
    let rows: Vec<ClientGroupRow> = queries.fetch_all(GROUPS_OF, params![id.0.clone()]).await?;
    Ok(rows.into_iter().map(|r| r.group_id.into()).collect())
}

/// Registers a client.
pub async fn insert(tx: &mut Transaction, client: &Client, secret_digest: Option<Vec<u8>>) -> Result<(), StorageError> {
    let values = params![
        client.id.0.clone(),
        client.name.clone(),
        client.authentication.as_str(),
        secret_digest,
        settings_of(client)?,
        client.revision,
        client.created_at,
        client.updated_at,
    ];
    tx.execute(INSERT, values).await?;
    write_sources(tx, client).await
}

/// Writes what may change of a client. `client.revision` is the revision the change was based on; the row gets the
/// next one.
pub async fn update(tx: &mut Transaction, client: &Client) -> Result<(), StorageError> {
    let values = params![
        client.id.0.clone(),
        client.revision,
        client.name.clone(),
        client.authentication.as_str(),
        settings_of(client)?,
        client.updated_at,
    ];
    if tx.execute(UPDATE, values).await? == 0 {
        return Err(StorageError::Stale { what: "This application" });
    }
    tx.execute(DELETE_SOURCES, params![client.id.0.clone()]).await?;
    write_sources(tx, client).await
}

/// Replaces the digest of the secret; empty for a public client.
pub async fn set_secret(
    tx: &mut Transaction,
    id: &ClientId,
    secret_digest: Option<Vec<u8>>,
) -> Result<(), StorageError> {
    tx.execute(UPDATE_SECRET, params![id.0.clone(), secret_digest]).await.map(|_| ())
}

/// Replaces the groups published to a client.
pub async fn publish_groups(tx: &mut Transaction, id: &ClientId, groups: &[GroupId]) -> Result<(), StorageError> {
    tx.execute(DELETE_GROUPS, params![id.0.clone()]).await?;
    for group in groups {
        tx.execute(INSERT_GROUP, params![id.0.clone(), group.uuid()]).await?;
    }
    Ok(())
}

async fn write_sources(tx: &mut Transaction, client: &Client) -> Result<(), StorageError> {
    for (position, source) in (0i64..).zip(&client.original_sources) {
        tx.execute(INSERT_SOURCE, params![client.id.0.clone(), position, source.uuid()]).await?;
    }
    Ok(())
}
