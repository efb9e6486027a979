//! What a database shows to the account that reads it: tables with their columns, and a filling of the settings that
//! fits one of them. Names come from a foreign database, so they are few, short and printable here, whatever is there.

use std::collections::BTreeMap;

use directory::AttributeMapping;
use serde::{Deserialize, Serialize};

/// Tables, columns of one table, and bytes of all names together that are handed on.
const MOST_TABLES: usize = 200;
const MOST_COLUMNS: usize = 100;
const MOST_BYTES: usize = 64 * 1024;
/// Longer names none of the databases has.
const LONGEST_NAME: usize = 200;

/// What an account sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// By name.
    pub tables: Vec<TableSeen>,
    /// There are more than stand here.
    pub more: bool,
    /// Columns of the table or query that the settings name; none if it names nothing that is there.
    pub of_people: Option<Vec<String>>,
    /// Nothing is decided by it: somebody takes it, or not.
    pub proposal: Option<TableProposal>,
}

/// A table with its columns, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSeen {
    pub name: String,
    pub columns: Vec<String>,
}

/// Settings that fit a table of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableProposal {
    /// The table, or the query of the settings.
    pub table: String,
    pub id_column: String,
    /// It is the primary key; otherwise only its name speaks for it.
    pub id_is_key: bool,
    pub username_column: String,
    pub mapping: AttributeMapping,
    pub password_column: Option<String>,
    pub changed_column: Option<String>,
}

impl Catalogue {
    /// Of these tables as many as may be handed on, those that `first` picks before the others.
    #[must_use]
    pub fn of(tables: BTreeMap<String, Vec<String>>, first: impl Fn(&str) -> bool) -> Self {
        let mut all: Vec<TableSeen> =
            tables.into_iter().map(|(name, columns)| TableSeen { name, columns: few(columns) }).collect();
        all.sort_by_key(|table| !first(&table.name));
        let before = all.len();
        let mut bytes = 0;
        let fits = |table: &TableSeen| {
            bytes += table.name.len() + table.columns.iter().map(String::len).sum::<usize>();
            bytes <= MOST_BYTES
        };
        let mut tables: Vec<TableSeen> =
            all.into_iter().filter(|table| is_printable(&table.name)).take(MOST_TABLES).take_while(fits).collect();
        let more = tables.len() < before;
        tables.sort_by(|one, other| one.name.cmp(&other.name));
        Self { tables, more, of_people: None, proposal: None }
    }

    /// The same with the columns of the table or query that the settings name.
    #[must_use]
    pub fn with_people(self, columns: Vec<String>) -> Self {
        Self { of_people: Some(few(columns)), ..self }
    }
}

fn few(columns: Vec<String>) -> Vec<String> {
    columns.into_iter().filter(|column| is_printable(column)).take(MOST_COLUMNS).collect()
}

/// Whether this can stand in a form and come back from it unchanged: no control characters, none that turn the
/// direction of the text around them or do not show (Unicode TR36, section 2.5), no space around it.
#[must_use]
pub fn is_printable(name: &str) -> bool {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    !name.is_empty() && name.len() <= LONGEST_NAME && name.trim() == name && !name.contains(hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, columns: usize) -> (String, Vec<String>) {
        (name.to_owned(), (0..columns).map(|n| format!("column{n}")).collect())
    }

    #[test]
    fn names_that_do_not_show_what_they_are_are_left_out() {
        for bad in ["", " a", "a\nb", "a\u{202e}b", "\u{feff}a", &"x".repeat(201)] {
            assert!(!is_printable(bad), "{bad:?}");
        }
        assert!(is_printable("<b>Straße\"`'</b>") && is_printable("عائشة"));
        let columns = vec!["id".to_owned(), "lo\u{0}gin".to_owned()];
        let seen = Catalogue::of(BTreeMap::from([("t".to_owned(), columns.clone()), named("u\t", 1)]), |_| false);
        assert_eq!(seen.tables, [TableSeen { name: "t".to_owned(), columns: vec!["id".to_owned()] }]);
        assert!(seen.more, "one is missing, and it says so");
        assert_eq!(seen.with_people(columns).of_people, Some(vec!["id".to_owned()]));
    }

    #[test]
    fn of_a_huge_database_the_likely_tables_are_kept() {
        let mut tables: BTreeMap<String, Vec<String>> = (0..5_000).map(|n| named(&format!("a{n:04}"), 150)).collect();
        tables.extend([named("users", 3)]);
        let seen = Catalogue::of(tables, |name| name == "users");
        let bytes: usize = seen.tables.iter().flat_map(|table| &table.columns).map(String::len).sum();
        assert!(seen.more && seen.tables.len() <= MOST_TABLES && bytes <= MOST_BYTES, "{bytes}");
        assert!(seen.tables.iter().any(|table| table.name == "users"));
        assert!(seen.tables.iter().all(|table| table.columns.len() <= MOST_COLUMNS));
        let few = Catalogue::of(BTreeMap::from([named("users", 3)]), |_| false);
        assert!(!few.more);
    }
}
