//! What a second person decides (semantics, section 7): an administrator for at least a day, whom the author did not
//! make one. Approving makes the change in the same transaction.

use chrono::{DateTime, Utc};
use directory::{PersonId, Policy, ProposalId, Role};
use secrecy::SecretString;
use storage::{Queries, proposals::StoredProposal};

use super::names::Names;
use crate::{
    Hub, HubError,
    kernel::{
        Actor,
        capability::{Administer, ManageSources, ReadConfiguration},
        seconds,
    },
    registry::{self, FieldChange},
};

/// Longest reason.
const REASON: usize = 500;
/// Decided ones that the list shows.
const SHOWN: u32 = 50;

/// One proposal in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalLine {
    pub id: ProposalId,
    pub summary: String,
    pub proposed_by: String,
    pub proposed_at: DateTime<Utc>,
    /// "approved by Ada", with when and why; empty while it waits.
    pub decided: Option<(String, DateTime<Utc>, Option<String>)>,
}

/// One proposal with all that a decision needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub line: ApprovalLine,
    /// The directory: its name in addresses, empty if it is about none, and its label.
    pub source: (String, String),
    pub changes: Vec<FieldChange>,
    /// Why it can no longer be made.
    pub outdated: Option<String>,
    /// Approving needs the bind password of the directory again.
    pub needs_secret: bool,
    /// Why whoever looks may not approve it; empty = they may.
    pub may_not: Option<String>,
    /// Whoever looks proposed it and may take it back.
    pub own: bool,
}

/// A proposal against what is there now.
struct Compared {
    source: (String, String),
    changes: Vec<FieldChange>,
    outdated: Option<String>,
    needs_secret: bool,
}

impl Hub {
    /// What waits, oldest first, then what was decided lately.
    pub async fn approvals(&self, _: &ReadConfiguration) -> Result<Vec<ApprovalLine>, HubError> {
        let mut reader = self.database.reader();
        let mut found = storage::proposals::open(&mut reader).await?;
        found.extend(storage::proposals::decided(&mut reader, SHOWN).await?);
        let mut names = Names::default();
        let mut lines = Vec::new();
        for proposal in &found {
            lines.push(line(&mut reader, &mut names, proposal).await?);
        }
        Ok(lines)
    }

    /// One of them, and whether whoever looks may decide it.
    pub async fn approval(&self, by: &ReadConfiguration, id: ProposalId) -> Result<Approval, HubError> {
        let proposal = self.proposal(id).await?;
        let Compared { source, changes, outdated, needs_secret } = self.compared(&proposal).await?;
        let person = by.person_id();
        let mut reader = self.database.reader();
        let roles = storage::access::roles_of(&mut reader, person).await?;
        let may_not = if roles.iter().any(|role| role.may(directory::Permission::Administer)) {
            let policy = self.policy_now().await?;
            self.why_not(&mut reader, person, &proposal, &policy).await?
        } else {
            Some("Administrators decide this.".to_owned())
        };
        Ok(Approval {
            own: proposal.proposed_by == Actor::Person(person).to_string(),
            line: line(&mut reader, &mut Names::default(), &proposal).await?,
            source,
            changes,
            outdated: outdated.filter(|_| proposal.decided.is_none()),
            needs_secret,
            may_not,
        })
    }

    /// Makes the proposed change. `secret` is the bind password of the directory, where its address or TLS settings
    /// change.
    pub async fn approve(
        &self,
        by: &Administer,
        id: ProposalId,
        secret: Option<SecretString>,
        reason: &str,
    ) -> Result<(), HubError> {
        let reason = checked_reason(reason)?;
        let proposal = self.waiting(id).await?;
        let policy = self.policy_now().await?;
        if let Some(why) = self.why_not(&mut self.database.reader(), by.person_id(), &proposal, &policy).await? {
            return Err(HubError::Refused(why));
        }
        if proposal.kind == registry::MATCH_RULES {
            return storage::write!(self.database, |tx| {
                if let Some(why) = self.why_not(tx, by.person_id(), &proposal, &policy).await? {
                    return Err(HubError::Refused(why));
                }
                let end = ("approved", "proposal.approved");
                registry::end_proposal(tx, self, by.actor(), &proposal, end, reason.clone()).await?;
                registry::carry_out_rules(tx, self, by.actor(), &proposal).await
            });
        }
        let prepared = registry::prepare_proposed(self, &proposal, secret.as_ref()).await?;
        storage::write!(self.database, |tx| {
            // Roles may have changed since they were looked at.
            if let Some(why) = self.why_not(tx, by.person_id(), &proposal, &policy).await? {
                return Err(HubError::Refused(why));
            }
            registry::carry_out(tx, self, by.actor(), &proposal, &prepared, reason.clone()).await
        })?;
        self.state.connections.forget();
        Ok(())
    }

    /// Refuses it; nothing changes. Any administrator may at any time: a refusal harms nothing.
    pub async fn refuse(&self, by: &Administer, id: ProposalId, reason: &str) -> Result<(), HubError> {
        let reason = checked_reason(reason)?.ok_or_else(|| HubError::Invalid {
            field: "reason",
            message: "write why: whoever proposed it reads this".to_owned(),
        })?;
        let proposal = self.waiting(id).await?;
        storage::write!(self.database, |tx| {
            let end = ("refused", "proposal.refused");
            registry::end_proposal(tx, self, by.actor(), &proposal, end, Some(reason.clone())).await
        })
    }

    /// Takes an own proposal back.
    pub async fn withdraw(&self, by: &ManageSources, id: ProposalId) -> Result<(), HubError> {
        let proposal = self.waiting(id).await?;
        if proposal.proposed_by != by.actor().to_string() {
            return Err(HubError::Refused("Only whoever proposed this takes it back.".to_owned()));
        }
        storage::write!(self.database, |tx| {
            registry::end_proposal(tx, self, by.actor(), &proposal, ("withdrawn", "proposal.withdrawn"), None).await
        })
    }

    /// Whether one person decides here (`approvals = 1`): every page of the console says so.
    pub async fn one_person_decides(&self) -> Result<bool, HubError> {
        Ok(self.policy_now().await?.approvals <= 1)
    }

    async fn compared(&self, proposal: &StoredProposal) -> Result<Compared, HubError> {
        if proposal.kind == registry::MATCH_RULES {
            let (change, outdated) = registry::compare_rules(self, proposal).await?;
            let source = (String::new(), "Rules of matching".to_owned());
            return Ok(Compared { source, changes: vec![change], outdated, needs_secret: false });
        }
        let compared = registry::compare_proposal(self, proposal).await?;
        Ok(Compared {
            source: (compared.source.name, compared.source.label),
            changes: compared.changes,
            outdated: compared.outdated,
            needs_secret: compared.needs_secret,
        })
    }

    async fn proposal(&self, id: ProposalId) -> Result<StoredProposal, HubError> {
        let found = storage::proposals::by_id(&mut self.database.reader(), id).await?;
        found.ok_or(HubError::NotFound("The proposal"))
    }

    async fn waiting(&self, id: ProposalId) -> Result<StoredProposal, HubError> {
        let proposal = self.proposal(id).await?;
        if proposal.decided.is_some() {
            return Err(HubError::Refused("This was decided already.".to_owned()));
        }
        Ok(proposal)
    }

    /// Why this administrator may not approve; empty = they may.
    async fn why_not(
        &self,
        queries: &mut impl Queries,
        person: PersonId,
        proposal: &StoredProposal,
        policy: &Policy,
    ) -> Result<Option<String>, HubError> {
        if policy.approvals <= 1 {
            return Ok(None);
        }
        let own = Actor::Person(person).to_string();
        if proposal.proposed_by == own {
            return Ok(Some("You proposed this: another administrator decides it.".to_owned()));
        }
        let assignments = storage::access::assignments_of(queries, person).await?;
        let Some(held) = assignments.into_iter().find(|a| a.role == Role::Administrator) else {
            return Ok(Some("Administrators decide this.".to_owned()));
        };
        let links = storage::access::links_of(queries, person).await?;
        let maker = links.first().is_some_and(|link| link.issued_by == proposal.proposed_by);
        if held.granted_by == proposal.proposed_by || maker {
            return Ok(Some(
                "Whoever proposed this made you an administrator: somebody else must decide it.".to_owned(),
            ));
        }
        // A new link gives the account to whoever holds it: as good as a new administrator.
        let newest = links.last().map_or(held.granted_at, |link| link.created_at.max(held.granted_at));
        let from = newest + seconds(policy.approval_tenure);
        if self.clock.now() < from {
            return Ok(Some(format!(
                "You may decide this from {} on: the role, and the last set-up link made for you, must be old enough.",
                from.format("%Y-%m-%d %H:%M UTC")
            )));
        }
        Ok(None)
    }
}

async fn line(
    queries: &mut impl Queries,
    names: &mut Names,
    proposal: &StoredProposal,
) -> Result<ApprovalLine, HubError> {
    let decided = match &proposal.decided {
        None => None,
        Some(decided) => {
            let words = format!("{} by {}", decided.decision, names.of(queries, &decided.by).await?);
            Some((words, decided.at, decided.reason.clone()))
        }
    };
    Ok(ApprovalLine {
        id: proposal.id,
        summary: proposal.summary.clone(),
        proposed_by: names.of(queries, &proposal.proposed_by).await?,
        proposed_at: proposal.proposed_at,
        decided,
    })
}

fn checked_reason(reason: &str) -> Result<Option<String>, HubError> {
    let reason = reason.trim();
    if reason.chars().count() > REASON || reason.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
        let message = format!("use at most {REASON} characters, without control characters");
        return Err(HubError::Invalid { field: "reason", message });
    }
    Ok(Some(reason.to_owned()).filter(|reason| !reason.is_empty()))
}
