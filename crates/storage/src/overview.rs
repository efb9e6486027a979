//! Counts for the Overview. Each reads an index and no table.

use chrono::{DateTime, Utc};
use directory::SourceId;
use sea_query::{Alias as Name, Expr, ExprTrait as _, Order, Query};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, audit::Position, page_limit, row::params};

/// People in one state.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct StateTally {
    pub state: String,
    pub number: i64,
}

/// Attempts that reached one row of the decision table.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AttemptTally {
    pub decision: String,
    pub signed_in: bool,
    pub number: i64,
}

/// One attempt, as far as speed goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Timing {
    pub at: DateTime<Utc>,
    pub took_ms: i64,
}

/// An open case with the name of whom it is about.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct OpenCase {
    pub id: Uuid,
    pub kind: String,
    pub person_id: Uuid,
    pub name: String,
    pub identifier: String,
    pub source_id: Uuid,
    pub opened_at: DateTime<Utc>,
}

const PEOPLE: &str = "select state, count(*) as number from person group by state";
const ATTEMPTS: &str = "select decision, signed_in, count(*) as number from sign_in_attempt \
                        where at >= $1 and at < $2 group by decision, signed_in";
const TIMINGS: &str = "select at, took_ms from sign_in_attempt where source_id = $1 and decision = $2 and signed_in \
                       order by at desc limit $3";
const CASES: &str = "select count(*) from (select 1 from review_case where closed_at is null limit $1) some_rows";
const NEWEST_CASES: &str = "select c.id, c.kind, c.person_id, p.display_name as name, c.identifier, c.source_id, \
    c.opened_at from review_case c join person p on p.id = c.person_id where c.closed_at is null \
    order by c.opened_at desc, c.id desc limit $1";

/// How many people are in each state.
pub async fn people_by_state(queries: &mut impl Queries) -> Result<Vec<StateTally>, StorageError> {
    queries.fetch_all(PEOPLE, params![]).await
}

/// How many attempts ended how, from a moment and before another.
pub async fn attempts(
    queries: &mut impl Queries,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<AttemptTally>, StorageError> {
    queries.fetch_all(ATTEMPTS, params![from, until]).await
}

/// The newest sign-ins of one row at a source.
pub async fn timings(
    queries: &mut impl Queries,
    source: SourceId,
    decision: &str,
    limit: u32,
) -> Result<Vec<Timing>, StorageError> {
    queries.fetch_all(TIMINGS, params![source.uuid(), decision, i64::from(limit)]).await
}

/// How many cases are open, counted up to `limit`.
pub async fn open_cases(queries: &mut impl Queries, limit: u32) -> Result<i64, StorageError> {
    let (count,): (i64,) = queries.fetch_one(CASES, params![i64::from(limit)]).await?;
    Ok(count)
}

/// The newest of them.
pub async fn newest_cases(queries: &mut impl Queries, limit: u32) -> Result<Vec<OpenCase>, StorageError> {
    queries.fetch_all(NEWEST_CASES, params![i64::from(limit)]).await
}

/// Which attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptFilter {
    pub from: DateTime<Utc>,
    /// Not including this moment.
    pub until: DateTime<Utc>,
    pub signed_in: Option<bool>,
    pub rows: Rows,
}

/// Of which rows of the decision table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    All,
    These(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

/// One attempt of a list.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ListedAttempt {
    pub id: Uuid,
    pub code: String,
    pub at: DateTime<Utc>,
    pub client_id: Option<String>,
    pub source_id: Option<Uuid>,
    pub person_id: Option<Uuid>,
    pub decision: String,
    pub signed_in: bool,
    pub took_ms: i64,
}

/// One page and a row more, newest first, after a place. The index on time holds what is filtered by.
pub async fn attempts_page(
    queries: &mut impl Queries,
    filter: &AttemptFilter,
    after: Option<Position>,
    size: u32,
) -> Result<Vec<ListedAttempt>, StorageError> {
    let column = |name: &'static str| Expr::col(Name::new(name));
    let columns =
        ["id", "code", "at", "client_id", "source_id", "person_id", "decision", "signed_in", "took_ms"].map(Name::new);
    let mut select = Query::select();
    select
        .columns(columns)
        .from(Name::new("sign_in_attempt"))
        .and_where(column("at").gte(filter.from))
        .and_where(column("at").lt(filter.until))
        .order_by(Name::new("at"), Order::Desc)
        .order_by(Name::new("id"), Order::Desc)
        .limit(u64::try_from(page_limit(size)).unwrap_or(1));
    if let Some(signed_in) = filter.signed_in {
        select.and_where(column("signed_in").eq(signed_in));
    }
    match filter.rows {
        Rows::All => {}
        Rows::These(rows) => {
            select.and_where(column("decision").is_in(rows.iter().copied()));
        }
        Rows::AllBut(rows) => {
            select.and_where(column("decision").is_not_in(rows.iter().copied()));
        }
    }
    if let Some(Position { at, id }) = after {
        let here = Expr::tuple([column("at"), column("id")]);
        select.and_where(here.lt(Expr::tuple([Expr::val(at), Expr::val(id)])));
    }
    queries.fetch_page(&select).await
}
