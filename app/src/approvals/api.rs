//! What the Approvals pages ask and are told.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::{problem::ApiError, ui::Moment};

/// What waits, then what was decided lately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalList {
    pub lines: Vec<ApprovalLine>,
    /// `approved`, `refused`, `withdrawn`: what just happened.
    pub notice: String,
}

/// One proposal in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalLine {
    pub id: String,
    pub summary: String,
    pub proposed_by: String,
    pub proposed_at: Moment,
    /// "approved by Ada"; empty while it waits.
    pub decided: String,
    pub decided_at: Option<Moment>,
    pub reason: String,
}

/// One proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalCard {
    pub line: ApprovalLine,
    /// The directory: its name in addresses and its label.
    pub source: (String, String),
    pub changes: Vec<Change>,
    /// Why it can no longer be made.
    pub outdated: Option<String>,
    /// Approving needs the bind password of the directory.
    pub needs_secret: bool,
    /// Why whoever looks may not approve it.
    pub may_not: Option<String>,
    /// They may refuse it.
    pub may_refuse: bool,
    /// They proposed it and may take it back.
    pub own: bool,
}

/// One field that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub field: String,
    pub before: String,
    pub after: String,
}

#[cfg(feature = "ssr")]
impl From<hub::access::ApprovalLine> for ApprovalLine {
    fn from(line: hub::access::ApprovalLine) -> Self {
        let (decided, decided_at, reason) = match line.decided {
            Some((words, at, reason)) => (words, Some(at.into()), reason.unwrap_or_default()),
            None => (String::new(), None, String::new()),
        };
        Self {
            id: line.id.to_string(),
            summary: line.summary,
            proposed_by: line.proposed_by,
            proposed_at: line.proposed_at.into(),
            decided,
            decided_at,
            reason,
        }
    }
}

/// All of them.
#[server(prefix = "/api", endpoint = "approvals", input = GetUrl)]
pub async fn list_approvals(done: String) -> Result<ApprovalList, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ReadConfiguration) = crate::caller::permit().await?;
    let lines = hub.approvals(&by).await.map_err(crate::caller::failed)?;
    Ok(ApprovalList { lines: lines.into_iter().map(ApprovalLine::from).collect(), notice: done })
}

/// One proposal, and whether whoever looks may decide it.
#[server(prefix = "/api", endpoint = "approval", input = GetUrl)]
pub async fn read_approval(id: String) -> Result<ApprovalCard, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ReadConfiguration) = crate::caller::permit().await?;
    let id = id.parse().map_err(|_| crate::caller::not_found("This proposal"))?;
    let approval = hub.approval(&by, id).await.map_err(crate::caller::failed)?;
    let decider = hub.permit::<hub::kernel::capability::Administer>(Some(by.session_id())).await.is_ok();
    let waits = approval.line.decided.is_none();
    Ok(ApprovalCard {
        source: approval.source,
        changes: approval
            .changes
            .into_iter()
            .map(|change| Change { field: change.field, before: change.before, after: change.after })
            .collect(),
        outdated: approval.outdated,
        needs_secret: approval.needs_secret,
        may_not: approval.may_not,
        may_refuse: decider && waits && !approval.own,
        own: approval.own && waits,
        line: approval.line.into(),
    })
}

/// Approves a proposal and makes the change, or refuses it.
#[server(prefix = "/api", endpoint = "decide-approval")]
pub async fn decide_approval(
    id: String,
    decision: String,
    #[server(default)] reason: String,
    #[server(default)] bind_password: String,
) -> Result<(), ApiError> {
    let (hub, by): (_, hub::kernel::capability::Administer) = crate::caller::permit().await?;
    let id = id.parse().map_err(|_| crate::caller::not_found("This proposal"))?;
    let done = if decision == "approve" {
        let secret = (!bind_password.is_empty()).then(|| bind_password.into());
        hub.approve(&by, id, secret, &reason).await.map_err(crate::caller::failed)?;
        "approved"
    } else {
        hub.refuse(&by, id, &reason).await.map_err(crate::caller::failed)?;
        "refused"
    };
    leptos_axum::redirect(&crate::link::with_query("/console/approvals", &[("done", done)]));
    Ok(())
}

/// Takes an own proposal back.
#[server(prefix = "/api", endpoint = "withdraw-approval")]
pub async fn withdraw_approval(id: String) -> Result<(), ApiError> {
    let (hub, by): (_, hub::kernel::capability::ManageSources) = crate::caller::permit().await?;
    let id = id.parse().map_err(|_| crate::caller::not_found("This proposal"))?;
    hub.withdraw(&by, id).await.map_err(crate::caller::failed)?;
    leptos_axum::redirect("/console/approvals?done=withdrawn");
    Ok(())
}
