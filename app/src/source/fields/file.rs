//! What is asked of a source that is a file.

use super::{Kind, Setting, setting};

pub(super) const SETTINGS: &[Setting] = &[
    setting("path", Kind::Text, "File", "Below the folder of source files (--source-files), such as staff/people.csv."),
    setting(
        "format",
        Kind::Pick(&[
            ("csv", "CSV, columns named in the first line"),
            ("json-lines", "JSON, one object per line"),
            ("ldif", "LDIF"),
        ]),
        "Format",
        "UTF-8.",
    ),
    setting(
        "delimiter",
        Kind::Pick(&[("comma", "comma"), ("semicolon", "semicolon"), ("tab", "tab"), ("pipe", "vertical bar")]),
        "Between columns",
        "Of CSV.",
    ),
    setting(
        "id",
        Kind::Text,
        "Immutable id",
        "The column with an id that never changes, such as a personnel number. An id that is there twice is nobody's.",
    ),
    setting("username", Kind::Text, "Username", "The column with the name people type."),
    setting(
        "names",
        Kind::List,
        "Further names",
        "Columns that a typed name is compared with as well, separated by commas.",
    ),
    setting(
        "status",
        Kind::Optional,
        "Status",
        "The column that says whether somebody is still there. Empty = whoever is in the file is there.",
    ),
    setting("inactive", Kind::List, "Not there if", "Values of that column, in any case, separated by commas."),
    setting("groups", Kind::Optional, "Groups", "The column with a person's groups."),
    setting("separator", Kind::Text, "Between values", "What separates several groups in one cell."),
    setting("person_class", Kind::Optional, "Object class of people", "Of LDIF, such as inetOrgPerson."),
    setting(
        "password",
        Kind::Optional,
        "Stored password",
        "The column with it, for importing passwords of other systems.",
    ),
    setting(
        "groups_path",
        Kind::Optional,
        "File of groups",
        "Columns: id, name, description, members. Then the column with groups does not count. Not for LDIF.",
    ),
    setting(
        "devices_path",
        Kind::Optional,
        "File of devices",
        "Columns: id, name, sid, serial_number, manufacturer, model, operating_system, operating_system_version, enabled, owners, last_seen. Not for LDIF.",
    ),
    setting(
        "settle_seconds",
        Kind::Number,
        "Left alone for how many seconds",
        "What was changed later is not read yet: whoever writes it may not be done.",
    ),
    setting("mapping", Kind::Mapping, "Column", ""),
];
