//! What sign-in remembers between requests: nothing that a restart may not forget.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use directory::{ImmutableId, PersonId, SourceId};
use tokio::sync::{MutexGuard as Turn, OwnedMutexGuard};

use super::grid::Grid;

/// Wrong passwords remembered per account.
const WRONG_PASSWORDS: usize = 3;
/// Accounts, people and routes remembered at most; the memory is a help, not a fact, and starts anew beyond it.
const REMEMBERED: usize = 20_000;
/// A failed contact says this long that the source is down; its breaker says it from then on.
const FAILING_FOR: TimeDelta = TimeDelta::minutes(1);
/// How long an attempt waits for another one that asks the same.
const PATIENCE: Duration = Duration::from_secs(5);
/// Queues that writes about one account or person line up in.
const QUEUES: usize = 64;

/// The memory of one process.
#[derive(Debug)]
pub(crate) struct Memory {
    wrong: Mutex<HashMap<(SourceId, ImmutableId), VecDeque<WrongPassword>>>,
    rereads: Mutex<HashMap<PersonId, DateTime<Utc>>>,
    failing: Mutex<HashMap<SourceId, DateTime<Utc>>>,
    queues: Vec<tokio::sync::Mutex<()>>,
    /// Questions that a source is being asked right now, by the keyed digest of the whole question.
    asked: Arc<Mutex<Questions>>,
    pub(super) grid: Grid,
}

type Questions = HashMap<Vec<u8>, Arc<tokio::sync::Mutex<()>>>;

/// Held by the attempt that asks, until its answer is remembered.
#[derive(Debug)]
pub(super) struct Question {
    digest: Vec<u8>,
    asked: Arc<Mutex<Questions>>,
    _open: OwnedMutexGuard<()>,
}

impl Drop for Question {
    fn drop(&mut self) {
        let mut asked = lock(&self.asked);
        // The list's and ours: nobody waits for it. Nobody can begin to while we hold the list.
        if asked.get(&self.digest).is_some_and(|open| Arc::strong_count(open) <= 2) {
            asked.remove(&self.digest);
        }
    }
}

#[derive(Debug)]
struct WrongPassword {
    /// Keyed with source, account, password-set time and the last unlock in the hub: a new password, or an unlock at
    /// whichever server, makes it meaningless.
    digest: Vec<u8>,
    at: DateTime<Utc>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            wrong: Mutex::default(),
            rereads: Mutex::default(),
            failing: Mutex::default(),
            asked: Arc::default(),
            queues: std::iter::repeat_with(tokio::sync::Mutex::default).take(QUEUES).collect(),
            grid: Grid::default(),
        }
    }
}

impl Memory {
    /// Whether this is one of the last wrong passwords of the account (row D7): then nobody needs to be asked.
    pub(super) fn was_wrong(
        &self,
        account: (SourceId, &ImmutableId),
        digest: &[u8],
        now: DateTime<Utc>,
        keep: TimeDelta,
    ) -> bool {
        let mut wrong = lock(&self.wrong);
        let Some(list) = wrong.get_mut(&(account.0, account.1.clone())) else { return false };
        list.retain(|w| now.signed_duration_since(w.at) <= keep);
        list.iter().any(|w| w.digest == digest)
    }

    pub(super) fn remember_wrong(&self, account: (SourceId, &ImmutableId), digest: Vec<u8>, now: DateTime<Utc>) {
        let mut wrong = lock(&self.wrong);
        make_room(&mut wrong);
        let list = wrong.entry((account.0, account.1.clone())).or_default();
        list.retain(|w| w.digest != digest);
        list.push_back(WrongPassword { digest, at: now });
        while list.len() > WRONG_PASSWORDS {
            list.pop_front();
        }
    }

    /// Attempts with the same password of the same account ask one after the other: the next one gets the question when
    /// the answer to the one before is remembered, and looks at the memory of wrong passwords once more before it asks.
    /// So a wrong password typed twenty times at once is asked once, and no answer but "wrong" is ever anybody else's.
    /// Empty if that took too long: then everybody asks for themselves.
    pub(super) async fn question(&self, digest: &[u8]) -> Option<Question> {
        let open = {
            let mut asked = lock(&self.asked);
            if asked.len() >= REMEMBERED {
                asked.retain(|_, open| Arc::strong_count(open) > 1);
            }
            Arc::clone(asked.entry(digest.to_vec()).or_default())
        };
        let open = tokio::time::timeout(PATIENCE, open.lock_owned()).await.ok()?;
        Some(Question { digest: digest.to_vec(), asked: Arc::clone(&self.asked), _open: open })
    }

    /// Whether the source may be read again for a person whose password did not fit (row D1b): once a minute.
    pub(super) fn may_reread(&self, person: PersonId, now: DateTime<Utc>) -> bool {
        let mut rereads = lock(&self.rereads);
        let due = rereads.get(&person).is_none_or(|last| now.signed_duration_since(*last) >= TimeDelta::minutes(1));
        if due {
            make_room(&mut rereads);
            rereads.insert(person, now);
        }
        due
    }

    /// What the last contact with a source showed.
    pub(super) fn contacted(&self, source: SourceId, failed: bool, now: DateTime<Utc>) {
        if failed {
            lock(&self.failing).insert(source, now);
        } else {
            lock(&self.failing).remove(&source);
        }
    }

    /// Whether a contact failed just now; its breaker may still be closed.
    pub(super) fn failed_lately(&self, source: SourceId, now: DateTime<Utc>) -> bool {
        lock(&self.failing).get(&source).is_some_and(|at| now.signed_duration_since(*at) < FAILING_FOR)
    }

    /// Writes about the same account or person wait for each other here rather than fail at a serializable database.
    pub(super) async fn turn(&self, key: &[u8]) -> Turn<'_, ()> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let queue = usize::try_from(hasher.finish() % QUEUES as u64).unwrap_or(0);
        self.queues[queue].lock().await
    }
}

fn make_room<K, V>(map: &mut HashMap<K, V>) {
    if map.len() >= REMEMBERED {
        map.clear();
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_three_wrong_passwords_are_remembered_for_a_while() {
        let memory = Memory::default();
        let id = ImmutableId("1".into());
        let account = (uuid::Uuid::nil().into(), &id);
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let keep = TimeDelta::minutes(15);
        for digest in [1u8, 2, 3, 4] {
            memory.remember_wrong(account, vec![digest], now);
        }
        let known = |digest: u8, at| memory.was_wrong(account, &[digest], at, keep);
        assert_eq!([1, 2, 3, 4].map(|d| known(d, now)), [false, true, true, true]);
        assert!(!known(4, now + TimeDelta::minutes(16)));
    }

    #[tokio::test]
    async fn the_same_question_is_asked_by_one_after_the_other_and_another_one_at_once() {
        let memory = Memory::default();
        let first = memory.question(&[1]).await;
        assert!(memory.question(&[2]).await.is_some(), "another question");
        let mut second = Box::pin(memory.question(&[1]));
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        let second = second.await;
        assert!(second.is_some());
        let mut third = Box::pin(memory.question(&[1]));
        assert!(futures::poll!(&mut third).is_pending());
        drop(third);
        drop(second);
        assert!(memory.question(&[1]).await.is_some());
        assert!(lock(&memory.asked).len() <= 1, "nothing piles up");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_for_the_same_question() {
        let memory = Memory::default();
        let _stuck = memory.question(&[1]).await;
        assert!(memory.question(&[1]).await.is_none());
    }

    #[test]
    fn a_source_is_read_again_once_a_minute_per_person() {
        let memory = Memory::default();
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let (a, b) = (uuid::Uuid::nil().into(), uuid::Uuid::max().into());
        assert!(memory.may_reread(a, now) && memory.may_reread(b, now));
        assert!(!memory.may_reread(a, now + TimeDelta::seconds(59)));
        assert!(memory.may_reread(a, now + TimeDelta::seconds(60)));
    }
}
