//! Groups with their members, and devices, as an import reads them.

use std::collections::{BTreeSet, HashMap};

use aws_lc_rs::digest::{SHA256, digest};
use directory::{GroupId, ImportOutcome, ImportRunId, Source, SourceDevice, SourceGroupEntry, SourceId};
use serde::Serialize;
use storage::{
    Transaction,
    directory_devices::{DirectoryDevices, StoredDevice, serial_key},
    group_members::{GroupMembers, ListedGroup},
    groups::{Group, Groups},
};

use super::{Imported, values::shown};
use crate::{HubError, HubParts};

/// Texts longer than this are no data.
const LONGEST: usize = 1_000;

/// What an object reads like under these settings.
fn reading<T: Serialize>(source: &Source, object: &T) -> Vec<u8> {
    // Serialising plain data cannot fail; if it did, an empty text would only make it be written again.
    let text = serde_json::to_vec(&(source.revision, object)).unwrap_or_default();
    digest(&SHA256, &text).as_ref().to_vec()
}

fn optional(text: Option<&String>) -> Option<String> {
    text.map(|text| shown(text.trim())).filter(|text| !text.is_empty())
}

/// An id that both databases can keep and that names something.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST && !text.contains(char::is_control)
}

/// Writes a batch of groups, each immutable id once, and says of each what became of it.
pub async fn write_groups(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entries: &[&SourceGroupEntry],
    run: ImportRunId,
) -> Result<Vec<Imported>, HubError> {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.immutable_id.as_str()).collect();
    let known = GroupMembers(tx).known(source.id, &ids).await?;
    let known: HashMap<&str, &ListedGroup> = known.iter().map(|group| (group.immutable_id.as_str(), group)).collect();
    let mut same = Vec::new();
    let mut written = Vec::with_capacity(entries.len());
    for entry in entries {
        let known = known.get(entry.immutable_id.as_str()).copied();
        // A list of differences says something each time it comes.
        let reads_the_same = |group: &&ListedGroup| {
            !entry.partial && group.digest.as_ref().is_some_and(|stored| *stored == reading(source, entry))
        };
        if let Some(group) = known.filter(reads_the_same) {
            same.push(group.id);
            written.push(Imported::plain(ImportOutcome::Unchanged, None));
        } else {
            written.push(write_known(tx, hub, source, entry, known, Some(run)).await?);
        }
    }
    GroupMembers(tx).touch_all(Some(run), &same, hub.clock.now()).await?;
    Ok(written)
}

/// Writes one group.
pub async fn write_group(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceGroupEntry,
    run: Option<ImportRunId>,
) -> Result<Imported, HubError> {
    let known = GroupMembers(tx).known(source.id, &[entry.immutable_id.as_str()]).await?;
    write_known(tx, hub, source, entry, known.first(), run).await
}

async fn write_known(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceGroupEntry,
    known: Option<&ListedGroup>,
    run: Option<ImportRunId>,
) -> Result<Imported, HubError> {
    let name = shown(entry.name.trim());
    if name.is_empty() {
        return Ok(Imported::because(ImportOutcome::Held, "the group has no name"));
    }
    let now = hub.clock.now();
    let group = Group {
        id: known.map_or_else(|| hub.random.id(now).into(), |group| group.id),
        source_id: Some(source.id),
        immutable_id: entry.immutable_id.clone(),
        name: name.clone(),
    };
    let id = Groups(tx).put(&group).await?.id;
    let mut changed = Vec::new();
    let (came, left) = write_members(tx, id, entry).await?;
    let returned = known.is_some_and(|group| group.gone_at.is_some());
    if came + left > 0 || returned {
        GroupMembers(tx).unsettle(source.id, id).await?;
    }
    if known.is_none_or(|group| group.read_at.is_none()) {
        // Groups that list it among their members were derived without it.
        super::import::unsettle_listing(tx, source, &[entry.immutable_id.as_str()]).await?;
    }
    let listed = ListedGroup {
        id,
        source_id: source.id,
        immutable_id: entry.immutable_id.clone(),
        name,
        description: optional(entry.description.as_ref()),
        locator: Some(shown(&entry.locator)),
        // Members that were not read have to be read again.
        digest: (entry.members_complete && !entry.partial).then(|| reading(source, entry)),
        read_at: Some(now),
        missing_since: None,
        gone_at: None,
    };
    if known.is_some_and(|group| group.name != listed.name) {
        changed.push("name".to_owned());
    }
    if known.is_some_and(|group| group.description != listed.description || group.locator != listed.locator) {
        changed.push("description".to_owned());
    }
    if came + left > 0 {
        changed.push(format!("members (+{came} −{left})"));
    }
    GroupMembers(tx).write(&listed, run).await?;
    let outcome = match known {
        // Known from the entries of its members alone.
        None => ImportOutcome::Created,
        Some(group) if group.read_at.is_none() => ImportOutcome::Created,
        Some(_) if returned => ImportOutcome::Returned,
        Some(_) if changed.is_empty() => ImportOutcome::Unchanged,
        Some(_) => ImportOutcome::Updated,
    };
    Ok(Imported { outcome, person: None, detail: (!changed.is_empty()).then(|| changed.join(", ")) })
}

/// Lists the members; how many (came, left). Members that could not be read whole only come.
async fn write_members(tx: &mut Transaction, group: GroupId, entry: &SourceGroupEntry) -> Result<(u64, u64), HubError> {
    let wanted: BTreeSet<&str> = entry.members.iter().map(|id| id.as_str()).filter(|id| is_id(id)).collect();
    if entry.partial {
        let came: Vec<&str> = wanted.into_iter().collect();
        let left: Vec<&str> = entry.left.iter().map(|id| id.as_str()).filter(|id| !came.contains(id)).collect();
        return Ok((GroupMembers(tx).add(group, &came).await?, GroupMembers(tx).remove(group, &left).await?));
    }
    let stored = GroupMembers(tx).all_members(group).await?;
    let stored: BTreeSet<&str> = stored.iter().map(String::as_str).collect();
    let came: Vec<&str> = wanted.difference(&stored).copied().collect();
    let came = GroupMembers(tx).add(group, &came).await?;
    if !entry.members_complete {
        return Ok((came, 0));
    }
    let left: Vec<&str> = stored.difference(&wanted).copied().collect();
    Ok((came, GroupMembers(tx).remove(group, &left).await?))
}

/// Derives the memberships of one group whose list changed, or that holds one whose list changed. False if there is
/// none left.
pub async fn settle_groups(tx: &mut Transaction, source: SourceId) -> Result<bool, HubError> {
    let Some(group) = GroupMembers(tx).unsettled(source).await? else { return Ok(false) };
    GroupMembers(tx).settle(source, group).await?;
    Ok(true)
}

/// Writes a batch of devices, each immutable id once, and says of each what became of it.
pub async fn write_devices(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entries: &[&SourceDevice],
    run: ImportRunId,
) -> Result<Vec<Imported>, HubError> {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.immutable_id.as_str()).collect();
    let known = DirectoryDevices(tx).known(source.id, &ids).await?;
    let known: HashMap<&str, &StoredDevice> = known.iter().map(|d| (d.immutable_id.as_str(), d)).collect();
    let mut same = Vec::new();
    let mut written = Vec::with_capacity(entries.len());
    for entry in entries {
        let known = known.get(entry.immutable_id.as_str()).copied();
        let digest = reading(source, entry);
        if let Some(device) = known.filter(|device| device.digest.as_ref() == Some(&digest)) {
            same.push(device.id);
            written.push(Imported::plain(ImportOutcome::Unchanged, None));
        } else {
            written.push(write_known_device(tx, hub, source, entry, known, Some(run)).await?);
        }
    }
    DirectoryDevices(tx).touch_all(Some(run), &same, hub.clock.now()).await?;
    Ok(written)
}

/// Writes one device.
pub async fn write_device(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceDevice,
    run: Option<ImportRunId>,
) -> Result<Imported, HubError> {
    let known = DirectoryDevices(tx).known(source.id, &[entry.immutable_id.as_str()]).await?;
    write_known_device(tx, hub, source, entry, known.first(), run).await
}

async fn write_known_device(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceDevice,
    known: Option<&StoredDevice>,
    run: Option<ImportRunId>,
) -> Result<Imported, HubError> {
    let name = shown(entry.name.trim());
    if name.is_empty() {
        return Ok(Imported::because(ImportOutcome::Held, "the device has no name"));
    }
    let now = hub.clock.now();
    let id = known.map_or_else(|| hub.random.id(now).into(), |device| device.id);
    let sid = optional(entry.sid.as_ref());
    let serial = serial_key(entry).filter(|key| key.len() <= LONGEST);
    // One device at two sources: the same SID, else serial number and manufacturer. Names never link.
    let same_device = match (DirectoryDevices(tx).twin(id, sid.as_deref(), serial.as_deref()).await?, known) {
        (Some(twin), _) => twin.same_device,
        // It was linked by a number that it no longer has.
        (None, Some(known)) if DirectoryDevices(tx).same(known.same_device).await?.len() > 1 => hub.random.id(now),
        (None, Some(known)) => known.same_device,
        (None, None) => id.uuid(),
    };
    let device = StoredDevice {
        id,
        source_id: source.id,
        immutable_id: entry.immutable_id.clone(),
        same_device,
        name,
        locator: shown(&entry.locator),
        sid,
        serial_number: optional(entry.serial_number.as_ref()),
        serial_key: serial,
        manufacturer: optional(entry.manufacturer.as_ref()),
        model: optional(entry.model.as_ref()),
        operating_system: optional(entry.operating_system.as_ref()),
        operating_system_version: optional(entry.operating_system_version.as_ref()),
        enabled: entry.enabled,
        last_seen_at: entry.last_seen_at.map(storage::to_microseconds),
        read_at: now,
        digest: Some(reading(source, entry)),
        missing_since: None,
        gone_at: None,
    };
    DirectoryDevices(tx).put(&device, run).await?;
    let owners: BTreeSet<&str> = entry.owners.iter().map(|id| id.as_str()).filter(|id| is_id(id)).collect();
    DirectoryDevices(tx).set_owners(id, &owners.into_iter().collect::<Vec<_>>()).await?;
    let outcome = match known {
        None => ImportOutcome::Created,
        Some(known) if known.gone_at.is_some() => ImportOutcome::Returned,
        Some(_) => ImportOutcome::Updated,
    };
    Ok(Imported::plain(outcome, None))
}
