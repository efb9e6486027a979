//! SQLite's one writer. Transactions take turns on its connection; those that wait in line are made durable together.
//!
//! Each is a savepoint inside an outer `BEGIN IMMEDIATE`. Whoever finishes gives the connection to the next in line
//! and goes to the end of the line itself; when its turn comes again, it commits the outer transaction for everybody
//! who finished meanwhile. The lock is fair, so a group is never larger than the line was. Nobody is told "committed"
//! before that commit.
//!
//! A future may be dropped at any await. What it had begun is noted in [`State`] *before* the statement is sent, and
//! whoever holds the connection next tidies up first; SQLite runs the statements of a connection in the order they
//! were sent, dropped or not.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sqlx::{ConnectOptions as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::{StorageError, turnstile::Turnstile};

/// The writer connection and the line in front of it.
pub struct SqliteWriter {
    state: Arc<Mutex<State>>,
    /// Bulk loads under way.
    bulk_loads: AtomicUsize,
    /// Transactions in the line.
    waiting: AtomicUsize,
    /// The line of other processes.
    turnstile: Arc<Turnstile>,
}

/// A place in the line, given up also by a caller who goes away.
struct InLine<'a>(&'a AtomicUsize);

impl<'a> InLine<'a> {
    fn join(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What became of a group: the error that ended it, if one did.
type Word = Result<(), Arc<GroupError>>;

/// Why a group of finished turns is not durable.
#[derive(Debug)]
enum GroupError {
    /// The commit itself failed.
    Commit(sqlx::Error),
    /// A later turn failed so badly that SQLite gave everything up.
    TakenDown,
}

struct State {
    connection: SqliteConnection,
    turnstile: Arc<Turnstile>,
    outer: Outer,
    /// A turn ended without being finished: its savepoint is still open.
    abandoned: bool,
    /// Finished turns of the open outer transaction, waiting for word of its commit.
    finished: Vec<oneshot::Sender<Word>>,
}

/// The outer transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outer {
    Closed,
    /// `BEGIN` was sent, and its sender may have gone before the answer came.
    Opening,
    Open,
}

/// One turn on the writer.
pub struct SqliteTransaction {
    state: Arc<Mutex<State>>,
    /// Empty once the turn is over.
    turn: Option<OwnedMutexGuard<State>>,
}

impl State {
    /// Clears what a dropped future left behind. First thing after every lock.
    async fn tidy(&mut self) {
        if self.outer == Outer::Opening {
            // Nobody can have finished in it. An error means that it never opened.
            let _never_opened = self.connection.execute("ROLLBACK").await;
            self.outer = Outer::Closed;
            self.abandoned = false;
        }
        if self.abandoned {
            self.roll_back_turn().await;
        }
    }

    /// Opens the outer transaction if it is not, and a savepoint in it for a new turn.
    async fn begin_turn(&mut self) -> Result<(), sqlx::Error> {
        if self.outer == Outer::Closed {
            let in_front = self.turnstile.pass().await;
            self.outer = Outer::Opening;
            let begun = self.connection.execute("BEGIN IMMEDIATE").await;
            drop(in_front);
            self.outer = if begun.is_ok() { Outer::Open } else { Outer::Closed };
            begun?;
        }
        self.abandoned = true;
        self.connection.execute("SAVEPOINT turn").await?;
        self.abandoned = false;
        Ok(())
    }

    /// Ends the outer transaction and tells everybody who waits for it.
    async fn commit_group(&mut self) {
        if self.outer != Outer::Open {
            return;
        }
        let result = self.connection.execute("COMMIT").await;
        if result.is_err() {
            // A failed COMMIT may leave the transaction open; an error here means that SQLite already ended it.
            let _already_ended = self.connection.execute("ROLLBACK").await;
        }
        self.end(&result.map(|_| ()).map_err(|error| Arc::new(GroupError::Commit(error))));
    }

    /// Forgets the current turn but keeps those that finished before it.
    async fn roll_back_turn(&mut self) {
        let undone = match self.connection.execute("ROLLBACK TO turn").await {
            Ok(_) => self.connection.execute("RELEASE turn").await,
            Err(error) => Err(error),
        };
        match undone {
            // Nobody waits for a commit: do not keep the file locked against other processes.
            Ok(_) if self.finished.is_empty() => {
                let _already_ended = self.connection.execute("ROLLBACK").await;
                self.end(&Ok(()));
            }
            Ok(_) => {}
            // SQLite gave the whole outer transaction up by itself (disk full, I/O error): so must we.
            Err(error) => {
                tracing::error!(%error, "a failed transaction took its whole group down; nothing of it was written");
                let _already_ended = self.connection.execute("ROLLBACK").await;
                self.end(&Err(Arc::new(GroupError::TakenDown)));
            }
        }
        self.abandoned = false;
    }

    fn end(&mut self, result: &Word) {
        self.outer = Outer::Closed;
        for waiter in self.finished.drain(..) {
            // A waiter that was cancelled does not need the word.
            let _gone = waiter.send(result.clone());
        }
    }
}

impl SqliteWriter {
    pub(crate) async fn open(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let connection = options.connect().await?;
        let turnstile = Arc::new(Turnstile::beside(options.get_filename()));
        let state = State {
            connection,
            turnstile: Arc::clone(&turnstile),
            outer: Outer::Closed,
            abandoned: false,
            finished: Vec::new(),
        };
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
            bulk_loads: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            turnstile,
        })
    }

    /// Whether a transaction waits for its turn, here or in another process.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0 || self.turnstile.is_taken()
    }

    /// Runs `work` on the connection with no transaction open (migrations, checkpoint).
    pub(crate) async fn exclusively<T>(&self, work: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
        let mut state = self.state.lock().await;
        state.tidy().await;
        state.commit_group().await;
        work(&mut state.connection).await
    }

    /// A load of many rows begins: its rows land all over the indexes, so these are kept in memory (64 MiB) and go back
    /// to the file less often.
    pub(crate) async fn begin_bulk_load(&self) -> Result<(), sqlx::Error> {
        if self.bulk_loads.fetch_add(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        self.exclusively(async |c| {
            c.execute("PRAGMA cache_size = -65536").await?;
            c.execute("PRAGMA wal_autocheckpoint = 16384").await.map(|_| ())
        })
        .await
    }

    /// It is over, and the memory is given back.
    pub(crate) async fn end_bulk_load(&self) -> Result<(), sqlx::Error> {
        if self.bulk_loads.fetch_sub(1, Ordering::SeqCst) > 1 {
            return Ok(());
        }
        self.exclusively(async |c| {
            c.execute("PRAGMA wal_autocheckpoint = 1000").await?;
            c.execute("PRAGMA cache_size = -2000").await?;
            c.execute("PRAGMA shrink_memory").await.map(|_| ())
        })
        .await
    }

    /// Folds the write-ahead log into the database file. Best effort: the log is replayed at the next start anyway.
    pub(crate) async fn checkpoint(&self) {
        let folded = self.exclusively(async |c| c.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.map(|_| ())).await;
        if let Err(error) = folded {
            tracing::warn!(%error, "the write-ahead log could not be folded into the database file");
        }
    }
}

impl SqliteTransaction {
    pub(crate) async fn begin(writer: &SqliteWriter) -> Result<Self, StorageError> {
        let in_line = InLine::join(&writer.waiting);
        let mut turn = Arc::clone(&writer.state).lock_owned().await;
        drop(in_line);
        turn.tidy().await;
        turn.begin_turn().await?;
        Ok(Self { state: Arc::clone(&writer.state), turn: Some(turn) })
    }

    /// The connection, with this turn's savepoint open.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        #[expect(clippy::expect_used, reason = "the guard leaves only in commit and drop, which end the turn")]
        let state = self.turn.as_mut().expect("a turn holds the writer until it ends");
        &mut state.connection
    }

    pub(crate) async fn commit(mut self) -> Result<(), StorageError> {
        let Some(turn) = self.turn.take() else { return Err(StorageError::Interrupted) };
        let state = Arc::clone(&self.state);
        // A task of its own: a caller that is cancelled now must neither undo half of it nor leave the outer
        // transaction open.
        tokio::spawn(finish(turn, state)).await.map_err(|_| StorageError::Interrupted)?
    }
}

/// Finishes a turn, then waits for the commit of its group or makes it.
async fn finish(mut turn: OwnedMutexGuard<State>, state: Arc<Mutex<State>>) -> Result<(), StorageError> {
    turn.abandoned = true;
    if let Err(error) = turn.connection.execute("RELEASE turn").await {
        turn.tidy().await;
        return Err(error.into());
    }
    turn.abandoned = false;
    let (sender, mut receiver) = oneshot::channel();
    turn.finished.push(sender);
    drop(turn);
    let word = tokio::select! {
        biased;
        word = &mut receiver => word,
        mut state = state.lock_owned() => {
            state.tidy().await;
            state.commit_group().await;
            drop(state);
            receiver.await
        }
    };
    match word {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(match &*error {
            GroupError::Commit(error) => StorageError::from_shared(error),
            GroupError::TakenDown => StorageError::TakenDown,
        }),
        Err(_) => Err(StorageError::Interrupted),
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        let Some(mut turn) = self.turn.take() else { return };
        turn.abandoned = true;
        // At once, if there is a runtime: an open transaction locks the file against other processes. Without one,
        // whoever is next in line tidies up.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { turn.tidy().await });
        }
    }
}
