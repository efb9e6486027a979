//! For the machine that watches: does it live, can it work.

use axum::{extract::State, http::StatusCode};
use hub::Hub;

/// The process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers and has this version's schema. Sources do not count: that one of them is down is their news.
pub async fn readyz(State(hub): State<Hub>) -> (StatusCode, &'static str) {
    match crate::wiring::database_is_ready(&hub).await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: the log says why\n")
        }
    }
}
