//! Dry runs: the very same work, each batch rolled back. What was rolled back has to be known to those that come later,
//! or two entries that want one name would both be promised it.
//!
//! Everything an entry takes, gives up or is found by is remembered in a few bytes. When a later entry meets it, the
//! earlier one is read again and written first, by the same code, in the transaction that is rolled back.

use std::collections::{BTreeSet, HashMap, HashSet};

use directory::{ImmutableId, ImportOutcome, ObjectKind, SourceEntry};
use storage::MaybeRetry as _;

use super::{
    batch::{self, Batch, Sorted, Task},
    engine::{Ending, Engine, is_about_data},
};
use crate::{HubError, mirror};

/// Earlier entries that are read again for one batch.
const EARLIER: usize = 200;
/// Entries with one value that are remembered beyond the first.
const ALIKE: usize = 20;

/// What a dry run has seen. It leaves no marks in the database.
#[derive(Default)]
pub(super) struct Tried {
    /// Everything, in eight bytes each.
    seen: HashSet<u64>,
    /// What would have been written, in the order it came.
    ids: Vec<Box<str>>,
    /// By what it is met: the first in `ids`, and the others.
    first: HashMap<u64, u32>,
    others: HashMap<u64, Vec<u32>>,
    /// Some that were met could not be read again.
    incomplete: bool,
}

fn key(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Tried {
    pub(super) fn has_seen(&self, id: &str) -> bool {
        self.seen.contains(&key(id))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Remembers an entry that would have been written, by everything it can be met by.
    fn remember(&mut self, id: &str, met: &[String]) {
        let Ok(number) = u32::try_from(self.ids.len()) else { return };
        self.ids.push(id.into());
        for value in met {
            let value = key(value);
            if *self.first.entry(value).or_insert(number) != number {
                let others = self.others.entry(value).or_default();
                if others.len() < ALIKE {
                    others.push(number);
                }
            }
        }
    }

    /// The entries before these that they meet, in the order they came.
    fn met<'a>(&self, entries: impl Iterator<Item = (&'a str, Vec<String>)>) -> Vec<ImmutableId> {
        let (mut met, mut themselves): (BTreeSet<u32>, HashSet<&str>) = Default::default();
        for (id, values) in entries {
            themselves.insert(id);
            for value in values {
                let value = key(&value);
                met.extend(self.first.get(&value));
                met.extend(self.others.get(&value).into_iter().flatten());
            }
        }
        let ids = met.into_iter().filter_map(|number| self.ids.get(usize::try_from(number).ok()?));
        let mut ids: Vec<&str> = ids.map(|id| &**id).filter(|id| !themselves.contains(id)).collect();
        // What was written twice is written as it reads now.
        let mut once = HashSet::new();
        ids.retain(|id| once.insert(*id));
        ids.into_iter().map(|id| id.to_owned().into()).collect()
    }
}

impl Engine<'_> {
    /// Does the work, takes it back, and keeps what would have become of each object.
    pub(super) async fn try_batch(&mut self, task: Task, sorted: &Sorted<'_>) -> Result<Option<Ending>, HubError> {
        let earlier = self.earlier(sorted).await?;
        let (batch, before) = self.rolled_back(task, sorted, &earlier).await?;
        for id in sorted.ids() {
            self.tried.seen.insert(key(id));
        }
        self.remember(sorted, &batch, before).await?;
        self.disabled += batch.disabled;
        self.keep(task.kind, batch).await
    }

    /// The earlier entries that these meet, as their source shows them now.
    async fn earlier(&mut self, sorted: &Sorted<'_>) -> Result<Vec<SourceEntry>, HubError> {
        let (vault, source) = (&self.hub.vault, &self.live.source);
        let these =
            sorted.people.iter().map(|entry| (entry.immutable_id.as_str(), mirror::met_by(vault, source, entry)));
        let met = self.tried.met(these);
        let mut earlier = Vec::with_capacity(met.len().min(EARLIER));
        let mut incomplete = met.len() > EARLIER;
        for id in met.iter().take(EARLIER) {
            match self.connector.fetch(id).await {
                Ok(Some(entry)) => earlier.push(entry),
                Ok(None) | Err(_) => incomplete = true,
            }
        }
        if incomplete && !self.tried.incomplete {
            self.tried.incomplete = true;
            self.remarks.push(
                "some people want what earlier ones of this dry run would have taken, and not all of those could be \
                 looked at again: a run may find collisions that are not listed here"
                    .to_owned(),
            );
        }
        Ok(earlier)
    }

    async fn rolled_back(
        &self,
        task: Task,
        sorted: &Sorted<'_>,
        earlier: &[SourceEntry],
    ) -> Result<(Batch, HashMap<String, Vec<String>>), HubError> {
        let mut earlier: Vec<&SourceEntry> = earlier.iter().collect();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut tx = self.hub.under(self.lease).begin().await?;
            let source = &self.live.source;
            let before = mirror::found_by_before(&mut tx, source, &sorted.people).await?;
            let written = mirror::read_people(&mut tx, self.hub, source, &earlier, task.run).await;
            let tried = match written {
                Ok(_) => batch::write(&mut tx, self.hub, &self.live, task, sorted).await,
                // One of them could not be written when its turn was, either.
                Err(error) if is_about_data(&error) => {
                    drop(tx);
                    earlier.clear();
                    continue;
                }
                Err(error) => Err(error),
            };
            drop(tx);
            match tried {
                Err(error) if error.is_retryable() && attempt < storage::WRITE_ATTEMPTS => {
                    storage::before_retry(attempt).await;
                }
                tried => return Ok((tried?, before)),
            }
        }
    }

    /// What of it would have been written, for those that come later.
    async fn remember(
        &mut self,
        sorted: &Sorted<'_>,
        batch: &Batch,
        mut before: HashMap<String, Vec<String>>,
    ) -> Result<(), HubError> {
        let mut changed: HashMap<&str, bool> = HashMap::new();
        for result in batch.results.iter().filter(|result| result.kind == ObjectKind::Person) {
            changed.insert(&result.immutable_id, result.outcome != ImportOutcome::Created);
        }
        // They bear their values, though nothing is decided.
        changed.extend(batch.aside.iter().map(|(_, entry)| (entry.immutable_id.as_str(), false)));
        let (vault, source) = (&self.hub.vault, &self.live.source);
        let mut reader = self.hub.database.reader();
        for entry in &sorted.people {
            let Some(was_there) = changed.get(entry.immutable_id.as_str()) else { continue };
            let mut met = mirror::met_by(vault, source, entry);
            met.extend(before.remove(entry.immutable_id.as_str()).unwrap_or_default());
            if *was_there {
                met.extend(mirror::held_before(&mut reader, source, &entry.immutable_id).await?);
            }
            self.tried.remember(entry.immutable_id.as_str(), &met);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn whoever_wants_what_an_earlier_one_took_meets_it_once_and_in_order() {
        let mut tried = Tried::default();
        tried.remember("ada", &values(&["alias ada", "email shared"]));
        tried.remember("ben", &values(&["alias ben"]));
        tried.remember("cyd", &values(&["alias cyd", "email shared"]));
        let met = tried.met([("dee", values(&["email shared", "alias ada"]))].into_iter());
        assert_eq!(met, [ImmutableId("ada".to_owned()), ImmutableId("cyd".to_owned())]);
        assert!(tried.met([("eve", values(&["alias eve"]))].into_iter()).is_empty());
        let met = tried.met([("ada", values(&["alias ada"]))].into_iter());
        assert!(met.is_empty(), "nobody meets themselves");
    }
}
