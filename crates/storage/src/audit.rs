//! The audit log: insert only.

use chrono::{DateTime, Utc};
use directory::{AuditEventId, ClientId, PersonId, SourceId};
use serde_json::Value;

use crate::{StorageError, Transaction, row::params};

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
