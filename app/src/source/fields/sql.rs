//! What is asked of a database.

use super::{Kind, Setting, setting};

/// Those that a legacy table without a word of its own most often has; the rest is for `site.toml`.
const SCHEMES: &[(&str, &str)] = &[
    ("self-describing", "the text says it: $2b$…, {SSHA}…, pbkdf2_sha256$…"),
    ("md5", "MD5"),
    ("sha1", "SHA-1"),
    ("sha256", "SHA-256"),
    ("sha512", "SHA-512"),
    ("nt", "NT (Windows)"),
    ("plain", "the password itself"),
];

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "url",
        Kind::Url,
        "Database",
        "postgres://reader@host:5432/database, mysql://…, or sqlite:people.db below the folder of source files. Without a password; the account needs no right but to read.",
    ),
    setting("tls", Kind::Check, "Encrypted, with the server's certificate checked", "Not for a file."),
    setting(
        "ca_pem",
        Kind::Pem,
        "Certificate authority (PEM)",
        "Only for a private authority. Empty = the authorities this server trusts.",
    ),
    setting(
        "people",
        Kind::Text,
        "Table of people",
        "schema.table, or a query that begins with select: one row per person.",
    ),
    setting(
        "id_column",
        Kind::Text,
        "Immutable id",
        "The column that never changes and is never used again: the primary key.",
    ),
    setting("username_column", Kind::Text, "Username", "The column with the name people type."),
    setting(
        "name_columns",
        Kind::List,
        "Further names",
        "Columns that a typed name is compared with as well, separated by commas.",
    ),
    setting(
        "exact_names",
        Kind::Check,
        "Compare names exactly as written",
        "Any index on the column serves. Otherwise PostgreSQL needs one on lower(column).",
    ),
    setting(
        "active.column",
        Kind::Optional,
        "Active",
        "The column that says whether somebody is still there. Empty = whoever has a row is there.",
    ),
    setting(
        "active.values",
        Kind::List,
        "Active if",
        "Values of that column, in any case; everything else is a no. Empty = 1, true, t, yes, y.",
    ),
    setting(
        "expires_column",
        Kind::Optional,
        "Valid until",
        "The column with the end of the account. An empty one never ends.",
    ),
    setting(
        "password.column",
        Kind::Optional,
        "Stored password",
        "The hub compares typed passwords with it; none is sent to the database.",
    ),
    setting("password.salt_column", Kind::Optional, "Its salt", "Where it stands in a column of its own."),
    setting(
        "password.format.scheme",
        Kind::Pick(SCHEMES),
        "How it was made",
        "Where rows differ, describe formats in site.toml: a column and what its words mean.",
    ),
    setting(
        "password.format.template",
        Kind::Optional,
        "What was hashed",
        "Such as {SALT}{PASSWORD}. Empty = the usual of the scheme.",
    ),
    setting(
        "password.set_at_column",
        Kind::Optional,
        "Password set at",
        "The column with the time it was last changed.",
    ),
    setting("privileged.column", Kind::Optional, "Privileged", "The column that says who has special rights there."),
    setting("privileged.values", Kind::List, "Privileged if", "As above."),
    setting(
        "changed_column",
        Kind::Optional,
        "Changed at",
        "The column that grows with every change of a row: imports then read only what changed.",
    ),
    setting(
        "changed_overlap",
        Kind::Number,
        "Reaching back",
        "Seconds (or numbers) that such an import reaches back, because transactions end out of order.",
    ),
    setting("mapping", Kind::Mapping, "Column", ""),
    setting("groups.groups", Kind::Optional, "Table of groups", "One row per group. Empty = no groups."),
    setting("groups.id_column", Kind::Optional, "Id of a group", "Its primary key."),
    setting("groups.name_column", Kind::Optional, "Name of a group", ""),
    setting("groups.memberships", Kind::Optional, "Table of memberships", "One row per person and group."),
    setting("groups.person_column", Kind::Optional, "Person in it", "Its column with the person's id."),
    setting("groups.group_column", Kind::Optional, "Group in it", "Its column with the group's id."),
    setting("devices.devices", Kind::Optional, "Table of devices", "One row per device and owner. Empty = no devices."),
    setting("devices.id_column", Kind::Optional, "Id of a device", "Its primary key."),
    setting("devices.name_column", Kind::Optional, "Name of a device", ""),
    setting("devices.owner_column", Kind::Optional, "Owner", "The column with the person's id."),
    setting("devices.serial_number_column", Kind::Optional, "Serial number", ""),
    setting("devices.manufacturer_column", Kind::Optional, "Manufacturer", ""),
    setting("devices.model_column", Kind::Optional, "Model", ""),
    setting("connections", Kind::Number, "Connections", "Kept at most."),
    setting("page_size", Kind::Number, "Rows per page", "Of a paged read."),
];
