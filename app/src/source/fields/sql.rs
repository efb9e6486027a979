//! What is asked of a database.

use super::{Kind, Setting, setting};

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "url",
        Kind::Url,
        "Database",
        "postgres://reader@host:5432/database, mysql://…, or sqlite:people.db below the folder of source files. Without a password.",
    ),
    setting(
        "ca_pem",
        Kind::Pem,
        "Certificate authority (PEM)",
        "Only for a private authority. Empty = the authorities this server trusts.",
    ),
    setting("mapping", Kind::Mapping, "Column", ""),
];
