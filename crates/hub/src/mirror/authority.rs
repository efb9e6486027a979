//! Moving authorities and rights of one person or of everybody of a source, outside a reading.

use directory::{CredentialAuthority, Person, PersonId, Source, SourceId, VerifierKind, VerifierOrigin};
use serde_json::json;
use storage::{
    Transaction,
    people::People,
    verifiers::{Verifier, Verifiers},
};

use super::{audit, person};
use crate::{
    HubError, HubParts,
    kernel::{Actor, AuditEvent},
    session,
};

/// Activates a staged person who has just proven their password at `source` (row D23). An authority of none becomes
/// that source; one that exists never moves.
pub async fn activate_staged(
    tx: &mut Transaction,
    hub: &HubParts,
    id: PersonId,
    source: &Source,
) -> Result<Person, HubError> {
    let mut staged = person(tx, id).await?;
    if staged.activated {
        return Ok(staged);
    }
    if !source.just_in_time_activation {
        return Err(HubError::Refused("This directory does not activate people when they sign in.".to_owned()));
    }
    staged.activated = true;
    staged.updated_at = hub.clock.now();
    if staged.credential_authority == CredentialAuthority::None {
        staged.credential_authority = CredentialAuthority::Source(source.id);
    }
    People(tx).update(&staged).await?;
    audit(tx, hub, AuditEvent::new(Actor::System, "person.activated").person(id).source(source.id)).await?;
    Ok(staged)
}

/// The same password under newer costs (row D1). Nothing if the verifier changed meanwhile.
pub async fn rehash(tx: &mut Transaction, person: PersonId, old_phc: &str, new_phc: &str) -> Result<bool, HubError> {
    Ok(Verifiers(tx).replace_phc(person, new_phc, old_phc).await?)
}

/// A password set at the hub by the person themselves: only where the hub is the authority for it.
pub async fn set_hub_verifier(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    id: PersonId,
    phc: String,
) -> Result<Person, HubError> {
    let now = hub.clock.now();
    let mut person = person(tx, id).await?;
    if person.credential_authority != CredentialAuthority::Hub || person.merged_into.is_some() {
        return Err(HubError::Refused("This person's password is checked by their directory, not here.".to_owned()));
    }
    let verifier = Verifier {
        person_id: id,
        phc,
        origin: VerifierOrigin::Hub,
        source_id: None,
        password_set_at: None,
        made_at: now,
        last_ok_at: now,
    };
    Verifiers(tx).put(&verifier).await?;
    person.verifier = VerifierKind::Native;
    person.updated_at = now;
    People(tx).update(&person).await?;
    audit(tx, hub, AuditEvent::new(actor, "person.password-set").person(id)).await?;
    Ok(person)
}

/// Disables a person at the hub (U7): nobody is asked about them any more, and their sessions end.
pub async fn disable_by_hub(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    id: PersonId,
    reason: &str,
) -> Result<Person, HubError> {
    let mut person = person(tx, id).await?;
    person.disabled_by_hub = Some(reason.to_owned());
    person.updated_at = hub.clock.now();
    People(tx).update(&person).await?;
    let sessions = session::end_all(tx, &*hub.clock, id, "disabled at the hub").await?;
    let details = json!({ "reason": reason, "sessions_ended": sessions });
    audit(tx, hub, AuditEvent::new(actor, "person.disabled").person(id).details(details)).await?;
    Ok(person)
}

/// Lets the person in again, as far as the hub decides.
pub async fn enable_by_hub(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    id: PersonId,
) -> Result<Person, HubError> {
    let mut person = person(tx, id).await?;
    person.disabled_by_hub = None;
    person.updated_at = hub.clock.now();
    People(tx).update(&person).await?;
    audit(tx, hub, AuditEvent::new(actor, "person.enabled").person(id)).await?;
    Ok(person)
}

/// A retired source decides nothing any more (semantics, section 1): standing and attributes of its people become the
/// hub's, as they were read last. Somebody it had disabled stays disabled, now by the hub. Who checks the password
/// does not move: those people are stranded until somebody decides (row D27).
pub async fn end_source_authority(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    source: SourceId,
) -> Result<u64, HubError> {
    let people = People(tx).end_standing_authority(source, hub.clock.now()).await?;
    storage::attribute_history::AttributeHistory(tx).retire(source, hub.clock.now()).await?;
    storage::attributes::Attributes(tx).end_authority(source).await?;
    let details = json!({ "people": people });
    audit(tx, hub, AuditEvent::new(actor, "source.authority-ended").source(source).details(details)).await?;
    Ok(people)
}
