//! How tables of people in a database are reached and read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use super::AttributeMapping;
use crate::{PasswordFormat, PasswordScheme};

/// A database with people in it, which is read and never written. The password of the account is the source's secret
/// and never in the URL. Where a table is named, `schema.table` or a query may stand: text that begins with `select`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlSettings {
    /// `postgres://reader@host:5432/database`, `mysql://…`, or `sqlite:people.db` below the folder of source files.
    pub url: Url,
    /// TLS with the server's certificate checked. Without it the database's own answers could be anybody's.
    #[serde(default = "yes")]
    pub tls: bool,
    /// PEM of the private certificate authority; the system's authorities if absent.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// The table or query with one row per person.
    pub people: String,
    /// The column that never changes and is never used again for somebody else: the primary key.
    pub id_column: String,
    /// The column with the name people type.
    pub username_column: String,
    /// Further columns that a typed name is compared with, such as the e-mail address.
    #[serde(default)]
    pub name_columns: Vec<String>,
    /// Compare typed names exactly as they are written there, which any index on the column serves.
    #[serde(default)]
    pub exact_names: bool,
    #[serde(default)]
    pub password: Option<SqlPassword>,
    /// Who may be here. Without it everybody who has a row.
    #[serde(default)]
    pub active: Option<SqlFlag>,
    /// Until when the account is valid; empty = for ever.
    #[serde(default)]
    pub expires_column: Option<String>,
    /// Who has special rights there.
    #[serde(default)]
    pub privileged: Option<SqlFlag>,
    /// The column that grows with every change of a row: a time, or a number that counts changes.
    #[serde(default)]
    pub changed_column: Option<String>,
    /// How far a delta reaches back behind what was last seen, because transactions end out of order: seconds, or that
    /// many numbers.
    #[serde(default = "overlap")]
    pub changed_overlap: u64,
    /// From the hub's attribute to the column.
    #[serde(default)]
    pub mapping: AttributeMapping,
    #[serde(default)]
    pub groups: Option<SqlGroups>,
    #[serde(default)]
    pub devices: Option<SqlDevices>,
    /// Milliseconds for connect and TLS together.
    #[serde(default = "connect_timeout")]
    pub connect_timeout_ms: u64,
    /// Milliseconds for one question.
    #[serde(default = "operation_timeout")]
    pub operation_timeout_ms: u64,
    /// Connections kept at most.
    #[serde(default = "connections")]
    pub connections: u32,
    /// Rows per page of a paged read.
    #[serde(default = "page_size")]
    pub page_size: u32,
}

/// Where a person's stored password is, which the hub verifies itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlPassword {
    pub column: String,
    #[serde(default)]
    pub salt_column: Option<String>,
    /// How the stored text was made, where neither it nor another column says so.
    #[serde(default)]
    pub format: PasswordFormat,
    /// The column that says how it was made, row by row.
    #[serde(default)]
    pub format_column: Option<String>,
    /// From what stands in that column to the format; text that is not named here cannot be verified.
    #[serde(default)]
    pub formats: BTreeMap<String, PasswordFormat>,
    /// When the password was last set.
    #[serde(default)]
    pub set_at_column: Option<String>,
    /// Who is asked about passwords of the scheme `call-out`.
    #[serde(default)]
    pub call_out: Option<SqlCallOut>,
}

/// The old application, asked about passwords whose stored form only it understands: once per person, while people are
/// moved. It answers 200 for a right password, 403 for a wrong one, and anything else is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlCallOut {
    /// `https://…`: it is sent the typed password.
    pub url: Url,
    /// PEM of the private certificate authority; the system's authorities if absent.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// The file with the token that the hub shows there, below the folder of source files.
    pub token_file: String,
}

impl SqlPassword {
    /// Whether some of the stored passwords are the old application's secret.
    #[must_use]
    pub fn calls_out(&self) -> bool {
        let mut formats = self.formats.values().chain([&self.format]);
        formats.any(|format| format.scheme == PasswordScheme::CallOut)
    }
}

/// A column that says yes with some of its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlFlag {
    pub column: String,
    /// Compared as text, without regard to case; everything else, also nothing, is a no.
    #[serde(default = "affirmative")]
    pub values: Vec<String>,
}

/// Groups and who is in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlGroups {
    /// The table or query with one row per group.
    pub groups: String,
    pub id_column: String,
    pub name_column: String,
    #[serde(default)]
    pub description_column: Option<String>,
    /// The table or query with one row per person and group.
    pub memberships: String,
    /// Its column with the person's id.
    pub person_column: String,
    /// Its column with the group's id.
    pub group_column: String,
}

/// Devices and their owners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlDevices {
    /// The table or query with one row per device and owner.
    pub devices: String,
    pub id_column: String,
    pub name_column: String,
    #[serde(default)]
    pub owner_column: Option<String>,
    #[serde(default)]
    pub sid_column: Option<String>,
    #[serde(default)]
    pub serial_number_column: Option<String>,
    #[serde(default)]
    pub manufacturer_column: Option<String>,
    #[serde(default)]
    pub model_column: Option<String>,
    #[serde(default)]
    pub operating_system_column: Option<String>,
    #[serde(default)]
    pub operating_system_version_column: Option<String>,
    #[serde(default)]
    pub enabled: Option<SqlFlag>,
    #[serde(default)]
    pub last_seen_column: Option<String>,
}

const fn yes() -> bool {
    true
}
const fn overlap() -> u64 {
    300
}
const fn connect_timeout() -> u64 {
    3_000
}
const fn operation_timeout() -> u64 {
    4_000
}
const fn connections() -> u32 {
    8
}
const fn page_size() -> u32 {
    1_000
}
fn affirmative() -> Vec<String> {
    ["1", "true", "t", "yes", "y"].map(str::to_owned).to_vec()
}

impl SqlSettings {
    /// The settings a fresh source of this kind starts from.
    #[must_use]
    pub fn preset() -> Self {
        let url = Url::parse("postgres://localhost/people").unwrap_or_else(|_| unreachable!("a constant URL"));
        Self {
            url,
            tls: true,
            ca_pem: None,
            people: String::new(),
            id_column: String::new(),
            username_column: String::new(),
            name_columns: Vec::new(),
            exact_names: false,
            password: None,
            active: None,
            expires_column: None,
            privileged: None,
            changed_column: None,
            changed_overlap: overlap(),
            mapping: AttributeMapping::new(),
            groups: None,
            devices: None,
            connect_timeout_ms: connect_timeout(),
            operation_timeout_ms: operation_timeout(),
            connections: connections(),
            page_size: page_size(),
        }
    }

    /// Whether the database is a file beside the hub.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.url.scheme() == "sqlite"
    }

    /// Whether stored passwords, and the service account's, would cross the network unprotected.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.tls && !self.is_file()
    }
}

impl SqlFlag {
    /// Whether this value is a yes.
    #[must_use]
    pub fn says_yes(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| self.values.iter().any(|yes| yes.eq_ignore_ascii_case(value.trim())))
    }
}
