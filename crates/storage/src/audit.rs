//! The audit log: written in the transaction of what it records, read in pages. Its chain is in [`crate::audit_chain`].

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use directory::{AuditEventId, ClientId, PersonId, SourceId};
use sea_query::{Alias as Name, Cond, Expr, ExprTrait as _, Func, LikeExpr, Order, Query, SelectStatement, SimpleExpr};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, page_limit, row::params};

/// One line, to be written.
#[derive(Debug, Clone)]
pub struct AuditRow {
    pub id: AuditEventId,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: &'static str,
    pub person: Option<PersonId>,
    pub source: Option<SourceId>,
    pub client: Option<ClientId>,
    pub details: Value,
}

/// One line as stored, without its place in the chain.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct StoredEvent {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub person_id: Option<Uuid>,
    pub source_id: Option<Uuid>,
    pub client_id: Option<String>,
    pub details: Value,
    pub request_id: Option<String>,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct ListedEvent {
    #[sqlx(flatten)]
    pub event: StoredEvent,
    /// Empty until the sealer has seen it.
    pub sequence: Option<i64>,
    pub hash: Option<Vec<u8>>,
}

/// Which lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub from: Option<DateTime<Utc>>,
    /// Not including this moment.
    pub until: Option<DateTime<Utc>>,
    pub actor: Option<String>,
    /// `source.registered`, or `source.` for all that begins so.
    pub kind: Option<String>,
    pub person: Option<PersonId>,
    pub source: Option<SourceId>,
    /// Somewhere in the kind, the application or the details; case does not matter.
    pub text: Option<String>,
}

/// A place in the list, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Position {
    pub at: DateTime<Utc>,
    pub id: Uuid,
}

/// A page, and where to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditPage {
    pub events: Vec<ListedEvent>,
    /// Where the next page starts. Set also where the search stopped because it had looked at [`LOOKED_AT`] lines.
    pub next: Option<Position>,
}

/// Lines that one page looks at, at most, when it searches for a text or a source: no index leads there.
pub const LOOKED_AT: u32 = 20_000;

const INSERT: &str = "insert into audit_event (id, at, actor, action, person_id, source_id, client_id, details) \
                      values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Goes from kind to kind over the index instead of reading every line.
const KINDS: &str = "with recursive kind (action) as (select min(action) from audit_event union all \
    select (select min(e.action) from audit_event e where e.action > kind.action) from kind \
    where kind.action is not null) select action from kind where action is not null limit 500";

/// Writes the line into the transaction of what it records.
pub async fn insert(tx: &mut Transaction, row: AuditRow) -> Result<(), StorageError> {
    let values = params![
        row.id.uuid(),
        row.at,
        row.actor,
        row.action,
        row.person.map(PersonId::uuid),
        row.source.map(SourceId::uuid),
        row.client.map(|c| c.0),
        row.details,
    ];
    tx.execute(INSERT, values).await.map(|_| ())
}

/// The newest lines, newest first.
pub async fn recent(queries: &mut impl Queries, size: u32) -> Result<Vec<StoredEvent>, StorageError> {
    let page = page(queries, &AuditFilter::default(), None, size).await?;
    Ok(page.events.into_iter().map(|listed| listed.event).collect())
}

/// The kinds of events there are.
pub async fn kinds(queries: &mut impl Queries) -> Result<Vec<String>, StorageError> {
    let rows: Vec<(String,)> = queries.fetch_all(KINDS, params![]).await?;
    Ok(rows.into_iter().map(|(kind,)| kind).collect())
}

/// The names of these people, for lists.
pub async fn names_of(
    queries: &mut impl Queries,
    people: impl IntoIterator<Item = Uuid>,
) -> Result<HashMap<Uuid, String>, StorageError> {
    let select = Query::select()
        .columns([Name::new("id"), Name::new("display_name")])
        .from(Name::new("person"))
        .and_where(column("id").is_in(people))
        .take();
    let rows: Vec<(Uuid, String)> = queries.fetch_page(&select).await?;
    Ok(rows.into_iter().collect())
}

/// One page, newest first, after a place.
pub async fn page(
    queries: &mut impl Queries,
    filter: &AuditFilter,
    after: Option<Position>,
    size: u32,
) -> Result<AuditPage, StorageError> {
    let size = usize::try_from(page_limit(size) - 1).unwrap_or(1);
    let limit = u64::try_from(size + 1).unwrap_or(1);
    let searched = searched(filter);
    let mut select = if searched.is_empty() {
        let mut select = indexed(filter, after);
        newest_first(&mut select).limit(limit);
        select
    } else {
        let mut looked_at = indexed(filter, after);
        newest_first(&mut looked_at).limit(u64::from(LOOKED_AT));
        let mut select = Query::select();
        select.from_subquery(looked_at, Name::new("e"));
        for condition in searched.clone() {
            select.and_where(condition);
        }
        select.columns(COLUMNS.map(Name::new));
        newest_first(&mut select).limit(limit).take()
    };
    let mut events: Vec<ListedEvent> = queries.fetch_page(&select.take()).await?;
    let next = if events.len() > size {
        events.truncate(size);
        events.last().map(|last| Position { at: last.event.at, id: last.event.id })
    } else if searched.is_empty() {
        None
    } else {
        // Fewer were found than fit: did the search end, or only its turn?
        let mut end = indexed(filter, after);
        end.clear_selects().columns([Name::new("at"), Name::new("id")]);
        newest_first(&mut end).limit(1).offset(u64::from(LOOKED_AT - 1));
        queries.fetch_page::<Position>(&end).await?.pop()
    };
    Ok(AuditPage { events, next })
}

const COLUMNS: [&str; 11] =
    ["id", "at", "actor", "action", "person_id", "source_id", "client_id", "details", "request_id", "sequence", "hash"];

fn column(name: &'static str) -> Expr {
    Expr::col(Name::new(name))
}

fn newest_first(select: &mut SelectStatement) -> &mut SelectStatement {
    select.order_by(Name::new("at"), Order::Desc).order_by(Name::new("id"), Order::Desc)
}

/// The conditions that an index leads to.
fn indexed(filter: &AuditFilter, after: Option<Position>) -> SelectStatement {
    let mut select = Query::select();
    select.columns(COLUMNS.map(Name::new)).from(Name::new("audit_event"));
    if let Some(from) = filter.from {
        select.and_where(column("at").gte(from));
    }
    if let Some(until) = filter.until {
        select.and_where(column("at").lt(until));
    }
    if let Some(Position { at, id }) = after {
        let here = Expr::tuple([column("at"), column("id")]);
        select.and_where(here.lt(Expr::tuple([Expr::val(at), Expr::val(id)])));
    }
    if let Some(person) = filter.person {
        select.and_where(column("person_id").eq(person.uuid()));
    }
    if let Some(actor) = &filter.actor {
        select.and_where(column("actor").eq(actor.as_str()));
    }
    match filter.kind.as_deref() {
        // Every kind that begins so: '/' follows '.' in ASCII.
        Some(group) if group.ends_with('.') => {
            select.and_where(column("action").gte(group));
            select.and_where(column("action").lt(format!("{}/", group.trim_end_matches('.'))));
        }
        Some(kind) => {
            select.and_where(column("action").eq(kind));
        }
        None => {}
    }
    select
}

/// The conditions that are looked for line by line.
fn searched(filter: &AuditFilter) -> Vec<SimpleExpr> {
    let source = filter.source.map(|source| column("source_id").eq(source.uuid()));
    let text = filter.text.as_deref().map(|text| {
        let mut pattern = String::from("%");
        for letter in text.to_lowercase().chars() {
            if matches!(letter, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern.push('%');
        let holds = |text: Expr| Expr::expr(Func::lower(text)).like(LikeExpr::new(pattern.clone()).escape('\\'));
        let any = Cond::any()
            .add(holds(column("action")))
            .add(holds(column("client_id")))
            .add(holds(column("details").cast_as(Name::new("text"))));
        SimpleExpr::from(any)
    });
    source.into_iter().chain(text).collect()
}
