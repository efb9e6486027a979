//! Lists of people: by words, state and source, in keyset pages, with no total above ten thousand.
//!
//! Search is a table of folded words. A filter that few people pass drives the query; one that many pass is checked
//! while walking the people in order, where a page then fills quickly.

use directory::{Person, PersonId, PersonState, SourceId};
use sea_query::{Alias as Name, Cond, Expr, ExprTrait as _, JoinType, Order, Query, SelectStatement};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction, page_limit,
    people::{PersonRow, columns},
    row::params,
};

/// Search over people, read or written through `0`.
pub struct Search<'a, Q>(pub &'a mut Q);

/// Above this, a count says "more than", and a filter that as many pass does not drive a query.
pub const COUNT_LIMIT: i64 = 10_000;

/// The same for several filters together: they may have nobody in common, and then a walk would see everybody.
const TOGETHER_LIMIT: i64 = 10 * COUNT_LIMIT;

/// People looked at to count those who pass several filters that each pass many: beyond it, the count says "at least".
const EXAMINED: i64 = 2 * COUNT_LIMIT;

/// Words of a search that count; the rest is noise.
const WORDS: usize = 4;

/// Which people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleFilter {
    /// Each must begin a word of the person; folded, without diacritics ([`directory::search_words`]).
    pub words: Vec<String>,
    /// Empty = everybody but merged records.
    pub state: Option<PersonState>,
    pub source: Option<SourceId>,
}

/// How many people pass a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Up to [`COUNT_LIMIT`]` + 1`, which means "more".
    pub number: i64,
    /// Everybody was looked at; otherwise it is this many at least.
    pub complete: bool,
}

/// The last row of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    pub sort_name: String,
    pub id: PersonId,
}

/// One row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPerson {
    pub person: Person,
    pub sort_name: String,
    pub email: Option<String>,
    pub username: Option<String>,
    /// The sources with an account of the person, each once.
    pub sources: Vec<SourceId>,
}

#[derive(FromRow)]
struct ListRow {
    #[sqlx(flatten)]
    person: PersonRow,
    sort_name: String,
    email: Option<String>,
    username: Option<String>,
}

/// The columns of [`ListRow`]. Personal data is bound nowhere in it.
const LIST: &str = concat!(
    columns!(),
    ", p.sort_name, (select t.value from attribute t where t.person_id = p.id and t.name = 'email') as email, ",
    "(select min(a.username) from account a where a.person_id = p.id) as username"
);

const TOKENS_OF: &str = "select token from search_token where person_id = $1 order by token";
const ADD: &str =
    "insert into search_token (token, person_id) values ($1, $2) on conflict (token, person_id) do nothing";
const REMOVE: &str = "delete from search_token where token = $1 and person_id = $2";

/// The first text after all that begin with `prefix`, in byte order.
pub(crate) fn after_prefix(prefix: &str) -> String {
    // The last code point sorts after everything a token can hold.
    format!("{prefix}\u{10FFFF}")
}

/// What the query starts from.
enum Driver {
    /// The people in order of their names, each checked against the filter.
    Names,
    /// Those with this word, sorted afterwards.
    Word(usize),
    /// Those of the source, sorted afterwards.
    Source(SourceId),
}

fn column(table: &'static str, column: &'static str) -> Expr {
    Expr::col((Name::new(table), Name::new(column)))
}

fn person_ids_of_word(word: &str) -> SelectStatement {
    Query::select()
        .distinct()
        .column(Name::new("person_id"))
        .from(Name::new("search_token"))
        .and_where(Expr::col(Name::new("token")).gte(word))
        .and_where(Expr::col(Name::new("token")).lt(after_prefix(word)))
        .take()
}

fn person_ids_of_source(source: SourceId) -> SelectStatement {
    Query::select()
        .distinct()
        .column(Name::new("person_id"))
        .from(Name::new("account"))
        .and_where(Expr::col(Name::new("source_id")).eq(source.uuid()))
        .take()
}

/// `from (…) few cross join person p where few.person_id = p.id`: SQLite keeps the order of a cross join, so the few
/// are found first; PostgreSQL finds its own way.
fn few_first(select: &mut SelectStatement, few: SelectStatement) {
    select
        .from_subquery(few, Name::new("few"))
        .join_as(JoinType::CrossJoin, Name::new("person"), Name::new("p"), Cond::all())
        .and_where(column("few", "person_id").eq(column("p", "id")));
}

/// Some of the people in the filter's state.
fn person_ids_of_state(filter: &PeopleFilter) -> SelectStatement {
    let mut select = Query::select();
    select.expr_as(column("p", "id"), Name::new("person_id")).from_as(Name::new("person"), Name::new("p"));
    in_state(&mut select, filter);
    select
}

fn in_state(select: &mut SelectStatement, filter: &PeopleFilter) {
    match filter.state {
        Some(state) => select.and_where(column("p", "state").eq(state.as_str())),
        None => select.and_where(column("p", "merged_into").is_null()),
    };
}

/// The people the query starts from; empty = all, in order of their names.
fn few(filter: &PeopleFilter, driver: &Driver) -> Option<SelectStatement> {
    match driver {
        Driver::Names => None,
        Driver::Word(index) => Some(person_ids_of_word(&filter.words[*index])),
        Driver::Source(source) => Some(person_ids_of_source(*source)),
    }
}

/// `select … from person p where <filter>`, without columns, order and limit.
fn filtered(filter: &PeopleFilter, driver: &Driver, few: Option<SelectStatement>) -> SelectStatement {
    let mut select = Query::select();
    match few {
        None => {
            select.from_as(Name::new("person"), Name::new("p"));
        }
        Some(few) => few_first(&mut select, few),
    }
    in_state(&mut select, filter);
    for (index, word) in filter.words.iter().take(WORDS).enumerate() {
        if !matches!(driver, Driver::Word(driving) if *driving == index) {
            let having = Query::select()
                .expr(Expr::val(1))
                .from_as(Name::new("search_token"), Name::new("t"))
                .and_where(column("t", "person_id").eq(column("p", "id")))
                .and_where(column("t", "token").gte(word.as_str()))
                .and_where(column("t", "token").lt(after_prefix(word)))
                .take();
            select.and_where(Expr::exists(having));
        }
    }
    if let Some(source) = filter.source
        && !matches!(driver, Driver::Source(_))
    {
        let there = Query::select()
            .expr(Expr::val(1))
            .from_as(Name::new("account"), Name::new("a"))
            .and_where(column("a", "source_id").eq(source.uuid()))
            .and_where(column("a", "person_id").eq(column("p", "id")))
            .take();
        select.and_where(Expr::exists(there));
    }
    select.take()
}

impl<Q: Queries> Search<'_, Q> {
    /// One page in order of names: up to `size` people, and one more if there is a next page.
    pub async fn page(
        &mut self,
        filter: &PeopleFilter,
        after: Option<&After>,
        size: u32,
    ) -> Result<Vec<ListedPerson>, StorageError> {
        let (driver, _) = self.driver(filter).await?;
        let mut select = filtered(filter, &driver, few(filter, &driver));
        select.expr(Expr::cust(LIST));
        if let Some(after) = after {
            let key = Expr::tuple([column("p", "sort_name"), column("p", "id")]);
            select.and_where(key.gt(Expr::tuple([Expr::val(after.sort_name.as_str()), Expr::val(after.id.uuid())])));
        }
        select
            .order_by((Name::new("p"), Name::new("sort_name")), Order::Asc)
            .order_by((Name::new("p"), Name::new("id")), Order::Asc)
            .limit(u64::try_from(page_limit(size)).unwrap_or(1));
        let rows: Vec<ListRow> = self.0.fetch_page(&select).await?;
        self.with_sources(rows).await
    }

    /// How many pass the filter. Several filters that many people pass each are checked on some of them only.
    pub async fn count(&mut self, filter: &PeopleFilter) -> Result<Counted, StorageError> {
        let (driver, found) = self.driver(filter).await?;
        let mut complete = true;
        let mut candidates = few(filter, &driver);
        if filters(filter) > 0 && found > EXAMINED {
            let mut some = candidates.take().unwrap_or_else(|| person_ids_of_state(filter));
            // Who drives by name was not counted yet.
            complete = self.count_of(some.clone().limit(up_to(EXAMINED)).take()).await? <= EXAMINED;
            candidates = Some(some.limit(up_to(EXAMINED)).take());
        }
        let mut passing = filtered(filter, &driver, candidates);
        passing.expr(Expr::val(1)).limit(up_to(COUNT_LIMIT));
        let number = self.count_of(passing).await?;
        Ok(Counted { number, complete: complete || number > COUNT_LIMIT })
    }

    async fn count_of(&mut self, some: SelectStatement) -> Result<i64, StorageError> {
        let count = Query::select().expr(Expr::cust("count(*)")).from_subquery(some, Name::new("some_rows")).take();
        let rows: Vec<(i64,)> = self.0.fetch_page(&count).await?;
        Ok(rows.first().map_or(0, |(n,)| *n))
    }

    /// The filter that fewest people pass, if it is few enough to sort what it finds, and how many pass it: more than
    /// [`EXAMINED`] where nobody knows.
    async fn driver(&mut self, filter: &PeopleFilter) -> Result<(Driver, i64), StorageError> {
        let limit = if filters(filter) > 1 { TOGETHER_LIMIT } else { COUNT_LIMIT };
        let mut best = (i64::MAX, Driver::Names);
        for (index, word) in filter.words.iter().take(WORDS).enumerate() {
            let found = self.count_of(person_ids_of_word(word).limit(up_to(limit)).take()).await?;
            if found <= limit && found < best.0 {
                best = (found, Driver::Word(index));
            }
        }
        if let Some(source) = filter.source {
            let found = self.count_of(person_ids_of_source(source).limit(up_to(limit)).take()).await?;
            if found <= limit && found < best.0 {
                best = (found, Driver::Source(source));
            }
        }
        Ok((best.1, best.0))
    }

    async fn with_sources(&mut self, rows: Vec<ListRow>) -> Result<Vec<ListedPerson>, StorageError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let select = Query::select()
            .distinct()
            .columns([Name::new("person_id"), Name::new("source_id")])
            .from(Name::new("account"))
            .and_where(Expr::col(Name::new("person_id")).is_in(rows.iter().map(|row| row.person.id)))
            .order_by(Name::new("source_id"), Order::Asc)
            .take();
        let links: Vec<(Uuid, Uuid)> = self.0.fetch_page(&select).await?;
        rows.into_iter()
            .map(|row| {
                let id = row.person.id;
                let sources = links.iter().filter(|(person, _)| *person == id).map(|(_, s)| (*s).into()).collect();
                Ok(ListedPerson {
                    person: row.person.try_into()?,
                    sort_name: row.sort_name,
                    email: row.email,
                    username: row.username,
                    sources,
                })
            })
            .collect()
    }
}

/// How many words and sources everybody must have.
fn filters(filter: &PeopleFilter) -> usize {
    filter.words.iter().take(WORDS).count() + usize::from(filter.source.is_some())
}

/// One more than the limit, which means "more than".
fn up_to(limit: i64) -> u64 {
    u64::try_from(limit + 1).unwrap_or(u64::MAX)
}

impl Search<'_, Transaction> {
    /// Makes the person findable by exactly these words.
    pub async fn set_words(&mut self, person: PersonId, words: &[String]) -> Result<(), StorageError> {
        let stored: Vec<(String,)> = self.0.fetch_all(TOKENS_OF, params![person.uuid()]).await?;
        for (old,) in &stored {
            if !words.contains(old) {
                self.0.execute(REMOVE, params![old.as_str(), person.uuid()]).await?;
            }
        }
        for new in words {
            if !stored.iter().any(|(old,)| old == new) {
                self.0.execute(ADD, params![new.as_str(), person.uuid()]).await?;
            }
        }
        Ok(())
    }
}
