//! What is asked of an OpenID provider and of Entra ID.

use super::{Kind, Setting, setting};

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "issuer",
        Kind::Url,
        "Issuer",
        "Exactly as its tokens name it; for Entra ID with the tenant's id, never common.",
    ),
    setting("client_id", Kind::Text, "Client ID", "Of the application that was registered there for this hub."),
    setting("graph", Kind::OptionalUrl, "Microsoft Graph", "For Entra ID: people, groups and devices are read there."),
    setting(
        "ca_pem",
        Kind::Pem,
        "Certificate authority (PEM)",
        "Only for a private authority. Empty = the authorities this server trusts.",
    ),
];
