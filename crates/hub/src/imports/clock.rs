//! Imports that begin by themselves: which are due, by what the database knows of those before. Whoever asks starts
//! them; a server that dies in one leaves it to whoever asks next.

use chrono::{DateTime, TimeDelta, Utc};
use directory::{ImportSchedule, ImportScope, ImportState, SourceId, SourceMode};
use storage::{
    import_schedule,
    imports::{ImportRun, Imports},
};

use super::ImportRequest;
use crate::{Hub, HubError};

/// A run that was interrupted goes on after this long, whatever the schedule says.
const GOES_ON: TimeDelta = TimeDelta::minutes(5);

/// An import whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueImport {
    pub source: SourceId,
    pub request: ImportRequest,
}

impl Hub {
    /// The imports whose time has come. One that is under way somewhere may be among them: it refuses a second.
    pub async fn imports_due(&self) -> Result<Vec<DueImport>, HubError> {
        let now = self.clock.now();
        let mut reader = self.database.reader();
        let schedules = import_schedule::all(&mut reader).await?;
        if schedules.iter().all(|(_, schedule)| schedule.is_off()) {
            return Ok(Vec::new());
        }
        let sources = self.sources_now().await?;
        let mut due = Vec::new();
        for (id, schedule) in schedules.into_iter().filter(|(_, schedule)| !schedule.is_off()) {
            let known = sources.iter().find(|live| live.source.id == id);
            if !known.is_some_and(|live| is_read(live.source.mode)) {
                continue;
            }
            let last = Imports(&mut reader).last_begun(id, None).await?;
            let last_full = Imports(&mut reader).last_begun(id, Some(ImportScope::Full)).await?;
            if let Some(request) = what_is_due(schedule, last.as_ref(), last_full.as_ref(), now) {
                due.push(DueImport { source: id, request });
            }
        }
        Ok(due)
    }
}

const fn is_read(mode: SourceMode) -> bool {
    match mode {
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Observe => true,
        SourceMode::Paused | SourceMode::Retired => false,
    }
}

/// What is due now, if anything is. Time counts from one beginning to the next; who reads everything has read what
/// changed as well.
fn what_is_due(
    schedule: ImportSchedule,
    last: Option<&ImportRun>,
    last_full: Option<&ImportRun>,
    now: DateTime<Utc>,
) -> Option<ImportRequest> {
    if let Some(run) = last
        && !run.cancel_requested
        && matches!(run.state, ImportState::Interrupted | ImportState::Running)
    {
        let stands_still = now.signed_duration_since(run.updated_at) >= GOES_ON;
        return stands_still.then_some(ImportRequest { full: run.scope == ImportScope::Full, dry_run: false });
    }
    let is_due = |every: u64, run: Option<&ImportRun>| {
        let every = TimeDelta::seconds(i64::try_from(every).unwrap_or(i64::MAX / 1_000));
        !every.is_zero() && run.is_none_or(|run| now.signed_duration_since(run.started_at) >= every)
    };
    if is_due(schedule.full_every_seconds, last_full) {
        return Some(ImportRequest { full: true, dry_run: false });
    }
    is_due(schedule.every_seconds, last).then_some(ImportRequest { full: false, dry_run: false })
}
