//! What is asked of a SCIM service.

use super::{Kind, Setting, setting};

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "url",
        Kind::Url,
        "Address",
        "The base below which Users and Groups are, such as https://scim.example.org/v2/.",
    ),
    setting(
        "ca_pem",
        Kind::Pem,
        "Certificate authority (PEM)",
        "Only for a private authority. Empty = the authorities this server trusts.",
    ),
    setting("groups", Kind::Check, "It has groups to read", ""),
    setting("page_size", Kind::Number, "Asked for at once", "The service may show fewer."),
];
