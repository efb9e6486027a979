//! Settings of the installation, one JSON value per name.

use serde_json::Value;
use sqlx::FromRow;

use crate::{Queries, StorageError, Transaction, row::params};

/// A setting and its revision.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Setting {
    pub value: Value,
    pub revision: i64,
}

#[derive(FromRow)]
struct RevisionRow {
    revision: i64,
}

const GET: &str = "select value, revision from setting where name = $1";
const REVISION: &str = "select cast(coalesce(sum(revision), 0) as bigint) as revision from setting where name = $1";
const PUT: &str = "insert into setting (name, value, revision) values ($1, $2, 1) \
                   on conflict (name) do update set value = excluded.value, revision = setting.revision + 1";

/// A setting; empty if it was never changed from its default.
pub async fn get(queries: &mut impl Queries, name: &str) -> Result<Option<Setting>, StorageError> {
    queries.fetch_optional(GET, params![name]).await
}

/// The revision of a setting; 0 if it was never changed.
pub async fn revision(queries: &mut impl Queries, name: &str) -> Result<i64, StorageError> {
    Ok(queries.fetch_one::<RevisionRow>(REVISION, params![name]).await?.revision)
}

/// Writes a setting.
pub async fn put(tx: &mut Transaction, name: &str, value: Value) -> Result<(), StorageError> {
    tx.execute(PUT, params![name, value]).await.map(|_| ())
}
