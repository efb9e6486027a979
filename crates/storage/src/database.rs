//! The two databases behind one set of methods. Adding a query never means writing it twice.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    str::FromStr as _,
    sync::Arc,
    time::Duration,
};

use sea_query::{PostgresQueryBuilder, SelectStatement, SqliteQueryBuilder};
use sea_query_sqlx::{SqlxBinder as _, SqlxValues};
use sqlx::{
    AssertSqlSafe, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{
    Row, StorageError, bulk,
    group_commit::{SqliteTransaction, SqliteWriter},
};

/// Which database this is; only migrations, leases and bulk loads ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    Sqlite,
    Postgres,
}

/// An open database. Cheap to clone.
#[derive(Clone)]
pub enum Database {
    Sqlite { writer: Arc<SqliteWriter>, readers: SqlitePool, place: Arc<str> },
    Postgres { pool: PgPool, place: Arc<str> },
}

/// Queries outside a transaction, each on its own connection.
#[derive(Clone)]
pub struct Reader(Database);

/// A write transaction. Dropped without [`Transaction::commit`], it leaves nothing behind.
pub enum Transaction {
    Sqlite(SqliteTransaction),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

/// Reading, inside or outside a transaction. Repositories are generic over it.
pub trait Queries: Send {
    /// Exactly one row.
    fn fetch_one<T: Row>(
        &mut self,
        sql: &'static str,
        params: SqlxValues,
    ) -> impl Future<Output = Result<T, StorageError>> + Send;
    /// One row or none.
    fn fetch_optional<T: Row>(
        &mut self,
        sql: &'static str,
        params: SqlxValues,
    ) -> impl Future<Output = Result<Option<T>, StorageError>> + Send;
    /// All rows; the SQL bounds their number.
    fn fetch_all<T: Row>(
        &mut self,
        sql: &'static str,
        params: SqlxValues,
    ) -> impl Future<Output = Result<Vec<T>, StorageError>> + Send;
    /// Rows of a filter that SeaQuery built; every value is bound.
    fn fetch_page<T: Row>(
        &mut self,
        select: &SelectStatement,
    ) -> impl Future<Output = Result<Vec<T>, StorageError>> + Send;
}

impl Database {
    /// Opens `postgres://…`, or `sqlite://PATH` which is created if missing. Does not touch the schema.
    pub async fn open(url: &str) -> Result<Self, StorageError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url).await
        } else {
            open_sqlite(url).await
        }
    }

    /// Which of the two.
    #[must_use]
    pub fn kind(&self) -> DatabaseKind {
        match self {
            Self::Sqlite { .. } => DatabaseKind::Sqlite,
            Self::Postgres { .. } => DatabaseKind::Postgres,
        }
    }

    /// Where it is, without a password, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::Sqlite { place, .. } | Self::Postgres { place, .. } => place,
        }
    }

    /// Queries outside a transaction.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader(self.clone())
    }

    /// Begins a write transaction: `BEGIN IMMEDIATE` in turn on SQLite, serializable on PostgreSQL. Callers use
    /// [`crate::write!`], which tries again where PostgreSQL asks for it.
    pub async fn begin(&self) -> Result<Transaction, StorageError> {
        match self {
            Self::Sqlite { writer, .. } => Ok(Transaction::Sqlite(SqliteTransaction::begin(writer).await?)),
            Self::Postgres { pool, .. } => {
                Ok(Transaction::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE").await?))
            }
        }
    }

    /// A load of many rows begins; [`Database::end_bulk_load`] ends it. PostgreSQL has its own memory.
    pub async fn begin_bulk_load(&self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite { writer, .. } => Ok(writer.begin_bulk_load().await?),
            Self::Postgres { .. } => Ok(()),
        }
    }

    /// How many objects a bulk load may write in one transaction while nobody waits for it. On SQLite each commit writes
    /// every page it touched once more, and new names touch pages all over the indexes: fewer commits are much less to
    /// write. PostgreSQL gains little, and refuses a serializable transaction the sooner the more it has looked at.
    #[must_use]
    pub const fn bulk_batch(&self) -> usize {
        match self {
            Self::Sqlite { .. } => 4_000,
            Self::Postgres { .. } => 1_000,
        }
    }

    /// Whether another transaction, of this process or another, waits until the one under way ends: SQLite has one writer.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        match self {
            Self::Sqlite { writer, .. } => writer.is_waited_for(),
            Self::Postgres { .. } => false,
        }
    }

    /// Many rows were written since the last time: PostgreSQL looks at its tables, so that what follows is planned for
    /// tables of this size. By itself it looks once a minute, and until then reads whole tables that it takes for empty.
    /// SQLite chooses by its indexes alone.
    pub async fn refresh_statistics(&self) -> Result<(), StorageError> {
        if let Self::Postgres { pool, .. } = self {
            sqlx::query(AssertSqlSafe(format!("analyze {}", bulk::FILLED.join(", ")))).execute(pool).await?;
        }
        Ok(())
    }

    /// It is over.
    pub async fn end_bulk_load(&self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite { writer, .. } => Ok(writer.end_bulk_load().await?),
            Self::Postgres { .. } => Ok(()),
        }
    }

    /// Waits for running statements and closes all connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.checkpoint().await;
            }
            Self::Postgres { pool, .. } => pool.close().await,
        }
    }
}

/// How long PostgreSQL waits for the next statement of a transaction.
const STALLED: &str = "10s";

async fn open_postgres(url: &str) -> Result<Database, StorageError> {
    let failed = |place: &str, source| StorageError::Open {
        place: place.to_owned(),
        remedy: "Check host, port, database name, user and password, and that PostgreSQL runs",
        source,
    };
    let options = PgConnectOptions::from_str(url).map_err(|e| failed("the given postgres:// address", e))?;
    let place: Arc<str> = format!(
        "postgres://{}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or_default()
    )
    .into();
    // A server that stalls in the middle of a transaction must not keep its rows locked for the others.
    let options = options.options([("idle_in_transaction_session_timeout", STALLED)]);
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(5))
        .connect_with(options)
        .await
        .map_err(|e| failed(&place, e))?;
    Ok(Database::Postgres { pool, place })
}

async fn open_sqlite(url: &str) -> Result<Database, StorageError> {
    let place: Arc<str> = url.strip_prefix("sqlite://").unwrap_or(url).into();
    let failed = |source: sqlx::Error| {
        // SQLITE_CORRUPT, SQLITE_NOTADB.
        let code = source.as_database_error().and_then(|error| error.code());
        let remedy = if matches!(code.as_deref(), Some("11" | "267" | "26")) {
            "It is damaged, or no database: keep a copy of the folder, and restore the last good backup"
        } else {
            "Check that the folder exists, that this user may write to it and that the disk is not full"
        };
        StorageError::Open { place: place.to_string(), remedy, source }
    };
    let options = SqliteConnectOptions::new()
        .filename(&*place)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        // What was overwritten or deleted is gone from the file too: after a change of the sealing key nothing that
        // the old one sealed is left in it.
        .pragma("secure_delete", "on")
        .optimize_on_close(true, None);
    let writer = SqliteWriter::open(&options).await.map_err(failed)?;
    let readers = SqlitePoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(5))
        // A file does not go away; each test would be one more errand to the connection's thread.
        .test_before_acquire(false)
        .connect_with(options.read_only(true))
        .await
        .map_err(failed)?;
    Ok(Database::Sqlite { writer: Arc::new(writer), readers, place })
}

/// Runs one sqlx call on whichever database this is.
macro_rules! on_reader {
    ($self:expr, $query:expr, $method:ident) => {
        crate::meter::read(async {
            match &$self.0 {
                Database::Sqlite { readers, .. } => Ok($query.$method(readers).await?),
                // A read whose connection broke (PostgreSQL was restarted) may be asked again: the pool finds another
                // one.
                Database::Postgres { pool, .. } => match $query.$method(pool).await.map_err(StorageError::from) {
                    Err(error) if error.is_lost_connection() => Ok($query.$method(pool).await?),
                    answer => answer,
                },
            }
        })
        .await
    };
}

macro_rules! on_transaction {
    ($self:expr, $query:expr, $method:ident) => {
        match $self {
            Transaction::Sqlite(tx) => Ok($query.$method(tx.connection()).await?),
            Transaction::Postgres(tx) => Ok($query.$method(&mut **tx).await?),
        }
    };
}

impl Queries for Reader {
    async fn fetch_one<T: Row>(&mut self, sql: &'static str, params: SqlxValues) -> Result<T, StorageError> {
        on_reader!(self, sqlx::query_as_with(sql, params.clone()), fetch_one)
    }
    async fn fetch_optional<T: Row>(
        &mut self,
        sql: &'static str,
        params: SqlxValues,
    ) -> Result<Option<T>, StorageError> {
        on_reader!(self, sqlx::query_as_with(sql, params.clone()), fetch_optional)
    }
    async fn fetch_all<T: Row>(&mut self, sql: &'static str, params: SqlxValues) -> Result<Vec<T>, StorageError> {
        on_reader!(self, sqlx::query_as_with(sql, params.clone()), fetch_all)
    }
    async fn fetch_page<T: Row>(&mut self, select: &SelectStatement) -> Result<Vec<T>, StorageError> {
        crate::meter::read(async {
            match &self.0 {
                Database::Sqlite { readers, .. } => {
                    let (sql, values) = select.build_sqlx(SqliteQueryBuilder);
                    Ok(sqlx::query_as_with(AssertSqlSafe(sql), values).fetch_all(readers).await?)
                }
                Database::Postgres { pool, .. } => {
                    let (sql, values) = select.build_sqlx(PostgresQueryBuilder);
                    Ok(sqlx::query_as_with(AssertSqlSafe(sql), values).fetch_all(pool).await?)
                }
            }
        })
        .await
    }
}

impl Queries for Transaction {
    async fn fetch_one<T: Row>(&mut self, sql: &'static str, params: SqlxValues) -> Result<T, StorageError> {
        on_transaction!(self, sqlx::query_as_with(sql, params), fetch_one)
    }
    async fn fetch_optional<T: Row>(
        &mut self,
        sql: &'static str,
        params: SqlxValues,
    ) -> Result<Option<T>, StorageError> {
        on_transaction!(self, sqlx::query_as_with(sql, params), fetch_optional)
    }
    async fn fetch_all<T: Row>(&mut self, sql: &'static str, params: SqlxValues) -> Result<Vec<T>, StorageError> {
        on_transaction!(self, sqlx::query_as_with(sql, params), fetch_all)
    }
    async fn fetch_page<T: Row>(&mut self, select: &SelectStatement) -> Result<Vec<T>, StorageError> {
        match self {
            Self::Sqlite(tx) => {
                let (sql, values) = select.build_sqlx(SqliteQueryBuilder);
                Ok(sqlx::query_as_with(AssertSqlSafe(sql), values).fetch_all(tx.connection()).await?)
            }
            Self::Postgres(tx) => {
                let (sql, values) = select.build_sqlx(PostgresQueryBuilder);
                Ok(sqlx::query_as_with(AssertSqlSafe(sql), values).fetch_all(&mut **tx).await?)
            }
        }
    }
}

impl Transaction {
    /// Runs a statement; the number of rows it touched.
    pub async fn execute(&mut self, sql: &'static str, params: SqlxValues) -> Result<u64, StorageError> {
        match self {
            Self::Sqlite(tx) => Ok(sqlx::query_with(sql, params).execute(tx.connection()).await?.rows_affected()),
            Self::Postgres(tx) => Ok(sqlx::query_with(sql, params).execute(&mut **tx).await?.rows_affected()),
        }
    }

    /// Makes it durable. On an error nothing of it is.
    pub async fn commit(self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await.map_err(StorageError::at_commit),
        }
    }
}

/// An error of a use case that may carry a storage error which asks to be tried again.
pub trait MaybeRetry {
    /// Whether the same transaction may succeed when tried again.
    fn is_retryable(&self) -> bool;

    /// Whether the database failed, rather than a rule saying no: for the published figures.
    fn is_database_failure(&self) -> bool;
}

impl MaybeRetry for StorageError {
    fn is_retryable(&self) -> bool {
        StorageError::is_retryable(self)
    }

    fn is_database_failure(&self) -> bool {
        !matches!(self, Self::Conflict { .. } | Self::Stale { .. } | Self::LeaseLost { .. })
    }
}

/// How often a serialization failure is tried again before it is an error.
pub const WRITE_ATTEMPTS: u32 = 20;

/// From this attempt on a transaction runs alone in its process: PostgreSQL then has nothing left to refuse it for but
/// another server.
const ALONE_FROM: u32 = 3;

static GATE: RwLock<()> = RwLock::const_new(());

/// The right to run a write transaction: side by side, or alone.
pub enum Gate {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// Waits for that right. Transactions that meet again and again in a serializable database would otherwise refuse each
/// other until their attempts are used up.
pub async fn gate(attempt: u32) -> Gate {
    if attempt < ALONE_FROM { Gate::Shared(GATE.read().await) } else { Gate::Alone(GATE.write().await) }
}

/// Gives whoever was in the way a moment to finish: up to 2, 4, 8 … 256 milliseconds, never quite as long as the other
/// servers wait, or they would meet again.
pub async fn before_retry(attempt: u32) {
    let most = 2 << attempt.saturating_sub(1).min(7);
    let chance = RandomState::new().build_hasher().finish();
    tokio::time::sleep(Duration::from_millis(1 + chance % most)).await;
}

/// Runs a block in one write transaction and commits it: `write!(database, |tx| { …; Ok(value) })`. What stands for the
/// database is anything with a `begin`: a [`Database`], or one fenced by a lease. The block is an
/// async block that borrows `tx: &mut Transaction`, ends in `Result<T, E>` with `E: From<StorageError> + MaybeRetry`, and has no outside
/// effect: PostgreSQL may make it run again.
#[macro_export]
macro_rules! write {
    ($database:expr, |$tx:ident| $body:block) => {{
        let mut attempt = 0u32;
        let mut meter = $crate::WriteMeter::default();
        loop {
            attempt += 1;
            let gate = $crate::gate(attempt).await;
            let error = match $database.begin().await {
                Ok(mut transaction) => {
                    let outcome = {
                        let $tx = &mut transaction;
                        async { $body }.await
                    };
                    match outcome {
                        Ok(value) => match transaction.commit().await {
                            Ok(()) => {
                                meter.committed();
                                break Ok(value);
                            }
                            Err(error) => error.into(),
                        },
                        Err(error) => {
                            drop(transaction);
                            error
                        }
                    }
                }
                Err(error) => error.into(),
            };
            meter.ended_by(&error);
            if attempt >= $crate::WRITE_ATTEMPTS || !$crate::MaybeRetry::is_retryable(&error) {
                break Err(error);
            }
            drop(gate);
            meter.retried();
            $crate::before_retry(attempt).await;
        }
    }};
}
