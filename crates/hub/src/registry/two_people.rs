//! Changes that one person cannot make alone: they are kept as proposals, and made when a second person agrees
//! (`hub::access::approvals`).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use directory::{AttributeName, ConnectorSettings, ProposalId, Source, SourceDraft, SourceId, SourceMode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::{
    Transaction,
    proposals::{Decided, StoredProposal},
};

use super::{
    difference::{self, FieldChange},
    source_check,
    source_write::{PreparedSource, update_source},
};
use crate::{
    Hub, HubError,
    connections::entered_for,
    kernel::{Actor, AuditEvent, record},
};

const KIND: &str = "source.update";
/// Longer than this nobody remembers why: it has to be proposed anew.
const LIFETIME: TimeDelta = TimeDelta::days(30);

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

/// What a proposal of a source wants. Holds no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domains: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    self_written: Option<Vec<AttributeName>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connector: Option<ConnectorSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<SourceMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expressions: Option<BTreeMap<AttributeName, String>>,
}

impl Wanted {
    /// The settings with what is wanted.
    fn onto(&self, now: &SourceDraft) -> SourceDraft {
        let mut draft = now.clone();
        if let Some(domains) = &self.domains {
            draft.domains.clone_from(domains);
        }
        if let Some(self_written) = &self.self_written {
            draft.self_written.clone_from(self_written);
        }
        if let Some(connector) = &self.connector {
            draft.connector.clone_from(connector);
        }
        if let Some(expressions) = &self.expressions {
            draft.profile.expressions.clone_from(expressions);
        }
        if let Some(mode) = self.mode {
            draft.mode = mode;
        }
        draft.allow_plain = draft.connector.is_plain();
        draft
    }
}

#[derive(Serialize, Deserialize)]
struct Payload {
    source: SourceId,
    name: String,
    changes: Vec<FieldChange>,
    wanted: Wanted,
}

impl Payload {
    fn of(stored: &StoredProposal) -> Result<Self, HubError> {
        serde_json::from_value(stored.payload.clone()).map_err(|error| {
            storage::StorageError::Inconsistent { table: "proposal", column: "payload", reason: error.to_string() }
                .into()
        })
    }
}

/// What one person may not change alone, taken out of what they wanted.
pub(super) struct TakenOut {
    pub(super) fields: Vec<FieldChange>,
    pub(super) wanted: Wanted,
}

/// Takes out of `after` what needs two people, and says what that was. What a source is trusted for (its domains, its
/// self-written attributes) matters once it has people; switching TLS off and retiring always do.
///
/// `feeding` are the attributes that rules in force can link people by: who reads them from elsewhere decides who is
/// whom, like whoever writes such a rule.
pub(super) fn take_out(
    before: &SourceDraft,
    after: &mut SourceDraft,
    has_people: bool,
    feeding: &BTreeSet<AttributeName>,
) -> TakenOut {
    let mut wanted = Wanted::default();
    if has_people && after.domains != before.domains {
        wanted.domains = Some(std::mem::replace(&mut after.domains, before.domains.clone()));
    }
    if has_people && after.self_written != before.self_written {
        wanted.self_written = Some(std::mem::replace(&mut after.self_written, before.self_written.clone()));
    }
    let mapped = |draft: &SourceDraft, name| draft.connector.mapping().and_then(|mapping| mapping.get(name).cloned());
    if feeding.iter().any(|name| after.profile.expressions.get(name) != before.profile.expressions.get(name)) {
        let now = before.profile.expressions.clone();
        wanted.expressions = Some(std::mem::replace(&mut after.profile.expressions, now));
    }
    let remapped = feeding.iter().any(|name| mapped(before, name) != mapped(after, name));
    if remapped || (after.connector.is_plain() && !before.connector.is_plain()) {
        wanted.connector = Some(std::mem::replace(&mut after.connector, before.connector.clone()));
    }
    if after.mode == SourceMode::Retired && before.mode != SourceMode::Retired {
        wanted.mode = Some(std::mem::replace(&mut after.mode, before.mode));
    }
    TakenOut { fields: difference::of_sources(before, &wanted.onto(before)), wanted }
}

/// Keeps a proposal, unless the same one waits already; whether it is new.
pub(super) async fn propose(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    source: &Source,
    (fields, wanted): (&[FieldChange], &Wanted),
) -> Result<(Proposal, bool), HubError> {
    let payload = json!({ "source": source.id, "name": source.name, "changes": fields, "wanted": wanted });
    let now = hub.clock.now();
    let waiting = storage::proposals::open(tx).await?;
    let alive = |p: &&StoredProposal| now < p.proposed_at + LIFETIME;
    if let Some(same) = waiting.iter().filter(alive).find(|p| p.kind == KIND && p.payload == payload) {
        return Ok((same.into(), false));
    }
    let changes: Vec<String> = fields.iter().map(ToString::to_string).collect();
    let stored = StoredProposal {
        id: hub.random.id(now).into(),
        kind: KIND.to_owned(),
        summary: format!("Directory {}: {}", source.name, changes.join("; ")),
        payload,
        proposed_by: actor.to_string(),
        proposed_at: now,
        decided: None,
    };
    storage::proposals::insert(tx, &stored).await?;
    let details = json!({ "proposal": stored.id, "name": source.name, "changes": fields });
    let event = AuditEvent::new(actor, "source.change-proposed").source(source.id).details(details);
    record(tx, &*hub.clock, &*hub.random, event).await?;
    Ok(((&stored).into(), true))
}

/// Everything that waits for a second person, oldest first.
pub(crate) async fn open_proposals(hub: &Hub) -> Result<Vec<Proposal>, HubError> {
    let stored = storage::proposals::open(&mut hub.database.reader()).await?;
    Ok(stored.iter().map(Proposal::from).collect())
}

/// A proposal against the directory as it is now.
pub(crate) struct Compared {
    pub(crate) source: Source,
    pub(crate) changes: Vec<FieldChange>,
    /// Why it can no longer be made, in words.
    pub(crate) outdated: Option<String>,
    /// The bind password is needed again, because address or TLS settings change.
    pub(crate) needs_secret: bool,
}

/// Reads a proposal and the directory it is about.
pub(crate) async fn compare(hub: &Hub, proposal: &StoredProposal) -> Result<Compared, HubError> {
    let payload = Payload::of(proposal)?;
    let stored = storage::sources::by_id(&mut hub.database.reader(), payload.source).await?;
    let stored = stored.ok_or(HubError::NotFound("The directory"))?;
    let now = SourceDraft::from(&stored.source);
    let draft = payload.wanted.onto(&now);
    let outdated = if hub.clock.now() >= proposal.proposed_at + LIFETIME {
        Some("This was proposed more than 30 days ago. Propose it again if it is still wanted.".to_owned())
    } else if difference::of_sources(&now, &draft) == payload.changes {
        None
    } else {
        Some(
            "The directory was changed since this was proposed, so that something else would come of it now. Refuse \
             it, and propose it again."
                .to_owned(),
        )
    };
    let needs_secret = entered_for(&hub.vault, &draft.connector) != stored.secret.entered_for;
    Ok(Compared { source: stored.source, changes: payload.changes, outdated, needs_secret })
}

/// A proposal, checked by the same rules as if one person made the change now.
pub(crate) async fn prepare_proposed(
    hub: &Hub,
    proposal: &StoredProposal,
    secret: Option<&SecretString>,
) -> Result<PreparedProposal, HubError> {
    if let Some(outdated) = compare(hub, proposal).await?.outdated {
        return Err(HubError::Refused(outdated));
    }
    let payload = Payload::of(proposal)?;
    let stored = storage::sources::by_id(&mut hub.database.reader(), payload.source).await?;
    let stored = stored.ok_or(HubError::NotFound("The directory"))?;
    let draft = source_check::check(payload.wanted.onto(&SourceDraft::from(&stored.source)), Some(&stored.source))?;
    let prepared = hub.prepare_whole_source(&stored, draft, secret).await?;
    Ok(PreparedProposal { before: stored.source, prepared })
}

/// Ready to be made.
pub(crate) struct PreparedProposal {
    before: Source,
    prepared: PreparedSource,
}

/// Makes the change and ends the proposal. A directory that changed since it was checked is not touched.
pub(crate) async fn carry_out(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    proposal: &StoredProposal,
    prepared: &PreparedProposal,
    reason: Option<String>,
) -> Result<Source, HubError> {
    end(tx, hub, actor, proposal, ("approved", "proposal.approved"), reason).await?;
    Ok(update_source(tx, hub, actor, &prepared.before, &prepared.prepared).await?.source)
}

/// Ends a proposal, in words and in the audit log.
pub(crate) async fn end(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    proposal: &StoredProposal,
    (decision, action): (&str, &'static str),
    reason: Option<String>,
) -> Result<(), HubError> {
    let decided =
        Decided { by: actor.to_string(), at: hub.clock.now(), decision: decision.to_owned(), reason: reason.clone() };
    if !storage::proposals::decide(tx, proposal.id, &decided).await? {
        return Err(HubError::Refused("Somebody else has decided this meanwhile.".to_owned()));
    }
    let mut details = json!({ "proposal": proposal.id, "proposed_by": proposal.proposed_by, "reason": reason });
    let mut event = AuditEvent::new(actor, action);
    if proposal.kind == KIND {
        let payload = Payload::of(proposal)?;
        details["changes"] = json!(payload.changes);
        event = event.source(payload.source);
    }
    let event = event.details(details);
    Ok(record(tx, &*hub.clock, &*hub.random, event).await?)
}
