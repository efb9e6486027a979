//! One page of a read: people, groups or devices.

use chrono::{DateTime, Utc};
use connector::{Change, Next, ReadPage, Rejected};
use directory::{ImmutableId, ObjectKind, SourceDevice, SourceGroupEntry};

use crate::{
    compiled::Compiled,
    entry::one_id,
    format::{Record, Records},
    index::Index,
    snapshot::Place,
};

/// A page ends after so many records, or so many bytes.
const RECORDS: usize = 500;
const BYTES: u64 = 4 * 1024 * 1024;

/// Reads on from where the records stand. Who reads it says what comes next. An error ends the read.
pub(crate) fn page(
    settings: &Compiled,
    kind: ObjectKind,
    index: &Index,
    records: &mut Records,
) -> Result<ReadPage, String> {
    let mut page = ReadPage { changes: Vec::new(), rejected: Vec::new(), next: Next::Complete { delta: None } };
    let began = records.place().map_or(0, |place| place.offset);
    let path = settings.path_of(kind).unwrap_or_default();
    for _ in 0..RECORDS {
        if records.place().is_some_and(|Place { offset, .. }| offset.saturating_sub(began) > BYTES) {
            break;
        }
        let record = match records.next()? {
            None => break,
            Some(Ok(record)) => record,
            Some(Err(bad)) => {
                page.rejected.push(rejected(None, path, bad.line, bad.why));
                continue;
            }
        };
        if kind == ObjectKind::Person && !settings.is_person(&record) {
            continue;
        }
        let id = match kind {
            ObjectKind::Person => settings.id_of(&record),
            ObjectKind::Group | ObjectKind::Device => one_id(&record, "id"),
        };
        let id = match id {
            Ok(id) => id,
            Err(why) => {
                page.rejected.push(rejected(None, path, record.line, why));
                continue;
            }
        };
        if index.has_several(id.as_str()) {
            let why = "another record has the same id: neither is taken".to_owned();
            page.rejected.push(rejected(Some(id), path, record.line, why));
            continue;
        }
        let read = match kind {
            ObjectKind::Person => settings.person(&record).map(|person| Change::Person(Box::new(person))),
            ObjectKind::Group => group(settings, &id, &record).map(|group| Change::Group(Box::new(group))),
            ObjectKind::Device => device(settings, &id, &record).map(|device| Change::Device(Box::new(device))),
        };
        match read {
            Ok(change) => page.changes.push(change),
            Err(why) => page.rejected.push(rejected(Some(id), path, record.line, why)),
        }
    }
    Ok(page)
}

fn rejected(immutable_id: Option<ImmutableId>, path: &str, line: u64, reason: String) -> Rejected {
    Rejected { immutable_id, locator: format!("{path}, line {line}"), reason }
}

fn ids(settings: &Compiled, record: &Record, column: &str) -> Result<Vec<ImmutableId>, String> {
    let mut ids: Vec<ImmutableId> = record.parts(column, &settings.separator)?.into_iter().map(ImmutableId).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn group(settings: &Compiled, id: &ImmutableId, record: &Record) -> Result<SourceGroupEntry, String> {
    Ok(SourceGroupEntry {
        immutable_id: id.clone(),
        name: record.first("name")?.ok_or("no name")?,
        description: record.first("description")?,
        locator: format!("{}#{id}", settings.groups_path.as_deref().unwrap_or_default()),
        members: ids(settings, record, "members")?.into_iter().filter(|member| member != id).collect(),
        members_complete: true,
        left: Vec::new(),
        partial: false,
    })
}

fn device(settings: &Compiled, id: &ImmutableId, record: &Record) -> Result<SourceDevice, String> {
    let enabled = match record.first("enabled")?.map(|text| text.to_ascii_lowercase()).as_deref() {
        None | Some("true" | "yes" | "1") => true,
        Some("false" | "no" | "0") => false,
        Some(_) => return Err("enabled is neither true nor false".to_owned()),
    };
    let last_seen_at = match record.first("last_seen")? {
        None => None,
        Some(text) => {
            let at = DateTime::parse_from_rfc3339(&text);
            Some(at.map_err(|_| "last_seen is no time such as 2026-01-31T09:00:00Z")?.with_timezone(&Utc))
        }
    };
    Ok(SourceDevice {
        immutable_id: id.clone(),
        name: record.first("name")?.ok_or("no name")?,
        locator: format!("{}#{id}", settings.devices_path.as_deref().unwrap_or_default()),
        sid: record.first("sid")?,
        serial_number: record.first("serial_number")?,
        manufacturer: record.first("manufacturer")?,
        model: record.first("model")?,
        operating_system: record.first("operating_system")?,
        operating_system_version: record.first("operating_system_version")?,
        enabled,
        owners: ids(settings, record, "owners")?,
        last_seen_at,
    })
}
