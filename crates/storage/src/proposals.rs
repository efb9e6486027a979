//! Changes that wait for a second person.

use chrono::{DateTime, Utc};
use directory::ProposalId;
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// One proposed change, as stored. The payload holds no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredProposal {
    pub id: ProposalId,
    /// What would be done: `source.update`.
    pub kind: String,
    /// One sentence for people.
    pub summary: String,
    pub payload: Value,
    pub proposed_by: String,
    pub proposed_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct ProposalRow {
    id: Uuid,
    kind: String,
    summary: String,
    payload: Value,
    proposed_by: String,
    proposed_at: DateTime<Utc>,
}

impl From<ProposalRow> for StoredProposal {
    fn from(row: ProposalRow) -> Self {
        Self {
            id: row.id.into(),
            kind: row.kind,
            summary: row.summary,
            payload: row.payload,
            proposed_by: row.proposed_by,
            proposed_at: row.proposed_at,
        }
    }
}

const OPEN: &str = "select id, kind, summary, payload, proposed_by, proposed_at from proposal \
                    where decided_at is null order by proposed_at, id limit 1000";
const INSERT: &str = "insert into proposal (id, kind, summary, payload, proposed_by, proposed_at) \
                      values ($1, $2, $3, $4, $5, $6)";

/// The proposals nobody has decided, oldest first.
pub async fn open(queries: &mut impl Queries) -> Result<Vec<StoredProposal>, StorageError> {
    let rows: Vec<ProposalRow> = queries.fetch_all(OPEN, params![]).await?;
    Ok(rows.into_iter().map(StoredProposal::from).collect())
}

/// Keeps a proposal.
pub async fn insert(tx: &mut Transaction, proposal: &StoredProposal) -> Result<(), StorageError> {
    let values = params![
        proposal.id.uuid(),
        proposal.kind.clone(),
        proposal.summary.clone(),
        proposal.payload.clone(),
        proposal.proposed_by.clone(),
        proposal.proposed_at,
    ];
    tx.execute(INSERT, values).await.map(|_| ())
}
