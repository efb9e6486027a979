//! What the endpoints answer with.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hub::HubError;
use oidc::{ErrorCode, ProtocolError};
use serde::Serialize;
use serde_json::{Value, json};

use super::ErrorPage;

/// Tokens and people's data are kept nowhere on the way (RFC 6749 5.1).
const UNCACHED: [(HeaderName, &str); 2] = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];

const FAILED: &str = "something failed on this server";
const BUSY: &str = "this server is busy, or lacks its database just now: try again in a moment";

/// A document that is the same for everybody. Short-lived, so that a new key is seen soon.
pub fn public_json(document: &Value) -> Response {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(document)).into_response()
}

/// An answer that is for one reader only.
pub fn private_json(status: StatusCode, body: &impl Serialize) -> Response {
    (status, UNCACHED, Json(body)).into_response()
}

/// An error of the protocol (RFC 6749 5.2).
pub fn error_json(status: StatusCode, error: ProtocolError) -> Response {
    private_json(status, &json!({ "error": error.code.as_str(), "error_description": error.description }))
}

/// A failure of ours: the log has the reason, the client does not.
pub fn server_error(error: &HubError) -> Response {
    tracing::error!(%error, "an endpoint of the provider failed");
    if error.is_unavailable() {
        let busy = ProtocolError::new(ErrorCode::TemporarilyUnavailable, BUSY);
        return error_json(StatusCode::SERVICE_UNAVAILABLE, busy);
    }
    error_json(StatusCode::INTERNAL_SERVER_ERROR, ProtocolError::new(ErrorCode::ServerError, FAILED))
}

/// The page of a request that is refused, where a browser brought it.
pub const fn refusal_page(error: ProtocolError) -> ErrorPage {
    ErrorPage { status: StatusCode::BAD_REQUEST, detail: error.description }
}

/// The page of a failure of ours.
pub const FAILURE_PAGE: ErrorPage = ErrorPage { status: StatusCode::INTERNAL_SERVER_ERROR, detail: FAILED };

/// The same, told from one that is over in a moment.
pub fn failure_page(error: &HubError) -> ErrorPage {
    tracing::error!(%error, "an endpoint of the provider failed");
    if error.is_unavailable() {
        return ErrorPage { status: StatusCode::SERVICE_UNAVAILABLE, detail: BUSY };
    }
    FAILURE_PAGE
}

/// 303: whatever was posted is not posted again to the next address, least of all a password (RFC 9700 4.12).
/// Empty if the address cannot be a header.
pub fn see_other(address: &str) -> Option<Response> {
    let location = HeaderValue::from_str(address).ok()?;
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Some((StatusCode::SEE_OTHER, headers).into_response())
}
