//! Who and what is not there any more. A doubt removes nobody: the read was complete, every record could be told apart,
//! and not too many are missing at once.

use directory::{ImmutableId, ImportOutcome, ObjectKind, SourceEntry};
use storage::{
    accounts::Accounts,
    directory_devices::DirectoryDevices,
    group_members::GroupMembers,
    imports::{CursorStage, ImportCursor},
    matching::Matching,
    set_aside::{Aside, SetAside},
};

use super::{
    batch::{Batch, Sorted},
    engine::{Ending, Engine, added, is_about_data, removed_so_far, store},
};
use crate::{
    HubError,
    mirror::{self, Absence, Imported},
    standing::too_many_missing,
};

/// Objects looked at together.
const PAGE: u32 = 200;

impl Engine<'_> {
    /// After the reading of this kind: what it put off, and after a complete one, what it did not return.
    pub(super) async fn look_for_absent(&mut self, kind: ObjectKind) -> Result<Option<Ending>, HubError> {
        let Some(cursor) = self.cursors.get(&kind).filter(|c| c.stage == CursorStage::Absent).cloned() else {
            return Ok(None);
        };
        if cursor.whole && cursor.nameless {
            self.remarks.push(format!(
                "nobody counts as absent among objects of kind {kind}: records that show no id may be anybody"
            ));
        }
        let absent_counts = cursor.whole && !cursor.nameless;
        let disabled = if kind == ObjectKind::Person { self.newly_disabled().await? } else { 0 };
        let mut unseen = 0;
        if !self.run.dry_run && (absent_counts || disabled > 0) {
            let (there, not_seen) = self.count(kind).await?;
            unseen = if absent_counts { not_seen } else { self.removed(kind) };
            if too_many_missing(&self.policy, there, unseen.saturating_add(disabled)) {
                return Ok(Some(too_many(kind, there, unseen, disabled)));
            }
        }
        let ending = match (absent_counts, self.run.dry_run) {
            (true, true) => self.try_unseen(kind, disabled).await?,
            (true, false) if unseen > 0 => self.note_unseen(kind).await?,
            (_, _) => None,
        };
        if ending.is_some() {
            return Ok(ending);
        }
        if kind == ObjectKind::Person
            && let Some(ending) = self.decide_aside().await?
        {
            return Ok(Some(ending));
        }
        if kind == ObjectKind::Person && cursor.whole && !cursor.nameless && !self.run.dry_run {
            let (hub, source) = (self.hub, &self.live.source);
            storage::write!(hub.under(self.lease), |tx| { mirror::note_read_whole(tx, hub, source).await })?;
            self.forget_waiting().await?;
        }
        let done = ImportCursor { stage: CursorStage::Done, delta: cursor.position.clone(), position: None, ..cursor };
        self.commit(kind, &Sorted::default(), Some(done)).await
    }

    /// Entries that waited, and that this complete read did not return, wait no more.
    async fn forget_waiting(&mut self) -> Result<(), HubError> {
        let (hub, source, run) = (self.hub, &self.live.source, self.run.id);
        let (mut after, mut gone) = (String::new(), 0_u64);
        loop {
            let page = Matching(&mut hub.database.reader()).held_unseen(source.id, run, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.to_string();
            gone += storage::write!(hub.under(self.lease), |tx| {
                let mut gone = 0;
                for id in &page {
                    gone += u64::from(mirror::forget_waiting(tx, hub, source, id).await?);
                }
                Ok::<_, HubError>(gone)
            })?;
        }
        if gone > 0 {
            self.remarks.push(format!("entries that waited and are not there any more: {gone}"));
        }
        Ok(())
    }

    /// How many objects of the kind are there as far as the hub knows, and how many of them this run has not seen.
    async fn count(&self, kind: ObjectKind) -> Result<(i64, i64), HubError> {
        let (source, mark) = (self.source_id(), self.mark());
        let mut reader = self.hub.database.reader();
        Ok(match kind {
            ObjectKind::Person => {
                (Accounts(&mut reader).count(source).await?, Accounts(&mut reader).count_unseen(source, mark).await?)
            }
            ObjectKind::Group => (
                GroupMembers(&mut reader).count(source).await?,
                GroupMembers(&mut reader).count_unseen(source, mark).await?,
            ),
            ObjectKind::Device => (
                DirectoryDevices(&mut reader).count(source).await?,
                DirectoryDevices(&mut reader).count_unseen(source, mark).await?,
            ),
        })
    }

    /// The next of them, in the order of their ids: (id, place).
    async fn unseen(&self, kind: ObjectKind, after: &str) -> Result<Vec<(ImmutableId, String)>, HubError> {
        let (source, mark) = (self.source_id(), self.mark());
        let mut reader = self.hub.database.reader();
        Ok(match kind {
            ObjectKind::Person => {
                let unseen = Accounts(&mut reader).unseen(source, mark, after, PAGE).await?;
                unseen.into_iter().map(|a| (a.immutable_id, a.locator)).collect()
            }
            ObjectKind::Group => {
                let unseen = GroupMembers(&mut reader).unseen(source, mark, after, PAGE).await?;
                unseen.into_iter().map(|g| (g.immutable_id, g.locator.unwrap_or(g.name))).collect()
            }
            ObjectKind::Device => {
                let unseen = DirectoryDevices(&mut reader).unseen(source, mark, after, PAGE).await?;
                unseen.into_iter().map(|d| (d.immutable_id, d.locator)).collect()
            }
        })
    }

    /// How many people's accounts were active and are read as disabled by this run.
    async fn newly_disabled(&self) -> Result<i64, HubError> {
        if self.run.dry_run || self.disabled == 0 {
            return Ok(self.disabled);
        }
        // What was read twice is set aside once.
        Ok(SetAside(&mut self.hub.database.reader()).count(self.run.id, Aside::Disabled).await?)
    }

    fn removed(&self, kind: ObjectKind) -> i64 {
        i64::try_from(removed_so_far(&self.counts, kind)).unwrap_or(i64::MAX)
    }

    /// The guard for those who are suddenly disabled, as soon as they are too many.
    pub(super) async fn too_many_disabled(&self, ending: Option<Ending>) -> Result<Option<Ending>, HubError> {
        if ending.is_some() || self.disabled == 0 {
            return Ok(ending);
        }
        let there = Accounts(&mut self.hub.database.reader()).count(self.source_id()).await?;
        let removed = self.removed(ObjectKind::Person);
        if !too_many_missing(&self.policy, there, removed.saturating_add(self.disabled)) {
            return Ok(None);
        }
        let disabled = self.newly_disabled().await?;
        let believed = !too_many_missing(&self.policy, there, removed.saturating_add(disabled));
        Ok((!believed).then(|| too_many(ObjectKind::Person, there, removed, disabled)))
    }

    /// Everything was read and the guards have passed: what waited for that is decided.
    async fn decide_aside(&mut self) -> Result<Option<Ending>, HubError> {
        let mut after = String::new();
        loop {
            let mut reader = self.hub.database.reader();
            let page = SetAside(&mut reader).next(self.run.id, &after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(None) };
            after = last.to_string();
            let read: Option<Vec<SourceEntry>> = page.into_iter().map(|(_, entry)| entry).collect();
            let Some(entries) = read else {
                let reason = "entries that this run had put off cannot be read any more; the next one reads everything";
                return Ok(Some(Ending::Stopped(reason.to_owned())));
            };
            let sorted = Sorted { people: entries.iter().collect(), ..Sorted::default() };
            let ending = match self.commit(ObjectKind::Person, &sorted, None).await {
                Err(error) if is_about_data(&error) => self.one_by_one(ObjectKind::Person, sorted, None).await?,
                done => done?,
            };
            if ending.is_some() {
                return Ok(ending);
            }
        }
    }

    async fn note_unseen(&mut self, kind: ObjectKind) -> Result<Option<Ending>, HubError> {
        let mut after = String::new();
        loop {
            let page = self.unseen(kind, &after).await?;
            let Some((last, _)) = page.last() else { return Ok(None) };
            after = last.to_string();
            if let Some(ending) = self.note_absent(kind, &page).await? {
                return Ok(Some(ending));
            }
        }
    }

    async fn note_absent(
        &mut self,
        kind: ObjectKind,
        page: &[(ImmutableId, String)],
    ) -> Result<Option<Ending>, HubError> {
        let mut run = self.run.clone();
        run.updated_at = self.hub.clock.now();
        let (hub, policy, source) = (self.hub, &self.policy, &self.live.source);
        let before = self.counts.clone();
        let (counts, cancel) = storage::write!(hub.under(self.lease), |tx| {
            let mut batch = Batch::default();
            batch.counts.results = before.results;
            for (id, locator) in page {
                let noted = mirror::note_removed(tx, hub, policy, source, (kind, id), Absence::Unseen).await?;
                if let Some(noted) = noted {
                    batch.note(kind, id.as_str(), locator, noted);
                }
            }
            let counts = added(&before, &batch);
            let cancel = store(tx, &mut run, &counts, &batch, None).await?;
            Ok::<_, HubError>((counts, cancel))
        })?;
        self.progress(kind, run, counts, None, cancel)
    }

    /// The same of a dry run, which left no marks: by what it remembers.
    async fn try_unseen(&mut self, kind: ObjectKind, disabled: i64) -> Result<Option<Ending>, HubError> {
        let (there, _) = self.count(kind).await?;
        let mut unseen = Vec::new();
        let mut number = 0_i64;
        let mut after = String::new();
        loop {
            let page = self.unseen(kind, &after).await?;
            let Some((last, _)) = page.last() else { break };
            after = last.to_string();
            for (id, locator) in page.into_iter().filter(|(id, _)| !self.tried.has_seen(id.as_str())) {
                number += 1;
                unseen.push((id, locator));
            }
            if too_many_missing(&self.policy, there, number.saturating_add(disabled)) {
                return Ok(Some(too_many(kind, there, number, disabled)));
            }
        }
        let mut batch = Batch::default();
        batch.counts.results = self.counts.results;
        for (id, locator) in &unseen {
            batch.note(kind, id.as_str(), locator, Imported::plain(ImportOutcome::MissingNoted, None));
        }
        self.keep(kind, batch).await
    }

    /// The guard for what a source itself calls removed, before any of it is noted.
    pub(super) async fn too_many_removed(&self, kind: ObjectKind, removed: usize) -> Result<Option<Ending>, HubError> {
        if removed == 0 {
            return Ok(None);
        }
        let so_far = self.removed(kind);
        let removed = i64::try_from(removed).unwrap_or(i64::MAX).saturating_add(so_far);
        let (there, _) = self.count(kind).await?;
        // Groups and devices that were said to be gone do not count as there any more.
        let there = if kind == ObjectKind::Person { there } else { there.saturating_add(so_far) };
        Ok(too_many_missing(&self.policy, there, removed).then(|| too_many(kind, there, removed, 0)))
    }

    /// People who were not there once, long enough ago, are looked for by their id: then they are gone, or back.
    pub(super) async fn look_again(&mut self) -> Result<Option<Ending>, HubError> {
        let confirmation = i64::try_from(self.policy.missing_confirmation).unwrap_or(i64::MAX / 1_000);
        let until = self.hub.clock.now() - chrono::TimeDelta::seconds(confirmation);
        let source = self.source_id();
        let (there, _) = self.count(ObjectKind::Person).await?;
        let (mut after, mut gone) = (String::new(), 0_i64);
        loop {
            let mut reader = self.hub.database.reader();
            let page = Accounts(&mut reader).missed_once(source, until, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            after = last.immutable_id.to_string();
            let (mut absent, mut back) = (Vec::new(), Vec::new());
            for account in page {
                match self.connector.fetch(&account.immutable_id).await {
                    Ok(Some(entry)) => back.push(entry),
                    Ok(None) => absent.push((account.immutable_id, account.locator)),
                    Err(trouble) => {
                        self.remarks.push(format!("people who were missing could not be looked for: {trouble}"));
                        return Ok(None);
                    }
                }
            }
            gone += i64::try_from(absent.len()).unwrap_or(i64::MAX);
            if too_many_missing(&self.policy, there, gone) {
                return Ok(Some(too_many(ObjectKind::Person, there, gone, 0)));
            }
            let back = Sorted { people: back.iter().collect(), ..Sorted::default() };
            if let Some(ending) = self.commit(ObjectKind::Person, &back, None).await? {
                return Ok(Some(ending));
            }
            if let Some(ending) = self.note_absent(ObjectKind::Person, &absent).await? {
                return Ok(Some(ending));
            }
        }
    }
}

fn too_many(kind: ObjectKind, there: i64, missing: i64, disabled: i64) -> Ending {
    let (what, also) = match (missing, disabled) {
        (_, 0) => (format!("{missing} of {there} objects of kind {kind} are missing"), ""),
        (0, _) => (
            format!("{disabled} of {there} people would be disabled who were not before"),
            ", what it says of who is disabled,",
        ),
        (_, _) => (
            format!("{missing} of {there} people are missing, and {disabled} would be disabled who were not before"),
            ", what it says of who is disabled,",
        ),
    };
    Ending::Stopped(format!(
        "{what}: more than one import may remove. Nothing of it was believed. Check what the source returns, its \
         filter{also} and the rights of its service account; the next import reads everything. If it is meant, raise \
         removal_guard_percent in the policy of the site document for that import"
    ))
}

impl<'a> Sorted<'a> {
    /// The ids of everything that is there.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        let people = self.people.iter().map(|entry| entry.immutable_id.as_str());
        let groups = self.groups.iter().map(|entry| entry.immutable_id.as_str());
        let devices = self.devices.iter().map(|entry| entry.immutable_id.as_str());
        let rejected = self.rejected.iter().filter_map(|r| r.immutable_id.as_ref()).map(ImmutableId::as_str);
        let failed = self.failed.iter().map(|(id, _, _)| id.as_str());
        people.chain(groups).chain(devices).chain(rejected).chain(failed)
    }

    /// The same objects, which could not be written.
    pub(super) fn into_failed(self, reason: &str) -> Vec<(&'a ImmutableId, &'a str, String)> {
        let people = self.people.into_iter().map(|e| (&e.immutable_id, e.locator.as_str()));
        let groups = self.groups.into_iter().map(|e| (&e.immutable_id, e.locator.as_str()));
        let devices = self.devices.into_iter().map(|e| (&e.immutable_id, e.locator.as_str()));
        let removed = self.removed.into_iter().map(|id| (id, ""));
        let all = people.chain(groups).chain(devices).chain(removed);
        all.map(|(id, locator)| (id, locator, reason.to_owned())).collect()
    }
}
