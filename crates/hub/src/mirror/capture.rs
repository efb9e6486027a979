//! Capturing a password that its source has just proven (row D6), and forgetting a captured one (row D24).

use chrono::{DateTime, TimeDelta, Utc};
use directory::{
    CredentialAuthority, Namespace, Person, PersonId, Source, SourceMode, TypedName, VerifierKind, VerifierOrigin, fold,
};
use serde_json::json;
use storage::{
    Transaction,
    accounts::Accounts,
    aliases::{Alias, Aliases},
    cases::Cases,
    people::People,
    verifiers::{Verifier, Verifiers},
};

use super::audit;
use crate::{
    HubError, HubParts,
    kernel::{Actor, AuditEvent},
};

/// What the decision row wants done with a proven password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capture {
    /// Store it; from now on the hub decides (U5).
    TakeOver,
    /// Store it beside the source's answer; the source goes on deciding (U3).
    Shadow,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Captured {
    /// Stored. The person as they are now.
    Stored(Person),
    /// Not stored, and why. Nothing was written.
    Not(&'static str),
}

/// Stores the verifier, if the facts allow it. The caller's decision row has asked for it; the rule is checked again
/// here because whatever stands here is what a source can make of somebody's password.
pub async fn capture(
    tx: &mut Transaction,
    hub: &HubParts,
    person: PersonId,
    source: &Source,
    verifier_phc: String,
    password_set_at: Option<DateTime<Utc>>,
    capture: Capture,
) -> Result<Captured, HubError> {
    let now = hub.clock.now();
    let mut person = super::person(tx, person).await?;
    let existing = Verifiers(tx).of_person(person.id).await?;
    let wanted = match allowed(&person, source, existing.as_ref(), capture) {
        Ok(wanted) => wanted,
        Err(reason) => return Ok(Captured::Not(reason)),
    };
    if !has_settled(source, password_set_at, now) {
        return Ok(Captured::Not("the password was changed too recently at the source"));
    }
    let verifier = Verifier {
        person_id: person.id,
        phc: verifier_phc,
        origin: VerifierOrigin::Captured,
        source_id: Some(source.id),
        password_set_at,
        made_at: now,
        last_ok_at: now,
    };
    Verifiers(tx).put(&verifier).await?;
    person.verifier = VerifierKind::Native;
    person.updated_at = now;
    let action = match wanted {
        Wanted::TakeOver => {
            person.credential_authority = CredentialAuthority::Hub;
            take_hub_alias(tx, &person, source).await?;
            "person.captured"
        }
        Wanted::Again => "person.captured-again",
        Wanted::Shadow => "person.shadowed",
    };
    People(tx).update(&person).await?;
    // Proven again and again in shadow: only the first is news.
    if wanted != Wanted::Shadow || existing.is_none() {
        audit(tx, hub, AuditEvent::new(Actor::System, action).person(person.id).source(source.id)).await?;
    }
    Ok(Captured::Stored(super::person(tx, person.id).await?))
}

/// What storing the verifier means for this person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    TakeOver,
    Shadow,
    /// Row D1b: the hub decides already, and the password was changed at the source it was captured from.
    Again,
}

fn allowed(
    person: &Person,
    source: &Source,
    existing: Option<&Verifier>,
    capture: Capture,
) -> Result<Wanted, &'static str> {
    if person.merged_into.is_some() {
        return Err("the record was merged away");
    }
    match person.credential_authority {
        // At another source the attempt signs in with that reach and stores no verifier (semantics, section 1).
        CredentialAuthority::Source(id) if id != source.id => Err("another source checks this person's password"),
        CredentialAuthority::None => Err("nobody checks this person's password yet"),
        CredentialAuthority::Source(_) => match (capture, source.mode) {
            (Capture::TakeOver, SourceMode::Capture | SourceMode::Draining) if !source.shadow => Ok(Wanted::TakeOver),
            (Capture::TakeOver, _) => Err("the source does not capture"),
            (Capture::Shadow, SourceMode::Active | SourceMode::Capture | SourceMode::Draining)
                if source.shadow || source.outage_sign_in =>
            {
                Ok(Wanted::Shadow)
            }
            (Capture::Shadow, _) => Err("the source keeps no verifier beside its answer"),
        },
        CredentialAuthority::Hub => {
            let from_here = existing.is_some_and(|v| match v.origin {
                VerifierOrigin::Captured | VerifierOrigin::Imported => v.source_id == Some(source.id),
                VerifierOrigin::Hub => false,
            });
            let listens = match source.mode {
                SourceMode::Active | SourceMode::Capture => true,
                SourceMode::Draining => person.verifier == VerifierKind::Legacy,
                SourceMode::Observe | SourceMode::Paused | SourceMode::Retired => false,
            };
            match (from_here && listens, person.holds_role) {
                (true, false) => Ok(Wanted::Again),
                (true, true) => Err("the person holds a role of the hub"),
                (false, _) => Err("the hub checks this person's password"),
            }
        }
    }
}

/// Whether the password is old enough not to be the one before the last change, which AD accepts for a while. Unknown
/// counts as too young where there is such a while.
fn has_settled(source: &Source, password_set_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    if source.capture_settle_seconds == 0 {
        return true;
    }
    let settle = TimeDelta::seconds(i64::try_from(source.capture_settle_seconds).unwrap_or(i64::MAX / 1_000));
    password_set_at.is_some_and(|set_at| now.signed_duration_since(set_at) > settle)
}

/// A captured person keeps a name when their source goes: the bare username, in the hub's namespace, if it is free.
/// Not while the case of their birth is open (D19): the name may be the other's, and a case never adds a right.
pub(super) async fn take_hub_alias(tx: &mut Transaction, person: &Person, source: &Source) -> Result<(), HubError> {
    if Cases(tx).restricted_to(person.id).await?.is_some() {
        return Ok(());
    }
    let accounts = Accounts(tx).of_person(person.id).await?;
    let username = accounts.iter().find(|a| a.source_id == source.id).and_then(|a| a.username.as_deref());
    if let Some(username) = username
        && let TypedName::Bare(name) = TypedName::parse(username)
    {
        let alias = Alias {
            namespace: Namespace::Hub,
            folded: fold(&name).as_str().to_owned(),
            person_id: person.id,
            account_id: None,
        };
        Aliases(tx).insert(&alias).await?;
    }
    Ok(())
}

/// A password that the person sets here instead of the one their redirect source knows (row D6r): from now on the hub
/// decides (U5). The caller has it proven by that source just now.
pub async fn take_over(
    tx: &mut Transaction,
    hub: &HubParts,
    person: PersonId,
    source: &Source,
    phc: String,
) -> Result<Person, HubError> {
    let now = hub.clock.now();
    let mut person = super::person(tx, person).await?;
    if person.merged_into.is_some() || person.credential_authority != CredentialAuthority::Source(source.id) {
        return Err(HubError::Refused("This person does not sign in at that directory any more.".to_owned()));
    }
    let verifier = Verifier {
        person_id: person.id,
        phc,
        origin: VerifierOrigin::Hub,
        source_id: None,
        password_set_at: None,
        made_at: now,
        last_ok_at: now,
    };
    Verifiers(tx).put(&verifier).await?;
    person.verifier = VerifierKind::Native;
    person.credential_authority = CredentialAuthority::Hub;
    person.updated_at = now;
    take_hub_alias(tx, &person, source).await?;
    People(tx).update(&person).await?;
    let event = AuditEvent::new(Actor::Person(person.id), "person.password-set-instead").person(person.id);
    audit(tx, hub, event.source(source.id)).await?;
    super::person(tx, person.id).await
}

/// Deletes the verifier of somebody whose source still decides: it said something else than the hub, or the password
/// was changed too recently (row D24). Whether there was one.
pub async fn delete_shadow_verifier(
    tx: &mut Transaction,
    hub: &HubParts,
    person: PersonId,
    reason: &'static str,
) -> Result<bool, HubError> {
    let mut person = super::person(tx, person).await?;
    if !matches!(person.credential_authority, CredentialAuthority::Source(_)) {
        return Ok(false);
    }
    let deleted = Verifiers(tx).delete(person.id).await?;
    if deleted {
        person.verifier = VerifierKind::None;
        person.updated_at = hub.clock.now();
        People(tx).update(&person).await?;
        let event = AuditEvent::new(Actor::System, "person.shadow-deleted").person(person.id);
        audit(tx, hub, event.details(json!({ "reason": reason }))).await?;
    }
    Ok(deleted)
}
