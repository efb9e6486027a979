//! A file with people in it, and beside it perhaps one with groups and one with devices.

use serde::{Deserialize, Serialize};

use super::AttributeMapping;
use crate::{AttributeName, words::words};

words! {
    /// How a file with people is written.
    FileFormat, "file format" {
        /// Comma-separated values (RFC 4180), the first line with the names of the columns.
        Csv = "csv",
        /// One JSON object per line.
        JsonLines = "json-lines",
        /// LDAP Data Interchange Format (RFC 2849).
        Ldif = "ldif",
    }
}

words! {
    /// What stands between two columns.
    Delimiter, "delimiter" {
        Comma = "comma",
        Semicolon = "semicolon",
        Tab = "tab",
        Pipe = "pipe",
    }
}

/// Files below the folder of source files. A column is one of a CSV file, a key of a JSON object (`name.family` for one
/// in another), or an attribute of LDIF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// The file with the people, relative to the folder of source files.
    pub path: String,
    pub format: FileFormat,
    /// Of CSV.
    #[serde(default = "comma")]
    pub delimiter: Delimiter,
    /// The column with the immutable id. Never a name, nor anything else that changes.
    #[serde(default = "id")]
    pub id: String,
    /// The column with the name people type.
    #[serde(default = "username")]
    pub username: String,
    /// Further columns with names that a typed one is compared with.
    #[serde(default)]
    pub names: Vec<String>,
    /// From the hub's attribute to the file's.
    #[serde(default)]
    pub mapping: AttributeMapping,
    /// The column that says whether somebody is still there; without one, whoever is in the file is.
    #[serde(default)]
    pub status: Option<String>,
    /// Its values, in any case, that mean that they are not.
    #[serde(default)]
    pub inactive: Vec<String>,
    /// The column with the groups of a person: several values, or one with `separator` between them.
    #[serde(default)]
    pub groups: Option<String>,
    /// What stands between several values in one cell.
    #[serde(default = "semicolon")]
    pub separator: String,
    /// The column with the stored password, under whatever scheme.
    #[serde(default)]
    pub password: Option<String>,
    /// Of LDIF: entries of this object class are people; without one, all that have an id.
    #[serde(default)]
    pub person_class: Option<String>,
    /// A file of groups with the columns id, name, description, members (ids). Not for LDIF.
    #[serde(default)]
    pub groups_path: Option<String>,
    /// A file of devices with the columns id, name, sid, serial_number, manufacturer, model, operating_system,
    /// operating_system_version, enabled, owners (ids), last_seen (RFC 3339). Not for LDIF.
    #[serde(default)]
    pub devices_path: Option<String>,
    /// How long a file must have been left alone before it is read: whoever writes it may not be done.
    #[serde(default = "settle")]
    pub settle_seconds: u32,
}

const fn comma() -> Delimiter {
    Delimiter::Comma
}

fn id() -> String {
    "id".to_owned()
}

fn username() -> String {
    "username".to_owned()
}

fn semicolon() -> String {
    ";".to_owned()
}

const fn settle() -> u32 {
    5
}

impl FileSettings {
    /// The settings a fresh source of this kind starts from.
    #[must_use]
    pub fn preset() -> Self {
        let inactive = ["false", "no", "0", "inactive", "disabled", "terminated"].map(str::to_owned).to_vec();
        Self {
            path: String::new(),
            format: FileFormat::Csv,
            delimiter: comma(),
            id: id(),
            username: username(),
            names: Vec::new(),
            mapping: AttributeMapping::from([
                (AttributeName::DisplayName, "display_name".to_owned()),
                (AttributeName::GivenName, "given_name".to_owned()),
                (AttributeName::FamilyName, "family_name".to_owned()),
                (AttributeName::Email, "email".to_owned()),
            ]),
            status: None,
            inactive,
            groups: None,
            separator: semicolon(),
            password: None,
            person_class: None,
            groups_path: None,
            devices_path: None,
            settle_seconds: settle(),
        }
    }

    /// Every column of the file with the people that is read.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let optional = self.status.iter().chain(&self.groups).chain(&self.password);
        [&self.id, &self.username]
            .into_iter()
            .chain(&self.names)
            .chain(self.mapping.values())
            .chain(optional)
            .map(String::as_str)
            .collect()
    }
}
