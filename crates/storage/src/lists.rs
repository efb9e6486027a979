//! Statements about a list of keys. PostgreSQL is given the list as one array, SQLite as so many variables.

use sea_query::Value;
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, postgres::PgArguments};
use uuid::Uuid;

use crate::{Row, StorageError, Transaction};

/// Keys to look for.
pub(crate) enum Keys<'a> {
    Ids(&'a [Uuid]),
    Texts(&'a [&'a str]),
}

/// Keys in one SQLite statement.
const AT_ONCE: usize = 512;

impl Keys<'_> {
    const fn len(&self) -> usize {
        match self {
            Self::Ids(ids) => ids.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    fn part(&self, from: usize, count: usize) -> Vec<Value> {
        match self {
            Self::Ids(ids) => ids[from..from + count].iter().map(|id| Value::from(*id)).collect(),
            Self::Texts(texts) => texts[from..from + count].iter().map(|text| Value::from(*text)).collect(),
        }
    }

    /// In powers of two, so that few different texts have to be prepared and kept.
    fn steps(&self) -> Vec<(usize, usize)> {
        let (mut steps, mut from) = (Vec::new(), 0);
        while from < self.len() {
            let left = (self.len() - from).min(AT_ONCE);
            let count = if left == AT_ONCE { AT_ONCE } else { 1 << left.ilog2() };
            steps.push((from, count));
            from += count;
        }
        steps
    }
}

/// A statement that begins with `head`, which ends in the column to compare: `update t set a = $1 where id`.
pub(crate) struct Listed<'a> {
    pub(crate) head: &'static str,
    pub(crate) fixed: Vec<Value>,
    pub(crate) keys: Keys<'a>,
}

impl Listed<'_> {
    fn sqlite(&self, (from, count): (usize, usize)) -> (String, SqlxValues) {
        let first = self.fixed.len() + 1;
        let places: Vec<String> = (first..first + count).map(|place| format!("${place}")).collect();
        let values = self.fixed.iter().cloned().chain(self.keys.part(from, count)).collect();
        (format!("{} in ({})", self.head, places.join(",")), SqlxValues(sea_query::Values(values)))
    }

    fn postgres(&self) -> Result<(String, PgArguments), StorageError> {
        let sql = format!("{} = any(${})", self.head, self.fixed.len() + 1);
        let fixed = SqlxValues(sea_query::Values(self.fixed.clone()));
        let mut arguments: PgArguments = sqlx::IntoArguments::<sqlx::Postgres>::into_arguments(fixed);
        let added = match &self.keys {
            Keys::Ids(ids) => sqlx::Arguments::add(&mut arguments, ids.to_vec()),
            Keys::Texts(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
                sqlx::Arguments::add(&mut arguments, texts)
            }
        };
        added.map_err(|error| StorageError::Database(sqlx::Error::Encode(error)))?;
        Ok((sql, arguments))
    }

    pub(crate) async fn fetch<T: Row>(self, tx: &mut Transaction) -> Result<Vec<T>, StorageError> {
        if self.keys.len() == 0 {
            return Ok(Vec::new());
        }
        match tx {
            Transaction::Postgres(tx) => {
                let (sql, arguments) = self.postgres()?;
                Ok(sqlx::query_as_with(AssertSqlSafe(sql), arguments).fetch_all(&mut **tx).await?)
            }
            Transaction::Sqlite(tx) => {
                let mut rows = Vec::new();
                for step in self.keys.steps() {
                    let (sql, values) = self.sqlite(step);
                    let query = sqlx::query_as_with(AssertSqlSafe(sql), values);
                    rows.extend(query.fetch_all(tx.connection()).await?);
                }
                Ok(rows)
            }
        }
    }

    pub(crate) async fn execute(self, tx: &mut Transaction) -> Result<u64, StorageError> {
        if self.keys.len() == 0 {
            return Ok(0);
        }
        match tx {
            Transaction::Postgres(tx) => {
                let (sql, arguments) = self.postgres()?;
                Ok(sqlx::query_with(AssertSqlSafe(sql), arguments).execute(&mut **tx).await?.rows_affected())
            }
            Transaction::Sqlite(tx) => {
                let mut touched = 0;
                for step in self.keys.steps() {
                    let (sql, values) = self.sqlite(step);
                    touched +=
                        sqlx::query_with(AssertSqlSafe(sql), values).execute(tx.connection()).await?.rows_affected();
                }
                Ok(touched)
            }
        }
    }
}
