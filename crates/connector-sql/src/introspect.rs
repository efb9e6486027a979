//! What the account can see: tables with their columns, and which of them look like people. A proposal in words, for
//! whoever fills in the settings; nothing is decided by it.

use std::collections::BTreeMap;

use crate::{connector::Inner, dialect::Dialect, fault::Fault, link::Question, value::Kind};

/// Columns that are asked for.
const MOST_COLUMNS: usize = 3_000;
/// Tables and columns that a message names.
const SHOWN_TABLES: usize = 30;
const SHOWN_COLUMNS: usize = 20;

/// Tables by name, each with its columns in order.
pub(crate) type Tables = BTreeMap<String, Vec<String>>;

pub(crate) async fn tables(inner: &Inner) -> Result<Tables, Fault> {
    let sql = match inner.compiled.dialect {
        Dialect::Postgres => {
            "select cast(table_schema as text) || '.' || cast(table_name as text), cast(column_name as text) \
             from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema') \
             order by 1, ordinal_position"
        }
        Dialect::MySql => {
            "select cast(table_name as char), cast(column_name as char) from information_schema.columns \
             where table_schema = database() order by 1, ordinal_position"
        }
        Dialect::Sqlite => {
            "select m.name, c.name from sqlite_master m join pragma_table_info(m.name) c \
             where m.type in ('table', 'view') order by m.name, c.cid"
        }
    };
    let sql = format!("{sql} limit {MOST_COLUMNS}");
    let question = Question { sql, bound: Vec::new(), kinds: vec![Kind::Text, Kind::Text] };
    let mut tables = Tables::new();
    for row in inner.rows(&question).await? {
        if let (Some(table), Some(column)) = (row.first().and_then(|v| v.text()), row.get(1).and_then(|v| v.text())) {
            tables.entry(table).or_default().push(column);
        }
    }
    Ok(tables)
}

/// "hr.person (pers_no, login, name); hr.orders (…)".
pub(crate) fn listed(tables: &Tables) -> String {
    let shown = |(table, columns): (&String, &Vec<String>)| {
        let more = if columns.len() > SHOWN_COLUMNS { ", …" } else { "" };
        let columns: Vec<&str> = columns.iter().map(String::as_str).take(SHOWN_COLUMNS).collect();
        format!("{table} ({}{more})", columns.join(", "))
    };
    let text: Vec<String> = tables.iter().take(SHOWN_TABLES).map(shown).collect();
    let more = tables.len().saturating_sub(SHOWN_TABLES);
    if more > 0 { format!("{}; and {more} more", text.join("; ")) } else { text.join("; ") }
}

/// What a column of people may be, with names it goes by: whole ones first, then parts.
const ROLES: [(&str, &[&str], &[&str]); 6] = [
    (
        "immutable id",
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
        &["_id", "number"],
    ),
    ("username", &["login", "username", "user_name", "uid", "loginname", "account_name", "logon"], &["login", "user"]),
    ("e-mail", &["email", "mail", "e_mail", "email_address"], &["mail"]),
    ("display name", &["display_name", "full_name", "fullname", "name"], &["name"]),
    ("stored password", &["password_hash", "password", "passwd", "pw_hash", "pwd"], &["passw", "pwd", "hash"]),
    ("column of changes", &["updated_at", "changed_at", "modified_at", "last_modified"], &["updat", "chang", "modif"]),
];

/// The table that looks most like people, in words; none if there is none with an id and a name to sign in with.
pub(crate) fn proposal(tables: &Tables) -> Option<String> {
    let (table, roles) = tables
        .iter()
        .map(|(table, columns)| (table, roles(columns)))
        .filter(|(_, roles)| {
            let has = |role: &str| roles.iter().any(|(name, _)| *name == role);
            has("immutable id") && (has("username") || has("e-mail"))
        })
        // Of equals the one whose name says so.
        .max_by_key(|(table, roles)| (roles.len(), looks_like_people(table)))?;
    let roles: Vec<String> = roles.iter().map(|(role, column)| format!("{role} {column}")).collect();
    Some(format!("{table} looks like people: {}. Look at it before you believe it.", roles.join(", ")))
}

fn looks_like_people(table: &str) -> bool {
    let table = table.to_lowercase();
    ["user", "person", "people", "employee", "staff", "account", "member"].iter().any(|word| table.contains(word))
}

/// Each column in one role at most, each role once.
fn roles(columns: &[String]) -> Vec<(&'static str, &str)> {
    let mut found: Vec<(&'static str, &str)> = Vec::new();
    for (role, names, parts) in ROLES {
        let free = |column: &&String| found.iter().all(|(_, taken)| *taken != column.as_str());
        let named = |name: &&str| columns.iter().filter(free).find(|column| column.eq_ignore_ascii_case(name));
        let partly = || {
            let has = |column: &&String| parts.iter().any(|part| column.to_lowercase().contains(part));
            columns.iter().filter(free).find(has)
        };
        if let Some(column) = names.iter().find_map(named).or_else(partly) {
            found.push((role, column));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(all: &[(&str, &[&str])]) -> Tables {
        let columns = |columns: &[&str]| columns.iter().map(|column| (*column).to_owned()).collect();
        all.iter().map(|(table, names)| ((*table).to_owned(), columns(names))).collect()
    }

    #[test]
    fn the_table_of_people_is_proposed_with_the_roles_of_its_columns() {
        let seen = tables(&[
            ("hr.orders", &["id", "user_id", "total"]),
            ("hr.T_PERSON", &["PERS_NO", "LOGIN", "MAIL", "FULL_NAME", "PW_HASH", "CHANGED_AT"]),
        ]);
        assert_eq!(
            proposal(&seen).unwrap(),
            "hr.T_PERSON looks like people: immutable id PERS_NO, username LOGIN, e-mail MAIL, display name FULL_NAME, \
             stored password PW_HASH, column of changes CHANGED_AT. Look at it before you believe it."
        );
    }

    #[test]
    fn nothing_is_proposed_where_nobody_could_sign_in() {
        assert_eq!(proposal(&tables(&[("a", &["id", "total"]), ("b", &["mail"])])), None);
        assert_eq!(proposal(&Tables::new()), None);
    }

    #[test]
    fn a_long_list_says_how_much_it_leaves_out() {
        let many: Tables = (0..32).map(|n| (format!("t{n:02}"), vec!["a".to_owned(), "b".to_owned()])).collect();
        let text = listed(&many);
        assert!(text.starts_with("t00 (a, b); t01 (a, b)") && text.ends_with("; and 2 more"), "{text}");
    }
}
