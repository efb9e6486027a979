//! What is not there any more. One sighting changes nothing, two make it gone, and nothing is ever deleted: who or what
//! returns is restored. Names of the gone are held for a while, then free for somebody new.

use chrono::{DateTime, TimeDelta, Utc};
use directory::{Account, ImmutableId, ImportOutcome, ObjectKind, Policy, Source};
use serde_json::json;
use storage::{
    Transaction, accounts::Accounts, aliases::Aliases, attributes::Attributes, directory_devices::DirectoryDevices,
    group_members::GroupMembers, matching::Matching,
};

use super::{Imported, MissingNoted, audit, forget_waiting, note_missing};
use crate::{
    HubError, HubParts,
    kernel::{Actor, AuditEvent},
};

/// How it is known that an object is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// A complete read did not return it.
    Unseen,
    /// The source said so itself.
    Said,
}

/// Notes that an object is not there; nothing if it is unknown, or known to be gone. A person takes a second sighting
/// however the first one came; a group or device that its source itself calls removed is gone at once, because its
/// return restores everything.
pub async fn note_removed(
    tx: &mut Transaction,
    hub: &HubParts,
    policy: &Policy,
    source: &Source,
    (kind, id): (ObjectKind, &ImmutableId),
    absence: Absence,
) -> Result<Option<Imported>, HubError> {
    match kind {
        ObjectKind::Person => {
            let Some(account) = Accounts(tx).by_immutable_id(source.id, id).await? else {
                forget_waiting(tx, hub, source, id).await?;
                return Ok(None);
            };
            let outcome = match note_missing(tx, hub, policy, source, &account).await? {
                MissingNoted::First => ImportOutcome::MissingNoted,
                MissingNoted::Confirmed => ImportOutcome::Gone,
                MissingNoted::TooSoon | MissingNoted::Already => return Ok(None),
            };
            Ok(Some(Imported::plain(outcome, Some(account.person_id))))
        }
        ObjectKind::Group => {
            let known = GroupMembers(tx).known(source.id, &[id.as_str()]).await?;
            let Some(group) = known.first().filter(|group| group.gone_at.is_none()) else { return Ok(None) };
            let Some(next) = next(hub, policy, group.missing_since, absence) else { return Ok(None) };
            GroupMembers(tx).miss(group.id, next.since, next.gone_at).await?;
            if next.gone_at.is_some() {
                GroupMembers(tx).unsettle(source.id, group.id).await?;
            }
            Ok(Some(Imported::plain(next.outcome(), None)))
        }
        ObjectKind::Device => {
            let known = DirectoryDevices(tx).known(source.id, &[id.as_str()]).await?;
            let Some(device) = known.first().filter(|device| device.gone_at.is_none()) else { return Ok(None) };
            let Some(next) = next(hub, policy, device.missing_since, absence) else { return Ok(None) };
            DirectoryDevices(tx).miss(device.id, next.since, next.gone_at).await?;
            Ok(Some(Imported::plain(next.outcome(), None)))
        }
    }
}

/// What a sighting without the object makes of it.
struct NextAbsence {
    since: DateTime<Utc>,
    gone_at: Option<DateTime<Utc>>,
}

impl NextAbsence {
    const fn outcome(&self) -> ImportOutcome {
        if self.gone_at.is_some() { ImportOutcome::Gone } else { ImportOutcome::MissingNoted }
    }
}

fn next(hub: &HubParts, policy: &Policy, since: Option<DateTime<Utc>>, absence: Absence) -> Option<NextAbsence> {
    let now = hub.clock.now();
    match (since, absence) {
        (since, Absence::Said) => Some(NextAbsence { since: since.unwrap_or(now), gone_at: Some(now) }),
        (None, Absence::Unseen) => Some(NextAbsence { since: now, gone_at: None }),
        (Some(since), Absence::Unseen) if now.signed_duration_since(since) >= seconds(policy.missing_confirmation) => {
            Some(NextAbsence { since, gone_at: Some(now) })
        }
        // Too soon to count as a second sighting.
        (Some(_), Absence::Unseen) => None,
    }
}

fn seconds(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000))
}

/// Accounts whose names are freed in one transaction.
const FREED_AT_ONCE: u32 = 100;

/// Names and identifiers of accounts that have been gone for longer than the grace are free, for new people only:
/// whoever returns by their immutable id is restored, and asks for what somebody else then holds. How many accounts.
pub async fn free_names(
    tx: &mut Transaction,
    hub: &HubParts,
    policy: &Policy,
    source: &Source,
) -> Result<usize, HubError> {
    let now = hub.clock.now();
    let gone = Accounts(tx).gone_since(source.id, now - seconds(policy.tombstone_grace), FREED_AT_ONCE).await?;
    for account in &gone {
        free(tx, hub, source, account).await?;
    }
    Ok(gone.len())
}

async fn free(tx: &mut Transaction, hub: &HubParts, source: &Source, account: &Account) -> Result<(), HubError> {
    let mut freed = 0_u64;
    for alias in Aliases(tx).of_account(account.id).await? {
        freed += u64::from(Aliases(tx).delete(alias.namespace, &alias.folded, alias.person_id).await?);
    }
    for attribute in Attributes(tx).of_person(account.person_id).await? {
        if let Some(value) = &attribute.folded
            && attribute.origin == Some(account.id)
        {
            Aliases(tx).release(attribute.name.as_str(), value.as_str(), account.person_id).await?;
            freed += 1;
        }
    }
    Matching(tx).set_keys(source.id, &account.immutable_id, &[]).await?;
    Accounts(tx).set_freed(account.id, hub.clock.now()).await?;
    let details = json!({ "account": account.id, "names": freed });
    let event = AuditEvent::new(Actor::System, "account.names-freed").person(account.person_id).source(source.id);
    audit(tx, hub, event.details(details)).await
}
