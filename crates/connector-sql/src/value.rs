//! Values of foreign columns: what kind they are, how they are read and how they are bound.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use uuid::Uuid;

/// What a column holds, as far as that matters for reading and comparing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Unsigned,
    Boolean,
    Uuid,
    /// A time with a zone.
    Instant,
    /// A time without one, taken as UTC.
    Local,
    Date,
    Bytes,
    /// Known to the server only: read and compared as the text that it makes of it.
    Other,
}

impl Kind {
    /// By the name that sqlx gives a type of PostgreSQL.
    pub(crate) fn of_postgres(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "TEXT" | "VARCHAR" | "CHAR" | "NAME" => Self::Text,
            "INT2" | "INT4" | "INT8" => Self::Integer,
            "BOOL" => Self::Boolean,
            "UUID" => Self::Uuid,
            "TIMESTAMPTZ" => Self::Instant,
            "TIMESTAMP" => Self::Local,
            "DATE" => Self::Date,
            "BYTEA" => Self::Bytes,
            _ => Self::Other,
        }
    }

    /// By the name that sqlx gives a type of MySQL.
    pub(crate) fn of_mysql(name: &str) -> Self {
        match name {
            "VARCHAR" | "CHAR" | "TEXT" | "TINYTEXT" | "MEDIUMTEXT" | "LONGTEXT" => Self::Text,
            "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => Self::Integer,
            "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED" | "BIGINT UNSIGNED" => {
                Self::Unsigned
            }
            "BOOLEAN" => Self::Boolean,
            "TIMESTAMP" => Self::Instant,
            "DATETIME" => Self::Local,
            "DATE" => Self::Date,
            "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => Self::Bytes,
            _ => Self::Other,
        }
    }

    /// By the declared type of SQLite, which only says how values are compared: what a row holds says itself.
    pub(crate) fn of_sqlite(name: &str) -> Self {
        match name {
            "INTEGER" | "INT4" | "INT8" => Self::Integer,
            "BLOB" => Self::Bytes,
            "TEXT" | "DATETIME" | "DATE" | "TIME" => Self::Text,
            // An expression, or a type of the schema's own: there a number and its text are two things, so the text
            // is what is read and compared.
            _ => Self::Other,
        }
    }

    /// Whether a delta can go by such a column.
    pub(crate) const fn counts_changes(self) -> bool {
        matches!(self, Self::Integer | Self::Unsigned | Self::Instant | Self::Local | Self::Date | Self::Text)
    }
}

/// What a row holds: text in one canonical form, or a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Text(String),
    Time(DateTime<Utc>),
    Date(NaiveDate),
}

impl Value {
    /// As text, without the blanks that fixed-width columns pad with; empty = nothing.
    pub(crate) fn text(&self) -> Option<String> {
        let text = match self {
            Self::Null => return None,
            Self::Text(text) => text.trim_end().to_owned(),
            Self::Time(at) => at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            Self::Date(date) => date.to_string(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// As a moment: also from text as databases write it, and from seconds or milliseconds since 1970.
    pub(crate) fn moment(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Null => None,
            Self::Time(at) => Some(*at),
            Self::Date(date) => Some(date.and_time(NaiveTime::MIN).and_utc()),
            Self::Text(text) => moment_of(text.trim()),
        }
    }

    pub(crate) fn local(time: NaiveDateTime) -> Self {
        Self::Time(time.and_utc())
    }
}

/// Seconds since 1970 above this would be later than the year 5000: milliseconds, then.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

fn moment_of(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(number) = text.parse::<i64>() {
        return match number {
            0 => None,
            ..MILLISECONDS_FROM => DateTime::from_timestamp(number, 0),
            _ => DateTime::from_timestamp_millis(number),
        };
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let local = |format| NaiveDateTime::parse_from_str(text, format).ok().map(|at| at.and_utc());
    local("%Y-%m-%d %H:%M:%S%.f")
        .or_else(|| local("%Y-%m-%dT%H:%M:%S%.f"))
        .or_else(|| text.parse::<NaiveDate>().ok().map(|date| date.and_time(NaiveTime::MIN).and_utc()))
}

/// What is bound to a place of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bound {
    Text(String),
    Integer(i64),
    Unsigned(u64),
    Boolean(bool),
    Uuid(Uuid),
    Instant(DateTime<Utc>),
    Local(NaiveDateTime),
    Date(NaiveDate),
}

impl Bound {
    /// Brings text into the kind of a column. Empty = no row of that column can equal it.
    pub(crate) fn of(text: &str, kind: Kind) -> Option<Self> {
        // PostgreSQL refuses NUL in text, and no stored text has one.
        if text.contains('\0') {
            return None;
        }
        let moment = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
        Some(match kind {
            Kind::Text | Kind::Other | Kind::Bytes => Self::Text(text.to_owned()),
            // Only the canonical text, so that "007" is nobody's id.
            Kind::Integer => Self::Integer(text.parse().ok().filter(|number: &i64| number.to_string() == text)?),
            Kind::Unsigned => Self::Unsigned(text.parse().ok().filter(|number: &u64| number.to_string() == text)?),
            Kind::Boolean => Self::Boolean(text.parse().ok()?),
            Kind::Uuid => Self::Uuid(text.parse().ok().filter(|id: &Uuid| id.to_string() == text)?),
            Kind::Instant => Self::Instant(moment()?),
            Kind::Local => Self::Local(moment()?.naive_utc()),
            Kind::Date => Self::Date(text.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_databases_write_them() {
        let at = |text: &str| Value::Text(text.to_owned()).moment().map(|at| at.to_rfc3339());
        let expected = Some("2024-05-06T07:08:09+00:00".to_owned());
        for text in
            ["2024-05-06 07:08:09", "2024-05-06T07:08:09Z", "2024-05-06T09:08:09+02:00", "1714979289", "1714979289000"]
        {
            assert_eq!(at(text), expected, "{text}");
        }
        assert_eq!(at("2024-05-06"), Some("2024-05-06T00:00:00+00:00".to_owned()));
        for odd in ["", "0", "never", "0000-00-00 00:00:00", "9999999999999999999"] {
            assert_eq!(at(odd), None, "{odd}");
        }
    }

    #[test]
    fn only_the_canonical_text_is_an_id() {
        for (text, kind) in [("007", Kind::Integer), ("1.0", Kind::Integer), ("-1", Kind::Unsigned), ("x", Kind::Uuid)]
        {
            assert_eq!(Bound::of(text, kind), None, "{text}");
        }
        assert_eq!(Bound::of("7", Kind::Integer), Some(Bound::Integer(7)));
        assert_eq!(Bound::of("a\0b", Kind::Text), None);
    }

    #[test]
    fn padding_is_no_part_of_a_value() {
        assert_eq!(Value::Text("J   ".to_owned()).text(), Some("J".to_owned()));
        assert_eq!(Value::Text("   ".to_owned()).text(), None);
    }
}
