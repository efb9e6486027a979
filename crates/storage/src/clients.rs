//! Registered applications, the sources they are bound to and the groups published to them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use directory::{Client, ClientId, ConsentPolicy, GroupId, PublishedGroup, SourceId};
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
struct PublicationRow {
    client_id: String,
    source_id: Uuid,
    name: String,
}

#[derive(FromRow)]
struct ImmutableIdRow {
    immutable_id: String,
}

#[derive(FromRow)]
struct GroupIdRow {
    id: Uuid,
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

fn client_of(
    row: ClientRow,
    original_sources: Vec<SourceId>,
    groups: Vec<PublishedGroup>,
) -> Result<StoredClient, StorageError> {
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
        groups,
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
const GROUPS: &str = "select distinct c.client_id, c.source_id, coalesce(g.name, c.name) as name from client_group c \
                      left join directory_group g on g.source_id = c.source_id and g.immutable_id = c.immutable_id \
                      order by c.client_id, c.source_id, name";
const GROUPS_OF: &str = "select distinct c.client_id, c.source_id, coalesce(g.name, c.name) as name \
                         from client_group c \
                         left join directory_group g on g.source_id = c.source_id and g.immutable_id = c.immutable_id \
                         where c.client_id = $1 order by c.source_id, name";
const PUBLISHED: &str = "select g.id from client_group c \
                         join directory_group g on g.source_id = c.source_id and g.immutable_id = c.immutable_id \
                         where c.client_id = $1 order by g.id";
const DELETE_GROUPS: &str = "delete from client_group where client_id = $1";
const INSERT_GROUP: &str =
    "insert into client_group (client_id, source_id, name, immutable_id) values ($1, $2, $3, $4)";
const IDS_NAMED: &str =
    "select immutable_id from directory_group where source_id = $1 and name = $2 order by immutable_id";

/// Every client, by id.
pub async fn all(queries: &mut impl Queries) -> Result<Vec<StoredClient>, StorageError> {
    let rows: Vec<ClientRow> = queries.fetch_all(ALL, params![]).await?;
    let mut sources: BTreeMap<String, Vec<SourceId>> = BTreeMap::new();
    for row in queries.fetch_all::<ClientSourceRow>(SOURCES, params![]).await? {
        sources.entry(row.client_id).or_default().push(row.source_id.into());
    }
    let mut groups: BTreeMap<String, Vec<PublishedGroup>> = BTreeMap::new();
    for row in queries.fetch_all::<PublicationRow>(GROUPS, params![]).await? {
        groups.entry(row.client_id).or_default().push(PublishedGroup { source: row.source_id.into(), name: row.name });
    }
    rows.into_iter()
        .map(|row| {
            let (sources, groups) = (sources.remove(&row.id), groups.remove(&row.id));
            client_of(row, sources.unwrap_or_default(), groups.unwrap_or_default())
        })
        .collect()
}

/// The client with this id.
pub async fn by_id(queries: &mut impl Queries, id: &ClientId) -> Result<Option<StoredClient>, StorageError> {
    let Some(row) = queries.fetch_optional::<ClientRow>(BY_ID, params![id.0.clone()]).await? else { return Ok(None) };
    let sources: Vec<ClientSourceRow> = queries.fetch_all(SOURCES_OF, params![id.0.clone()]).await?;
    let groups: Vec<PublicationRow> = queries.fetch_all(GROUPS_OF, params![id.0.clone()]).await?;
    let groups = groups.into_iter().map(|g| PublishedGroup { source: g.source_id.into(), name: g.name });
    client_of(row, sources.into_iter().map(|s| s.source_id.into()).collect(), groups.collect()).map(Some)
}

/// The groups this client's tokens may name, as far as the directory knows them.
pub async fn published_groups(queries: &mut impl Queries, id: &ClientId) -> Result<Vec<GroupId>, StorageError> {
    let rows: Vec<GroupIdRow> = queries.fetch_all(PUBLISHED, params![id.0.clone()]).await?;
    Ok(rows.into_iter().map(|r| r.id.into()).collect())
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
    write_bindings(tx, client).await
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
    tx.execute(DELETE_GROUPS, params![client.id.0.clone()]).await?;
    write_bindings(tx, client).await
}

/// Replaces the digest of the secret; empty for a public client.
pub async fn set_secret(
    tx: &mut Transaction,
    id: &ClientId,
    secret_digest: Option<Vec<u8>>,
) -> Result<(), StorageError> {
    tx.execute(UPDATE_SECRET, params![id.0.clone(), secret_digest]).await.map(|_| ())
}

async fn write_bindings(tx: &mut Transaction, client: &Client) -> Result<(), StorageError> {
    for (position, source) in (0i64..).zip(&client.original_sources) {
        tx.execute(INSERT_SOURCE, params![client.id.0.clone(), position, source.uuid()]).await?;
    }
    for group in &client.groups {
        let (source, name) = (group.source.uuid(), group.name.clone());
        let mut known: Vec<ImmutableIdRow> = tx.fetch_all(IDS_NAMED, params![source, name.clone()]).await?;
        if known.is_empty() {
            // Held by its name until `Groups::put` meets it.
            known.push(ImmutableIdRow { immutable_id: String::new() });
        }
        for row in known {
            tx.execute(INSERT_GROUP, params![client.id.0.clone(), source, name.clone(), row.immutable_id]).await?;
        }
    }
    Ok(())
}
