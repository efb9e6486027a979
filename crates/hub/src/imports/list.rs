//! Runs and their results, for the console and for reports.

use chrono::{DateTime, TimeDelta, Utc};
use directory::{ImportCounts, ImportOutcome, ImportRunId, ImportScope, ImportState, ObjectKind, PersonId, SourceId};
use storage::{
    imports::{ImportRun, Imports},
    lease::Lease,
};

use crate::{
    Hub, HubError,
    kernel::{
        AuditEvent,
        capability::{ManageSources, ReadConfiguration},
        record,
    },
};

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportLine {
    pub id: ImportRunId,
    pub source: SourceId,
    pub scope: ImportScope,
    pub state: ImportState,
    pub dry_run: bool,
    pub started_by: String,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    pub cancel_requested: bool,
    pub counts: ImportCounts,
}

impl ImportLine {
    /// It is said to be running, and nobody has heard of it for longer than its lease lasts: its process died, or it
    /// waits for a page that takes very long.
    #[must_use]
    pub fn stands_still(&self, now: DateTime<Utc>) -> bool {
        self.state == ImportState::Running && now.signed_duration_since(self.updated_at) > super::LEASE
    }
}

impl From<ImportRun> for ImportLine {
    fn from(run: ImportRun) -> Self {
        Self {
            id: run.id,
            source: run.source_id,
            scope: run.scope,
            state: run.state,
            dry_run: run.dry_run,
            started_by: run.started_by,
            started_at: run.started_at,
            updated_at: run.updated_at,
            ended_at: run.ended_at,
            reason: run.reason,
            cancel_requested: run.cancel_requested,
            counts: serde_json::from_value(run.counts).unwrap_or_default(),
        }
    }
}

/// Which results are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    pub outcome: Option<ImportOutcome>,
    pub kind: Option<ObjectKind>,
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReportLine {
    pub number: i64,
    pub kind: ObjectKind,
    pub immutable_id: String,
    pub locator: String,
    pub outcome: ImportOutcome,
    pub person: Option<PersonId>,
    pub detail: Option<String>,
}

/// One page of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportPage {
    pub lines: Vec<ImportReportLine>,
    /// The number to go on after; empty on the last page.
    pub next: Option<i64>,
}

/// Results forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 5_000;

impl Hub {
    /// The newest runs of a source, newest first.
    pub async fn imports(
        &self,
        _: &ReadConfiguration,
        source: SourceId,
        size: u32,
    ) -> Result<Vec<ImportLine>, HubError> {
        let runs = Imports(&mut self.database.reader()).of_source(source, size).await?;
        Ok(runs.into_iter().map(ImportLine::from).collect())
    }

    /// One run.
    pub async fn import(&self, _: &ReadConfiguration, run: ImportRunId) -> Result<ImportLine, HubError> {
        let run = Imports(&mut self.database.reader()).by_id(run).await?;
        run.map(ImportLine::from).ok_or(HubError::NotFound("The import"))
    }

    /// What became of the objects of a run, in the order they were read, after the line with this number.
    pub async fn import_results(
        &self,
        _: &ReadConfiguration,
        run: ImportRunId,
        wanted: Wanted,
        after: i64,
        size: u32,
    ) -> Result<ImportPage, HubError> {
        self.import_report(run, wanted, after, size).await
    }

    /// Notes that somebody takes the results of a run away, before they do.
    pub async fn note_import_export(&self, by: &ReadConfiguration, run: ImportRunId) -> Result<ImportLine, HubError> {
        let line = self.import(by, run).await?;
        storage::write!(self.database, |tx| {
            let event = AuditEvent::new(by.actor(), "import.exported").source(line.source);
            let event = event.details(serde_json::json!({ "run": run }));
            Ok::<_, HubError>(record(tx, &*self.clock, &*self.random, event).await?)
        })?;
        Ok(line)
    }

    /// The same for whoever has a shell on the host.
    pub async fn import_report(
        &self,
        run: ImportRunId,
        wanted: Wanted,
        after: i64,
        size: u32,
    ) -> Result<ImportPage, HubError> {
        let mut reader = self.database.reader();
        let mut results = match wanted.kind {
            Some(kind) => Imports(&mut reader).results_of(run, kind, wanted.outcome, after, size).await?,
            None => Imports(&mut reader).results(run, wanted.outcome, after, size).await?,
        };
        let more = results.len() > usize::try_from(size).unwrap_or(usize::MAX);
        results.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let next = more.then(|| results.last().map(|last| last.number)).flatten();
        let lines = results.into_iter().map(|result| ImportReportLine {
            number: result.number,
            kind: result.kind,
            immutable_id: result.immutable_id,
            locator: result.locator,
            outcome: result.outcome,
            person: result.person_id,
            detail: result.detail,
        });
        Ok(ImportPage { lines: lines.collect(), next })
    }

    /// Asks a run to end after the batch it is writing. What it has written stays.
    pub async fn cancel_import(&self, manage: &ManageSources, run: ImportRunId) -> Result<(), HubError> {
        let found = Imports(&mut self.database.reader()).by_id(run).await?.ok_or(HubError::NotFound("The import"))?;
        storage::write!(self.database, |tx| {
            if !Imports(tx).request_cancel(run).await? {
                return Err(HubError::Refused("This import has ended already.".to_owned()));
            }
            let event = AuditEvent::new(manage.actor(), "import.cancelled").source(found.source_id);
            let event = event.details(serde_json::json!({ "run": run }));
            Ok(record(tx, &*self.clock, &*self.random, event).await?)
        })
    }

    /// Forgets runs, with their results, that are older than policy keeps them; how many rows.
    pub async fn forget_old_imports(&self, lease: &Lease) -> Result<u64, HubError> {
        let kept = self.policy_now().await?.import_results;
        let before = self.clock.now() - TimeDelta::seconds(i64::try_from(kept).unwrap_or(i64::MAX / 1_000));
        let mut rows = 0;
        for run in Imports(&mut self.database.reader()).older_than(before).await? {
            let mut from = 0;
            loop {
                let until = from + FORGOTTEN_AT_ONCE;
                let left = storage::write!(self.under(lease), |tx| {
                    let left = Imports(tx).forget_results(run.id, from, until).await?;
                    if left == 0 {
                        Imports(tx).forget(run.id).await?;
                    }
                    Ok::<_, HubError>(left)
                })?;
                rows += 1;
                if left == 0 {
                    break;
                }
                from = until;
            }
        }
        Ok(rows)
    }
}
