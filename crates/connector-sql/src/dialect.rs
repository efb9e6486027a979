//! Where the databases differ in how they write things.

use sea_query::{Alias, MysqlQueryBuilder, PostgresQueryBuilder, Query, SqliteQueryBuilder};

use crate::value::Kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    MySql,
    Sqlite,
}

impl Dialect {
    pub(crate) fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "postgres" | "postgresql" => Some(Self::Postgres),
            "mysql" | "mariadb" => Some(Self::MySql),
            "sqlite" => Some(Self::Sqlite),
            _ => None,
        }
    }

    pub(crate) const fn product(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::Sqlite => "SQLite",
        }
    }

    pub(crate) const fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::MySql => 3306,
            Self::Sqlite => 0,
        }
    }

    /// A name of a table or column as this database quotes it.
    pub(crate) fn quote(self, name: &str) -> String {
        let statement = Query::select().column(Alias::new(name)).to_owned();
        let text = match self {
            Self::Postgres => statement.to_string(PostgresQueryBuilder),
            Self::MySql => statement.to_string(MysqlQueryBuilder),
            Self::Sqlite => statement.to_string(SqliteQueryBuilder),
        };
        text.trim_start_matches("SELECT ").to_owned()
    }

    /// The place of the n-th bound value, from one on.
    pub(crate) fn place(self, number: usize) -> String {
        match self {
            Self::Postgres | Self::Sqlite => format!("${number}"),
            Self::MySql => "?".to_owned(),
        }
    }

    /// The column as it is read: of a kind that has no type here, its text as the server writes it.
    pub(crate) fn read(self, column: &str, kind: Kind) -> String {
        match (self, kind) {
            (Self::Postgres | Self::Sqlite, Kind::Other) => format!("cast({column} as text)"),
            (Self::MySql, Kind::Other) => format!("cast({column} as char)"),
            (Self::Postgres, Kind::Bytes) => format!("encode({column}, 'hex')"),
            (Self::MySql | Self::Sqlite, Kind::Bytes) => format!("lower(hex({column}))"),
            (_, _) => column.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_quotes() {
        assert_eq!(Dialect::Postgres.quote("PERS_NO"), "\"PERS_NO\"");
        assert_eq!(Dialect::Postgres.quote("a\" or 1=1 --"), "\"a\"\" or 1=1 --\"");
        assert_eq!(Dialect::MySql.quote("a` or 1=1 --"), "`a`` or 1=1 --`");
        assert_eq!(Dialect::Sqlite.quote("SELECT \"x"), "\"SELECT \"\"x\"");
    }
}
