//! What a sign-in adds to the published figures: words of ours only, never who or from where.

use std::time::Duration;

use directory::metric;

use super::decision::Row;
use crate::HubError;

/// Who decided. A row of the hub's own verifier is the hub's, also while a source is down (D15).
pub(super) const fn path(row: Row, source_answered: bool) -> &'static str {
    match row {
        Row::D1 | Row::D2 | Row::D2b | Row::D2c | Row::D4 | Row::D5 | Row::D15 | Row::D15b | Row::D28 => "hub",
        _ if source_answered => "source",
        _ => "none",
    }
}

/// An attempt that the decision table, or a paragraph before it, has answered.
pub(super) fn decided(row: Row, source_answered: bool, signed_in: bool, took: Duration) {
    let path = path(row, source_answered);
    tracing::Span::current().record("row", row.as_str()).record("path", path);
    let outcome = if signed_in { "signed-in" } else { "refused" };
    metrics::counter!(metric::SIGN_INS, "path" => path, "outcome" => outcome, "row" => row.as_str()).increment(1);
    metrics::histogram!(metric::SIGN_IN_SECONDS, "path" => path, "outcome" => outcome).record(took);
}

/// A span of a request to a directory, for a collector. Its name is the administrator's, never an account's.
pub(super) fn asking(call: &'static str, source: &str) -> tracing::Span {
    tracing::info_span!(target: "isthmus::trace", "source", call, source, result = tracing::field::Empty)
}

/// An attempt that ended in an error of ours.
pub(super) fn failed<T>(result: &Result<T, HubError>) {
    let Err(error) = result else { return };
    let reason = match error {
        HubError::Storage(_) => "storage",
        HubError::Overloaded => "overloaded",
        HubError::Vault(_) => "vault",
        HubError::Source(_) => "source",
        HubError::Internal(_) => "internal",
        // What the caller asked for was wrong: an application that is not there.
        HubError::Denied(_) | HubError::NotFound(_) | HubError::Invalid { .. } | HubError::Refused(_) => return,
    };
    metrics::counter!(metric::SIGN_IN_ERRORS, "reason" => reason).increment(1);
}
