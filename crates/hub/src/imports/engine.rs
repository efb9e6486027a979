//! One run, from where it is to its end.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use connector::{Abilities, Connector};
use directory::{ImportCounts, ImportOutcome, ImportScope, ImportState, ObjectKind, Policy, SourceId};
use serde_json::json;
use storage::{
    MaybeRetry as _, Transaction,
    imports::{CursorStage, ImportCursor, ImportRun, Imports},
    lease::Lease,
    set_aside::{Aside, SetAside},
};
use tokio_util::sync::CancellationToken;

use super::{
    Began, ImportProgress, ImportReport, ImportRequest, Watch,
    batch::{self, Batch, Sorted, Task},
    pages::{Growth, Pace},
    tried::Tried,
};
use crate::{
    Hub, HubError,
    connections::LiveSource,
    kernel::{Actor, AuditEvent, record},
    mirror,
};

/// A run that stood still for longer than this does not go on: its reading is too old to say who is absent.
const STALE: TimeDelta = TimeDelta::hours(24);

/// Why a run ends before it is done.
pub(super) enum Ending {
    /// It goes on later.
    Interrupted(String),
    /// A guard stopped it.
    Stopped(String),
    Cancelled,
}

/// A run under way.
pub(super) struct Engine<'a> {
    pub(super) hub: &'a Hub,
    pub(super) lease: &'a Lease,
    pub(super) live: Arc<LiveSource>,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) policy: Arc<Policy>,
    pub(super) run: ImportRun,
    pub(super) counts: ImportCounts,
    pub(super) cursors: BTreeMap<ObjectKind, ImportCursor>,
    /// What a dry run knows of its earlier batches.
    pub(super) tried: Tried,
    /// People whose account was active, and whom this run reads as disabled.
    pub(super) disabled: i64,
    /// What was left undone though the run is complete, in words.
    pub(super) remarks: Vec<String>,
    pub(super) pace: Pace,
    pub(super) growth: Growth,
    /// Somebody waited for the writer while it was this run's.
    pub(super) waited_for: bool,
    pub(super) stop: &'a CancellationToken,
    watch: Watch<'a>,
    pub(super) beginnings: u32,
}

impl Hub {
    pub(super) async fn import_under(
        &self,
        lease: &Lease,
        id: SourceId,
        request: ImportRequest,
        actor: Actor,
        stop: &CancellationToken,
        (watch, began): (Watch<'_>, Began<'_>),
    ) -> Result<ImportReport, HubError> {
        let live = self.live_source(id).await?;
        let connector = live.connector()?;
        let Some(abilities) = connector.reading().map(connector::Read::abilities) else {
            return Err(HubError::Refused(
                "Directories of this kind hand nobody over: there is nothing to import.".into(),
            ));
        };
        let policy = self.policy_now().await?;
        let (run, cursors, resumed) = self.begin_import(lease, &live, request, actor, abilities).await?;
        began(run.id);
        let counts = serde_json::from_value(run.counts.clone()).unwrap_or_default();
        let disabled = SetAside(&mut self.database.reader()).count(run.id, Aside::Disabled).await?;
        let mut engine = Engine {
            hub: self,
            lease,
            live,
            connector,
            policy,
            run,
            counts,
            cursors,
            tried: Tried::default(),
            disabled,
            remarks: Vec::new(),
            pace: Pace::new(self.database.bulk_batch()),
            growth: Growth::default(),
            waited_for: false,
            stop,
            watch,
            beginnings: 0,
        };
        let ending = engine.work(abilities).await?;
        engine.finish(ending, resumed).await
    }

    /// Goes on with the run that died or lost its source, or begins another.
    async fn begin_import(
        &self,
        lease: &Lease,
        live: &LiveSource,
        request: ImportRequest,
        actor: Actor,
        abilities: Abilities,
    ) -> Result<(ImportRun, BTreeMap<ObjectKind, ImportCursor>, bool), HubError> {
        let source = &live.source;
        let now = self.clock.now();
        storage::write!(self.under(lease), |tx| {
            let stored: BTreeMap<_, _> =
                Imports(tx).cursors(source.id).await?.into_iter().map(|c| (c.kind, c)).collect();
            let mut resumed = None;
            for mut run in Imports(tx).unfinished(source.id).await? {
                let goes_on = !run.dry_run
                    && !request.dry_run
                    && !run.cancel_requested
                    && run.source_revision == source.revision
                    && now.signed_duration_since(run.updated_at) < STALE
                    && (!request.full || run.scope != ImportScope::Changes)
                    && stored.values().any(|cursor| cursor.run_id == Some(run.id));
                if goes_on {
                    run.state = ImportState::Running;
                    run.reason = None;
                    run.updated_at = now;
                    Imports(tx).update(&run).await?;
                    resumed = Some(run);
                } else if run.dry_run || !request.dry_run {
                    // A dry run beside it leaves it to go on.
                    run.state = if run.cancel_requested { ImportState::Cancelled } else { ImportState::Stopped };
                    run.reason = Some("it was interrupted, and another run began instead of going on".to_owned());
                    run.ended_at = Some(now);
                    Imports(tx).update(&run).await?;
                }
            }
            SetAside(tx).forget_ended(source.id).await?;
            if let Some(run) = resumed {
                let cursors = stored.into_iter().filter(|(_, c)| c.run_id == Some(run.id)).collect();
                return Ok::<_, HubError>((run, cursors, true));
            }
            let mut run = ImportRun {
                id: self.random.id(now).into(),
                source_id: source.id,
                scope: ImportScope::Changes,
                state: ImportState::Running,
                dry_run: request.dry_run,
                started_by: actor.to_string(),
                source_revision: source.revision,
                started_at: now,
                updated_at: now,
                ended_at: None,
                reason: None,
                cancel_requested: false,
                counts: serde_json::to_value(ImportCounts::default()).unwrap_or_default(),
            };
            let mut cursors = BTreeMap::new();
            for kind in ObjectKind::ALL.iter().copied().filter(|kind| abilities.has(*kind)) {
                let before = stored.get(&kind).filter(|cursor| cursor.source_revision == source.revision);
                let delta = before.and_then(|cursor| cursor.delta.clone()).filter(|_| abilities.delta);
                let position = delta.clone().filter(|_| !request.full);
                let whole = position.is_none();
                if whole {
                    run.scope = ImportScope::Full;
                }
                let cursor = ImportCursor {
                    kind,
                    run_id: Some(run.id),
                    stage: CursorStage::Reading,
                    whole,
                    nameless: false,
                    position,
                    delta,
                    source_revision: source.revision,
                };
                if !run.dry_run {
                    Imports(tx).put_cursor(source.id, &cursor).await?;
                }
                cursors.insert(kind, cursor);
            }
            Imports(tx).insert(&run).await?;
            let details = json!({ "run": run.id, "scope": run.scope, "dry_run": run.dry_run });
            let event = AuditEvent::new(actor, "import.began").source(source.id).details(details);
            record(tx, &*self.clock, &*self.random, event).await?;
            Ok((run, cursors, false))
        })
    }
}

impl Engine<'_> {
    pub(super) const fn source_id(&self) -> SourceId {
        self.run.source_id
    }

    pub(super) const fn mark(&self) -> (DateTime<Utc>, directory::ImportRunId) {
        (self.run.started_at, self.run.id)
    }

    async fn work(&mut self, abilities: Abilities) -> Result<Option<Ending>, HubError> {
        for kind in ObjectKind::ALL.iter().copied().filter(|kind| abilities.has(*kind)) {
            if let Some(ending) = self.read_kind(kind).await? {
                return Ok(Some(ending));
            }
            if let Some(ending) = self.look_for_absent(kind).await? {
                return Ok(Some(ending));
            }
        }
        if self.run.dry_run {
            return Ok(None);
        }
        while storage::write!(self.hub.under(self.lease), |tx| { mirror::settle_groups(tx, self.source_id()).await })? {
        }
        if let Some(ending) = self.look_again().await? {
            return Ok(Some(ending));
        }
        while storage::write!(self.hub.under(self.lease), |tx| {
            mirror::free_names(tx, self.hub, &self.policy, &self.live.source).await
        })? > 0
        {}
        Ok(None)
    }

    pub(super) fn cursor(&self, kind: ObjectKind) -> Option<&ImportCursor> {
        self.cursors.get(&kind)
    }

    /// Writes one batch with the place behind it, or, in a dry run, writes it and takes it back.
    pub(super) async fn commit(
        &mut self,
        kind: ObjectKind,
        sorted: &Sorted<'_>,
        place: Option<ImportCursor>,
    ) -> Result<Option<Ending>, HubError> {
        let task = Task {
            run: self.run.id,
            kind,
            numbered: self.counts.results,
            reading: self.cursor(kind).is_some_and(|cursor| cursor.stage == CursorStage::Reading),
            dry: self.run.dry_run,
        };
        if self.run.dry_run {
            let ending = self.try_batch(task, sorted).await?;
            if let Some(place) = place {
                self.cursors.insert(kind, place);
            }
            return self.too_many_disabled(ending).await;
        }
        let (hub, live) = (self.hub, Arc::clone(&self.live));
        let (counts, place) = (self.counts.clone(), place);
        let mut run = self.run.clone();
        run.updated_at = hub.clock.now();
        let (counts, cancel, disabled, waited_for) = storage::write!(hub.under(self.lease), |tx| {
            let batch = batch::write(tx, hub, &live, task, sorted).await?;
            let counts = added(&counts, &batch);
            let cancel = store(tx, &mut run, &counts, &batch, place.as_ref()).await?;
            Ok::<_, HubError>((counts, cancel, batch.disabled, hub.database.is_waited_for()))
        })?;
        self.disabled += disabled;
        self.waited_for |= waited_for;
        let ending = self.progress(kind, run, counts, place, cancel);
        if disabled > 0 { self.too_many_disabled(ending?).await } else { ending }
    }

    /// Keeps what became of objects, and nothing else of them.
    pub(super) async fn keep(&mut self, kind: ObjectKind, batch: Batch) -> Result<Option<Ending>, HubError> {
        let counts = added(&self.counts, &batch);
        let mut run = self.run.clone();
        run.updated_at = self.hub.clock.now();
        let cancel =
            storage::write!(self.hub.under(self.lease), |tx| { store(tx, &mut run, &counts, &batch, None).await })?;
        self.progress(kind, run, counts, None, cancel)
    }

    /// What was committed is now so.
    pub(super) fn progress(
        &mut self,
        kind: ObjectKind,
        run: ImportRun,
        counts: ImportCounts,
        place: Option<ImportCursor>,
        cancel: bool,
    ) -> Result<Option<Ending>, HubError> {
        self.run = run;
        self.counts = counts;
        if let Some(place) = place {
            self.cursors.insert(kind, place);
        }
        (self.watch)(&ImportProgress { run: self.run.id, kind, counts: self.counts.clone() });
        Ok(cancel.then_some(Ending::Cancelled))
    }

    async fn finish(mut self, ending: Option<Ending>, resumed: bool) -> Result<ImportReport, HubError> {
        let now = self.hub.clock.now();
        let remarks = (!self.remarks.is_empty()).then(|| self.remarks.join("; "));
        (self.run.state, self.run.reason) = match ending {
            None => (ImportState::Completed, remarks),
            Some(Ending::Interrupted(reason)) if self.run.dry_run => (ImportState::Stopped, Some(reason)),
            Some(Ending::Interrupted(reason)) => (ImportState::Interrupted, Some(reason)),
            Some(Ending::Stopped(reason)) => (ImportState::Stopped, Some(reason)),
            Some(Ending::Cancelled) => (ImportState::Cancelled, Some("it was cancelled".to_owned())),
        };
        self.run.updated_at = now;
        self.run.ended_at = (self.run.state != ImportState::Interrupted).then_some(now);
        self.run.counts = serde_json::to_value(&self.counts).unwrap_or_default();
        let (run, source) = (self.run.clone(), self.source_id());
        let cursors = self.cursors.clone();
        storage::write!(self.hub.under(self.lease), |tx| {
            Imports(tx).update(&run).await?;
            if run.state != ImportState::Interrupted {
                SetAside(tx).forget(run.id).await?;
            }
            if run.state == ImportState::Stopped && !run.dry_run {
                Imports(tx).forget_cursors(source).await?;
            }
            if matches!(run.state, ImportState::Completed | ImportState::Cancelled) && !run.dry_run {
                for cursor in cursors.values() {
                    let ended =
                        ImportCursor { run_id: None, stage: CursorStage::Done, position: None, ..cursor.clone() };
                    Imports(tx).put_cursor(source, &ended).await?;
                }
            }
            let details = json!({ "run": run.id, "state": run.state, "dry_run": run.dry_run, "counts": run.counts });
            let event = AuditEvent::new(Actor::System, "import.ended").source(source).details(details);
            Ok::<_, HubError>(record(tx, &*self.hub.clock, &*self.hub.random, event).await?)
        })?;
        tracing::info!(source = %self.live.source.name, state = %self.run.state, dry_run = self.run.dry_run, "an import ended");
        Ok(ImportReport {
            run: self.run.id,
            state: self.run.state,
            dry_run: self.run.dry_run,
            resumed,
            reason: self.run.reason,
            counts: self.counts,
        })
    }
}

/// The numbers with those of one batch.
pub(super) fn added(counts: &ImportCounts, batch: &Batch) -> ImportCounts {
    let mut counts = counts.clone();
    for (kind, number) in &batch.counts.read {
        *counts.read.entry(*kind).or_default() += number;
    }
    for (kind, outcomes) in &batch.counts.outcomes {
        for (outcome, number) in outcomes {
            *counts.outcomes.entry(*kind).or_default().entry(*outcome).or_default() += number;
        }
    }
    counts.results = counts.results.max(batch.counts.results);
    counts
}

/// Results, place and numbers; whether somebody asked to cancel the run.
pub(super) async fn store(
    tx: &mut Transaction,
    run: &mut ImportRun,
    counts: &ImportCounts,
    batch: &Batch,
    place: Option<&ImportCursor>,
) -> Result<bool, HubError> {
    Imports(tx).add_results(run.id, &batch.results).await?;
    batch::keep_aside(tx, run.id, batch).await?;
    if let Some(place) = place {
        Imports(tx).put_cursor(run.source_id, place).await?;
    }
    run.counts = serde_json::to_value(counts).unwrap_or_default();
    Ok(Imports(tx).update(run).await?)
}

/// Whether it is what was to be written that cannot be, rather than the database that is in trouble or another server
/// that took over.
pub(super) fn is_about_data(error: &HubError) -> bool {
    use storage::StorageError;
    if error.is_retryable() {
        return false;
    }
    match error {
        HubError::Storage(error) => {
            matches!(
                error,
                StorageError::Conflict { .. } | StorageError::Inconsistent { .. } | StorageError::Database(_)
            )
        }
        HubError::Invalid { .. } | HubError::Refused(_) | HubError::NotFound(_) | HubError::Internal(_) => true,
        HubError::Denied(_) | HubError::Source(_) | HubError::Vault(_) | HubError::Overloaded => false,
    }
}

/// Objects of a kind that were already said to be removed in this run.
pub(super) fn removed_so_far(counts: &ImportCounts, kind: ObjectKind) -> u64 {
    counts.of(kind, ImportOutcome::MissingNoted) + counts.of(kind, ImportOutcome::Gone)
}
