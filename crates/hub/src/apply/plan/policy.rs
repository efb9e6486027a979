//! The `[policy]` section: figures of the installation. Lengths of time are seconds or text such as "15m".

use directory::Policy;
use serde_json::{Map, Value, json};
use storage::Transaction;

use super::{ItemChange, ItemKind, ItemOutcome};
use crate::{
    Hub, HubError,
    apply::Seconds,
    connections::POLICY_SETTING,
    kernel::{Actor, AuditEvent, record},
    registry::{FieldChange, compare},
};

/// A year: longer times are typing errors.
const LONGEST: u64 = 366 * 24 * 60 * 60;

pub(super) struct PreparedPolicy {
    policy: Policy,
    changes: Vec<FieldChange>,
}

pub(super) async fn prepare(hub: &Hub, section: &Map<String, Value>) -> Result<PreparedPolicy, HubError> {
    let before = (*hub.policy_now().await?).clone();
    let refused = |why: String| HubError::Refused(why);
    let Ok(Value::Object(mut fields)) = serde_json::to_value(&before) else {
        return Err(HubError::Internal("the policy is not an object".to_owned()));
    };
    for (key, value) in section {
        let known = fields.get_mut(key).ok_or_else(|| refused(format!("unknown key {key:?}")))?;
        *known = match value {
            Value::String(text) if known.is_number() => {
                let time = Seconds::parse(text).map_err(|e| refused(format!("{key}: {e}")))?;
                json!(if key.ends_with("_ms") { time.milliseconds } else { time.seconds() })
            }
            other => other.clone(),
        };
    }
    let policy: Policy = serde_json::from_value(Value::Object(fields)).map_err(|e| refused(e.to_string()))?;
    check(&policy).map_err(refused)?;
    let changes = compare(&before, &policy, &[]);
    Ok(PreparedPolicy { policy, changes })
}

/// Figures that would switch a protection off by mistake, or lock everybody out.
fn check(policy: &Policy) -> Result<(), String> {
    let times = [
        ("status_max_age", policy.status_max_age, 60),
        ("standing_grace", policy.standing_grace, 0),
        ("standing_grace_privileged", policy.standing_grace_privileged, 0),
        ("missing_confirmation", policy.missing_confirmation, 60),
        ("sweep_interval", policy.sweep_interval, 1),
        ("budget_without_lockout_window", policy.budget_without_lockout_window, 1),
        ("consecutive_failures_pause", policy.consecutive_failures_pause, 1),
        ("consecutive_failures_pause_limit", policy.consecutive_failures_pause_limit, 1),
        ("offline_session", policy.offline_session, 1),
        ("approval_tenure", policy.approval_tenure, 0),
        ("session", policy.session, 60),
        ("session_idle", policy.session_idle, 60),
        // Applications may keep the list of keys for five minutes.
        ("signing_key_ahead", policy.signing_key_ahead, 300),
    ];
    for (key, value, least) in times {
        if value < least || value > LONGEST {
            return Err(format!("{key}: use {least} seconds to a year"));
        }
    }
    let shortest = policy.signing_key_ahead.saturating_mul(2);
    if policy.signing_key_period != 0 && !(shortest..=LONGEST).contains(&policy.signing_key_period) {
        return Err("signing_key_period: use 0, or twice signing_key_ahead to a year".to_owned());
    }
    if !(1..=100).contains(&policy.removal_guard_percent) {
        return Err("removal_guard_percent: use 1 to 100".to_owned());
    }
    if !(1..=2).contains(&policy.approvals) {
        return Err("approvals: use 2, or 1 where one person runs the hub".to_owned());
    }
    if !(50..=10_000).contains(&policy.refusal_grid_ms) {
        return Err("refusal_grid_ms: use 50 milliseconds to 10 seconds".to_owned());
    }
    let counts = [
        ("budget_without_lockout", policy.budget_without_lockout),
        ("throttle_identifier", policy.throttle_identifier),
        ("throttle_network", policy.throttle_network),
        ("throttle_office", policy.throttle_office),
        ("throttle_installation", policy.throttle_installation),
        ("consecutive_failures", policy.consecutive_failures),
        ("too_many_attempts", policy.too_many_attempts),
    ];
    counts.into_iter().find(|(_, count)| *count == 0).map_or(Ok(()), |(key, _)| Err(format!("{key}: use at least 1")))
}

impl PreparedPolicy {
    pub(super) fn item(&self) -> ItemChange {
        ItemChange {
            kind: ItemKind::Policy,
            name: "of this installation".to_owned(),
            outcome: if self.changes.is_empty() { ItemOutcome::Unchanged } else { ItemOutcome::Changed },
            changes: self.changes.clone(),
            proposed: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) async fn write(&self, tx: &mut Transaction, hub: &Hub, actor: Actor) -> Result<(), HubError> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let value = serde_json::to_value(&self.policy)
            .map_err(|e| HubError::Internal(format!("the policy cannot be stored: {e}")))?;
        storage::settings::put(tx, POLICY_SETTING, value).await?;
        let event = AuditEvent::new(actor, "policy.changed").details(json!({ "changes": self.changes }));
        Ok(record(tx, &*hub.clock, &*hub.random, event).await?)
    }
}
