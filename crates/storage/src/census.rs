//! How many rows each table has that a sign-in or a sweep could touch: tests compare it before and after, and so can
//! an operator who wonders what grows.

use std::collections::BTreeMap;

use sqlx::FromRow;

use crate::{Queries, StorageError, row::params};

#[derive(FromRow)]
struct Tally {
    name: String,
    number: i64,
}

macro_rules! count {
    ($first:literal $(, $table:literal)*) => {
        concat!(
            "select '", $first, "' as name, count(*) as number from ", $first,
            $(" union all select '", $table, "', count(*) from ", $table,)*
        )
    };
}

const COUNT: &str = count!(
    "person",
    "account",
    "alias",
    "attribute",
    "identifier_claim",
    "directory_group",
    "membership",
    "verifier",
    "review_case",
    "search_token",
    "session",
    "client_grant",
    "budget_place",
    "refusal",
    "failure_count",
    "device",
    "sign_in_attempt",
    "audit_event"
);

/// Rows by table. Reads every table once.
pub async fn census(queries: &mut impl Queries) -> Result<BTreeMap<String, i64>, StorageError> {
    let rows: Vec<Tally> = queries.fetch_all(COUNT, params![]).await?;
    Ok(rows.into_iter().map(|row| (row.name, row.number)).collect())
}
