//! What the account can see: tables with their columns, and which of them look like people. A proposal for whoever
//! fills in the settings; nothing is decided by it.

use std::{cmp::Reverse, collections::BTreeMap};

use connector::{Catalogue, TableProposal, TroubleKind, is_printable};
use directory::AttributeName;

use crate::{
    connector::Inner,
    dialect::Dialect,
    fault::Fault,
    link::Question,
    relation::{Relation, is_query},
    value::Kind,
};

/// Columns that are asked for.
const MOST_COLUMNS: usize = 10_000;
/// Tables and columns that a message names.
const SHOWN_TABLES: usize = 30;
const SHOWN_COLUMNS: usize = 20;

/// A table's columns in order, and which of them its primary key is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    columns: Vec<String>,
    key: Vec<String>,
}

/// Tables by name.
pub(crate) type Tables = BTreeMap<String, Table>;

pub(crate) async fn tables(inner: &Inner) -> Result<Tables, Fault> {
    let sql = match inner.compiled.dialect {
        // Not information_schema: whom the table does not belong to it tells of no key. Parts of a partitioned table
        // are in the whole one.
        Dialect::Postgres => {
            "select cast(n.nspname as text) || '.' || cast(c.relname as text), cast(a.attname as text), \
             cast(case when a.attnum = any (i.indkey) then 'key' else '' end as text) \
             from pg_catalog.pg_attribute a \
             join pg_catalog.pg_class c on c.oid = a.attrelid \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary \
             where c.relkind in ('r', 'v', 'm', 'f', 'p') and not c.relispartition \
             and a.attnum > 0 and not a.attisdropped \
             and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%' \
             and position('.' in n.nspname) = 0 and position('.' in c.relname) = 0 \
             and has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select') \
             order by 1, a.attnum"
        }
        Dialect::MySql => {
            "select cast(table_name as char), cast(column_name as char), \
             cast(case when column_key = 'PRI' then 'key' else '' end as char) from information_schema.columns \
             where table_schema = database() and position('.' in table_name) = 0 order by 1, ordinal_position"
        }
        Dialect::Sqlite => {
            "select m.name, c.name, case when c.pk > 0 then 'key' else '' end \
             from sqlite_master m join pragma_table_info(m.name) c \
             where m.type in ('table', 'view') and m.name not like 'sqlite\\_%' escape '\\' and instr(m.name, '.') = 0 \
             order by m.name, c.cid"
        }
    };
    let sql = format!("{sql} limit {MOST_COLUMNS}");
    let question = Question { sql, bound: Vec::new(), kinds: vec![Kind::Text; 3] };
    let mut tables = Tables::new();
    for row in inner.rows(&question).await? {
        let text = |at: usize| row.get(at).and_then(|value| value.text()).unwrap_or_default();
        let (name, column) = (text(0), text(1));
        // What would be taken for a query, or lose its end, cannot be named in the settings.
        if !is_printable(&name) || !is_printable(&column) || is_query(&name) || name.contains(';') {
            continue;
        }
        let table = tables.entry(name).or_default();
        if text(2) == "key" {
            table.key.push(column.clone());
        }
        table.columns.push(column);
    }
    Ok(tables)
}

/// Everything the wizard offers to choose from.
pub(crate) async fn catalogue(inner: &Inner) -> Result<Catalogue, Fault> {
    let tables = tables(inner).await?;
    let named = inner.compiled.settings.people.trim();
    let people = if named.is_empty() {
        None
    } else {
        match Relation::look_up(&inner.pool, &inner.compiled, named).await {
            Ok(relation) => Some(relation.columns().iter().map(|column| column.name.clone()).collect::<Vec<_>>()),
            Err(fault) if fault.kind == TroubleKind::Misconfigured => None,
            Err(fault) => return Err(fault),
        }
    };
    let proposal = match &people {
        // Only what is named is looked at more closely.
        Some(columns) => of_table(named, &Table { columns: columns.clone(), key: key_of(&tables, named) }),
        None => proposal(&tables),
    };
    let columns = tables.into_iter().map(|(name, table)| (name, table.columns)).collect();
    let mut catalogue = Catalogue::of(columns, looks_like_people);
    if let Some(columns) = people {
        catalogue = catalogue.with_people(columns);
    }
    catalogue.proposal = proposal;
    Ok(catalogue)
}

/// The key of a table as the settings name it: with its schema or without, in any case. Of two alike, of neither.
fn key_of(tables: &Tables, named: &str) -> Vec<String> {
    let bare = |name: &str| name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let same = |name: &&String| name.eq_ignore_ascii_case(named) || (!named.contains('.') && bare(name) == bare(named));
    let mut found = tables.keys().filter(same);
    let table = found.next().filter(|_| found.next().is_none()).and_then(|name| tables.get(name));
    table.map(|table| table.key.clone()).unwrap_or_default()
}

/// "hr.person (pers_no, login, name); hr.orders (…)".
pub(crate) fn listed(tables: &Tables) -> String {
    let shown = |(table, seen): (&String, &Table)| {
        let more = if seen.columns.len() > SHOWN_COLUMNS { ", …" } else { "" };
        let columns: Vec<&str> = seen.columns.iter().map(String::as_str).take(SHOWN_COLUMNS).collect();
        format!("{table} ({}{more})", columns.join(", "))
    };
    let text: Vec<String> = tables.iter().take(SHOWN_TABLES).map(shown).collect();
    let more = tables.len().saturating_sub(SHOWN_TABLES);
    if more > 0 { format!("{}; and {more} more", text.join("; ")) } else { text.join("; ") }
}

/// What a column of people may be, by names it goes by: whole ones first, then parts, and parts that speak against it.
struct Role {
    what: What,
    whole: &'static [&'static str],
    parts: &'static [&'static str],
    never: &'static [&'static str],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Id,
    Username,
    Attribute(AttributeName),
    Password,
    Changed,
}

const fn role(
    what: What,
    whole: &'static [&'static str],
    parts: &'static [&'static str],
    never: &'static [&'static str],
) -> Role {
    Role { what, whole, parts, never }
}

/// Each in its turn takes one column. Those of the family come before the display name, whose names are vaguest.
const ROLES: [Role; 8] = [
    role(
        What::Id,
        &[
            "employee_number",
            "personnel_number",
            "pers_no",
            "person_id",
            "employee_id",
            "user_id",
            "uuid",
            "guid",
            "id",
        ],
        &["pers_n", "personnel", "employee_n"],
        &["manager", "parent", "phone"],
    ),
    role(
        What::Username,
        &["login", "login_name", "loginname", "username", "user_name", "uid", "account_name", "logon"],
        &["login", "logon", "username", "user_name"],
        &["last", "time", "date", "count", "fail", "_at", "_ip", "enabled"],
    ),
    role(
        What::Attribute(AttributeName::Email),
        &["email", "mail", "e_mail", "email_address", "mail_address"],
        &["mail"],
        &["verif", "confirm", "valid", "token", "sent", "_at", "count", "opt", "hash", "format", "private", "box"],
    ),
    role(
        What::Attribute(AttributeName::GivenName),
        &["given_name", "givenname", "first_name", "firstname", "forename", "vorname", "prenom"],
        &[],
        &[],
    ),
    role(
        What::Attribute(AttributeName::FamilyName),
        &["family_name", "familyname", "last_name", "lastname", "surname", "nachname", "nom"],
        &[],
        &[],
    ),
    role(
        What::Attribute(AttributeName::DisplayName),
        &["display_name", "displayname", "full_name", "fullname", "name"],
        &["display", "full_name", "fullname"],
        &[],
    ),
    role(
        What::Password,
        &["password_hash", "password", "passwd", "pw_hash", "pwd", "pass_hash"],
        &["passw", "pwd", "pw_hash"],
        &["salt", "algo", "type", "_at", "date", "chang", "updat", "expir", "reset", "token", "hint", "old", "last"],
    ),
    role(
        What::Changed,
        &["updated_at", "changed_at", "modified_at", "last_modified", "last_update", "last_updated", "last_upd"],
        &["updat", "modif", "last_chang", "changed_"],
        &["passw", "pwd", "pw_", "by", "mail", "login"],
    ),
];

/// The table that looks most like people; none if there is none with an id and a name to sign in with.
pub(crate) fn proposal(tables: &Tables) -> Option<TableProposal> {
    tables
        .iter()
        .filter_map(|(name, table)| of_table(name, table))
        // Of equals the one whose name says so, and then the first.
        .max_by_key(|proposal| {
            let found = proposal.mapping.len()
                + usize::from(proposal.id_is_key)
                + usize::from(proposal.password_column.is_some())
                + usize::from(proposal.changed_column.is_some());
            (found, looks_like_people(&proposal.table), Reverse(proposal.table.clone()))
        })
}

/// What would stand in the settings of this table.
fn of_table(name: &str, table: &Table) -> Option<TableProposal> {
    let key = match table.key.as_slice() {
        [] => None,
        [key] => Some(key.clone()),
        // No column of it tells two people apart.
        _ => return None,
    };
    let mut found: Vec<(What, String)> = key.iter().map(|key| (What::Id, key.clone())).collect();
    for role in &ROLES {
        if found.iter().all(|(what, _)| *what != role.what)
            && let Some(column) = role.find(&table.columns, &found)
        {
            found.push((role.what, column));
        }
    }
    let column = |wanted: What| found.iter().find(|(what, _)| *what == wanted).map(|(_, column)| column.clone());
    let email = column(What::Attribute(AttributeName::Email));
    Some(TableProposal {
        table: name.to_owned(),
        id_column: column(What::Id)?,
        id_is_key: key.is_some(),
        username_column: column(What::Username).or(email)?,
        mapping: found
            .iter()
            .filter_map(|(what, column)| match what {
                What::Attribute(attribute) => Some((*attribute, column.clone())),
                What::Id | What::Username | What::Password | What::Changed => None,
            })
            .collect(),
        password_column: column(What::Password),
        changed_column: column(What::Changed),
    })
}

/// The same in words.
pub(crate) fn in_words(proposal: &TableProposal) -> String {
    let mut roles =
        vec![format!("immutable id {}", proposal.id_column), format!("username {}", proposal.username_column)];
    roles.extend(proposal.mapping.iter().map(|(name, column)| format!("{name} {column}")));
    roles.extend(proposal.password_column.iter().map(|column| format!("stored password {column}")));
    roles.extend(proposal.changed_column.iter().map(|column| format!("column of changes {column}")));
    format!("{} looks like people: {}. Look at it before you believe it.", proposal.table, roles.join(", "))
}

fn looks_like_people(table: &str) -> bool {
    let table = table.to_lowercase();
    ["user", "person", "people", "employee", "staff", "account", "member"].iter().any(|word| table.contains(word))
}

impl Role {
    /// A column that has no other role yet.
    fn find(&self, columns: &[String], found: &[(What, String)]) -> Option<String> {
        let free = |column: &&String| found.iter().all(|(_, taken)| taken != *column);
        let named = |name: &&str| columns.iter().filter(free).find(|column| column.eq_ignore_ascii_case(name));
        let partly = || {
            let has = |column: &&String| {
                let column = column.to_lowercase();
                let says = |parts: &[&str]| parts.iter().any(|part| column.contains(part));
                says(self.parts) && !says(self.never)
            };
            columns.iter().filter(free).find(has)
        };
        self.whole.iter().find_map(named).or_else(partly).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(key: &[&str], columns: &[&str]) -> Table {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Table { columns: owned(columns), key: owned(key) }
    }

    fn tables(all: &[(&str, &[&str], &[&str])]) -> Tables {
        all.iter().map(|(name, key, columns)| ((*name).to_owned(), table(key, columns))).collect()
    }

    #[test]
    fn the_table_of_people_is_proposed_with_the_roles_of_its_columns() {
        let seen = tables(&[
            ("hr.orders", &["id"], &["id", "user_id", "total"]),
            (
                "hr.T_PERSON",
                &["PERS_NO"],
                &["PERS_NO", "LOGIN", "MAIL", "FULL_NAME", "NACHNAME", "PW_HASH", "PASSWORD_CHANGED_AT", "CHANGED_AT"],
            ),
        ]);
        let proposal = proposal(&seen).unwrap();
        assert!(proposal.id_is_key);
        assert_eq!(
            in_words(&proposal),
            "hr.T_PERSON looks like people: immutable id PERS_NO, username LOGIN, display_name FULL_NAME, family_name \
             NACHNAME, email MAIL, stored password PW_HASH, column of changes CHANGED_AT. Look at it before you believe \
             it."
        );
    }

    #[test]
    fn nothing_is_proposed_where_nobody_could_sign_in_or_be_told_apart() {
        assert_eq!(proposal(&tables(&[("a", &[], &["id", "total"]), ("b", &[], &["mail"])])), None);
        assert_eq!(proposal(&Tables::new()), None);
        let one_of_two = ["tenant", "id", "login"];
        assert_eq!(proposal(&tables(&[("users", &["tenant", "id"], &one_of_two)])), None);
        let by_name = proposal(&tables(&[("users", &[], &one_of_two)])).unwrap();
        assert!(!by_name.id_is_key, "a view has no key: {by_name:?}");
    }

    #[test]
    fn columns_about_a_role_are_not_the_role() {
        let columns = [
            "key",
            "last_login",
            "login_count",
            "email_verified",
            "manager_id",
            "password_salt",
            "password_changed_at",
            "updated_by",
            "company_name",
            "mail",
        ];
        let proposal = of_table("users", &table(&["key"], &columns)).unwrap();
        assert_eq!((proposal.id_column.as_str(), proposal.username_column.as_str()), ("key", "mail"));
        assert_eq!(proposal.mapping.len(), 1, "{proposal:?}");
        assert_eq!((proposal.password_column, proposal.changed_column), (None, None));
    }

    #[test]
    fn a_table_is_known_by_its_bare_name_unless_two_have_it() {
        let seen = tables(&[("hr.users", &["id"], &["id"]), ("app.Users", &["n"], &["n"]), ("hr.t", &["k"], &["k"])]);
        assert_eq!(key_of(&seen, "T"), ["k"]);
        assert_eq!(key_of(&seen, "hr.users"), ["id"]);
        assert!(key_of(&seen, "users").is_empty() && key_of(&seen, "select * from t").is_empty());
    }

    #[test]
    fn a_long_list_says_how_much_it_leaves_out() {
        let many: Tables = (0..32).map(|n| (format!("t{n:02}"), table(&[], &["a", "b"]))).collect();
        let text = listed(&many);
        assert!(text.starts_with("t00 (a, b); t01 (a, b)") && text.ends_with("; and 2 more"), "{text}");
    }
}
