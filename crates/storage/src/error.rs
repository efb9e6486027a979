//! What can go wrong with a database, in the words of an operator.

/// An error of the database. Its `Display` is for the log: it names the place and the remedy, and no data.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database file or server could not be opened.
    #[error("cannot open the database at {place}: {source}. {remedy}")]
    Open { place: String, remedy: &'static str, source: sqlx::Error },
    /// The schema was made by a newer Isthmus.
    #[error(
        "the database at {place} has schema version {found}, and this isthmus knows up to {known}: run the newer isthmus that upgraded it, or restore a backup made before the upgrade. Nothing was changed"
    )]
    NewerSchema { place: String, found: i64, known: i64 },
    /// The schema is older than this Isthmus and was not to be upgraded by itself.
    #[error(
        "the database at {place} has schema version {found}, and this isthmus needs {known}: run `isthmus database upgrade` once"
    )]
    OlderSchema { place: String, found: i64, known: i64 },
    /// A migration that was applied is not the one this Isthmus carries.
    #[error(
        "migration {version} of the database at {place} is not the one this isthmus carries: it was made by another build. Nothing was changed"
    )]
    ForeignSchema { place: String, version: i64 },
    /// An upgrade failed and was rolled back.
    #[error("upgrading the database at {place} failed and was rolled back: {source}")]
    Upgrade { place: String, source: sqlx::migrate::MigrateError },
    /// The disk is full.
    #[error("the disk that holds the database is full: free some space. Nothing of this change was written")]
    DiskFull,
    /// The database is read-only.
    #[error("the database is read-only: check the owner and mode of its file and folder")]
    ReadOnly,
    /// Pages of the file are not what they were.
    #[error(
        "the database file is damaged: stop the server, keep a copy of the folder, and restore the last good backup"
    )]
    Damaged,
    /// Another process has held the database file for too long.
    #[error("another process is writing to the database file: end it, or try again when it is done")]
    Busy,
    /// A transaction that would have become durable together with this one failed so badly that neither did.
    #[error("another change failed and took this one along; nothing of it was written")]
    TakenDown,
    /// A unique index refused the row. `constraint` is the index or column list as the database names it.
    #[error("a row with the same key exists ({constraint})")]
    Conflict { constraint: String },
    /// The form was based on an older revision.
    #[error("{what} was changed by somebody else meanwhile")]
    Stale { what: &'static str },
    /// A stored value that this version cannot read.
    #[error("{table}.{column} holds a value this isthmus cannot read: {reason}")]
    Inconsistent { table: &'static str, column: &'static str, reason: String },
    /// Only a SQLite database is one file.
    #[error("the database at {place} is PostgreSQL's: back it up with pg_dump, as docs/operations.md says")]
    NotSqlite { place: String },
    /// The copy could not be named.
    #[error("the database at {place} could not be copied: {reason}")]
    Copy { place: String, reason: String },
    /// The connection broke, or the writer was shut down, before the commit was confirmed: it may have happened.
    #[error("the database went away before it confirmed the change, which may have happened or not")]
    Interrupted,
    /// PostgreSQL cannot be reached, is starting or stopping, or has no connection to spare. Nothing was changed.
    #[error(
        "the database cannot be used just now: {0}. Check that PostgreSQL runs, can be reached and has connections to spare; this server goes on by itself when it does"
    )]
    Unavailable(sqlx::Error),
    /// Background work that another server has taken over meanwhile.
    #[error("another server has taken over \"{name}\"; nothing of this was written")]
    LeaseLost { name: String },
    /// Anything else.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Self::Unavailable(error),
                other => Self::Database(other),
            };
        };
        if database.code().is_some_and(|code| gone(&code)) {
            return Self::Unavailable(error);
        }
        if database.is_unique_violation() {
            let constraint = database.constraint().unwrap_or(database.message()).to_owned();
            return Self::Conflict { constraint };
        }
        Self::of_code(database.code().as_deref()).unwrap_or(Self::Database(error))
    }
}

impl StorageError {
    /// The errors an operator can do something about.
    fn of_code(code: Option<&str>) -> Option<Self> {
        // SQLITE_FULL = 13, SQLITE_READONLY = 8 (also as low byte of extended codes), SQLITE_BUSY = 5; PostgreSQL
        // 53100 disk_full, 25006 read_only_sql_transaction.
        match code? {
            "13" | "53100" => Some(Self::DiskFull),
            "8" | "264" | "520" | "776" | "1032" | "25006" => Some(Self::ReadOnly),
            "5" | "261" | "517" => Some(Self::Busy),
            // SQLITE_CORRUPT, SQLITE_NOTADB; PostgreSQL data_corrupted, index_corrupted.
            "11" | "267" | "523" | "779" | "26" | "XX001" | "XX002" => Some(Self::Damaged),
            _ => None,
        }
    }

    /// The error of a commit that several transactions shared.
    pub(crate) fn from_shared(error: &sqlx::Error) -> Self {
        Self::of_code(error.as_database_error().and_then(|e| e.code()).as_deref())
            .unwrap_or_else(|| Self::Database(sqlx::Error::Protocol(format!("the shared commit failed: {error}"))))
    }

    /// The word on a commit. A connection that broke just then may have broken after it: nobody may try that again as
    /// if nothing had happened.
    pub(crate) fn at_commit(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Unavailable(error) => {
                tracing::warn!(%error, "the database went away during a commit");
                Self::Interrupted
            }
            other => other,
        }
    }

    /// Whether the connection is gone, rather than none to be had: another one may work.
    pub(crate) fn is_lost_connection(&self) -> bool {
        match self {
            Self::Unavailable(error) => !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed),
            _ => false,
        }
    }

    /// Whether somebody else does this work now.
    #[must_use]
    pub const fn is_lost_lease(&self) -> bool {
        matches!(self, Self::LeaseLost { .. })
    }

    /// Whether the database is away, or had too much to do at one place. The same may work in a moment.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Interrupted) || self.is_retryable()
    }

    /// Whether the same transaction may succeed when tried again: PostgreSQL serialization failure or deadlock, a
    /// connection that broke before the commit, or taken down by another's failure.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TakenDown => true,
            Self::Unavailable(_) => self.is_lost_connection(),
            Self::Database(error) => error
                .as_database_error()
                .and_then(|e| e.code().map(|c| matches!(&*c, "40001" | "40P01")))
                .unwrap_or(false),
            _ => false,
        }
    }

    /// Whether a stored value could not be read as what its column holds: somebody has written to the database by hand.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(
            self,
            Self::Inconsistent { .. } | Self::Database(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
        )
    }
}

/// PostgreSQL: connection exceptions (class 08), shut down or crashed or starting (57P01 to 57P03), too many
/// connections (53300), a transaction that idled too long (25P03).
fn gone(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "53300" | "25P03")
}
