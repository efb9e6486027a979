//! A table or query of the settings, looked up in the database: what its columns are really called and hold.

use std::collections::BTreeSet;

use crate::{
    dialect::Dialect,
    fault::Fault,
    link::Described,
    pool::Pool,
    settings::Compiled,
    value::{Kind, Value},
};
use connector::TroubleKind;

/// A table or query that rows can be selected from.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    /// What stands after FROM.
    pub(crate) from: String,
    /// As the settings name it.
    name: String,
    columns: Vec<Described>,
    dialect: Dialect,
}

/// A column, ready for a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// As the settings name it.
    pub(crate) name: String,
    /// Quoted, and cast where its kind asks for that.
    pub(crate) sql: String,
    pub(crate) kind: Kind,
}

/// Whether the setting is a query rather than a table.
pub(crate) fn is_query(text: &str) -> bool {
    let start = text.trim_start().to_ascii_lowercase();
    ["select", "with"]
        .iter()
        .any(|word| start.strip_prefix(word).is_some_and(|rest| rest.starts_with(char::is_whitespace)))
}

impl Relation {
    pub(crate) async fn look_up(pool: &Pool, compiled: &Compiled, text: &str) -> Result<Self, Fault> {
        let mut first = None;
        for from in candidates(compiled.dialect, text) {
            let sql = format!("select * from {from} where 1 = 0");
            match pool.describe(compiled, &sql).await {
                Ok((columns, _)) => {
                    return Ok(Self { from, name: shown(text), columns, dialect: compiled.dialect });
                }
                Err(fault) if fault.kind == TroubleKind::Misconfigured => first = first.or(Some(fault)),
                Err(fault) => return Err(fault),
            }
        }
        let fault = first.unwrap_or_else(|| Fault::misconfigured("no table is named"));
        Err(Fault { reason: format!("{}: {}", shown(text), fault.reason), ..fault })
    }

    /// The column of this name: written exactly so, or else the only one that differs in case alone.
    pub(crate) fn column(&self, name: &str) -> Result<Column, Fault> {
        let exact = self.columns.iter().find(|column| column.name == name);
        let found = exact.or_else(|| {
            let mut alike = self.columns.iter().filter(|column| column.name.eq_ignore_ascii_case(name));
            alike.next().filter(|_| alike.next().is_none())
        });
        let Some(found) = found else {
            let known: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).take(40).collect();
            return Err(Fault::misconfigured(format!(
                "{} has no column {name:?}; it has {}",
                self.name,
                known.join(", ")
            )));
        };
        let quoted = self.dialect.quote(&found.name);
        Ok(Column { name: name.to_owned(), sql: self.dialect.read(&quoted, found.kind), kind: found.kind })
    }

    pub(crate) fn columns(&self) -> &[Described] {
        &self.columns
    }

    /// These columns, each once, to be read together.
    pub(crate) fn select<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<Selection, Fault> {
        let names: BTreeSet<&str> = names.into_iter().collect();
        let columns = names.into_iter().map(|name| self.column(name)).collect::<Result<_, _>>()?;
        Ok(Selection { columns })
    }
}

/// Columns that are read together.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    columns: Vec<Column>,
}

impl Selection {
    pub(crate) fn sql(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|column| column.sql.as_str()).collect();
        columns.join(", ")
    }

    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.columns.iter().map(|column| column.kind).collect()
    }

    pub(crate) fn row<'a>(&'a self, values: &'a [Value]) -> Row<'a> {
        Row { selection: self, values }
    }
}

/// One row, by the names of the settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    selection: &'a Selection,
    values: &'a [Value],
}

impl Row<'_> {
    pub(crate) fn value(&self, name: &str) -> &Value {
        let at = self.selection.columns.iter().position(|column| column.name == name);
        at.and_then(|at| self.values.get(at)).unwrap_or(&Value::Null)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.value(name).text()
    }

    pub(crate) fn optional(&self, name: Option<&str>) -> Option<String> {
        name.and_then(|name| self.text(name))
    }
}

/// How the setting may be meant: PostgreSQL folds names that were made without quotes to lower case.
fn candidates(dialect: Dialect, text: &str) -> Vec<String> {
    let text = text.trim().trim_end_matches(';').trim_end();
    if is_query(text) {
        // A comment at its end must not swallow the parenthesis.
        return vec![format!("(\n{text}\n) as isthmus_rows")];
    }
    let quote = |name: &str| name.split('.').map(|part| dialect.quote(part)).collect::<Vec<_>>().join(".");
    let (exact, lower) = (quote(text), quote(&text.to_lowercase()));
    if exact == lower || dialect == Dialect::Sqlite { vec![exact] } else { vec![exact, lower] }
}

fn shown(text: &str) -> String {
    if is_query(text) { "the query".to_owned() } else { text.chars().take(100).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_quoted_and_a_query_stands_in_parentheses() {
        assert_eq!(candidates(Dialect::Postgres, "hr.T_PERSON"), ["\"hr\".\"T_PERSON\"", "\"hr\".\"t_person\""]);
        assert_eq!(candidates(Dialect::MySql, "people"), ["`people`"]);
        assert_eq!(candidates(Dialect::Sqlite, "select 1 -- x"), ["(\nselect 1 -- x\n) as isthmus_rows"]);
        assert!(is_query(" SELECT\n*") && is_query("with x as (select 1) select * from x") && !is_query("selected"));
    }
}
