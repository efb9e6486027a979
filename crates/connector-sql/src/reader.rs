//! Handing over what the tables hold: everything by its key, or what changed by the column of changes.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use connector::{Change, Next, ReadFrom, ReadPage, Rejected};
use directory::{ObjectKind, SourceEntry};

use crate::{
    connector::Inner,
    cursor::{MODULUS, Position, Snapshot},
    dialect::Dialect,
    fault::Fault,
    link::Question,
    people::PeopleTable,
    value::{Bound, Kind, Value},
};

/// Rows that a read may miss because others come and go meanwhile, before it is no complete read: this many and a
/// hundredth.
const TOLERANCE: i64 = 10;

pub(crate) fn start_over(reason: &str) -> ReadPage {
    ReadPage { changes: Vec::new(), rejected: Vec::new(), next: Next::StartOver { reason: reason.to_owned() } }
}

/// Whether people come with their groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Groups {
    OfPeople,
    /// The groups themselves say who is in them: what is known of memberships stays.
    Elsewhere,
}

pub(crate) async fn people(inner: &Inner, from: ReadFrom, groups: Groups) -> Result<ReadPage, Fault> {
    let tables = inner.tables().await?;
    let people = &tables.people;
    let (fingerprint, kind) = (inner.compiled.fingerprint, ObjectKind::Person);
    let mut rejected = Vec::new();
    let mut position = match from {
        ReadFrom::Beginning => {
            let (now, without_id) = snapshot(inner, people).await?;
            if without_id > 0 {
                rejected.push(Rejected {
                    immutable_id: None,
                    locator: inner.compiled.settings.people.chars().take(100).collect(),
                    reason: format!("{without_id} rows have nothing in {}", people.id.name),
                });
            }
            Position::beginning(fingerprint, kind, now)
        }
        ReadFrom::Cursor(cursor) => match Position::read(&cursor, fingerprint, kind) {
            Ok(position) => position,
            Err(reason) => return Ok(start_over(reason)),
        },
    };
    if position.is_new_delta() {
        position.now = snapshot(inner, people).await?.0;
    }
    let Some(question) = question(inner, people, &position) else {
        return Ok(start_over("the stored place does not fit the columns of the table"));
    };
    let rows = inner.rows(&question).await?;
    let is_last = rows.len() < inner.compiled.page_size;
    let mut changes = Vec::new();
    let mut entries: Vec<SourceEntry> = Vec::new();
    for row in &rows {
        match people.entry(&inner.compiled, row) {
            Ok(entry) => {
                position.count(entry.immutable_id.as_str());
                position.after = Some(entry.immutable_id.0.clone());
                position.at = people.changed_in(row).as_ref().and_then(canonical);
                entries.push(entry);
            }
            Err(_) => return Err(Fault::odd("a row without an id among those that have one")),
        }
    }
    finish(inner, people, &mut entries, groups).await?;
    for entry in entries {
        match fault_of(&entry) {
            None => changes.push(Change::Person(Box::new(entry))),
            Some(reason) => rejected.push(Rejected {
                immutable_id: Some(entry.immutable_id),
                locator: entry.locator,
                reason: reason.to_owned(),
            }),
        }
    }
    let next = if is_last { end(inner, people, &position).await? } else { Next::More(position.write()) };
    Ok(ReadPage { changes, rejected, next })
}

async fn finish(inner: &Inner, people: &PeopleTable, entries: &mut [SourceEntry], groups: Groups) -> Result<(), Fault> {
    // Also where others say it: who is in a protected group is privileged.
    people.add_groups(&inner.pool, &inner.compiled, entries).await?;
    if groups == Groups::Elsewhere {
        for entry in entries {
            entry.groups = Vec::new();
            entry.groups_complete = false;
        }
    }
    Ok(())
}

/// What no text of a row may hold to be a person's.
fn fault_of(entry: &SourceEntry) -> Option<&'static str> {
    if entry.immutable_id.as_str().len() > 255 {
        return Some("its id is longer than 255 bytes");
    }
    entry.username.is_none().then_some("it has no name to sign in with")
}

/// The next page: by id, or in a delta by change and id.
fn question(inner: &Inner, people: &PeopleTable, position: &Position) -> Option<Question> {
    let compiled = &inner.compiled;
    let (id, limit) = (&people.id, compiled.page_size);
    let place = |number| compiled.dialect.place(number);
    let Some(before) = &position.before else {
        let Some(after) = &position.after else {
            let condition = format!("{} is not null", id.sql);
            return Some(people.question(compiled.dialect, Some(&condition), &id.sql, limit));
        };
        let condition = format!("{} > {}", id.sql, place(1));
        let question = people.question(compiled.dialect, Some(&condition), &id.sql, limit);
        return Some(Question { bound: vec![Bound::of(after, id.kind)?], ..question });
    };
    let changed = people.changed.as_ref()?;
    let order = format!("{}, {}", changed.sql, id.sql);
    let (condition, bound) = match (&position.at, &position.after) {
        (Some(at), Some(after)) => {
            let at = bound_change(at, changed.kind)?;
            let condition = format!(
                "{id} is not null and ({changed} > {} or ({changed} = {} and {id} > {}))",
                place(1),
                place(2),
                place(3),
                id = id.sql,
                changed = changed.sql
            );
            (condition, vec![at.clone(), at, Bound::of(after, id.kind)?])
        }
        _ => {
            let from = reaching_back(before.changed.as_deref()?, changed.kind, compiled.settings.changed_overlap)?;
            (format!("{} is not null and {} >= {}", id.sql, changed.sql, place(1)), vec![from])
        }
    };
    Some(Question { bound, ..people.question(compiled.dialect, Some(&condition), &order, limit) })
}

/// The end of a read, after a look whether it was one.
async fn end(inner: &Inner, people: &PeopleTable, position: &Position) -> Result<Next, Fault> {
    if let Some(reason) = position.somebody_is_gone() {
        return Ok(Next::StartOver { reason: reason.to_owned() });
    }
    if position.before.is_none() {
        let (now, _) = snapshot(inner, people).await?;
        let expected = now.rows.min(position.now.rows);
        let seen = i64::try_from(position.seen).unwrap_or(i64::MAX);
        if seen + seen / 100 + TOLERANCE < expected {
            let reason = format!("only {seen} of {expected} rows came: is {} unique and never empty?", people.id.name);
            return Err(Fault::odd(reason));
        }
    }
    Ok(Next::Complete { delta: position.delta().map(|delta| delta.write()) })
}

/// The table in one sentence, read by one statement, and how many rows have no id.
async fn snapshot(inner: &Inner, people: &PeopleTable) -> Result<(Snapshot, i64), Fault> {
    let (id, dialect) = (&people.id, inner.compiled.dialect);
    let text = |expression: String| match dialect {
        Dialect::Postgres | Dialect::Sqlite => format!("cast({expression} as text)"),
        Dialect::MySql => format!("cast({expression} as char)"),
    };
    let is_number = id.kind == Kind::Integer;
    let sum = if is_number { text(format!("sum({} % {MODULUS})", id.sql)) } else { "null".to_owned() };
    let largest = if is_number { text(format!("max({})", id.sql)) } else { "null".to_owned() };
    let (changed, changed_kind) = match &people.changed {
        Some(column) if column.kind.counts_changes() => (format!("max({})", column.sql), column.kind),
        Some(_) | None => ("null".to_owned(), Kind::Text),
    };
    let (all, with_id) = (text("count(*)".to_owned()), text(format!("count({})", id.sql)));
    // The kind of a bare null is text everywhere.
    let question = Question {
        sql: format!("select {all}, {with_id}, {sum}, {largest}, {changed} from {}", people.relation.from),
        bound: Vec::new(),
        kinds: vec![Kind::Text, Kind::Text, Kind::Text, Kind::Text, changed_kind],
    };
    let rows = inner.rows(&question).await?;
    let cells = rows.first().ok_or_else(|| Fault::odd("a count came without a row"))?;
    let number = |at: usize| cells.get(at).and_then(Value::text).and_then(|text| text.parse::<i64>().ok());
    let rows = number(1).ok_or_else(|| Fault::odd("a count is no number"))?;
    let without_id = number(0).unwrap_or(rows) - rows;
    let changed = cells.get(4).and_then(canonical);
    Ok((
        Snapshot { rows, sum: if is_number { number(2).or(Some(0)) } else { None }, largest: number(3), changed },
        without_id,
    ))
}

/// A change as the cursor keeps it: with all its digits.
fn canonical(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Text(text) => Some(text.clone()),
        Value::Time(at) => Some(at.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)),
        Value::Date(date) => Some(date.to_string()),
    }
}

fn bound_change(text: &str, kind: Kind) -> Option<Bound> {
    kind.counts_changes().then(|| Bound::of(text, kind)).flatten()
}

/// Where a delta begins: a little before the last change that was seen, because transactions end out of order.
fn reaching_back(changed: &str, kind: Kind, overlap: u64) -> Option<Bound> {
    let number = i64::try_from(overlap).ok()?;
    let seconds = TimeDelta::try_seconds(number)?;
    Some(match bound_change(changed, kind)? {
        Bound::Integer(at) => Bound::Integer(at.saturating_sub(number)),
        Bound::Unsigned(at) => Bound::Unsigned(at.saturating_sub(overlap)),
        Bound::Instant(at) => Bound::Instant(back(at, seconds)),
        Bound::Local(at) => Bound::Local(back(at.and_utc(), seconds).naive_utc()),
        Bound::Date(at) => Bound::Date(back_to_day(at, seconds)),
        Bound::Text(text) => Bound::Text(text_reaching_back(&text, seconds)?),
        Bound::Boolean(_) | Bound::Uuid(_) => return None,
    })
}

fn back(at: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    at.checked_sub_signed(by).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

fn back_to_day(at: NaiveDate, by: TimeDelta) -> NaiveDate {
    back(at.and_time(chrono::NaiveTime::MIN).and_utc(), by).date_naive()
}

/// Text that holds a time is compared as text there, so it is written as it was found, down to the second.
fn text_reaching_back(text: &str, by: TimeDelta) -> Option<String> {
    for format in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"] {
        if let Ok((at, _)) = NaiveDateTime::parse_and_remainder(text, format) {
            return Some(back(at.and_utc(), by).format(format).to_string());
        }
    }
    // SQLite keeps whole numbers in columns of any type.
    text.parse::<i64>().ok().map(|at| at.saturating_sub(by.num_seconds()).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_reaches_back_behind_the_last_change() {
        let back = |text: &str, kind| reaching_back(text, kind, 300);
        assert_eq!(back("1000", Kind::Integer), Some(Bound::Integer(700)));
        assert_eq!(back("10", Kind::Unsigned), Some(Bound::Unsigned(0)));
        assert_eq!(back("2024-01-01 00:01:00", Kind::Text), Some(Bound::Text("2023-12-31 23:56:00".to_owned())));
        assert_eq!(back("2024-01-01T00:01:00.25", Kind::Text), Some(Bound::Text("2023-12-31T23:56:00".to_owned())));
        assert_eq!(back("yesterday", Kind::Text), None);
        let Some(Bound::Instant(at)) = back("2024-01-01T00:01:00.123456000Z", Kind::Instant) else { panic!() };
        assert_eq!(at.to_rfc3339(), "2023-12-31T23:56:00.123456+00:00");
    }
}
