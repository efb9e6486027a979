//! When imports begin by themselves: who may say so, and within which bounds.

use directory::{ImportSchedule, SourceId};
use serde_json::json;
use storage::{Transaction, import_schedule};

use super::{FieldChange, invalid};
use crate::{
    Hub, HubError, HubParts,
    kernel::{
        Actor, AuditEvent,
        capability::{ManageSources, ReadConfiguration},
        record,
    },
};

/// More often would be one import after the other.
const SHORTEST: u64 = 60;
/// A directory that is read whole all day long has no time for anything else.
const SHORTEST_FULL: u64 = 10 * 60;
const LONGEST: u64 = 366 * 24 * 3_600;

/// Refuses times that make no sense.
pub(crate) fn check_schedule(schedule: ImportSchedule) -> Result<(), HubError> {
    for (field, seconds, shortest, words) in [
        ("import_every", schedule.every_seconds, SHORTEST, "a minute"),
        ("full_import_every", schedule.full_every_seconds, SHORTEST_FULL, "10 minutes"),
    ] {
        if seconds != 0 && !(shortest..=LONGEST).contains(&seconds) {
            return Err(invalid(field, format!("choose {words} to a year, or 0 for never by itself")));
        }
    }
    Ok(())
}

/// What changes, for people to read.
pub(crate) fn schedule_changes(before: ImportSchedule, after: ImportSchedule) -> Vec<FieldChange> {
    let words = |seconds: u64| if seconds == 0 { "never".to_owned() } else { format!("{seconds} s") };
    [
        ("import_every", before.every_seconds, after.every_seconds),
        ("full_import_every", before.full_every_seconds, after.full_every_seconds),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(field, before, after)| FieldChange { field: field.to_owned(), before: words(before), after: words(after) })
    .collect()
}

/// Writes it with its audit line.
pub(crate) async fn write_schedule(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    source: SourceId,
    schedule: ImportSchedule,
) -> Result<(), HubError> {
    import_schedule::put(tx, source, schedule, hub.clock.now()).await?;
    let event = AuditEvent::new(actor, "source.import-schedule").source(source).details(json!(schedule));
    Ok(record(tx, &*hub.clock, &*hub.random, event).await?)
}

impl Hub {
    /// When this source is imported by itself.
    pub async fn import_schedule(&self, _: &ReadConfiguration, source: SourceId) -> Result<ImportSchedule, HubError> {
        Ok(import_schedule::of_source(&mut self.database.reader(), source).await?)
    }

    /// Changes when this source is imported by itself. Its settings, and with them what was read, stay as they are.
    pub async fn set_import_schedule(
        &self,
        manage: &ManageSources,
        source: SourceId,
        schedule: ImportSchedule,
    ) -> Result<(), HubError> {
        check_schedule(schedule)?;
        storage::write!(self.database, |tx| {
            if storage::sources::by_id(tx, source).await?.is_none() {
                return Err(HubError::NotFound("The directory"));
            }
            if import_schedule::of_source(tx, source).await? == schedule {
                return Ok(());
            }
            write_schedule(tx, self, manage.actor(), source, schedule).await
        })
    }
}
