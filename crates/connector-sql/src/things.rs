//! Groups with their members, and devices with their owners: always read whole.

use std::collections::HashMap;

use connector::{Change, Next, ReadFrom, ReadPage, Rejected};
use directory::{ImmutableId, ObjectKind, SourceDevice, SourceGroupEntry};

use crate::{
    connector::Inner,
    cursor::{Position, Snapshot},
    fault::Fault,
    link::Question,
    people::{group_id, group_key},
    reader::start_over,
    relation::{Column, Relation, Row, Selection},
    settings::Compiled,
    value::{Bound, Value},
};

/// Groups of one page, where their members come with them.
const GROUPS_PER_PAGE: usize = 50;
/// Members of one page of groups.
const MOST_MEMBERS: usize = 1_000_000;

pub(crate) async fn groups(inner: &Inner, from: ReadFrom) -> Result<ReadPage, Fault> {
    let compiled = &inner.compiled;
    let Some(settings) = &compiled.settings.groups else { return Ok(nothing()) };
    let relation = Relation::look_up(&inner.pool, compiled, &settings.groups).await?;
    let names = [Some(&settings.id_column), Some(&settings.name_column), settings.description_column.as_ref()];
    let listing = Listing {
        id: relation.column(&settings.id_column)?,
        selection: relation.select(names.into_iter().flatten().map(String::as_str))?,
        limit: if inner.groups_say_members() { GROUPS_PER_PAGE } else { compiled.page_size },
        kind: ObjectKind::Group,
        relation,
    };
    let (rows, mut position) = match listing.rows(inner, from).await? {
        Ok(found) => found,
        Err(reason) => return Ok(start_over(reason)),
    };
    let (mut found, mut rejected) = (Vec::new(), Vec::new());
    for values in &rows {
        let row = listing.selection.row(values);
        let Some(id) = row.text(&settings.id_column) else { continue };
        position.after = Some(id.clone());
        let locator = format!("{} {id}", settings.id_column);
        match row.text(&settings.name_column) {
            Some(name) => found.push(SourceGroupEntry {
                immutable_id: group_id(&id),
                name,
                description: row.optional(settings.description_column.as_deref()),
                locator,
                members: Vec::new(),
                members_complete: false,
                left: Vec::new(),
                partial: false,
            }),
            None => rejected.push(unnamed(group_id(&id), locator)),
        }
    }
    if inner.groups_say_members() {
        add_members(inner, &mut found).await?;
    }
    let changes = found.into_iter().map(|group| Change::Group(Box::new(group))).collect();
    Ok(ReadPage { changes, rejected, next: listing.next(rows.len(), &position) })
}

async fn add_members(inner: &Inner, groups: &mut [SourceGroupEntry]) -> Result<(), Fault> {
    let compiled = &inner.compiled;
    let Some(settings) = &compiled.settings.groups else { return Ok(()) };
    let relation = Relation::look_up(&inner.pool, compiled, &settings.memberships).await?;
    let (person, group) = (relation.column(&settings.person_column)?, relation.column(&settings.group_column)?);
    let bound: Vec<Bound> =
        groups.iter().filter_map(|found| Bound::of(group_key(&found.immutable_id), group.kind)).collect();
    if bound.is_empty() {
        return Ok(());
    }
    let places: Vec<String> = (1..=bound.len()).map(|number| compiled.dialect.place(number)).collect();
    let question = Question {
        sql: format!(
            "select {}, {} from {} where {} in ({}) limit {}",
            group.sql,
            person.sql,
            relation.from,
            group.sql,
            places.join(", "),
            MOST_MEMBERS + 1
        ),
        bound,
        kinds: vec![group.kind, person.kind],
    };
    let rows = inner.rows(&question).await?;
    let complete = rows.len() <= MOST_MEMBERS;
    let mut members: HashMap<String, Vec<ImmutableId>> = HashMap::new();
    for row in &rows {
        if let (Some(group), Some(person)) = (row[0].text(), row[1].text()) {
            members.entry(group).or_default().push(ImmutableId(person));
        }
    }
    for group in groups {
        group.members_complete = complete;
        if complete {
            group.members = members.remove(group_key(&group.immutable_id)).unwrap_or_default();
            group.members.sort_unstable();
            group.members.dedup();
        }
    }
    Ok(())
}

pub(crate) async fn devices(inner: &Inner, from: ReadFrom) -> Result<ReadPage, Fault> {
    let compiled = &inner.compiled;
    let Some(settings) = &compiled.settings.devices else { return Ok(nothing()) };
    let relation = Relation::look_up(&inner.pool, compiled, &settings.devices).await?;
    let optional = [
        &settings.owner_column,
        &settings.sid_column,
        &settings.serial_number_column,
        &settings.manufacturer_column,
        &settings.model_column,
        &settings.operating_system_column,
        &settings.operating_system_version_column,
        &settings.last_seen_column,
    ];
    let enabled = settings.enabled.as_ref().map(|flag| &flag.column);
    let names = [&settings.id_column, &settings.name_column].into_iter();
    let names = names.chain(optional.into_iter().flatten()).chain(enabled).map(String::as_str);
    let listing = Listing {
        id: relation.column(&settings.id_column)?,
        selection: relation.select(names)?,
        limit: compiled.page_size,
        kind: ObjectKind::Device,
        relation,
    };
    let (rows, mut position) = match listing.rows(inner, from).await? {
        Ok(found) => found,
        Err(reason) => return Ok(start_over(reason)),
    };
    let (mut found, mut rejected): (Vec<SourceDevice>, Vec<Rejected>) = (Vec::new(), Vec::new());
    for values in &rows {
        let row = listing.selection.row(values);
        let Some(id) = row.text(&settings.id_column) else { continue };
        position.after = Some(id.clone());
        match device(settings, row, &id) {
            // The same device once more, with another owner.
            Some(again) if found.last().is_some_and(|last| last.immutable_id == again.immutable_id) => {
                if let Some(last) = found.last_mut() {
                    last.owners.extend(again.owners);
                }
            }
            Some(device) => found.push(device),
            None => rejected.push(unnamed(ImmutableId(id.clone()), format!("{} {id}", settings.id_column))),
        }
    }
    let changes = found.into_iter().map(|device| Change::Device(Box::new(device))).collect();
    Ok(ReadPage { changes, rejected, next: listing.next(rows.len(), &position) })
}

fn device(settings: &directory::SqlDevices, row: Row<'_>, id: &str) -> Option<SourceDevice> {
    let optional = |name: &Option<String>| row.optional(name.as_deref());
    Some(SourceDevice {
        immutable_id: ImmutableId(id.to_owned()),
        name: row.text(&settings.name_column)?,
        locator: format!("{} {id}", settings.id_column),
        sid: optional(&settings.sid_column),
        serial_number: optional(&settings.serial_number_column),
        manufacturer: optional(&settings.manufacturer_column),
        model: optional(&settings.model_column),
        operating_system: optional(&settings.operating_system_column),
        operating_system_version: optional(&settings.operating_system_version_column),
        enabled: settings.enabled.as_ref().is_none_or(|flag| flag.says_yes(row.text(&flag.column).as_deref())),
        owners: optional(&settings.owner_column).map(ImmutableId).into_iter().collect(),
        last_seen_at: settings.last_seen_column.as_deref().and_then(|name| row.value(name).moment()),
    })
}

fn unnamed(id: ImmutableId, locator: String) -> Rejected {
    Rejected { immutable_id: Some(id), locator, reason: "it has no name".to_owned() }
}

/// This source has none of them.
fn nothing() -> ReadPage {
    ReadPage { changes: Vec::new(), rejected: Vec::new(), next: Next::Complete { delta: None } }
}

/// A table that is read by its key from one end to the other.
struct Listing {
    relation: Relation,
    id: Column,
    selection: Selection,
    limit: usize,
    kind: ObjectKind,
}

impl Listing {
    async fn rows(
        &self,
        inner: &Inner,
        from: ReadFrom,
    ) -> Result<Result<(Vec<Vec<Value>>, Position), &'static str>, Fault> {
        let compiled: &Compiled = &inner.compiled;
        let position = match from {
            ReadFrom::Beginning => Position::beginning(compiled.fingerprint, self.kind, Snapshot::default()),
            ReadFrom::Cursor(cursor) => match Position::read(&cursor, compiled.fingerprint, self.kind) {
                Ok(position) => position,
                Err(reason) => return Ok(Err(reason)),
            },
        };
        let (condition, bound) = match &position.after {
            None => (format!("{} is not null", self.id.sql), Vec::new()),
            Some(after) => {
                let Some(bound) = Bound::of(after, self.id.kind) else {
                    return Ok(Err("the stored place does not fit the columns of the table"));
                };
                (format!("{} > {}", self.id.sql, compiled.dialect.place(1)), vec![bound])
            }
        };
        let question = Question {
            sql: format!(
                "select {} from {} where {condition} order by {} limit {}",
                self.selection.sql(),
                self.relation.from,
                self.id.sql,
                self.limit
            ),
            bound,
            kinds: self.selection.kinds(),
        };
        Ok(Ok((inner.rows(&question).await?, position)))
    }

    fn next(&self, rows: usize, position: &Position) -> Next {
        if rows < self.limit { Next::Complete { delta: None } } else { Next::More(position.write()) }
    }
}
