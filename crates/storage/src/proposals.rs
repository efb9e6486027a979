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
    pub decided: Option<Decided>,
}

/// How a proposal ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub by: String,
    pub at: DateTime<Utc>,
    /// 'approved', 'refused', 'withdrawn'
    pub decision: String,
    pub reason: Option<String>,
}

#[derive(FromRow)]
struct ProposalRow {
    id: Uuid,
    kind: String,
    summary: String,
    payload: Value,
    proposed_by: String,
    proposed_at: DateTime<Utc>,
    decided_by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    decision: Option<String>,
    reason: Option<String>,
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
            decided: match (row.decided_by, row.decided_at, row.decision) {
                (Some(by), Some(at), Some(decision)) => Some(Decided { by, at, decision, reason: row.reason }),
                _ => None,
            },
        }
    }
}

const OPEN: &str = "select id, kind, summary, payload, proposed_by, proposed_at, decided_by, decided_at, decision, \
                    reason from proposal where decided_at is null order by proposed_at, id limit 1000";
const DECIDED: &str = "select id, kind, summary, payload, proposed_by, proposed_at, decided_by, decided_at, decision, \
                       reason from proposal where decided_at is not null order by decided_at desc, id limit $1";
const BY_ID: &str = "select id, kind, summary, payload, proposed_by, proposed_at, decided_by, decided_at, decision, \
                     reason from proposal where id = $1";
const DECIDE: &str = "update proposal set decided_by = $2, decided_at = $3, decision = $4, reason = $5 \
                      where id = $1 and decided_at is null";
const INSERT: &str = "insert into proposal (id, kind, summary, payload, proposed_by, proposed_at) \
                      values ($1, $2, $3, $4, $5, $6)";

/// The proposals nobody has decided, oldest first.
pub async fn open(queries: &mut impl Queries) -> Result<Vec<StoredProposal>, StorageError> {
    let rows: Vec<ProposalRow> = queries.fetch_all(OPEN, params![]).await?;
    Ok(rows.into_iter().map(StoredProposal::from).collect())
}

/// The last ones that were decided, newest first.
pub async fn decided(queries: &mut impl Queries, size: u32) -> Result<Vec<StoredProposal>, StorageError> {
    let rows: Vec<ProposalRow> = queries.fetch_all(DECIDED, params![i64::from(size)]).await?;
    Ok(rows.into_iter().map(StoredProposal::from).collect())
}

/// One proposal, decided or not.
pub async fn by_id(queries: &mut impl Queries, id: ProposalId) -> Result<Option<StoredProposal>, StorageError> {
    let row: Option<ProposalRow> = queries.fetch_optional(BY_ID, params![id.uuid()]).await?;
    Ok(row.map(StoredProposal::from))
}

/// Ends a proposal; false if it was decided before.
pub async fn decide(tx: &mut Transaction, id: ProposalId, decided: &Decided) -> Result<bool, StorageError> {
    let values = params![id.uuid(), decided.by.clone(), decided.at, decided.decision.clone(), decided.reason.clone()];
    Ok(tx.execute(DECIDE, values).await? > 0)
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
