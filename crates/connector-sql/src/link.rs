//! One connection to a foreign database: set to read only, and asked with bound values.

use std::{path::PathBuf, str::FromStr as _, time::Duration};

use secrecy::ExposeSecret as _;
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Executor as _, Row as _, SqlSafeStr as _,
    Statement as _, TypeInfo as _, ValueRef as _,
    mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode},
    postgres::{PgConnectOptions, PgConnection, PgRow, PgSslMode},
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow},
};

use crate::{
    fault::Fault,
    passage::{Passage, Received},
    settings::{Compiled, Place},
    value::{Bound, Kind, Value},
};

/// A statement with its bound values and what its columns hold.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) sql: String,
    pub(crate) bound: Vec<Bound>,
    pub(crate) kinds: Vec<Kind>,
}

/// A column as the database describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

pub(crate) enum Link {
    Postgres(Box<PgConnection>, Received),
    MySql(Box<MySqlConnection>, Received),
    Sqlite(Box<SqliteConnection>),
}

impl Link {
    pub(crate) async fn connect(compiled: &Compiled) -> Result<Self, Fault> {
        let patience = compiled.connect_timeout;
        tokio::time::timeout(patience * 2, Self::connect_now(compiled))
            .await
            .unwrap_or_else(|_| Err(Fault::unavailable("it does not finish greeting in time")))
    }

    async fn connect_now(compiled: &Compiled) -> Result<Self, Fault> {
        match &compiled.place {
            Place::Postgres { host, port } => {
                let passage = Passage::open(&compiled.networks, host, *port, compiled.connect_timeout).await?;
                postgres(compiled, host, *port, &passage).await
            }
            Place::MySql { host, port } => {
                let passage = Passage::open(&compiled.networks, host, *port, compiled.connect_timeout).await?;
                mysql(compiled, host, *port, &passage).await
            }
            Place::Sqlite { path } => {
                // Looked up each time: a link may have been put in its place.
                let path = compiled.folder.locate(path).map_err(|refused| Fault::misconfigured(refused.to_string()))?;
                sqlite(path, compiled.operation_timeout).await
            }
        }
    }

    /// The columns of a relation, without reading any of it.
    pub(crate) async fn describe(&mut self, sql: &str) -> Result<Vec<Described>, Fault> {
        let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
        Ok(match self {
            Self::Postgres(link, received) => {
                received.begin();
                let statement = (&mut **link).prepare(sql).await?;
                statement
                    .columns()
                    .iter()
                    .map(|c| described(c.name(), Kind::of_postgres(c.type_info().name())))
                    .collect()
            }
            Self::MySql(link, received) => {
                received.begin();
                let statement = (&mut **link).prepare(sql).await?;
                statement.columns().iter().map(|c| described(c.name(), Kind::of_mysql(c.type_info().name()))).collect()
            }
            Self::Sqlite(link) => {
                let statement = (&mut **link).prepare(sql).await?;
                statement.columns().iter().map(|c| described(c.name(), Kind::of_sqlite(c.type_info().name()))).collect()
            }
        })
    }

    /// All rows; statements say themselves how many that may be.
    pub(crate) async fn rows(&mut self, question: &Question) -> Result<Vec<Vec<Value>>, Fault> {
        let sql = AssertSqlSafe(question.sql.clone());
        match self {
            Self::Postgres(link, received) => {
                received.begin();
                let mut query = sqlx::query(sql);
                for bound in &question.bound {
                    query = match bound.clone() {
                        Bound::Text(v) => query.bind(v),
                        Bound::Integer(v) => query.bind(v),
                        Bound::Unsigned(v) => query.bind(i64::try_from(v).unwrap_or(i64::MAX)),
                        Bound::Boolean(v) => query.bind(v),
                        Bound::Uuid(v) => query.bind(v),
                        Bound::Instant(v) => query.bind(v),
                        Bound::Local(v) => query.bind(v),
                        Bound::Date(v) => query.bind(v),
                    };
                }
                let rows = query.fetch_all(&mut **link).await?;
                rows.iter().map(|row| cells(question, |at, kind| of_postgres(row, at, kind))).collect()
            }
            Self::MySql(link, received) => {
                received.begin();
                let mut query = sqlx::query(sql);
                for bound in &question.bound {
                    query = match bound.clone() {
                        Bound::Text(v) => query.bind(v),
                        Bound::Integer(v) => query.bind(v),
                        Bound::Unsigned(v) => query.bind(v),
                        Bound::Boolean(v) => query.bind(v),
                        Bound::Uuid(v) => query.bind(v.to_string()),
                        Bound::Instant(v) => query.bind(v),
                        Bound::Local(v) => query.bind(v),
                        Bound::Date(v) => query.bind(v),
                    };
                }
                let rows = query.fetch_all(&mut **link).await?;
                rows.iter().map(|row| cells(question, |at, kind| of_mysql(row, at, kind))).collect()
            }
            Self::Sqlite(link) => {
                let mut query = sqlx::query(sql);
                for bound in &question.bound {
                    query = match bound.clone() {
                        Bound::Text(v) => query.bind(v),
                        Bound::Integer(v) => query.bind(v),
                        Bound::Unsigned(v) => query.bind(i64::try_from(v).unwrap_or(i64::MAX)),
                        Bound::Boolean(v) => query.bind(v),
                        Bound::Uuid(v) => query.bind(v.to_string()),
                        Bound::Instant(v) => query.bind(v.naive_utc().to_string()),
                        Bound::Local(v) => query.bind(v.to_string()),
                        Bound::Date(v) => query.bind(v.to_string()),
                    };
                }
                let rows = query.fetch_all(&mut **link).await?;
                rows.iter().map(|row| cells(question, |at, _| of_sqlite(row, at))).collect()
            }
        }
    }

    /// The server's own name of its version.
    pub(crate) async fn version(&mut self) -> Result<String, Fault> {
        let sql = match self {
            Self::Postgres(..) => "select current_setting('server_version')",
            Self::MySql(..) => "select version()",
            Self::Sqlite(_) => "select sqlite_version()",
        };
        let question = Question { sql: sql.to_owned(), bound: Vec::new(), kinds: vec![Kind::Text] };
        let rows = self.rows(&question).await?;
        Ok(rows.first().and_then(|row| row.first()?.text()).unwrap_or_default())
    }

    pub(crate) async fn close(self) {
        let goodbye = async {
            match self {
                Self::Postgres(link, _) => link.close().await,
                Self::MySql(link, _) => link.close().await,
                Self::Sqlite(link) => link.close().await,
            }
        };
        let _gone = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    }
}

fn described(name: &str, kind: Kind) -> Described {
    Described { name: name.to_owned(), kind }
}

async fn postgres(compiled: &Compiled, host: &str, port: u16, passage: &Passage) -> Result<Link, Fault> {
    let milliseconds = compiled.operation_timeout.as_millis().to_string();
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(host)
        .port(port)
        .socket(passage.folder())
        .username(&compiled.account)
        .password(compiled.secret.expose_secret())
        .database(&compiled.database)
        .application_name("isthmus")
        .ssl_mode(if compiled.tls { PgSslMode::VerifyFull } else { PgSslMode::Disable })
        .options([
            ("default_transaction_read_only", "on"),
            ("statement_timeout", milliseconds.as_str()),
            ("lock_timeout", milliseconds.as_str()),
            ("idle_in_transaction_session_timeout", "10000"),
            ("TimeZone", "UTC"),
            ("DateStyle", "ISO"),
            ("bytea_output", "hex"),
        ])
        .disable_statement_logging();
    if compiled.tls {
        options = options.ssl_root_cert_from_pem(compiled.authorities()?);
    }
    let link = PgConnection::connect_with(&options).await?;
    Ok(Link::Postgres(Box::new(link), passage.received.clone()))
}

async fn mysql(compiled: &Compiled, host: &str, port: u16, passage: &Passage) -> Result<Link, Fault> {
    let mut options = MySqlConnectOptions::new()
        .host(host)
        .port(port)
        .socket(passage.socket())
        .username(&compiled.account)
        .password(compiled.secret.expose_secret())
        .database(&compiled.database)
        .charset("utf8mb4")
        .ssl_mode(if compiled.tls { MySqlSslMode::VerifyIdentity } else { MySqlSslMode::Disabled })
        .disable_statement_logging();
    if compiled.tls {
        options = options.ssl_ca_from_pem(compiled.authorities()?);
    }
    let mut link = MySqlConnection::connect_with(&options).await?;
    link.execute("set session transaction read only").await?;
    // MariaDB counts in seconds and calls it otherwise; a server that knows neither is stopped by our own clock.
    let timeout = compiled.operation_timeout;
    let mysql = format!("set session max_execution_time = {}", timeout.as_millis());
    let mariadb = format!("set session max_statement_time = {}", timeout.as_secs_f64());
    if link.execute(AssertSqlSafe(mysql)).await.is_err() {
        let _neither = link.execute(AssertSqlSafe(mariadb)).await;
    }
    Ok(Link::MySql(Box::new(link), passage.received.clone()))
}

async fn sqlite(path: PathBuf, timeout: Duration) -> Result<Link, Fault> {
    let options = SqliteConnectOptions::from_str("sqlite::memory:")?
        .in_memory(false)
        .shared_cache(false)
        .filename(path)
        .read_only(true)
        .create_if_missing(false)
        .busy_timeout(timeout)
        .pragma("query_only", "on")
        .pragma("trusted_schema", "off")
        .disable_statement_logging();
    Ok(Link::Sqlite(Box::new(SqliteConnection::connect_with(&options).await?)))
}

fn cells(question: &Question, cell: impl Fn(usize, Kind) -> Result<Value, sqlx::Error>) -> Result<Vec<Value>, Fault> {
    let kinds = question.kinds.iter().copied().enumerate();
    Ok(kinds.map(|(at, kind)| cell(at, kind)).collect::<Result<_, _>>()?)
}

fn text<T: ToString>(value: Option<T>) -> Value {
    value.map_or(Value::Null, |value| Value::Text(value.to_string()))
}

fn of_postgres(row: &PgRow, at: usize, kind: Kind) -> Result<Value, sqlx::Error> {
    Ok(match kind {
        Kind::Integer | Kind::Unsigned => match row.column(at).type_info().name() {
            "INT2" => text(row.try_get::<Option<i16>, _>(at)?),
            "INT4" => text(row.try_get::<Option<i32>, _>(at)?),
            _ => text(row.try_get::<Option<i64>, _>(at)?),
        },
        Kind::Boolean => text(row.try_get::<Option<bool>, _>(at)?),
        Kind::Uuid => text(row.try_get::<Option<uuid::Uuid>, _>(at)?),
        Kind::Instant => row.try_get::<Option<_>, _>(at)?.map_or(Value::Null, Value::Time),
        Kind::Local => row.try_get::<Option<_>, _>(at)?.map_or(Value::Null, Value::local),
        Kind::Date => row.try_get::<Option<_>, _>(at)?.map_or(Value::Null, Value::Date),
        Kind::Text | Kind::Bytes | Kind::Other => text(row.try_get::<Option<String>, _>(at)?),
    })
}

fn of_mysql(row: &MySqlRow, at: usize, kind: Kind) -> Result<Value, sqlx::Error> {
    Ok(match kind {
        Kind::Integer => text(row.try_get::<Option<i64>, _>(at)?),
        Kind::Unsigned => text(row.try_get::<Option<u64>, _>(at)?),
        Kind::Boolean => text(row.try_get::<Option<bool>, _>(at)?),
        // "0000-00-00" is no time, and no reason to refuse a person.
        Kind::Instant => row.try_get::<Option<_>, _>(at).unwrap_or_default().map_or(Value::Null, Value::Time),
        Kind::Local => row.try_get::<Option<_>, _>(at).unwrap_or_default().map_or(Value::Null, Value::local),
        Kind::Date => row.try_get::<Option<_>, _>(at).unwrap_or_default().map_or(Value::Null, Value::Date),
        Kind::Text | Kind::Uuid | Kind::Bytes | Kind::Other => text(row.try_get::<Option<String>, _>(at)?),
    })
}

/// In SQLite each value has a type of its own, whatever the column was declared as.
fn of_sqlite(row: &SqliteRow, at: usize) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(at)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let name = raw.type_info().name().to_owned();
    Ok(match name.as_str() {
        "INTEGER" | "INT4" | "INT8" | "BOOLEAN" => text(Some(row.try_get_unchecked::<i64, _>(at)?)),
        "REAL" => text(Some(row.try_get_unchecked::<f64, _>(at)?)),
        "BLOB" => {
            let bytes = row.try_get_unchecked::<Vec<u8>, _>(at)?;
            Value::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        }
        _ => text(Some(row.try_get_unchecked::<String, _>(at)?)),
    })
}
