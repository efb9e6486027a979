//! From the file and the database to the changes.

mod attribute;
mod client;
mod policy;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use directory::{ImportSchedule, SourceId};
use storage::{Transaction, sources::StoredSource};

use super::{ApplyReport, ItemChange, ItemKind, ItemOutcome, SiteDocument, SiteSecrets};
use crate::{
    Hub, HubError,
    kernel::Actor,
    registry::{
        PreparedClient, PreparedSource, PreparedWriteAccess, Proposal, check_filled, insert_client, insert_source,
        recompute, update_client, update_source, write_schedule, write_write_access,
    },
};

/// Everything that would be done, checked.
pub(super) struct Plan {
    attributes: attribute::PreparedAttributes,
    sources: Vec<(Option<StoredSource>, PreparedSource)>,
    /// Those that change.
    schedules: Vec<(SourceId, ImportSchedule)>,
    write_access: Vec<PreparedWriteAccess>,
    clients: Vec<(bool, PreparedClient)>,
    policy: Option<policy::PreparedPolicy>,
    /// By kind, then by name.
    items: Vec<ItemChange>,
}

/// Compares and checks. Writes nothing; asks a directory for its lockout where the file does not say it.
pub(super) async fn plan(hub: &Hub, document: &SiteDocument, secrets: &SiteSecrets) -> Result<Plan, HubError> {
    refuse_repeated("[[source]]", document.source.iter().map(|s| &s.name))?;
    refuse_repeated("[[client]]", document.client.iter().map(|c| &c.id))?;
    let mut reader = hub.database.reader();
    let stored = storage::sources::all(&mut reader).await?;
    let (attributes, items) = attribute::prepare(&mut reader, &document.attribute).await?;
    let mut plan = Plan {
        attributes,
        sources: Vec::new(),
        schedules: Vec::new(),
        write_access: Vec::new(),
        clients: Vec::new(),
        policy: None,
        items,
    };
    let mut names: BTreeMap<SourceId, String> = stored.iter().map(|s| (s.source.id, s.source.name.clone())).collect();
    let mut left: BTreeMap<String, StoredSource> = stored.into_iter().map(|s| (s.source.name.clone(), s)).collect();
    for section in &document.source {
        let known = left.remove(&section.name);
        let place = format!("[[source]] {}", section.name);
        let prepared = source::prepare(hub, section, known.as_ref(), secrets).await.map_err(|e| at(&place, e))?;
        check_filled(&prepared.source.profile, &plan.attributes.all).map_err(|e| at(&place, e))?;
        names.insert(prepared.source.id, section.name.clone());
        let schedule = source::schedule(&mut reader, section, &prepared).await.map_err(|e| at(&place, e))?;
        let access = source::write_access(hub, section, &prepared, secrets).await.map_err(|e| at(&place, e))?;
        plan.items.push(source::item(known.is_some(), &prepared, &schedule, access.as_ref()));
        plan.write_access.extend(access);
        plan.schedules.extend(schedule.map(|(_, wanted)| (prepared.source.id, wanted)));
        plan.sources.push((known, prepared));
    }
    plan.items.extend(left.into_keys().map(|name| absent(ItemKind::Source, name)));
    let stored = storage::clients::all(&mut reader).await?;
    let mut left: BTreeMap<String, _> = stored.into_iter().map(|c| (c.client.id.0.clone(), c)).collect();
    for section in &document.client {
        let known = left.remove(&section.id);
        let place = format!("[[client]] {}", section.id);
        let prepared = client::prepare(hub, section, known.as_ref(), secrets, &names).map_err(|e| at(&place, e))?;
        let notes = client::notes(&mut reader, section, &prepared, secrets).await?;
        plan.items.push(client::item(known.is_some(), &prepared, notes));
        plan.clients.push((known.is_some(), prepared));
    }
    plan.items.extend(left.into_keys().map(|id| absent(ItemKind::Client, id)));
    if let Some(section) = &document.policy {
        let prepared = policy::prepare(hub, section).await.map_err(|e| at("[policy]", e))?;
        plan.items.push(prepared.item());
        plan.policy = Some(prepared);
    }
    Ok(plan)
}

/// The same error with its place in the file.
fn at(place: &str, error: HubError) -> HubError {
    match error {
        HubError::Invalid { field, message } => HubError::Refused(format!("{place}: {field}: {message}")),
        HubError::Refused(message) => HubError::Refused(format!("{place}: {message}")),
        other => other,
    }
}

fn refuse_repeated<'a>(place: &str, names: impl Iterator<Item = &'a String>) -> Result<(), HubError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(HubError::Refused(format!("{place} {name} is there twice: keep one")));
        }
    }
    Ok(())
}

fn absent(kind: ItemKind, name: String) -> ItemChange {
    let outcome = ItemOutcome::NotInFile;
    ItemChange { kind, name, outcome, changes: Vec::new(), proposed: Vec::new(), notes: Vec::new() }
}

const fn outcome(known: bool, unchanged: bool) -> ItemOutcome {
    match (known, unchanged) {
        (false, _) => ItemOutcome::Created,
        (true, true) => ItemOutcome::Unchanged,
        (true, false) => ItemOutcome::Changed,
    }
}

impl Plan {
    /// Makes the changes; the proposals that were kept or found waiting.
    pub(super) async fn carry_out(
        &self,
        tx: &mut Transaction,
        hub: &Hub,
        actor: Actor,
    ) -> Result<Vec<Proposal>, HubError> {
        let filling = self.attributes.write(tx, hub, actor).await?;
        let mut proposals = Vec::new();
        for (before, prepared) in &self.sources {
            let place = format!("[[source]] {}", prepared.source.name);
            match before {
                None => insert_source(tx, hub, actor, prepared).await.map_err(|e| at(&place, e))?,
                Some(before) => {
                    let outcome =
                        update_source(tx, hub, actor, &before.source, prepared).await.map_err(|e| at(&place, e))?;
                    proposals.extend(outcome.proposal);
                }
            }
        }
        for (source, schedule) in &self.schedules {
            write_schedule(tx, hub, actor, *source, *schedule).await?;
        }
        for access in &self.write_access {
            write_write_access(tx, hub, actor, access).await?;
        }
        for (known, prepared) in &self.clients {
            if *known {
                update_client(tx, hub, actor, prepared).await?;
            } else {
                insert_client(tx, hub, actor, prepared).await?;
            }
        }
        if let Some(policy) = &self.policy {
            policy.write(tx, hub, actor).await?;
        }
        // Behind the sources' own changes, which are based on the revisions they were checked with.
        recompute(tx, hub, &filling).await?;
        Ok(proposals)
    }

    pub(super) fn report(&self, dry_run: bool, proposals: &[Proposal]) -> ApplyReport {
        ApplyReport { dry_run, items: self.items.clone(), proposals: proposals.to_vec() }
    }
}
