//! Where processes stand in line for SQLite's one writer.
//!
//! SQLite's own waiting is not fair: who waits looks again every tenth of a second, and a process that writes batch
//! after batch leaves the file free for a few milliseconds only. A sign-in would wait for the end of an import that
//! runs beside the server. So whoever wants to begin locks a file beside the database first, and lets go of it once
//! their transaction has begun: the next transaction of the busy one comes after it.
//!
//! This is courtesy, not safety: SQLite's locks decide who writes. Without the file, or behind somebody who stands
//! still in the line, everything is as it would be without this.

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How often somebody in the line looks, and how many times before going on without.
const LOOK: Duration = Duration::from_millis(5);
const LOOKS: u32 = 1_000;

/// The line. Closed by whoever is in front, across processes (`flock`, `LockFileEx`).
pub(crate) struct Turnstile(Option<Arc<File>>);

/// The place in front. Given up when dropped.
pub(crate) struct InFront(Option<Arc<File>>);

impl Turnstile {
    /// Beside this database file.
    pub(crate) fn beside(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push("-turn");
        let path = PathBuf::from(name);
        match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
            Ok(file) => Self(Some(Arc::new(file))),
            Err(error) => {
                tracing::debug!(%error, path = %path.display(), "no line for several processes");
                Self(None)
            }
        }
    }

    /// Waits until nobody is in front, five seconds at most.
    pub(crate) async fn pass(&self) -> InFront {
        let Some(file) = &self.0 else { return InFront(None) };
        for _ in 0..LOOKS {
            if file.try_lock().is_ok() {
                return InFront(Some(Arc::clone(file)));
            }
            tokio::time::sleep(LOOK).await;
        }
        InFront(None)
    }

    /// Whether another process is in front just now.
    pub(crate) fn is_taken(&self) -> bool {
        let Some(file) = &self.0 else { return false };
        match file.try_lock() {
            Ok(()) => {
                drop(InFront(Some(Arc::clone(file))));
                false
            }
            Err(_) => true,
        }
    }
}

impl Drop for InFront {
    fn drop(&mut self) {
        if let Some(file) = &self.0
            && let Err(error) = file.unlock()
        {
            tracing::debug!(%error, "the line of several processes stays closed until this one ends");
        }
    }
}
