//! One batch: everything of it, its results and the place where the reading goes on, in one transaction.

use std::collections::{HashMap, HashSet};

use connector::{Change, Rejected};
use directory::{
    ImmutableId, ImportCounts, ImportOutcome, ImportRunId, ObjectKind, SourceDevice, SourceEntry, SourceGroupEntry,
};
use storage::{
    Transaction, accounts::Accounts, directory_devices::DirectoryDevices, group_members::GroupMembers,
    imports::ImportResult,
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

/// Writes it into the transaction. `numbered` is the number of the last result before.
pub(super) async fn write(
    tx: &mut Transaction,
    hub: &Hub,
    live: &LiveSource,
    (run, kind, numbered): (ImportRunId, ObjectKind, i64),
    sorted: &Sorted<'_>,
) -> Result<Batch, HubError> {
    let source = &live.source;
    let policy = hub.policy_now().await?;
    let mut batch =
        Batch { counts: ImportCounts { results: numbered, ..ImportCounts::default() }, results: Vec::new() };
    let imported = mirror::import_people(tx, hub, source, &sorted.people, run).await?;
    for (entry, one) in sorted.people.iter().zip(imported) {
        batch.note(kind, entry.immutable_id.as_str(), &entry.locator, one);
    }
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
    // A broken record is present all the same.
    present.retain(|id| !id.is_empty() && !id.contains('\0'));
    match kind {
        ObjectKind::Person => Accounts(tx).see_all(source.id, run, &present).await?,
        ObjectKind::Group => GroupMembers(tx).see_all(source.id, run, &present).await?,
        ObjectKind::Device => DirectoryDevices(tx).see_all(source.id, run, &present).await?,
    }
    let read = sorted.people.len() + sorted.groups.len() + sorted.devices.len() + sorted.rejected.len();
    batch.counts.read.insert(kind, (read + sorted.failed.len()) as u64);
    Ok(batch)
}

/// What a dry run has seen, in eight bytes each: it leaves no marks in the database.
#[derive(Default)]
pub(super) struct Seen(HashSet<u64>);

impl Seen {
    fn key(id: &str) -> u64 {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn add(&mut self, id: &str) {
        self.0.insert(Self::key(id));
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.contains(&Self::key(id))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
