//! For the machine that watches: does it live, can it work.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use hub::Hub;

/// A load balancer wants to know now, not when the database has come back.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers and has this version's schema. Sources do not count: that one of them is down is their news.
pub async fn readyz(State(hub): State<Hub>) -> (StatusCode, &'static str) {
    match tokio::time::timeout(PATIENCE, crate::wiring::database_is_ready(&hub)).await {
        Ok(Ok(())) => return (StatusCode::OK, ready(&hub).await),
        Ok(Err(error)) => tracing::error!(%error, "not ready"),
        Err(_) => tracing::error!("not ready: the database did not answer within {} s", PATIENCE.as_secs()),
    }
    (StatusCode::SERVICE_UNAVAILABLE, "not ready: the log says why\n")
}

/// That the audit log is not vouched for takes no server out of service, but is said.
async fn ready(hub: &Hub) -> &'static str {
    match tokio::time::timeout(PATIENCE, hub.audit_chain()).await {
        Ok(Ok(chain)) if !chain.is_well() => "ready, but the audit log is not vouched for: the log says why\n",
        Ok(_) | Err(_) => "ready\n",
    }
}
