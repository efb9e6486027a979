//! What follows from matching an entry: linked to the one who fits, held for a reviewer, or a person of its own with
//! questions (semantics, section 6; rows D18b, D19 and D21).

use directory::{
    Account, CaseId, ImmutableId, MatchOutcome, Person, PersonId, Source, SourceEntry, SourceMode, WaitingFor,
};
use matching::{Found, Outcome};
use serde_json::{Value, json};
use storage::{
    Transaction,
    accounts::Accounts,
    cases::{Case, Cases},
    matching::{HeldEntry, Matching},
};

use super::{
    Provisioned, audit,
    authority::activate_staged,
    create::{Occasion, newcomer},
    matched::{asked_about, has_authority, keys, matched},
    person,
    refresh::{Birth, write_entry},
    values::{Values, shown},
};
use crate::{
    HubError, HubParts,
    kernel::{Actor, AuditEvent},
};

/// How cases of matching call what is asked about; collisions name the attribute.
pub const MATCH: &str = "match";

/// What becomes of an entry before a person is made of it.
pub(super) enum Resolved {
    /// A person of its own; with questions, if there are any.
    New(Option<Questions>),
    /// Something else.
    Done(Box<Provisioned>),
    /// It would be linked, and is decided when the import has read everything.
    Later,
}

/// Who it may be instead.
pub(super) struct Questions {
    kind: MatchOutcome,
    found: Vec<Found>,
}

/// Matches the entry and carries out what follows, but for making a person.
pub(super) async fn resolve(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceEntry,
    values: &Values,
    occasion: Occasion,
) -> Result<Resolved, HubError> {
    let outcome = matched(tx, source, entry, values).await?;
    let resolved = match (outcome, occasion) {
        (Outcome::Create, _) => Resolved::New(None),
        (Outcome::Link(found), Occasion::Import(_)) => {
            let (person, account) = link(tx, hub, source, (entry, values), &found, occasion).await?;
            Resolved::Done(Box::new(Provisioned::Linked { person, account }))
        }
        (Outcome::Link(_), Occasion::Reading(run)) => {
            // If it waited before, it is there still.
            Matching(tx).see_held(source.id, run, &[entry.immutable_id.as_str()]).await?;
            // It bears its values from now on: whoever has the same is noticed, in whichever batch they come.
            Matching(tx).set_keys(source.id, &entry.immutable_id, &keys(source, entry, values)).await?;
            return Ok(Resolved::Later);
        }
        (Outcome::Link(found), Occasion::SignIn) => signed_in(tx, hub, source, entry, values, found).await?,
        // One definite candidate, and a reviewer is to agree first: nobody is made meanwhile (row D21).
        (Outcome::Queue(found), _) => {
            hold(tx, hub, source, (entry, values), (WaitingFor::Link, vec![found]), occasion).await?
        }
        (outcome @ (Outcome::Review(_) | Outcome::Ambiguous(_) | Outcome::Taken(_)), occasion) => {
            let Some((kind, found)) = asked_about(outcome) else { return Ok(Resolved::New(None)) };
            match occasion {
                Occasion::SignIn => Resolved::New(Some(Questions { kind, found })),
                Occasion::Import(_) | Occasion::Reading(_) => {
                    hold(tx, hub, source, (entry, values), (waiting_for(kind), found), occasion).await?
                }
            }
        }
    };
    // Whoever was held and is linked or made now waits no more.
    let waits = matches!(&resolved, Resolved::Done(done) if matches!(**done, Provisioned::Ignored { .. }));
    if !waits && Matching(tx).release(source.id, &entry.immutable_id).await? {
        let details = json!({ "entry": entry.immutable_id });
        audit(tx, hub, AuditEvent::new(Actor::System, "match.released").source(source.id).details(details)).await?;
    }
    Ok(resolved)
}

/// One candidate, every guard passed, and the password is proven.
async fn signed_in(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceEntry,
    values: &Values,
    found: Found,
) -> Result<Resolved, HubError> {
    let candidate = person(tx, found.person).await?;
    if has_authority(candidate.credential_authority) {
        if !found.synchronised {
            // Row D19: never a second way in to somebody whose password another place checks.
            return Ok(Resolved::New(Some(Questions { kind: MatchOutcome::Link, found: vec![found] })));
        }
        // Two people have declared that both directories hold the same people: the reach is that of this one (2.5).
        let (person, account) = link(tx, hub, source, (entry, values), &found, Occasion::SignIn).await?;
        return Ok(Resolved::Done(Box::new(Provisioned::Linked { person, account })));
    }
    if !source.just_in_time_activation {
        let reason = "somebody prepared here fits, and this directory does not activate people when they sign in";
        return Ok(Resolved::Done(Box::new(Provisioned::Ignored { reason: reason.to_owned() })));
    }
    let (linked, account) = link(tx, hub, source, (entry, values), &found, Occasion::SignIn).await?;
    let person = take_authority(tx, hub, linked, source).await?;
    Ok(Resolved::Done(Box::new(Provisioned::Matched { person, account })))
}

/// An authority of none becomes the source that has just proven the password (row D18b); one that exists never moves.
async fn take_authority(
    tx: &mut Transaction,
    hub: &HubParts,
    mut linked: Person,
    source: &Source,
) -> Result<Person, HubError> {
    if !linked.activated {
        return activate_staged(tx, hub, linked.id, source).await;
    }
    linked.credential_authority = directory::CredentialAuthority::Source(source.id);
    linked.updated_at = hub.clock.now();
    storage::people::People(tx).update(&linked).await?;
    person(tx, linked.id).await
}

/// Adds the account to the person. Who checks their password, who says whether they may be here, and what they may do
/// in the hub stay as they are; of attributes, what nobody has given yet is taken.
async fn link(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    (entry, values): (&SourceEntry, &Values),
    found: &Found,
    occasion: Occasion,
) -> Result<(Person, Account), HubError> {
    let mut linked = person(tx, found.person).await?;
    // As if it were to be a person of its own, but theirs.
    let (_, mut account) = newcomer(hub, source, entry, values, Occasion::Import(None));
    account.person_id = linked.id;
    if !Accounts(tx).insert(&account).await? {
        return Err(HubError::Internal("an account appeared inside a serialized transaction".to_owned()));
    }
    write_entry(tx, hub, source, entry, &mut linked, &mut account, (Birth::No, occasion.cause())).await?;
    let details = json!({ "account": account.id, "rules": found.rules, "score": found.score });
    let event = AuditEvent::new(Actor::System, "account.linked").person(linked.id).source(source.id);
    audit(tx, hub, event.details(details)).await?;
    Ok((person(tx, linked.id).await?, account))
}

/// Nobody is made of the entry until a reviewer has decided, or the next reading finds it otherwise.
async fn hold(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    (entry, values): (&SourceEntry, &Values),
    (kind, found): (WaitingFor, Vec<Found>),
    occasion: Occasion,
) -> Result<Resolved, HubError> {
    let now = hub.clock.now();
    let before = Matching(tx).held(source.id, &entry.immutable_id).await?;
    let held = HeldEntry {
        source: source.id,
        immutable_id: entry.immutable_id.clone(),
        kind,
        display_name: values.display_name.clone().unwrap_or_default(),
        locator: shown(&entry.locator),
        found: found.iter().map(as_json).collect(),
        reason: None,
        opened_at: before.as_ref().map_or(now, |before| before.opened_at),
        seen_at: now,
        seen_by: occasion.run(),
    };
    // It bears its values all the same: nobody else is "unique" beside it.
    Matching(tx).set_keys(source.id, &entry.immutable_id, &keys(source, entry, values)).await?;
    let news = before.is_none_or(|before| (before.kind, &before.found) != (held.kind, &held.found));
    Matching(tx).hold(&held).await?;
    if news {
        let details = json!({ "entry": entry.immutable_id, "outcome": kind, "found": held.found });
        audit(tx, hub, AuditEvent::new(Actor::System, "match.held").source(source.id).details(details)).await?;
    }
    let reason = format!("a reviewer decides who this is ({kind}): {}", why(&found));
    Ok(Resolved::Done(Box::new(Provisioned::Ignored { reason })))
}

/// Nobody is made of an entry that lacks what everybody must have: it waits until a reading finds it otherwise.
pub(super) async fn hold_incomplete(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    (entry, values): (&SourceEntry, &Values),
    reason: &str,
    occasion: Occasion,
) -> Result<(), HubError> {
    let now = hub.clock.now();
    let before = Matching(tx).held(source.id, &entry.immutable_id).await?;
    let held = HeldEntry {
        source: source.id,
        immutable_id: entry.immutable_id.clone(),
        kind: WaitingFor::Incomplete,
        display_name: values.display_name.clone().unwrap_or_default(),
        locator: shown(&entry.locator),
        found: json!([]),
        reason: Some(shown(reason)),
        opened_at: before.as_ref().map_or(now, |before| before.opened_at),
        seen_at: now,
        seen_by: occasion.run(),
    };
    Ok(Matching(tx).hold(&held).await?)
}

/// What a question of matching is called while an entry waits for its answer.
const fn waiting_for(outcome: MatchOutcome) -> WaitingFor {
    match outcome {
        MatchOutcome::Link => WaitingFor::Link,
        MatchOutcome::Ambiguous => WaitingFor::Ambiguous,
        MatchOutcome::Taken => WaitingFor::Taken,
        MatchOutcome::Review
        | MatchOutcome::Linked
        | MatchOutcome::Create
        | MatchOutcome::Collision
        | MatchOutcome::Ignored
        | MatchOutcome::Gone
        | MatchOutcome::Returned => WaitingFor::Review,
    }
}

/// An entry that waited is gone from its directory. Only a complete read, or the directory itself, says so.
pub(crate) async fn forget_waiting(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    id: &ImmutableId,
) -> Result<bool, HubError> {
    let waited = Matching(tx).forget_held(source.id, id).await?;
    if waited {
        let event = AuditEvent::new(Actor::System, "match.gone").source(source.id).details(json!({ "entry": id }));
        audit(tx, hub, event).await?;
    }
    Ok(waited)
}

fn as_json(found: &Found) -> Value {
    let doubts: Vec<String> = found.doubts.iter().map(|doubt| doubt.words()).collect();
    json!({ "person": found.person, "score": found.score, "rules": found.rules, "doubts": doubts })
}

/// In words, without a name or a value.
fn why(found: &[Found]) -> String {
    let mut rules: Vec<&str> = found.iter().flat_map(|f| f.rules.iter().map(String::as_str)).collect();
    rules.sort_unstable();
    rules.dedup();
    let mut doubts: Vec<String> = found.iter().flat_map(|f| f.doubts.iter().map(|doubt| doubt.words())).collect();
    doubts.sort_unstable();
    doubts.dedup();
    let people = if found.len() == 1 { "one person fits".to_owned() } else { format!("{} people fit", found.len()) };
    let doubts = if doubts.is_empty() { String::new() } else { format!("; {}", doubts.join("; ")) };
    format!("{people} by {}{doubts}", rules.join(", "))
}

/// Asks the questions about a person who was just made: until each is decided, they reach what their own source opens
/// and no more (row D19).
pub(super) async fn open_cases(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    newcomer: PersonId,
    questions: &Questions,
) -> Result<Vec<CaseId>, HubError> {
    let now = hub.clock.now();
    let mut opened = Vec::new();
    for found in &questions.found {
        let case = Case {
            id: hub.random.id(now).into(),
            kind: questions.kind,
            person_id: newcomer,
            holder_id: found.person,
            source_id: source.id,
            identifier: MATCH.to_owned(),
            folded: found.rules.join(", "),
            restricts_reach: true,
            opened_at: now,
            closed_at: None,
        };
        if Cases(tx).open(&case).await? {
            opened.push(case.id);
            let details = json!({ "case": case.id, "outcome": questions.kind, "found": as_json(found) });
            let event = AuditEvent::new(Actor::System, "case.opened").person(newcomer).source(source.id);
            audit(tx, hub, event.details(details)).await?;
        }
    }
    Ok(opened)
}

/// Every entry of the source has been read: from now on a value that nobody else there bears is known to be unique.
/// Whoever reads a source whole says so after having offered each entry to [`super::create`], an import or
/// [`sight`].
pub async fn note_read_whole(tx: &mut Transaction, hub: &HubParts, source: &Source) -> Result<(), HubError> {
    match source.mode {
        SourceMode::Active | SourceMode::Capture => {
            Ok(Matching(tx).note_population(source.id, hub.clock.now()).await?)
        }
        // Entries without a person were passed over, and so were their values.
        SourceMode::Draining | SourceMode::Observe | SourceMode::Paused | SourceMode::Retired => Ok(()),
    }
}

/// Notes what an entry says of which no person is made now: it counts when "unique" is judged.
pub async fn sight(tx: &mut Transaction, hub: &HubParts, source: &Source, entry: &SourceEntry) -> Result<(), HubError> {
    let values = Values::of(&hub.vault, source, entry);
    Ok(Matching(tx).set_keys(source.id, &entry.immutable_id, &keys(source, entry, &values)).await?)
}
