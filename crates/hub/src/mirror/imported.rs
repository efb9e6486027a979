//! Taking over a password that a source stores (U4), and replacing it once its owner has proven it (row D4).

use chrono::{DateTime, Utc};
use directory::{
    CredentialAuthority, Person, PersonId, Source, SourceMode, Standing, StoredScheme, VerifierKind, VerifierOrigin,
};
use serde_json::json;
use storage::{
    Transaction,
    people::People,
    verifiers::{Verifier, Verifiers},
};

use super::{audit, capture::take_hub_alias};
use crate::{
    HubError, HubParts,
    kernel::{Actor, AuditEvent},
};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// From now on the hub decides (U4).
    Stored(Person),
    /// Not taken over, and why. Nothing was written.
    Not(&'static str),
}

/// Takes over the password that `source` stores for this person, as a text that says how it was made. Moves the
/// credential authority, so only in CAPTURE or DRAINING (semantics, section 9), and only away from that very source.
pub async fn import_verifier(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    person: PersonId,
    source: &Source,
    (scheme, kept): (StoredScheme, String),
    password_set_at: Option<DateTime<Utc>>,
) -> Result<Imported, HubError> {
    let mut person = super::person(tx, person).await?;
    if let Some(reason) = refusal(&person, source) {
        return Ok(Imported::Not(reason));
    }
    let now = hub.clock.now();
    let verifier = Verifier {
        person_id: person.id,
        phc: kept,
        origin: VerifierOrigin::Imported,
        source_id: Some(source.id),
        password_set_at,
        made_at: now,
        last_ok_at: now,
    };
    Verifiers(tx).put(&verifier).await?;
    person.verifier = VerifierKind::Legacy;
    person.credential_authority = CredentialAuthority::Hub;
    person.updated_at = now;
    take_hub_alias(tx, &person, source).await?;
    People(tx).update(&person).await?;
    let event = AuditEvent::new(actor, "person.verifier-imported").person(person.id).source(source.id);
    audit(tx, hub, event.details(json!({ "scheme": scheme }))).await?;
    Ok(Imported::Stored(super::person(tx, person.id).await?))
}

fn refusal(person: &Person, source: &Source) -> Option<&'static str> {
    let here = person.credential_authority == CredentialAuthority::Source(source.id);
    if person.merged_into.is_some() {
        Some("the record was merged away")
    } else if !here {
        Some("another place checks this person's password")
    } else if !matches!(source.mode, SourceMode::Capture | SourceMode::Draining) {
        Some("the directory neither captures nor drains")
    } else if source.shadow {
        Some("the directory goes on deciding: it is compared only")
    } else if !person.activated {
        Some("the person has not been activated")
    } else if person.standing != Standing::Active || person.disabled_by_hub.is_some() {
        Some("the person is disabled")
    } else if person.holds_role {
        // Whoever can write the old table could write a password for an administrator of the hub.
        Some("the person holds a role of the hub: they prove their password themselves")
    } else {
        None
    }
}

/// Row D4: the password was proven, so the hub's own verifier takes the place of the imported one, which is deleted.
/// Nothing if the verifier changed meanwhile.
pub async fn replace_imported(
    tx: &mut Transaction,
    hub: &HubParts,
    person: PersonId,
    imported: &str,
    phc: &str,
) -> Result<Person, HubError> {
    let mut person = super::person(tx, person).await?;
    if person.verifier == VerifierKind::Legacy && Verifiers(tx).replace_phc(person.id, phc, imported).await? {
        let now = hub.clock.now();
        Verifiers(tx).set_last_ok(person.id, now).await?;
        person.verifier = VerifierKind::Native;
        person.updated_at = now;
        People(tx).update(&person).await?;
        audit(tx, hub, AuditEvent::new(Actor::System, "person.verifier-renewed").person(person.id)).await?;
    }
    Ok(person)
}
