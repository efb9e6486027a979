//! The audit log: insert only.

use chrono::{DateTime, Utc};
use directory::{AuditEventId, ClientId, PersonId, SourceId};
use serde_json::Value;

use sqlx::FromRow;

use crate::{Queries, StorageError, Transaction, page_limit, row::params};

/// One line, as stored.
#[derive(Debug, Clone)]
pub struct AuditRow {
    pub id: AuditEventId,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: &'static str,
    pub person: Option<PersonId>,
    pub source: Option<SourceId>,
    pub client: Option<ClientId>,
    pub details: Value,
}

const INSERT: &str = "insert into audit_event (id, at, actor, action, person_id, source_id, client_id, details) \
                      values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// A line as read back.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditLine {
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub details: Value,
}

#[derive(FromRow)]
struct AuditLineRow {
    at: DateTime<Utc>,
    actor: String,
    action: String,
    details: Value,
}

const RECENT: &str = "select at, actor, action, details from audit_event order by at desc, id desc limit $1";

/// The newest lines, newest first.
pub async fn recent(queries: &mut impl Queries, size: u32) -> Result<Vec<AuditLine>, StorageError> {
    let rows: Vec<AuditLineRow> = queries.fetch_all(RECENT, params![page_limit(size) - 1]).await?;
    Ok(rows.into_iter().map(|r| AuditLine { at: r.at, actor: r.actor, action: r.action, details: r.details }).collect())
}

/// Writes the line into the transaction of what it records.
pub async fn insert(tx: &mut Transaction, row: AuditRow) -> Result<(), StorageError> {
    let values = params![
        row.id.uuid(),
        row.at,
        row.actor,
        row.action,
        row.person.map(PersonId::uuid),
        row.source.map(SourceId::uuid),
        row.client.map(|c| c.0),
        row.details,
    ];
    tx.execute(INSERT, values).await.map(|_| ())
}
