//! A file with people in it.

use serde::{Deserialize, Serialize};

use super::AttributeMapping;
use crate::words::words;

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

/// A file below the folder of source files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// Relative to the folder of source files.
    pub path: String,
    pub format: FileFormat,
    /// From the hub's attribute to the file's.
    #[serde(default)]
    pub mapping: AttributeMapping,
}

impl FileSettings {
    /// The settings a fresh source of this kind starts from.
    #[must_use]
    pub const fn preset() -> Self {
        Self { path: String::new(), format: FileFormat::Csv, mapping: AttributeMapping::new() }
    }
}
