//! Imports: a source is read page by page and written batch by batch, and each batch commits together with the place
//! where the reading goes on. So a run that died goes on where it was, and one that cannot finish removes nobody.

mod absent;
mod batch;
mod clock;
mod engine;
mod list;
mod pages;
mod reading;
mod started;
mod tried;

use std::time::Duration;

use chrono::TimeDelta;
pub use clock::DueImport;
use directory::{ImportCounts, ImportRunId, ImportState, ObjectKind, SourceId};
pub use list::{ImportLine, ImportPage, ImportReportLine, Wanted};
pub(crate) use started::Started;
use storage::{imports::Imports, lease::Lease};
use tokio_util::sync::CancellationToken;

use crate::{Hub, HubError, kernel::Actor};

/// What is asked of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportRequest {
    /// Everything, though what changed since the last run could be asked for.
    pub full: bool,
    /// The very same work, each batch rolled back: only the results are kept.
    pub dry_run: bool,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportProgress {
    pub run: ImportRunId,
    /// What is being read.
    pub kind: ObjectKind,
    pub counts: ImportCounts,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportReport {
    pub run: ImportRunId,
    pub state: ImportState,
    pub dry_run: bool,
    /// It went on where an earlier process had died or lost the source.
    pub resumed: bool,
    /// Why it ended before it was done, or what was left undone.
    pub reason: Option<String>,
    pub counts: ImportCounts,
}

/// Whoever shows how a run gets on.
pub type Watch<'a> = &'a (dyn Fn(&ImportProgress) + Send + Sync);

/// Whoever waits to hear which run it is.
type Began<'a> = &'a (dyn Fn(ImportRunId) + Send + Sync);

/// A process that says nothing for this long has lost its run to whoever asks next.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// The lease of a source's import.
#[must_use]
pub fn lease_name(source: SourceId) -> String {
    format!("import:{source}")
}

impl Hub {
    /// Reads a source and writes what it says. One run per source at a time; one that died or lost its source goes on.
    pub async fn import_source(
        &self,
        id: SourceId,
        request: ImportRequest,
        actor: Actor,
        stop: &CancellationToken,
        watch: Watch<'_>,
    ) -> Result<ImportReport, HubError> {
        self.import_telling(id, request, actor, stop, (watch, &|_| {})).await
    }

    /// The same, telling which run it is before the first page was asked for.
    async fn import_telling(
        &self,
        id: SourceId,
        request: ImportRequest,
        actor: Actor,
        stop: &CancellationToken,
        told: (Watch<'_>, Began<'_>),
    ) -> Result<ImportReport, HubError> {
        let name = lease_name(id);
        let owner = self.random.id(self.clock.now()).to_string();
        let Some(lease) = self.import_lease(id, &name, &owner).await? else {
            return Err(HubError::Refused(
                "An import of this directory is under way, or died within the last minute. Wait for it to end, or \
                 cancel it on the directory's page."
                    .to_owned(),
            ));
        };
        let done = self.import_in_bulk(&lease, id, request, actor, stop, told).await;
        if !matches!(&done, Err(HubError::Storage(error)) if error.is_lost_lease()) {
            self.release_lease(&name, &owner).await?;
        }
        done
    }

    async fn import_in_bulk(
        &self,
        lease: &Lease,
        id: SourceId,
        request: ImportRequest,
        actor: Actor,
        stop: &CancellationToken,
        told: (Watch<'_>, Began<'_>),
    ) -> Result<ImportReport, HubError> {
        self.database.begin_bulk_load().await?;
        let done = self.import_under(lease, id, request, actor, stop, told).await;
        self.database.end_bulk_load().await?;
        done
    }

    /// The lease of a source's import, if none is under way. One that has just ended says so before it gives its lease
    /// back: that moment is waited for.
    async fn import_lease(&self, id: SourceId, name: &str, owner: &str) -> Result<Option<Lease>, HubError> {
        const LOOKS: u32 = 50;
        const BETWEEN: Duration = Duration::from_millis(100);
        for _ in 0..LOOKS {
            if let Some(lease) = self.take_lease(name, owner, LEASE).await? {
                return Ok(Some(lease));
            }
            let newest = Imports(&mut self.database.reader()).of_source(id, 1).await?;
            if newest.first().is_none_or(|run| run.state == ImportState::Running) {
                return Ok(None);
            }
            tokio::time::sleep(BETWEEN).await;
        }
        Ok(None)
    }
}
