//! Reading one kind of object and writing it, so much at a time as the database takes well.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use connector::{Change, Next, ReadCursor, ReadFrom, ReadPage, Rejected};
use directory::{ImportScope, ObjectKind};
use storage::{
    imports::{CursorStage, ImportCursor},
    set_aside::SetAside,
};

use super::{
    batch::{BATCH, Sorted},
    engine::{Ending, Engine, is_about_data},
    reading::{self, Gathered, NoPage},
};
use crate::HubError;

/// A source that has the reading begin anew more often than this within one run cannot be read.
const BEGINNINGS: u32 = 3;
/// A transaction that takes longer is too large, though nobody waits for it: somebody may come.
const LONG: Duration = Duration::from_millis(500);

/// How many objects are written together. A few while others wait for the one writer of SQLite; the more the better
/// while nobody does, because each commit writes whatever it touched once more.
pub(super) struct Pace {
    together: usize,
    most: usize,
}

impl Pace {
    pub(super) const fn new(most: usize) -> Self {
        Self { together: BATCH, most }
    }

    /// So many were written in this time, and somebody waited or not.
    pub(super) fn learn(&mut self, written: usize, took: Duration, waited_for: bool) {
        self.together = if waited_for {
            BATCH
        } else if took > LONG {
            self.together / 2
        } else if took < LONG / 2 && written > self.together / 2 {
            self.together * 2
        } else {
            self.together
        }
        .clamp(BATCH, self.most.max(BATCH));
    }
}

/// How many objects must have been written before the database looks again at what it holds.
pub(super) struct Growth {
    next: i64,
}

impl Default for Growth {
    fn default() -> Self {
        Self { next: 2_000 }
    }
}

impl Growth {
    /// Whether the tables have become so much larger that what was known of them is worth little.
    pub(super) const fn reaches(&mut self, written: i64) -> bool {
        let reached = written >= self.next;
        if reached {
            self.next = written * 4;
        }
        reached
    }
}

impl Engine<'_> {
    /// Reads everything of one kind, or what changed of it.
    pub(super) async fn read_kind(&mut self, kind: ObjectKind) -> Result<Option<Ending>, HubError> {
        // Pages are read while those before them are being written.
        let mut ahead: Option<Gathered> = None;
        loop {
            let Some(cursor) = self.cursor(kind).filter(|cursor| cursor.stage == CursorStage::Reading).cloned() else {
                return Ok(None);
            };
            let Gathered { page, then } = match ahead.take() {
                Some(gathered) => gathered,
                // The first page by itself, so that whoever looks sees soon how it goes.
                None => self.pages((kind, from(cursor.position.clone()), 0)).await?,
            };
            let page = match page {
                Ok(page) => page,
                Err(NoPage::Stopped) => return Ok(Some(Ending::Interrupted("this process was stopped".to_owned()))),
                Err(NoPage::Trouble(trouble)) => return Ok(Some(Ending::Interrupted(trouble.to_string()))),
            };
            let mut next = cursor.clone();
            next.nameless |= page.rejected.iter().any(|rejected| rejected.immutable_id.is_none());
            match page.next.clone() {
                Next::StartOver { reason } => {
                    if let Some(ending) = self.start_over(kind, &reason).await? {
                        return Ok(Some(ending));
                    }
                    continue;
                }
                Next::More(ReadCursor(place)) => {
                    if cursor.position.as_ref() == Some(&place) && page.changes.is_empty() {
                        let reason = "the source shows an empty page of the same place again and again".to_owned();
                        return Ok(Some(Ending::Interrupted(reason)));
                    }
                    next.position = Some(place);
                }
                Next::Complete { delta } => {
                    next.stage = CursorStage::Absent;
                    next.position = delta.map(|ReadCursor(place)| place);
                }
            }
            let reads_on = next.stage == CursorStage::Reading;
            // People are small. A group may be a page of its own.
            let most = if kind == ObjectKind::Person { self.pace.together } else { 0 };
            let place = (kind, from(next.position.clone()), most);
            let (hub, lease, connector, stop) = (self.hub, self.lease, Arc::clone(&self.connector), self.stop);
            let read_ahead = async {
                match then {
                    Some(page) => Ok(Some(Gathered { page, then: None })),
                    None if reads_on => reading::pages(hub, lease, &connector, place, stop).await.map(Some),
                    None => Ok(None),
                }
            };
            let (written, read) = futures::join!(self.write_page(kind, page, next), read_ahead);
            if let Some(ending) = written? {
                return Ok(Some(ending));
            }
            ahead = read?;
        }
    }

    async fn pages(&self, place: (ObjectKind, ReadFrom, usize)) -> Result<Gathered, HubError> {
        reading::pages(self.hub, self.lease, &self.connector, place, self.stop).await
    }

    /// The place is too old, or of another server: this kind is read anew, whole.
    async fn start_over(&mut self, kind: ObjectKind, reason: &str) -> Result<Option<Ending>, HubError> {
        self.beginnings += 1;
        if self.beginnings > BEGINNINGS {
            return Ok(Some(Ending::Stopped(format!(
                "the source has the reading begin anew again and again: {reason}"
            ))));
        }
        tracing::info!(source = %self.live.source.name, %kind, reason, "this kind is read anew");
        self.tried.clear();
        self.disabled = 0;
        self.run.scope = ImportScope::Full;
        let run = self.run.id;
        storage::write!(self.hub.under(self.lease), |tx| { Ok::<_, HubError>(SetAside(tx).forget(run).await?) })?;
        let Some(mut cursor) = self.cursor(kind).cloned() else { return Ok(None) };
        cursor.whole = true;
        cursor.nameless = false;
        cursor.position = None;
        cursor.delta = None;
        self.commit(kind, &Sorted::default(), Some(cursor)).await
    }

    /// Writes what was read, in batches; the place where the reading goes on commits with the last of them.
    async fn write_page(
        &mut self,
        kind: ObjectKind,
        page: ReadPage,
        next: ImportCursor,
    ) -> Result<Option<Ending>, HubError> {
        let ReadPage { changes, rejected, next: _ } = page;
        let mut batches = changes.chunks(self.pace.together).peekable();
        if batches.peek().is_none() {
            let sorted = Sorted { rejected, ..Sorted::default() };
            return self.commit(kind, &sorted, Some(next)).await;
        }
        let mut rejected = Some(rejected);
        while let Some(changes) = batches.next() {
            let last = batches.peek().is_none();
            let place = last.then(|| next.clone());
            let rejected = if last { rejected.take().unwrap_or_default() } else { Vec::new() };
            if let Some(ending) = self.write_batch(kind, changes, rejected, place).await? {
                return Ok(Some(ending));
            }
        }
        Ok(None)
    }

    async fn write_batch(
        &mut self,
        kind: ObjectKind,
        changes: &[Change],
        rejected: Vec<Rejected>,
        mut place: Option<ImportCursor>,
    ) -> Result<Option<Ending>, HubError> {
        let mut sorted = Sorted::of(kind, changes);
        if let Some(place) = &mut place {
            // A record whose id cannot be kept may be anybody.
            place.nameless |= !sorted.rejected.is_empty();
        } else if !sorted.rejected.is_empty()
            && let Some(cursor) = self.cursors.get_mut(&kind)
        {
            cursor.nameless = true;
        }
        sorted.rejected.extend(rejected);
        if let Some(ending) = self.too_many_removed(kind, sorted.removed.len()).await? {
            return Ok(Some(ending));
        }
        let began = Instant::now();
        match self.commit(kind, &sorted, place.clone()).await {
            Err(error) if is_about_data(&error) => {
                tracing::warn!(%error, "a batch could not be written; its objects are written in smaller ones");
                self.piece_by_piece(kind, sorted, place).await
            }
            done => {
                if done.is_ok()
                    && !self.run.dry_run
                    && self.growth.reaches(self.counts.results)
                    && let Err(error) = self.hub.database.refresh_statistics().await
                {
                    tracing::warn!(%error, "the database could not look at its tables: the import goes on, slower");
                }
                let waited_for = std::mem::take(&mut self.waited_for);
                self.pace.learn(changes.len(), began.elapsed(), waited_for);
                done
            }
        }
    }

    /// Most pieces of a large batch can be written whole.
    async fn piece_by_piece(
        &mut self,
        kind: ObjectKind,
        mut sorted: Sorted<'_>,
        place: Option<ImportCursor>,
    ) -> Result<Option<Ending>, HubError> {
        while sorted.people.len() > BATCH {
            let rest = sorted.people.split_off(BATCH);
            let people = std::mem::replace(&mut sorted.people, rest);
            let piece = Sorted { people, ..Sorted::default() };
            let ended = match self.commit(kind, &piece, None).await {
                Err(error) if is_about_data(&error) => self.one_by_one(kind, piece, None).await?,
                done => done?,
            };
            if ended.is_some() {
                return Ok(ended);
            }
        }
        self.one_by_one(kind, sorted, place).await
    }

    /// One bad record never stops a run: it is noted, and the others are written.
    pub(super) async fn one_by_one(
        &mut self,
        kind: ObjectKind,
        sorted: Sorted<'_>,
        place: Option<ImportCursor>,
    ) -> Result<Option<Ending>, HubError> {
        let mut rest = Sorted { rejected: sorted.rejected, ..Sorted::default() };
        let mut alone: Vec<Sorted<'_>> = Vec::new();
        alone.extend(sorted.people.into_iter().map(|one| Sorted { people: vec![one], ..Sorted::default() }));
        alone.extend(sorted.groups.into_iter().map(|one| Sorted { groups: vec![one], ..Sorted::default() }));
        alone.extend(sorted.devices.into_iter().map(|one| Sorted { devices: vec![one], ..Sorted::default() }));
        alone.extend(sorted.removed.into_iter().map(|one| Sorted { removed: vec![one], ..Sorted::default() }));
        for one in alone {
            match self.commit(kind, &one, None).await {
                Err(error) if is_about_data(&error) => rest.failed.extend(one.into_failed(&error.to_string())),
                Ok(None) => {}
                other => return other,
            }
        }
        self.commit(kind, &rest, place).await
    }
}

fn from(position: Option<Vec<u8>>) -> ReadFrom {
    position.map_or(ReadFrom::Beginning, |place| ReadFrom::Cursor(ReadCursor(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_looks_again_when_there_is_four_times_as_much() {
        let mut growth = Growth::default();
        let looks: Vec<i64> = (0..=40).map(|batch| batch * 1_000).filter(|written| growth.reaches(*written)).collect();
        assert_eq!(looks, [2_000, 8_000, 32_000]);
    }

    #[test]
    fn more_is_written_together_until_it_takes_long_or_somebody_waits() {
        let mut pace = Pace::new(4_000);
        for _ in 0..5 {
            pace.learn(pace.together, LONG / 4, false);
        }
        assert_eq!(pace.together, 4_000);
        pace.learn(4_000, LONG * 2, false);
        assert_eq!(pace.together, 2_000);
        pace.learn(300, LONG / 4, false);
        assert_eq!(pace.together, 2_000, "a small rest says nothing");
        pace.learn(2_000, LONG / 4, true);
        assert_eq!(pace.together, BATCH);
    }
}
