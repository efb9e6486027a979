//! SQLite's one writer. Transactions take turns on its connection; those that wait in line are made durable together.
//!
//! Each is a savepoint inside an outer `BEGIN IMMEDIATE`. Whoever finishes gives the connection to the next in line
//! and goes to the end of the line itself; when its turn comes again, it commits the outer transaction for everybody
//! who finished meanwhile. The lock is fair, so a group is never larger than the line was. Nobody is told "committed"
//! before that commit.

use std::sync::Arc;

use sqlx::{ConnectOptions as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::StorageError;

/// The writer connection and the line in front of it.
pub struct SqliteWriter {
    state: Arc<Mutex<State>>,
}

struct State {
    connection: SqliteConnection,
    /// An outer transaction is open.
    open: bool,
    /// Finished turns of the open outer transaction, waiting for word of its commit.
    finished: Vec<oneshot::Sender<Result<(), Arc<sqlx::Error>>>>,
}

/// One turn on the writer.
pub struct SqliteTransaction {
    state: Arc<Mutex<State>>,
    /// Empty once the turn is over.
    turn: Option<OwnedMutexGuard<State>>,
}

impl State {
    /// Ends the outer transaction and tells everybody who waits for it.
    async fn commit_group(&mut self) {
        if !self.open {
            return;
        }
        let result = self.connection.execute("COMMIT").await.map(|_| ()).map_err(Arc::new);
        if result.is_err() {
            // A failed COMMIT may leave the transaction open; an error here means that SQLite already ended it.
            let _already_ended = self.connection.execute("ROLLBACK").await;
        }
        self.end(&result);
    }

    /// Forgets the current turn but keeps those that finished before it.
    async fn roll_back_turn(&mut self) {
        let undone = match self.connection.execute("ROLLBACK TO turn").await {
            Ok(_) => self.connection.execute("RELEASE turn").await,
            Err(error) => Err(error),
        };
        match undone {
            Ok(_) if self.finished.is_empty() => {
                let result = self.connection.execute("ROLLBACK").await.map(|_| ()).map_err(Arc::new);
                self.end(&result);
            }
            Ok(_) => {}
            // SQLite gave the whole outer transaction up by itself (disk full, I/O error): so must we.
            Err(error) => {
                let _already_ended = self.connection.execute("ROLLBACK").await;
                self.end(&Err(Arc::new(error)));
            }
        }
    }

    fn end(&mut self, result: &Result<(), Arc<sqlx::Error>>) {
        self.open = false;
        for waiter in self.finished.drain(..) {
            // A waiter that was cancelled does not need the word.
            let _gone = waiter.send(result.clone());
        }
    }
}

impl SqliteWriter {
    pub(crate) async fn open(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let connection = options.connect().await?;
        Ok(Self { state: Arc::new(Mutex::new(State { connection, open: false, finished: Vec::new() })) })
    }

    /// Runs `work` on the connection with no transaction open (migrations, checkpoint).
    pub(crate) async fn exclusively<T>(&self, work: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
        let mut state = self.state.lock().await;
        state.commit_group().await;
        work(&mut state.connection).await
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
        let mut turn = Arc::clone(&writer.state).lock_owned().await;
        if !turn.open {
            turn.connection.execute("BEGIN IMMEDIATE").await?;
            turn.open = true;
        }
        // From here on a dropped future must be tidied up after, which `Drop` does.
        let mut this = Self { state: Arc::clone(&writer.state), turn: Some(turn) };
        this.connection().execute("SAVEPOINT turn").await?;
        Ok(this)
    }

    /// The connection, with this turn's savepoint open.
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        #[expect(clippy::expect_used, reason = "the guard leaves only in commit and drop, which end the turn")]
        let state = self.turn.as_mut().expect("a turn holds the writer until it ends");
        &mut state.connection
    }

    pub(crate) async fn commit(mut self) -> Result<(), StorageError> {
        self.connection().execute("RELEASE turn").await?;
        let (sender, receiver) = oneshot::channel();
        if let Some(mut turn) = self.turn.take() {
            turn.finished.push(sender);
        }
        let state = Arc::clone(&self.state);
        // A task of its own: a caller that is cancelled now must not leave the outer transaction open.
        tokio::spawn(async move {
            let mut receiver = receiver;
            tokio::select! {
                biased;
                word = &mut receiver => word,
                mut state = state.lock_owned() => {
                    state.commit_group().await;
                    drop(state);
                    receiver.await
                }
            }
        })
        .await
        .map_err(|_| StorageError::Interrupted)?
        .map_err(|_| StorageError::Interrupted)?
        .map_err(StorageError::from_shared)
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        let Some(mut turn) = self.turn.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { turn.roll_back_turn().await });
        }
    }
}
