//! One batch: everything of it, its results and the place where the reading goes on, in one transaction.

use std::collections::{HashMap, HashSet};

use connector::{Change, Rejected};
use directory::{
    AccountStatus, ImmutableId, ImportCounts, ImportOutcome, ImportRunId, ObjectKind, SourceDevice, SourceEntry,
    SourceGroupEntry,
};
use storage::{
    Transaction,
    accounts::Accounts,
    directory_devices::DirectoryDevices,
    group_members::GroupMembers,
    imports::ImportResult,
    matching::Matching,
    set_aside::{Aside, SetAside},
};

use crate::{
    Hub, HubError,
    connections::LiveSource,
    mirror::{self, Absence, Imported},
};

/// Objects written in one transaction: the writer is shared with everybody who signs in.
pub(super) const BATCH: usize = 500;
/// Longer ids and places are no data.
const LONGEST: usize = 1_000;

/// What a batch came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) counts: ImportCounts,
    pub(super) results: Vec<ImportResult>,
    /// To be decided when everything was read.
    pub(super) aside: Vec<(Aside, SourceEntry)>,
    /// Ids that were decided about now, whether they had been set aside or not.
    pub(super) decided: Vec<String>,
    /// Of the people, those whose account was active, and is read as disabled.
    pub(super) disabled: i64,
}

/// What a batch is written for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    pub(super) run: ImportRunId,
    pub(super) kind: ObjectKind,
    /// The number of the last result before.
    pub(super) numbered: i64,
    /// More is to be read: what depends on all of it is set aside.
    pub(super) reading: bool,
    /// Nothing of it is kept but what became of each object.
    pub(super) dry: bool,
}

impl Batch {
    /// Counts one object, and keeps a result of everything but the unchanged.
    pub(super) fn note(&mut self, kind: ObjectKind, id: &str, locator: &str, imported: Imported) {
        self.counts.add(kind, imported.outcome);
        if imported.outcome == ImportOutcome::Unchanged {
            return;
        }
        self.counts.results += 1;
        self.results.push(ImportResult {
            number: self.counts.results,
            kind,
            immutable_id: shown(id),
            locator: shown(locator),
            outcome: imported.outcome,
            person_id: imported.person,
            detail: imported.detail.map(|detail| shown(&detail)),
        });
    }
}

fn shown(text: &str) -> String {
    text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The changes of a page, sorted out: each object once, as it came last.
#[derive(Default)]
pub(super) struct Sorted<'a> {
    pub(super) people: Vec<&'a SourceEntry>,
    pub(super) groups: Vec<&'a SourceGroupEntry>,
    pub(super) devices: Vec<&'a SourceDevice>,
    pub(super) removed: Vec<&'a ImmutableId>,
    pub(super) rejected: Vec<Rejected>,
    /// Objects that could not be written: id, place, why.
    pub(super) failed: Vec<(&'a ImmutableId, &'a str, String)>,
}

/// The key of what changed.
fn id_of(change: &Change) -> &ImmutableId {
    match change {
        Change::Person(entry) => &entry.immutable_id,
        Change::Group(entry) => &entry.immutable_id,
        Change::Device(entry) => &entry.immutable_id,
        Change::Removed(id) => id,
    }
}

fn locator_of(change: &Change) -> &str {
    match change {
        Change::Person(entry) => &entry.locator,
        Change::Group(entry) => &entry.locator,
        Change::Device(entry) => &entry.locator,
        Change::Removed(_) => "",
    }
}

impl<'a> Sorted<'a> {
    pub(super) fn of(kind: ObjectKind, changes: &'a [Change]) -> Self {
        let mut last: HashMap<&ImmutableId, usize> = HashMap::with_capacity(changes.len());
        for (index, change) in changes.iter().enumerate() {
            last.insert(id_of(change), index);
        }
        let mut sorted = Self::default();
        for (index, change) in changes.iter().enumerate() {
            let id = id_of(change);
            if last.get(id) != Some(&index) {
                continue;
            }
            let text = id.as_str();
            if text.is_empty() || text.len() > LONGEST || text.contains(char::is_control) {
                sorted.reject(change, "its immutable id is empty, too long or not printable");
                continue;
            }
            match (kind, change) {
                (ObjectKind::Person, Change::Person(entry)) => sorted.people.push(entry),
                (ObjectKind::Group, Change::Group(entry)) => sorted.groups.push(entry),
                (ObjectKind::Device, Change::Device(entry)) => sorted.devices.push(entry),
                (_, Change::Removed(id)) => sorted.removed.push(id),
                (_, Change::Person(_) | Change::Group(_) | Change::Device(_)) => {
                    sorted.reject(change, "the source handed over another kind of object than was asked for");
                }
            }
        }
        sorted
    }

    fn reject(&mut self, change: &Change, reason: &str) {
        let locator = shown(locator_of(change));
        self.rejected.push(Rejected { immutable_id: None, locator, reason: reason.to_owned() });
    }
}

/// Writes it into the transaction.
pub(super) async fn write(
    tx: &mut Transaction,
    hub: &Hub,
    live: &LiveSource,
    task: Task,
    sorted: &Sorted<'_>,
) -> Result<Batch, HubError> {
    let Task { run, kind, .. } = task;
    let source = &live.source;
    let policy = hub.policy_now().await?;
    let counts = ImportCounts { results: task.numbered, ..ImportCounts::default() };
    let mut batch = Batch { counts, ..Batch::default() };
    people(tx, hub, live, task, sorted, &mut batch).await?;
    let imported = mirror::write_groups(tx, hub, source, &sorted.groups, run).await?;
    for (entry, one) in sorted.groups.iter().zip(imported) {
        batch.note(kind, entry.immutable_id.as_str(), &entry.locator, one);
    }
    let imported = mirror::write_devices(tx, hub, source, &sorted.devices, run).await?;
    for (entry, one) in sorted.devices.iter().zip(imported) {
        batch.note(kind, entry.immutable_id.as_str(), &entry.locator, one);
    }
    for id in &sorted.removed {
        if let Some(one) = mirror::note_removed(tx, hub, &policy, source, (kind, id), Absence::Said).await? {
            batch.note(kind, id.as_str(), "", one);
        }
    }
    let mut present = Vec::new();
    for rejected in &sorted.rejected {
        let id = rejected.immutable_id.as_ref().map_or("", ImmutableId::as_str);
        present.push(id);
        batch.note(kind, id, &rejected.locator, Imported::because(ImportOutcome::Rejected, &rejected.reason));
    }
    for (id, locator, reason) in &sorted.failed {
        present.push(id.as_str());
        batch.note(kind, id.as_str(), locator, Imported::because(ImportOutcome::Failed, reason));
    }
    batch.decided.extend(sorted.removed.iter().map(|id| id.to_string()));
    batch.decided.extend(sorted.failed.iter().map(|(id, _, _)| id.to_string()));
    present.extend(batch.aside.iter().map(|(_, entry)| entry.immutable_id.as_str()));
    // A broken record is present all the same.
    present.retain(|id| !id.is_empty() && !id.contains('\0'));
    match kind {
        ObjectKind::Person => {
            Accounts(tx).see_all(source.id, run, &present).await?;
            Matching(tx).see_held(source.id, run, &present).await?;
        }
        ObjectKind::Group => GroupMembers(tx).see_all(source.id, run, &present).await?,
        ObjectKind::Device => DirectoryDevices(tx).see_all(source.id, run, &present).await?,
    }
    // What was set aside counts when it is decided.
    let people = sorted.people.len() - batch.aside.len();
    let read = people + sorted.groups.len() + sorted.devices.len() + sorted.rejected.len();
    batch.counts.read.insert(kind, (read + sorted.failed.len()) as u64);
    Ok(batch)
}

async fn people(
    tx: &mut Transaction,
    hub: &Hub,
    live: &LiveSource,
    task: Task,
    sorted: &Sorted<'_>,
    batch: &mut Batch,
) -> Result<(), HubError> {
    let source = &live.source;
    if !task.reading {
        let imported = mirror::import_people(tx, hub, source, &sorted.people, task.run).await?;
        for (entry, one) in sorted.people.iter().zip(imported) {
            batch.decided.push(entry.immutable_id.to_string());
            batch.note(task.kind, entry.immutable_id.as_str(), &entry.locator, one);
        }
        return Ok(());
    }
    let disabled = newly_disabled(tx, live, &sorted.people).await?;
    batch.disabled = i64::try_from(disabled.len()).unwrap_or(i64::MAX);
    // A dry run disables nobody, and need not wait to see how many they are.
    let waits = |entry: &&&SourceEntry| !task.dry && disabled.contains(entry.immutable_id.as_str());
    let (aside, now): (Vec<&SourceEntry>, Vec<&SourceEntry>) = {
        let (aside, now): (Vec<_>, Vec<_>) = sorted.people.iter().partition(waits);
        (aside.into_iter().copied().collect(), now.into_iter().copied().collect())
    };
    mirror::give_up_names(tx, hub, source, &aside).await?;
    batch.aside.extend(aside.into_iter().map(|entry| (Aside::Disabled, entry.clone())));
    let imported = mirror::read_people(tx, hub, source, &now, task.run).await?;
    for (entry, one) in now.into_iter().zip(imported) {
        let Some(one) = one else {
            batch.aside.push((Aside::Link, entry.clone()));
            continue;
        };
        batch.decided.push(entry.immutable_id.to_string());
        batch.note(task.kind, entry.immutable_id.as_str(), &entry.locator, one);
    }
    Ok(())
}

/// The ids of those of these people whose account was active when it was read last, and is not now.
async fn newly_disabled(
    tx: &mut Transaction,
    live: &LiveSource,
    people: &[&SourceEntry],
) -> Result<HashSet<String>, HubError> {
    let ids: Vec<&str> = people
        .iter()
        .filter(|entry| entry.status != AccountStatus::Active)
        .map(|entry| entry.immutable_id.as_str())
        .collect();
    Ok(Accounts(tx).active(live.source.id, &ids).await?.into_iter().collect())
}

/// Keeps what was set aside, and forgets what was decided.
pub(super) async fn keep_aside(tx: &mut Transaction, run: ImportRunId, batch: &Batch) -> Result<(), HubError> {
    let decided: Vec<&str> = batch.decided.iter().map(String::as_str).collect();
    SetAside(tx).take_back(run, &decided).await?;
    Ok(SetAside(tx).put(run, &batch.aside).await?)
}
