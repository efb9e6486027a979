//! From a record to a person.

use std::{borrow::Cow, collections::BTreeMap};

use directory::{AccountStatus, Anchors, ImmutableId, LockoutReading, SourceEntry, SourceGroup, fold};
use secrecy::SecretString;

use crate::{
    NAME_LIMIT,
    compiled::Compiled,
    format::{Fields, Record},
};

impl Compiled {
    /// The immutable id of a record: exactly one value.
    pub(crate) fn id_of(&self, record: &Record) -> Result<ImmutableId, String> {
        let column = &self.id;
        if let Fields::Entry { attributes, .. } = &record.fields
            && column.eq_ignore_ascii_case("objectGUID")
        {
            let bytes = attributes.get("objectguid").and_then(|values| values.first());
            return bytes.and_then(|bytes| guid(bytes)).ok_or_else(|| format!("no {column} of sixteen bytes"));
        }
        one_id(record, column)
    }

    /// Whether a record of the file with the people is about one.
    pub(crate) fn is_person(&self, record: &Record) -> bool {
        let (Some(class), Fields::Entry { attributes, .. }) = (&self.person_class, &record.fields) else {
            return true;
        };
        let classes = attributes.get("objectclass").into_iter().flatten();
        classes.into_iter().any(|value| value.eq_ignore_ascii_case(class.as_bytes()))
    }

    /// Every name of a record that somebody may type, as written.
    pub(crate) fn names_of(&self, record: &Record) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = Vec::new();
        for column in std::iter::once(&self.username).chain(&self.names) {
            for name in record.values(column)? {
                if name.chars().count() > NAME_LIMIT {
                    return Err(format!("{column} is longer than {NAME_LIMIT} letters"));
                }
                if !names.iter().any(|known| *known == name) {
                    names.push(name.into_owned());
                }
            }
        }
        Ok(names)
    }

    pub(crate) fn person(&self, record: &Record) -> Result<SourceEntry, String> {
        let immutable_id = self.id_of(record)?;
        let mut attributes = BTreeMap::new();
        for (name, column) in &self.mapping {
            if let Some(value) = record.first(column)? {
                attributes.insert(*name, value);
            }
        }
        let groups = self.groups_of(record)?;
        let privileged = groups.iter().any(|group| {
            let is = |text: &str| self.protected.contains(fold(text).as_str());
            is(&group.name) || is(group.immutable_id.as_str())
        });
        Ok(SourceEntry {
            raw: self.raw(record),
            locator: match &record.fields {
                Fields::Entry { dn, .. } => dn.clone(),
                // Lines move with every export; the id does not.
                Fields::Row { .. } | Fields::Object(_) => format!("{}#{immutable_id}", self.path),
            },
            immutable_id,
            username: record.first(&self.username)?,
            names: self.names_of(record)?,
            attributes,
            groups,
            // With a file of groups, that one says who is in them.
            groups_complete: self.groups_path.is_none(),
            status: self.status_of(record)?,
            password_set_at: None,
            lockout: LockoutReading { threshold: Some(0), window_seconds: Some(0), ..LockoutReading::default() },
            privileged,
            anchors: Anchors::default(),
            server: self.path.clone(),
        })
    }

    /// What expressions read. A column that is no text is not there.
    fn raw(&self, record: &Record) -> BTreeMap<String, Vec<String>> {
        let texts = |name: &String| record.values(name).unwrap_or_default().into_iter().map(Cow::into_owned);
        let read =
            self.reads.iter().map(|name| (name.clone(), texts(name).filter(|t| !t.is_empty()).collect::<Vec<_>>()));
        read.filter(|(_, texts)| !texts.is_empty()).collect()
    }

    fn status_of(&self, record: &Record) -> Result<AccountStatus, String> {
        let Some(column) = &self.status else { return Ok(AccountStatus::Active) };
        let inactive = record.values(column)?.iter().any(|value| self.inactive.contains(fold(value).as_str()));
        Ok(if inactive { AccountStatus::Disabled } else { AccountStatus::Active })
    }

    /// Groups have no ids in a list of people: their name is the id, and a renamed group is another one.
    fn groups_of(&self, record: &Record) -> Result<Vec<SourceGroup>, String> {
        let Some(column) = &self.groups else { return Ok(Vec::new()) };
        let names = record.parts(column, &self.separator)?;
        let mut groups: Vec<SourceGroup> = Vec::new();
        for name in names {
            if !groups.iter().any(|known| known.immutable_id.as_str() == name) {
                groups.push(SourceGroup { name: short_name(&name).to_owned(), immutable_id: ImmutableId(name) });
            }
        }
        Ok(groups)
    }

    /// The stored password of a record.
    pub(crate) fn stored_password(&self, record: &Record) -> Option<SecretString> {
        let column = self.password.as_ref()?;
        record.first(column).ok().flatten().map(SecretString::from)
    }
}

/// The one value of a column that is an id.
pub(crate) fn one_id(record: &Record, column: &str) -> Result<ImmutableId, String> {
    let values = record.values(column)?;
    match values.as_slice() {
        [] => Err(format!("no {column}")),
        [id] if id.chars().count() > NAME_LIMIT => Err(format!("{column} is longer than {NAME_LIMIT} letters")),
        [id] if id.chars().any(char::is_control) => Err(format!("{column} has a control character")),
        [id] => Ok(ImmutableId(id.clone().into_owned())),
        _ => Err(format!("several values of {column}")),
    }
}

/// `memberOf` names groups by their DN: what people call it is the value of its first part.
fn short_name(name: &str) -> &str {
    let first = name.split(',').next().unwrap_or(name);
    match first.split_once('=') {
        Some((kind, value)) if kind.eq_ignore_ascii_case("cn") && name.contains(',') && !value.contains('\\') => value,
        _ => name,
    }
}

/// An Active Directory GUID as its text: the first three parts are little-endian.
fn guid(bytes: &[u8]) -> Option<ImmutableId> {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes else { return None };
    let [i, j, tail @ ..] = rest else { return None };
    if tail.len() != 6 {
        return None;
    }
    let tail: String = tail.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(ImmutableId(format!("{d:02x}{c:02x}{b:02x}{a:02x}-{f:02x}{e:02x}-{h:02x}{g:02x}-{i:02x}{j:02x}-{tail}")))
}
