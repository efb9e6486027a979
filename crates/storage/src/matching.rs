//! What people are matched by: rules in force, the values entries are found by, reviewers' decisions, entries that wait.

use chrono::{DateTime, Utc};
use directory::{ImmutableId, ImportRunId, MatchAttribute, MatchRules, PersonId, SourceId, WaitingFor};
use sea_query::{Alias as Name, Expr, ExprTrait as _, Order, Query, SelectStatement};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    lists::{Keys, Listed},
    row::{params, word},
    search::COUNT_LIMIT,
};

/// Everything about matching, read or written through `0`.
pub struct Matching<'a, Q>(pub &'a mut Q);

/// The rules of one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesVersion {
    pub version: i64,
    pub rules: MatchRules,
    pub changed_by: String,
    pub approved_by: Option<String>,
    pub changed_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct RulesRow {
    version: i64,
    rules: Value,
    changed_by: String,
    approved_by: Option<String>,
    changed_at: DateTime<Utc>,
}

impl TryFrom<RulesRow> for RulesVersion {
    type Error = StorageError;
    fn try_from(row: RulesRow) -> Result<Self, StorageError> {
        let rules = serde_json::from_value(row.rules).map_err(|error| StorageError::Inconsistent {
            table: "match_rules",
            column: "rules",
            reason: error.to_string(),
        })?;
        let RulesRow { version, changed_by, approved_by, changed_at, .. } = row;
        Ok(Self { version, rules, changed_by, approved_by, changed_at })
    }
}

/// One value an entry is found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchKey {
    pub attribute: MatchAttribute,
    pub folded: String,
    pub value: String,
}

/// An entry that bears a value, and whose it is if it has an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BearerRow {
    pub source: SourceId,
    pub immutable_id: ImmutableId,
    pub attribute: MatchAttribute,
    pub value: String,
    pub person: Option<PersonId>,
}

#[derive(FromRow)]
struct KeyRow {
    source_id: Uuid,
    immutable_id: String,
    attribute: String,
    folded: String,
    value: String,
    person_id: Option<Uuid>,
}

/// An entry that waits for a reviewer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldEntry {
    pub source: SourceId,
    pub immutable_id: ImmutableId,
    pub kind: WaitingFor,
    pub display_name: String,
    pub locator: String,
    pub found: Value,
    /// Why, in words and without values; empty where rules and doubts in `found` say so.
    pub reason: Option<String>,
    pub opened_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    /// The import that saw it last; empty if a sign-in did.
    pub seen_by: Option<ImportRunId>,
}

/// Which of the entries that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeldFilter {
    pub source: Option<SourceId>,
    pub kind: Option<WaitingFor>,
}

/// The last entry of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPlace {
    pub opened_at: DateTime<Utc>,
    pub source: SourceId,
    pub immutable_id: String,
}

#[derive(FromRow)]
struct HeldRow {
    source_id: Uuid,
    immutable_id: String,
    kind: String,
    display_name: String,
    locator: String,
    found: Value,
    reason: Option<String>,
    opened_at: DateTime<Utc>,
    seen_at: DateTime<Utc>,
    seen_by: Option<Uuid>,
}

impl TryFrom<HeldRow> for HeldEntry {
    type Error = StorageError;
    fn try_from(row: HeldRow) -> Result<Self, StorageError> {
        Ok(Self {
            source: row.source_id.into(),
            immutable_id: row.immutable_id.into(),
            kind: word("held_entry", "kind", &row.kind)?,
            display_name: row.display_name,
            locator: row.locator,
            found: row.found,
            reason: row.reason,
            opened_at: row.opened_at,
            seen_at: row.seen_at,
            seen_by: row.seen_by.map(ImportRunId::from),
        })
    }
}

/// What a reviewer decided about an entry and a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictRow {
    pub source: SourceId,
    pub immutable_id: ImmutableId,
    pub person: PersonId,
    pub same: bool,
    pub decided_by: String,
    pub decided_at: DateTime<Utc>,
    pub reason: Option<String>,
}

const CURRENT: &str = "select version, rules, changed_by, approved_by, changed_at from match_rules \
                       order by version desc limit 1";
const VERSIONS: &str = "select version, rules, changed_by, approved_by, changed_at from match_rules \
                        order by version desc limit $1";
const ADD_RULES: &str = "insert into match_rules (version, rules, changed_by, approved_by, changed_at) \
                         values ($1, $2, $3, $4, $5) on conflict (version) do nothing";
const KEYS_OF: &str = "select source_id, immutable_id, attribute, folded, value, cast(null as uuid) as person_id \
                       from match_key where source_id = $1 and immutable_id = $2 order by attribute";
const KEYS_OF_PERSON: &str = "select k.source_id, k.immutable_id, k.attribute, k.folded, k.value, a.person_id \
    from account a join match_key k on k.source_id = a.source_id and k.immutable_id = a.immutable_id \
    where a.person_id = $1 order by k.source_id, k.immutable_id, k.attribute limit 200";
const BEARERS: &str = "select k.source_id, k.immutable_id, k.attribute, k.folded, k.value, a.person_id \
    from match_key k left join account a on a.source_id = k.source_id and a.immutable_id = k.immutable_id \
    where k.attribute = $1 and k.folded = $2 order by k.source_id, k.immutable_id limit $3";
const ALL_KEYS: &str = "select k.source_id, k.immutable_id, k.attribute, k.folded, k.value, a.person_id \
    from match_key k left join account a on a.source_id = k.source_id and a.immutable_id = k.immutable_id \
    where k.source_id = $1 and k.immutable_id > $2 order by k.immutable_id, k.attribute limit $3";
const PUT_KEY: &str = "insert into match_key (source_id, immutable_id, attribute, folded, value) \
    values ($1, $2, $3, $4, $5) on conflict (source_id, immutable_id, attribute) \
    do update set folded = excluded.folded, value = excluded.value";
const DELETE_KEY: &str = "delete from match_key where source_id = $1 and immutable_id = $2 and attribute = $3";
const POPULATION: &str = "select read_at from match_population where source_id = $1";
const PUT_POPULATION: &str = "insert into match_population (source_id, read_at) values ($1, $2) \
                              on conflict (source_id) do update set read_at = excluded.read_at";
const VERDICTS: &str = "select person_id, same from match_verdict where source_id = $1 and immutable_id = $2";
const PUT_VERDICT: &str = "insert into match_verdict (source_id, immutable_id, person_id, same, decided_by, \
    decided_at, reason) values ($1, $2, $3, $4, $5, $6, $7) on conflict (source_id, immutable_id, person_id) \
    do update set same = excluded.same, decided_by = excluded.decided_by, decided_at = excluded.decided_at, \
    reason = excluded.reason";
const HELD: &str = "select source_id, immutable_id, kind, display_name, locator, found, reason, opened_at, seen_at, \
                    seen_by from held_entry where source_id = $1 and immutable_id = $2";
const UNSEEN: &str = "select immutable_id from held_entry where source_id = $1 and immutable_id > $3 \
                      and (seen_by is null or seen_by <> $2) order by immutable_id limit $4";
const SEEN: &str = "update held_entry set seen_by = $1 where source_id = $2 and immutable_id";
const NO_KEYS: &str = "delete from match_key where source_id = $1 and immutable_id = $2 and not exists \
    (select 1 from account a where a.source_id = $1 and a.immutable_id = $2)";
const HOLD: &str = "insert into held_entry (source_id, immutable_id, kind, display_name, locator, found, opened_at, \
    seen_at, reason, seen_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (source_id, immutable_id) do update set \
    kind = excluded.kind, display_name = excluded.display_name, locator = excluded.locator, found = excluded.found, \
    seen_at = excluded.seen_at, reason = excluded.reason, seen_by = excluded.seen_by";
const RELEASE: &str = "delete from held_entry where source_id = $1 and immutable_id = $2";
const HELD_FOR: &str = "select h.source_id, h.immutable_id, h.kind, h.display_name, h.locator, h.found, h.reason, \
    h.opened_at, h.seen_at, h.seen_by from held_candidate c join held_entry h on h.source_id = c.source_id and h.immutable_id = c.immutable_id \
    where c.person_id = $1 order by h.opened_at, h.source_id, h.immutable_id limit $2";
const NO_CANDIDATES: &str = "delete from held_candidate where source_id = $1 and immutable_id = $2";
const CANDIDATE: &str = "insert into held_candidate (person_id, source_id, immutable_id) values ($1, $2, $3) \
    on conflict (person_id, source_id, immutable_id) do nothing";

fn key(row: KeyRow) -> Result<(BearerRow, String), StorageError> {
    let bearer = BearerRow {
        source: row.source_id.into(),
        immutable_id: row.immutable_id.into(),
        attribute: word("match_key", "attribute", &row.attribute)?,
        value: row.value,
        person: row.person_id.map(PersonId::from),
    };
    Ok((bearer, row.folded))
}

impl<Q: Queries> Matching<'_, Q> {
    /// The rules in force; empty if there never were any.
    pub async fn rules(&mut self) -> Result<Option<RulesVersion>, StorageError> {
        let row: Option<RulesRow> = self.0.fetch_optional(CURRENT, params![]).await?;
        row.map(RulesVersion::try_from).transpose()
    }

    /// The last versions, newest first.
    pub async fn versions(&mut self, size: u32) -> Result<Vec<RulesVersion>, StorageError> {
        let rows: Vec<RulesRow> = self.0.fetch_all(VERSIONS, params![i64::from(size)]).await?;
        rows.into_iter().map(RulesVersion::try_from).collect()
    }

    /// What this entry is found by.
    pub async fn keys_of(&mut self, source: SourceId, id: &ImmutableId) -> Result<Vec<MatchKey>, StorageError> {
        let rows: Vec<KeyRow> = self.0.fetch_all(KEYS_OF, params![source.uuid(), id.as_str()]).await?;
        let made = rows.into_iter().map(key).collect::<Result<Vec<_>, _>>()?;
        Ok(made
            .into_iter()
            .map(|(bearer, folded)| MatchKey { attribute: bearer.attribute, folded, value: bearer.value })
            .collect())
    }

    /// What all accounts of this person are found by.
    pub async fn keys_of_person(&mut self, person: PersonId) -> Result<Vec<BearerRow>, StorageError> {
        let rows: Vec<KeyRow> = self.0.fetch_all(KEYS_OF_PERSON, params![person.uuid()]).await?;
        rows.into_iter().map(|row| key(row).map(|(bearer, _)| bearer)).collect()
    }

    /// Who bears this value, at most `limit` of them. An indexed look-up.
    pub async fn bearers(
        &mut self,
        attribute: MatchAttribute,
        folded: &str,
        limit: u32,
    ) -> Result<Vec<BearerRow>, StorageError> {
        let rows: Vec<KeyRow> =
            self.0.fetch_all(BEARERS, params![attribute.as_str(), folded, i64::from(limit)]).await?;
        rows.into_iter().map(|row| key(row).map(|(bearer, _)| bearer)).collect()
    }

    /// A page of all that was read of one directory, after this id. Several rows belong to one entry.
    pub async fn keys_after(
        &mut self,
        source: SourceId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<BearerRow>, StorageError> {
        let rows: Vec<KeyRow> = self.0.fetch_all(ALL_KEYS, params![source.uuid(), after, i64::from(limit)]).await?;
        rows.into_iter().map(|row| key(row).map(|(bearer, _)| bearer)).collect()
    }

    /// When the directory was read whole; empty = never.
    pub async fn population_read_at(&mut self, source: SourceId) -> Result<Option<DateTime<Utc>>, StorageError> {
        let row: Option<(DateTime<Utc>,)> = self.0.fetch_optional(POPULATION, params![source.uuid()]).await?;
        Ok(row.map(|(at,)| at))
    }

    /// What reviewers decided about this entry: with whom, and whether it is the same.
    pub async fn verdicts(
        &mut self,
        source: SourceId,
        id: &ImmutableId,
    ) -> Result<Vec<(PersonId, bool)>, StorageError> {
        let rows: Vec<(Uuid, bool)> = self.0.fetch_all(VERDICTS, params![source.uuid(), id.as_str()]).await?;
        Ok(rows.into_iter().map(|(person, same)| (person.into(), same)).collect())
    }

    pub async fn held(&mut self, source: SourceId, id: &ImmutableId) -> Result<Option<HeldEntry>, StorageError> {
        let row: Option<HeldRow> = self.0.fetch_optional(HELD, params![source.uuid(), id.as_str()]).await?;
        row.map(HeldEntry::try_from).transpose()
    }

    /// Entries that wait because they may be this person, the longest waiting first.
    pub async fn held_for(&mut self, person: PersonId, size: u32) -> Result<Vec<HeldEntry>, StorageError> {
        let rows: Vec<HeldRow> = self.0.fetch_all(HELD_FOR, params![person.uuid(), i64::from(size)]).await?;
        rows.into_iter().map(HeldEntry::try_from).collect()
    }

    /// A page of those that wait, the longest waiting first; one more than `size`, if there are more.
    pub async fn held_page(
        &mut self,
        filter: HeldFilter,
        after: Option<&HeldPlace>,
        size: u32,
    ) -> Result<Vec<HeldEntry>, StorageError> {
        let mut select = Query::select();
        select.columns(HELD_COLUMNS.map(Name::new)).from(Name::new("held_entry"));
        narrowed(&mut select, filter);
        if let Some(place) = after {
            let row = |columns: [&'static str; 3]| Expr::tuple(columns.map(|name| Expr::col(Name::new(name))));
            let last: [Expr; 3] =
                [Expr::val(place.opened_at), Expr::val(place.source.uuid()), Expr::val(place.immutable_id.clone())];
            select.and_where(row(["opened_at", "source_id", "immutable_id"]).gt(Expr::tuple(last)));
        }
        for column in ["opened_at", "source_id", "immutable_id"] {
            select.order_by(Name::new(column), Order::Asc);
        }
        select.limit(u64::try_from(crate::page_limit(size)).unwrap_or(u64::MAX));
        let rows: Vec<HeldRow> = self.0.fetch_page(&select).await?;
        rows.into_iter().map(HeldEntry::try_from).collect()
    }

    /// How many wait; one more than the limit if there are more.
    pub async fn count_held(&mut self, filter: HeldFilter) -> Result<i64, StorageError> {
        let mut first = Query::select();
        first.column(Name::new("opened_at")).from(Name::new("held_entry"));
        narrowed(&mut first, filter);
        first.limit(u64::try_from(COUNT_LIMIT + 1).unwrap_or(u64::MAX));
        let mut count = Query::select();
        count.expr_as(Expr::cust("count(*)"), Name::new("number")).from_subquery(first, Name::new("first"));
        let rows: Vec<(i64,)> = self.0.fetch_page(&count).await?;
        Ok(rows.first().map_or(0, |(number,)| *number))
    }

    /// Those of this directory that this import has not seen, in the order of their ids.
    pub async fn held_unseen(
        &mut self,
        source: SourceId,
        run: ImportRunId,
        after: &str,
        size: u32,
    ) -> Result<Vec<ImmutableId>, StorageError> {
        let values = params![source.uuid(), run.uuid(), after, i64::from(size)];
        let rows: Vec<(String,)> = self.0.fetch_all(UNSEEN, values).await?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }
}

const RELEASE_ALL: [&str; 2] = [
    "delete from held_candidate where source_id = $1 and immutable_id",
    "delete from held_entry where source_id = $1 and immutable_id",
];
const HELD_COLUMNS: [&str; 10] = [
    "source_id",
    "immutable_id",
    "kind",
    "display_name",
    "locator",
    "found",
    "reason",
    "opened_at",
    "seen_at",
    "seen_by",
];

fn narrowed(select: &mut SelectStatement, filter: HeldFilter) {
    if let Some(source) = filter.source {
        select.and_where(Expr::col(Name::new("source_id")).eq(source.uuid()));
    }
    if let Some(kind) = filter.kind {
        select.and_where(Expr::col(Name::new("kind")).eq(kind.as_str()));
    }
}

const BORNE: &str = "select folded from match_key where attribute = $1 and folded";
const KEYS_OF_ALL: &str = "select immutable_id, attribute, folded from match_key where source_id = $1 and immutable_id";
const DECIDED: &str = "select immutable_id from match_verdict where source_id = $1 and immutable_id";

impl Matching<'_, Transaction> {
    /// Those of these values that some entry bears.
    pub async fn borne(&mut self, attribute: MatchAttribute, folded: &[&str]) -> Result<Vec<String>, StorageError> {
        let fixed = vec![attribute.as_str().into()];
        let rows: Vec<(String,)> = Listed { head: BORNE, fixed, keys: Keys::Texts(folded) }.fetch(self.0).await?;
        Ok(rows.into_iter().map(|(value,)| value).collect())
    }

    /// What these entries are found by: (immutable id, attribute, folded value).
    pub async fn keys_of_all(
        &mut self,
        source: SourceId,
        ids: &[&str],
    ) -> Result<Vec<(String, String, String)>, StorageError> {
        let fixed = vec![source.uuid().into()];
        Listed { head: KEYS_OF_ALL, fixed, keys: Keys::Texts(ids) }.fetch(self.0).await
    }

    /// Those of these entries about which a reviewer decided something.
    pub async fn decided(&mut self, source: SourceId, ids: &[&str]) -> Result<Vec<String>, StorageError> {
        let fixed = vec![source.uuid().into()];
        let rows: Vec<(String,)> = Listed { head: DECIDED, fixed, keys: Keys::Texts(ids) }.fetch(self.0).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Puts a version in force; false if somebody else was faster.
    pub async fn add_rules(&mut self, version: &RulesVersion) -> Result<bool, StorageError> {
        let rules = serde_json::to_value(&version.rules).map_err(|error| StorageError::Inconsistent {
            table: "match_rules",
            column: "rules",
            reason: error.to_string(),
        })?;
        let values = params![
            version.version,
            rules,
            version.changed_by.clone(),
            version.approved_by.clone(),
            version.changed_at
        ];
        Ok(self.0.execute(ADD_RULES, values).await? > 0)
    }

    /// Makes these the values the entry is found by.
    pub async fn set_keys(
        &mut self,
        source: SourceId,
        id: &ImmutableId,
        keys: &[MatchKey],
    ) -> Result<(), StorageError> {
        let stored = self.keys_of(source, id).await?;
        for old in stored.iter().filter(|old| !keys.iter().any(|new| new.attribute == old.attribute)) {
            self.0.execute(DELETE_KEY, params![source.uuid(), id.as_str(), old.attribute.as_str()]).await?;
        }
        for new in keys.iter().filter(|new| !stored.contains(new)) {
            let values =
                params![source.uuid(), id.as_str(), new.attribute.as_str(), new.folded.clone(), new.value.clone()];
            self.0.execute(PUT_KEY, values).await?;
        }
        Ok(())
    }

    /// Every entry of the directory has been read.
    pub async fn note_population(&mut self, source: SourceId, at: DateTime<Utc>) -> Result<(), StorageError> {
        self.0.execute(PUT_POPULATION, params![source.uuid(), at]).await.map(|_| ())
    }

    pub async fn put_verdict(&mut self, verdict: &VerdictRow) -> Result<(), StorageError> {
        let values = params![
            verdict.source.uuid(),
            verdict.immutable_id.as_str(),
            verdict.person.uuid(),
            verdict.same,
            verdict.decided_by.clone(),
            verdict.decided_at,
            verdict.reason.clone(),
        ];
        self.0.execute(PUT_VERDICT, values).await.map(|_| ())
    }

    /// Lets the entry wait; the time since when stays that of the first time.
    pub async fn hold(&mut self, held: &HeldEntry) -> Result<(), StorageError> {
        let values = params![
            held.source.uuid(),
            held.immutable_id.as_str(),
            held.kind.as_str(),
            held.display_name.clone(),
            held.locator.clone(),
            held.found.clone(),
            held.opened_at,
            held.seen_at,
            held.reason.clone(),
            held.seen_by.map(ImportRunId::uuid),
        ];
        self.0.execute(HOLD, values).await?;
        self.0.execute(NO_CANDIDATES, params![held.source.uuid(), held.immutable_id.as_str()]).await?;
        let found = held.found.as_array().into_iter().flatten();
        let people = found.filter_map(|one| one.get("person")?.as_str()?.parse::<PersonId>().ok());
        for person in people {
            let values = params![person.uuid(), held.source.uuid(), held.immutable_id.as_str()];
            self.0.execute(CANDIDATE, values).await?;
        }
        Ok(())
    }

    /// Entries that are there, though they could not be read: they wait on.
    pub async fn see_held(&mut self, source: SourceId, run: ImportRunId, ids: &[&str]) -> Result<(), StorageError> {
        let fixed = vec![run.uuid().into(), source.uuid().into()];
        Listed { head: SEEN, fixed, keys: Keys::Texts(ids) }.execute(self.0).await.map(|_| ())
    }

    /// The entry is not there any more: it waits no more, and its values are free for "unique". Whether it waited.
    pub async fn forget_held(&mut self, source: SourceId, id: &ImmutableId) -> Result<bool, StorageError> {
        let waited = self.release(source, id).await?;
        if waited {
            self.0.execute(NO_KEYS, params![source.uuid(), id.as_str()]).await?;
        }
        Ok(waited)
    }

    /// None of these waits any more.
    pub async fn release_all(&mut self, source: SourceId, ids: &[&str]) -> Result<(), StorageError> {
        for head in RELEASE_ALL {
            Listed { head, fixed: vec![source.uuid().into()], keys: Keys::Texts(ids) }.execute(self.0).await?;
        }
        Ok(())
    }

    /// The entry waits no more; whether it did.
    pub async fn release(&mut self, source: SourceId, id: &ImmutableId) -> Result<bool, StorageError> {
        self.0.execute(NO_CANDIDATES, params![source.uuid(), id.as_str()]).await?;
        Ok(self.0.execute(RELEASE, params![source.uuid(), id.as_str()]).await? > 0)
    }
}
