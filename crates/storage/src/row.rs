//! Rows and parameters that serve both databases.

use chrono::{DateTime, Timelike as _, Utc};
use sqlx::{FromRow, postgres::PgRow, sqlite::SqliteRow};

use crate::StorageError;

/// A struct that derives `sqlx::FromRow` reads from both databases.
pub trait Row: Send + Unpin + for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> {}
impl<T> Row for T where T: Send + Unpin + for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> {}

/// Truncates to microseconds, the finest both databases keep: what is read back equals what was written.
#[must_use]
pub fn to_microseconds(at: DateTime<Utc>) -> DateTime<Utc> {
    at.with_nanosecond(at.nanosecond() / 1_000 * 1_000).unwrap_or(at)
}

/// Rows to ask for when showing a page of `size`: one more, so that "is there a next page" needs no count.
#[must_use]
pub fn page_limit(size: u32) -> i64 {
    i64::from(size.clamp(1, 1_000)) + 1
}

/// Bound parameters `$1, $2, …` in order, for both databases. Times must be truncated by [`to_microseconds`].
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        sea_query_sqlx::SqlxValues(sea_query::Values(vec![$(sea_query::Value::from($value)),*]))
    };
}
pub(crate) use params;

/// For SQL without placeholders.
#[must_use]
pub fn no_parameters() -> sea_query_sqlx::SqlxValues {
    params![]
}

/// Reads a stored word; one that this version does not know names its place.
pub(crate) fn word<T>(table: &'static str, column: &'static str, text: &str) -> Result<T, StorageError>
where
    T: std::str::FromStr<Err = directory::UnknownWord>,
{
    text.parse().map_err(|error: directory::UnknownWord| StorageError::Inconsistent {
        table,
        column,
        reason: error.to_string(),
    })
}
