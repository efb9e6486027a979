//! What failed, in the port's words.

use connector::{RedirectFailure, Trouble, TroubleKind};

pub(crate) fn trouble(kind: TroubleKind, endpoint: &str, reason: impl Into<String>) -> Trouble {
    Trouble { kind, endpoint: endpoint.to_owned(), reason: reason.into() }
}

pub(crate) fn refused(endpoint: &str, reason: impl Into<String>) -> RedirectFailure {
    RedirectFailure::Refused { endpoint: endpoint.to_owned(), reason: reason.into() }
}

/// What to do about a failed step of a live test.
pub(crate) const fn remedy(kind: TroubleKind) -> &'static str {
    match kind {
        TroubleKind::Unavailable | TroubleKind::BreakerOpen | TroubleKind::Busy => {
            "Check the address, the network between, and the certificate authority."
        }
        TroubleKind::Misconfigured => "Check the issuer, the client id, the client secret and what the client may do.",
        TroubleKind::Odd => "The provider gave an answer that the hub does not understand.",
    }
}

/// What OAuth's error codes (RFC 6749, 4.1.2.1 and 5.2) mean for the hub. `invalid_grant` is about the code, that is
/// about one attempt; what is wrong with the client is wrong for everybody.
pub(crate) fn kind_of(error: &str) -> TroubleKind {
    match error {
        "invalid_client" | "unauthorized_client" | "unsupported_grant_type" | "invalid_scope" | "invalid_target" => {
            TroubleKind::Misconfigured
        }
        "server_error" | "temporarily_unavailable" => TroubleKind::Unavailable,
        _ => TroubleKind::Odd,
    }
}

/// An error code as it may stand in a log: short, and of the characters RFC 6749 allows.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(200).collect()
}
