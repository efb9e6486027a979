//! Records of a file, whatever it is written in: one after the other, from any place where one begins.

mod csv;
mod json;
mod ldif;
mod lines;

use std::{borrow::Cow, collections::HashMap, fs::File, rc::Rc};

use ::csv::ByteRecord;
use directory::{FileFormat, ObjectKind};
use serde_json::{Map, Value};

use crate::{compiled::Compiled, snapshot::Place};

/// Longer than any record that is meant well.
const RECORD_LIMIT: u64 = 1024 * 1024;

/// One record.
pub(crate) struct Record {
    pub(crate) offset: u64,
    pub(crate) line: u64,
    pub(crate) fields: Fields,
}

/// What a record holds.
pub(crate) enum Fields {
    Row {
        header: Rc<HashMap<String, usize>>,
        row: ByteRecord,
    },
    Object(Map<String, Value>),
    /// Attributes of an LDIF entry, their names in lower case, and its distinguished name.
    Entry {
        dn: String,
        attributes: HashMap<String, Vec<Vec<u8>>>,
    },
}

/// A record that cannot be read. The next one can.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) line: u64,
    /// No values.
    pub(crate) why: String,
}

/// One record, a bad one, or none any more. An error ends the read: nobody can say where the next record begins.
pub(crate) type Step = Result<Option<Result<Record, Bad>>, String>;

/// The records of a file.
pub(crate) enum Records {
    Csv(Box<csv::Csv>),
    Json(json::Json),
    Ldif(ldif::Ldif),
}

impl Records {
    /// Goes to a place. The error says what is wrong with the file as a whole.
    pub(crate) fn open(settings: &Compiled, kind: ObjectKind, file: File, place: Place) -> Result<Self, String> {
        let columns: Vec<&str> = match kind {
            ObjectKind::Person => settings.columns.iter().map(String::as_str).collect(),
            ObjectKind::Group => vec!["id", "name", "members"],
            ObjectKind::Device => vec!["id", "name"],
        };
        Ok(match settings.format {
            FileFormat::Csv => Self::Csv(Box::new(csv::Csv::open(file, settings.delimiter, &columns, place)?)),
            FileFormat::JsonLines => Self::Json(json::Json::open(file, place)?),
            FileFormat::Ldif => Self::Ldif(ldif::Ldif::open(file, place)?),
        })
    }

    pub(crate) fn next(&mut self) -> Step {
        match self {
            Self::Csv(records) => records.next(),
            Self::Json(records) => records.next(),
            Self::Ldif(records) => records.next(),
        }
    }

    /// Where the next record begins, or the blank lines before it; `None` after the last one.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::Csv(records) => records.place(),
            Self::Json(records) => records.place(),
            Self::Ldif(records) => records.place(),
        }
    }
}

impl Record {
    /// The values of a column that are not empty, trimmed. An error says, without repeating it, why one is no text.
    pub(crate) fn values(&self, column: &str) -> Result<Vec<Cow<'_, str>>, String> {
        let values = match &self.fields {
            Fields::Row { header, row } => match header.get(column).and_then(|at| row.get(*at)) {
                Some(cell) => vec![Cow::Borrowed(text(column, cell)?)],
                None => Vec::new(),
            },
            Fields::Object(object) => scalars(column, find(object, column))?,
            Fields::Entry { dn, .. } if column.eq_ignore_ascii_case("dn") => vec![Cow::Borrowed(dn.as_str())],
            Fields::Entry { attributes, .. } => {
                let values = attributes.get(&column.to_ascii_lowercase());
                let values = values.into_iter().flatten().map(|value| text(column, value).map(Cow::Borrowed));
                values.collect::<Result<_, _>>()?
            }
        };
        let trimmed = values.into_iter().map(|value| match value {
            Cow::Borrowed(value) => Cow::Borrowed(value.trim()),
            Cow::Owned(value) => Cow::Owned(value.trim().to_owned()),
        });
        Ok(trimmed.filter(|value| !value.is_empty()).collect())
    }

    /// The first value of a column.
    pub(crate) fn first(&self, column: &str) -> Result<Option<String>, String> {
        Ok(self.values(column)?.into_iter().next().map(Cow::into_owned))
    }

    /// The values of a column, and the parts of each between separators.
    pub(crate) fn parts(&self, column: &str, separator: &str) -> Result<Vec<String>, String> {
        let mut parts = Vec::new();
        for value in self.values(column)? {
            // An attribute of LDIF has as many values as it needs, and a name in it may well have a semicolon.
            if separator.is_empty() || matches!(self.fields, Fields::Entry { .. }) {
                parts.push(value.into_owned());
            } else {
                let each = value.split(separator).map(str::trim).filter(|part| !part.is_empty());
                parts.extend(each.map(str::to_owned));
            }
        }
        Ok(parts)
    }
}

fn text<'a>(column: &str, bytes: &'a [u8]) -> Result<&'a str, String> {
    std::str::from_utf8(bytes).map_err(|_| format!("{column} is not UTF-8"))
}

/// A key of an object, or one in another: `name.family`.
fn find<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    object.get(path).or_else(|| {
        let (first, rest) = path.split_once('.')?;
        find(object.get(first)?.as_object()?, rest)
    })
}

fn scalars<'a>(column: &str, value: Option<&'a Value>) -> Result<Vec<Cow<'a, str>>, String> {
    Ok(match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![Cow::Borrowed(text.as_str())],
        Some(Value::Bool(value)) => vec![Cow::Owned(value.to_string())],
        // A number that is not exact is no key and no name.
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => vec![Cow::Owned(number.to_string())],
        Some(Value::Array(values)) => {
            let each = values.iter().map(|value| match value {
                Value::Array(_) | Value::Object(_) => Err(format!("{column} is a list of lists or objects")),
                value => scalars(column, Some(value)),
            });
            each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
        }
        Some(Value::Number(_)) => return Err(format!("{column} is not a whole number")),
        Some(Value::Object(_)) => {
            return Err(format!("{column} is an object: name a key in it, such as {column}.value"));
        }
    })
}
