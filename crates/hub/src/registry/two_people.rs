//! Changes that one person cannot make alone: they are kept as proposals. Deciding proposals comes with the roles
//! that do so; until then they can be read.

use chrono::{DateTime, Utc};
use directory::{ProposalId, Source, SourceDraft, SourceMode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::{Transaction, proposals::StoredProposal};

use super::difference::{self, FieldChange};
use crate::{
    Hub, HubError,
    kernel::{Actor, AuditEvent, record},
};

const KIND: &str = "source.update";

/// A change that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub id: ProposalId,
    pub summary: String,
    pub proposed_by: String,
    pub proposed_at: DateTime<Utc>,
}

impl From<&StoredProposal> for Proposal {
    fn from(stored: &StoredProposal) -> Self {
        Self {
            id: stored.id,
            summary: stored.summary.clone(),
            proposed_by: stored.proposed_by.clone(),
            proposed_at: stored.proposed_at,
        }
    }
}

/// Takes out of `after` what needs two people, and says what that was. What a source is trusted for (its domains, its
/// self-written attributes) matters once it has people; switching TLS off and retiring always do.
pub(super) fn take_out(before: &SourceDraft, after: &mut SourceDraft, has_people: bool) -> Vec<FieldChange> {
    let mut proposed = before.clone();
    if has_people {
        proposed.domains = std::mem::replace(&mut after.domains, before.domains.clone());
        proposed.self_written = std::mem::replace(&mut after.self_written, before.self_written.clone());
    }
    if after.connector.is_plain() && !before.connector.is_plain() {
        proposed.connector = std::mem::replace(&mut after.connector, before.connector.clone());
    }
    if after.mode == SourceMode::Retired && before.mode != SourceMode::Retired {
        proposed.mode = std::mem::replace(&mut after.mode, before.mode);
    }
    difference::of_sources(before, &proposed)
}

/// Keeps a proposal, unless the same one waits already; whether it is new.
pub(super) async fn propose(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    source: &Source,
    fields: &[FieldChange],
) -> Result<(Proposal, bool), HubError> {
    let payload = json!({ "source": source.id, "name": source.name, "changes": fields });
    let waiting = storage::proposals::open(tx).await?;
    if let Some(same) = waiting.iter().find(|p| p.kind == KIND && p.payload == payload) {
        return Ok((same.into(), false));
    }
    let now = hub.clock.now();
    let changes: Vec<String> = fields.iter().map(ToString::to_string).collect();
    let stored = StoredProposal {
        id: hub.random.id(now).into(),
        kind: KIND.to_owned(),
        summary: format!("Directory {}: {}", source.name, changes.join("; ")),
        payload: payload.clone(),
        proposed_by: actor.to_string(),
        proposed_at: now,
    };
    storage::proposals::insert(tx, &stored).await?;
    let event = AuditEvent::new(actor, "source.change-proposed").source(source.id).details(payload);
    record(tx, &*hub.clock, &*hub.random, event).await?;
    Ok(((&stored).into(), true))
}

/// Everything that waits for a second person, oldest first.
pub(crate) async fn open_proposals(hub: &Hub) -> Result<Vec<Proposal>, HubError> {
    let stored = storage::proposals::open(&mut hub.database.reader()).await?;
    Ok(stored.iter().map(Proposal::from).collect())
}
