//! What a directory says about everybody (policies, groups) is read once a minute, not once a person.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

const FRESH: Duration = Duration::from_mins(1);
const SIZE_LIMIT: usize = 20_000;

pub(crate) struct Cache<V>(Mutex<HashMap<String, (Instant, V)>>);

impl<V: Clone> Cache<V> {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    pub(crate) fn get(&self, key: &str) -> Option<V> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|(read_at, _)| read_at.elapsed() < FRESH).map(|(_, value)| value.clone())
    }

    pub(crate) fn put(&self, key: &str, value: V) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= SIZE_LIMIT {
            entries.clear();
        }
        entries.insert(key.to_owned(), (Instant::now(), value));
    }
}
