//! From rows to people.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use directory::{
    AccountStatus, Anchors, ImmutableId, LockoutReading, PasswordFormat, SourceEntry, SourceGroup, SqlSettings, fold,
};
use secrecy::SecretString;

use crate::{
    dialect::Dialect,
    fault::Fault,
    link::Question,
    pool::Pool,
    relation::{Column, Relation, Row, Selection},
    settings::Compiled,
    value::{Bound, Kind, Value},
};

/// More rows than this under one name are several, whoever they are.
const ROWS_PER_NAME: usize = 20;
/// More groups than this of one page of people are not read in one answer.
const MOST_MEMBERSHIPS: usize = 100_000;

/// The table of people, with its columns looked up.
pub(crate) struct PeopleTable {
    pub(crate) relation: Relation,
    pub(crate) id: Column,
    pub(crate) changed: Option<Column>,
    names: Vec<Column>,
    /// What expressions read, as far as there is such a column: one that is not there must not close the source.
    reads: Vec<String>,
    selection: Selection,
    password: Option<Selection>,
    groups: Option<Result<Memberships, Fault>>,
}

/// Which person is in which group.
struct Memberships {
    from: String,
    person: Column,
    group: Column,
    groups_from: String,
    group_id: Column,
    group_name: Column,
}

impl PeopleTable {
    pub(crate) async fn look_up(pool: &Pool, compiled: &Compiled) -> Result<Self, Fault> {
        let settings = &compiled.settings;
        let relation = Relation::look_up(pool, compiled, &settings.people).await?;
        let id = relation.column(&settings.id_column)?;
        let changed = settings.changed_column.as_deref().map(|name| relation.column(name)).transpose()?;
        let mut names = vec![relation.column(&settings.username_column)?];
        for name in &compiled.name_columns {
            names.push(relation.column(name)?);
        }
        let reads: Vec<String> = compiled.reads.iter().filter(|name| relation.column(name).is_ok()).cloned().collect();
        let selection = relation.select(wanted(settings).chain(reads.iter().map(String::as_str)))?;
        let password = match &settings.password {
            Some(password) => {
                let columns = [Some(&password.column), password.salt_column.as_ref(), password.format_column.as_ref()];
                let columns = columns.into_iter().flatten().chain([&settings.id_column, &settings.username_column]);
                Some(relation.select(columns.map(String::as_str))?)
            }
            None => None,
        };
        let groups = match &settings.groups {
            Some(_) => Some(Memberships::look_up(pool, compiled).await),
            None => None,
        };
        if let Some(Err(fault)) = &groups {
            tracing::warn!(endpoint = %compiled.endpoint, reason = %fault, "groups cannot be read; memberships stay");
        }
        Ok(Self { reads, relation, id, changed, names, selection, password, groups })
    }

    /// Everybody, or what a condition leaves, in the order of a column.
    pub(crate) fn question(&self, dialect: Dialect, condition: Option<&str>, order: &str, limit: usize) -> Question {
        let condition = condition.map(|text| format!(" where {text}")).unwrap_or_default();
        let mut kinds = self.selection.kinds();
        kinds.push(now_kind(dialect));
        Question {
            sql: format!(
                "select {}, {} from {}{condition} order by {order} limit {limit}",
                self.selection.sql(),
                now(dialect),
                self.relation.from
            ),
            bound: Vec::new(),
            kinds,
        }
    }

    /// Whose name is this? The comparison is the database's; what it returns is compared again.
    pub(crate) fn by_name(&self, compiled: &Compiled, typed: &str) -> Option<Question> {
        let typed = typed.trim();
        if typed.is_empty() {
            return None;
        }
        let mut bound = Vec::new();
        let mut conditions = Vec::new();
        for column in &self.names {
            let Some(value) = Bound::of(typed, column.kind) else { continue };
            let is_text = matches!(column.kind, Kind::Text | Kind::Other);
            bound.push(value);
            let place = compiled.dialect.place(bound.len());
            conditions.push(match compiled.dialect {
                Dialect::Postgres if is_text && !compiled.settings.exact_names => {
                    format!("lower({}) = lower({place})", column.sql)
                }
                Dialect::Sqlite if is_text && !compiled.settings.exact_names => {
                    format!("{} = {place} collate nocase", column.sql)
                }
                // In MySQL the column's own collation says whether case matters.
                Dialect::Postgres | Dialect::Sqlite | Dialect::MySql => format!("{} = {place}", column.sql),
            });
        }
        if conditions.is_empty() {
            return None;
        }
        let condition = conditions.join(" or ");
        Some(Question { bound, ..self.question(compiled.dialect, Some(&condition), &self.id.sql, ROWS_PER_NAME) })
    }

    pub(crate) fn by_id(&self, compiled: &Compiled, id: &ImmutableId) -> Option<Question> {
        let bound = Bound::of(id.as_str(), self.id.kind)?;
        let condition = format!("{} = {}", self.id.sql, compiled.dialect.place(1));
        let question = self.question(compiled.dialect, Some(&condition), &self.id.sql, 2);
        Some(Question { bound: vec![bound], ..question })
    }

    /// The stored password of one person.
    pub(crate) fn password_of(&self, compiled: &Compiled, id: &ImmutableId) -> Option<Question> {
        let selection = self.password.as_ref()?;
        let bound = Bound::of(id.as_str(), self.id.kind)?;
        let sql = format!(
            "select {} from {} where {} = {} limit 2",
            selection.sql(),
            self.relation.from,
            self.id.sql,
            compiled.dialect.place(1)
        );
        Some(Question { sql, bound: vec![bound], kinds: selection.kinds() })
    }

    /// The answer to [`PeopleTable::password_of`]. Empty where there is none, or where nobody says how it was made.
    pub(crate) fn password_in(
        &self,
        settings: &SqlSettings,
        id: &ImmutableId,
        rows: &[Vec<Value>],
    ) -> Option<SecretString> {
        let (selection, password) = (self.password.as_ref()?, settings.password.as_ref()?);
        let [values] = rows else { return None };
        let row = selection.row(values);
        if row.text(&settings.id_column).as_deref() != Some(id.as_str()) {
            return None;
        }
        let hash = row.text(&password.column)?;
        let format = match &password.format_column {
            Some(column) => format_of(password, row.text(column).as_deref())?,
            None => &password.format,
        };
        let salt = row.optional(password.salt_column.as_deref());
        Some(format.describe(&hash, salt.as_deref(), row.text(&settings.username_column).as_deref()).into())
    }

    /// A row without groups, or why it is no person.
    pub(crate) fn entry(&self, compiled: &Compiled, values: &[Value]) -> Result<SourceEntry, Option<ImmutableId>> {
        let settings = &compiled.settings;
        let row = self.selection.row(values);
        let Some(id) = row.text(&settings.id_column).map(ImmutableId) else { return Err(None) };
        let now = values.last().and_then(Value::moment);
        let attributes: BTreeMap<_, _> =
            settings.mapping.iter().filter_map(|(name, column)| Some((*name, row.text(column)?))).collect();
        let username = row.text(&settings.username_column);
        let mut names: Vec<String> = Vec::new();
        for name in self.names.iter().filter_map(|column| row.text(&column.name)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let says = |flag: &directory::SqlFlag| flag.says_yes(row.text(&flag.column).as_deref());
        Ok(SourceEntry {
            raw: self.reads.iter().filter_map(|name| Some((name.clone(), vec![row.text(name)?]))).collect(),
            locator: format!("{} {id}", settings.id_column),
            username,
            names,
            attributes,
            groups: Vec::new(),
            groups_complete: true,
            status: status(settings, row, now, settings.active.as_ref().is_none_or(says)),
            password_set_at: settings
                .password
                .as_ref()
                .and_then(|password| row.value(password.set_at_column.as_deref()?).moment()),
            lockout: LockoutReading::default(),
            privileged: settings.privileged.as_ref().is_some_and(says),
            anchors: Anchors::default(),
            server: compiled.endpoint.clone(),
            immutable_id: id,
        })
    }

    pub(crate) fn changed_in(&self, values: &[Value]) -> Option<Value> {
        let name = &self.changed.as_ref()?.name;
        Some(self.selection.row(values).value(name).clone())
    }

    /// Adds the groups of all these people, with as few questions as there are pages of memberships.
    pub(crate) async fn add_groups(
        &self,
        pool: &Pool,
        compiled: &Compiled,
        entries: &mut [SourceEntry],
    ) -> Result<(), Fault> {
        let Some(groups) = &self.groups else { return Ok(()) };
        let found = match groups {
            Ok(memberships) => memberships.of(pool, compiled, entries).await,
            Err(fault) => Err(fault.clone()),
        };
        match found {
            Ok(mut found) => {
                for entry in entries {
                    entry.groups = found.remove(&entry.immutable_id).unwrap_or_default();
                    entry.groups.sort_by(|a, b| a.immutable_id.cmp(&b.immutable_id));
                    entry.groups.dedup();
                    entry.privileged |= entry.groups.iter().any(|group| is_protected(compiled, group));
                }
                Ok(())
            }
            Err(fault) if fault.kind == connector::TroubleKind::Unavailable => Err(fault),
            // The people can be read all the same; what is known of their memberships stays.
            Err(_) => {
                entries.iter_mut().for_each(|entry| entry.groups_complete = false);
                Ok(())
            }
        }
    }
}

impl Memberships {
    async fn look_up(pool: &Pool, compiled: &Compiled) -> Result<Self, Fault> {
        let Some(settings) = &compiled.settings.groups else { return Err(Fault::misconfigured("no groups are named")) };
        let memberships = Relation::look_up(pool, compiled, &settings.memberships).await?;
        let groups = Relation::look_up(pool, compiled, &settings.groups).await?;
        Ok(Self {
            person: memberships.column(&settings.person_column)?,
            group: memberships.column(&settings.group_column)?,
            from: memberships.from,
            group_id: groups.column(&settings.id_column)?,
            group_name: groups.column(&settings.name_column)?,
            groups_from: groups.from,
        })
    }

    async fn of(
        &self,
        pool: &Pool,
        compiled: &Compiled,
        entries: &[SourceEntry],
    ) -> Result<HashMap<ImmutableId, Vec<SourceGroup>>, Fault> {
        let bound: Vec<Bound> =
            entries.iter().filter_map(|entry| Bound::of(entry.immutable_id.as_str(), self.person.kind)).collect();
        if bound.is_empty() {
            return Ok(HashMap::new());
        }
        let places: Vec<String> = (1..=bound.len()).map(|number| compiled.dialect.place(number)).collect();
        let pairs = Question {
            sql: format!(
                "select {}, {} from {} where {} in ({}) limit {}",
                self.person.sql,
                self.group.sql,
                self.from,
                self.person.sql,
                places.join(", "),
                MOST_MEMBERSHIPS + 1
            ),
            bound,
            kinds: vec![self.person.kind, self.group.kind],
        };
        let (rows, _) = pool.rows(compiled, &pairs).await?;
        if rows.len() > MOST_MEMBERSHIPS {
            return Err(Fault::odd("one page of people has more than 100,000 memberships: use smaller pages"));
        }
        let ids: BTreeSet<String> = rows.iter().filter_map(|row| row.get(1)?.text()).collect();
        let ids: Vec<String> = ids.into_iter().collect();
        let names = self.names(pool, compiled, &ids).await?;
        let mut found: HashMap<ImmutableId, Vec<SourceGroup>> = HashMap::new();
        for row in rows {
            let (Some(person), Some(group)) = (row[0].text(), row[1].text()) else { continue };
            // A membership of a group that is not there is none.
            let Some(name) = names.get(&group) else { continue };
            let group = SourceGroup { immutable_id: group_id(&group), name: name.to_string() };
            found.entry(ImmutableId(person)).or_default().push(group);
        }
        Ok(found)
    }

    async fn names(
        &self,
        pool: &Pool,
        compiled: &Compiled,
        ids: &[String],
    ) -> Result<HashMap<String, Arc<str>>, Fault> {
        let mut names = HashMap::new();
        for ids in ids.chunks(500) {
            let bound: Vec<Bound> = ids.iter().filter_map(|id| Bound::of(id, self.group_id.kind)).collect();
            let places: Vec<String> = (1..=bound.len()).map(|number| compiled.dialect.place(number)).collect();
            if bound.is_empty() {
                continue;
            }
            let question = Question {
                sql: format!(
                    "select {}, {} from {} where {} in ({})",
                    self.group_id.sql,
                    self.group_name.sql,
                    self.groups_from,
                    self.group_id.sql,
                    places.join(", ")
                ),
                bound,
                kinds: vec![self.group_id.kind, self.group_name.kind],
            };
            for row in pool.rows(compiled, &question).await?.0 {
                if let (Some(id), Some(name)) = (row[0].text(), row[1].text()) {
                    names.insert(id, Arc::from(name));
                }
            }
        }
        Ok(names)
    }
}

/// Whether one of the names of this entry is what was typed.
pub(crate) fn bears(entry: &SourceEntry, typed: &str) -> bool {
    let typed = fold(typed);
    entry.names.iter().any(|name| fold(name) == typed)
}

/// Keys of two tables are two things: person 7 and group 7 must not look like one object.
const GROUP: &str = "group:";

pub(crate) fn group_id(key: &str) -> ImmutableId {
    ImmutableId(format!("{GROUP}{key}"))
}

/// The key of a group in its table.
pub(crate) fn group_key(id: &ImmutableId) -> &str {
    id.as_str().strip_prefix(GROUP).unwrap_or_else(|| id.as_str())
}

fn is_protected(compiled: &Compiled, group: &SourceGroup) -> bool {
    let protected = &compiled.protected_groups;
    [group.immutable_id.as_str(), group_key(&group.immutable_id), &group.name]
        .iter()
        .any(|name| protected.contains(&name.to_lowercase()))
}

fn wanted(settings: &SqlSettings) -> impl Iterator<Item = &str> {
    let flags = [&settings.active, &settings.privileged].into_iter().flatten().map(|flag| &flag.column);
    let set_at = settings.password.as_ref().and_then(|password| password.set_at_column.as_ref());
    let columns = [&settings.id_column, &settings.username_column];
    let optional = [settings.expires_column.as_ref(), settings.changed_column.as_ref(), set_at];
    let all = columns.into_iter().chain(&settings.name_columns).chain(flags);
    all.chain(optional.into_iter().flatten()).chain(settings.mapping.values()).map(String::as_str)
}

fn format_of<'s>(password: &'s directory::SqlPassword, said: Option<&str>) -> Option<&'s PasswordFormat> {
    let said = said?;
    let alike = password.formats.iter().find(|(name, _)| name.eq_ignore_ascii_case(said));
    password.formats.get(said).or(alike.map(|(_, format)| format))
}

fn status(settings: &SqlSettings, row: Row<'_>, now: Option<DateTime<Utc>>, active: bool) -> AccountStatus {
    if !active {
        return AccountStatus::Disabled;
    }
    let Some(column) = settings.expires_column.as_deref() else { return AccountStatus::Active };
    let until = match row.value(column) {
        // A day counts to its end.
        Value::Date(day) => Value::Date(*day).moment().map(|at| at + TimeDelta::days(1)),
        other => other.moment(),
    };
    match (row.value(column), until, now) {
        (_, Some(until), Some(now)) if until <= now => AccountStatus::Expired,
        // Text that is no date may mean anything: nobody is let in by a guess.
        (value, None, _) if value.text().is_some_and(|text| text != "0") => AccountStatus::Expired,
        _ => AccountStatus::Active,
    }
}

/// The database's own clock, beside which its dates are read.
const fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "now()",
        Dialect::MySql => "utc_timestamp()",
        Dialect::Sqlite => "datetime('now')",
    }
}

const fn now_kind(dialect: Dialect) -> Kind {
    match dialect {
        Dialect::Postgres => Kind::Instant,
        Dialect::MySql => Kind::Local,
        Dialect::Sqlite => Kind::Text,
    }
}
