//! What a reading shows that is not an entry: the account is gone, the name is no longer its own, it is locked.

use chrono::{DateTime, TimeDelta, Utc};
use directory::{Account, AccountStatus, Folded, Namespace, Policy, Source, Standing};
use serde_json::json;
use storage::{Transaction, accounts::Accounts, aliases::Aliases, attributes::Cause, people::People};

use super::{audit, decides_standing, owner::settle_authority, person};
use crate::{
    HubError, HubParts,
    kernel::{Actor, AuditEvent},
    session,
};

/// What a healthy source's "it is not there" came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingNoted {
    /// Noted; nothing else happens on one sighting.
    First,
    /// Noted before, and too recently to count as a second sighting.
    TooSoon,
    /// Twice, far enough apart: the account is missing, and its person out if this source is their standing authority.
    Confirmed,
    /// It was missing already.
    Already,
}

/// A healthy source did not return this linked id.
pub async fn note_missing(
    tx: &mut Transaction,
    hub: &HubParts,
    policy: &Policy,
    source: &Source,
    account: &Account,
) -> Result<MissingNoted, HubError> {
    let now = hub.clock.now();
    // As it is now, not as the caller read it before asking the source.
    let Some(mut account) = Accounts(tx).by_id(account.id).await? else { return Ok(MissingNoted::Already) };
    if account.status == AccountStatus::Missing {
        return Ok(MissingNoted::Already);
    }
    let distance = TimeDelta::seconds(i64::try_from(policy.missing_confirmation).unwrap_or(i64::MAX / 1_000));
    let noted = match account.missing_since {
        None => {
            account.missing_since = Some(now);
            MissingNoted::First
        }
        Some(since) if now.signed_duration_since(since) < distance => return Ok(MissingNoted::TooSoon),
        Some(_) => {
            account.status = AccountStatus::Missing;
            MissingNoted::Confirmed
        }
    };
    Accounts(tx).update(&account).await?;
    // The entry reads as it did when it comes back: it must be written then all the same.
    Accounts(tx).set_digest(account.id, None).await?;
    if noted == MissingNoted::Confirmed {
        confirm(tx, hub, source, &account, now).await?;
    }
    Ok(noted)
}

async fn confirm(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    account: &Account,
    now: DateTime<Utc>,
) -> Result<(), HubError> {
    let mut person = person(tx, account.person_id).await?;
    settle_authority(tx, hub, source, &mut person, Cause::Reading).await?;
    let decides = decides_standing(&person, account);
    let sessions = if decides {
        person.standing = Standing::Missing;
        person.standing_read_at = Some(now);
        person.updated_at = now;
        People(tx).update(&person).await?;
        session::end_all(tx, &*hub.clock, person.id, "missing at the source").await?
    } else {
        session::end_proven_at(tx, &*hub.clock, person.id, source.id, "missing at the source").await?
    };
    let details = json!({ "account": account.id, "disabled": decides, "sessions_ended": sessions });
    let event = AuditEvent::new(Actor::System, "account.missing").person(person.id).source(source.id);
    audit(tx, hub, event.details(details)).await
}

/// The entry no longer bears this name (semantics, section 2.4): the look-up starts again without it.
pub async fn drop_alias(
    tx: &mut Transaction,
    hub: &HubParts,
    account: &Account,
    name: &Folded,
) -> Result<bool, HubError> {
    let namespace = Namespace::Source(account.source_id);
    let dropped = Aliases(tx).delete(namespace, name.as_str(), account.person_id).await?;
    if dropped {
        Accounts(tx).set_digest(account.id, None).await?;
        let event = AuditEvent::new(Actor::System, "alias.dropped");
        audit(tx, hub, event.person(account.person_id).source(account.source_id)).await?;
    }
    Ok(dropped)
}

/// The source says that the account is locked until then (row D10).
pub async fn note_locked(
    tx: &mut Transaction,
    account: &Account,
    until: Option<DateTime<Utc>>,
) -> Result<(), HubError> {
    Accounts(tx).set_locked_until(account.id, until).await?;
    // The next entry that shows no lock ends it, though it reads as it did before.
    Ok(Accounts(tx).set_digest(account.id, None).await?)
}
