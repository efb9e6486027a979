//! From HTTP to the hub and back. A handler parses, makes one call of the hub, presents the answer.

pub mod client_address;
pub mod headers;
mod health;
pub mod oidc;
mod origin_guard;
mod request_log;

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::FromRef, http::StatusCode, middleware, routing::get};
use hub::Hub;
use ipnet::IpNet;
use tower_http::{limit::RequestBodyLimitLayer, timeout::TimeoutLayer};
use url::Url;

use crate::config::ServeSettings;

/// Longest request, so that a stuck one does not hold its connection.
const REQUEST_TIME_LIMIT: Duration = Duration::from_secs(30);
/// Largest body: a source form with a CA bundle fits.
const BODY_LIMIT: usize = 512 * 1024;

/// What every handler is given.
#[derive(Clone)]
pub struct AppState {
    pub hub: Hub,
    pub site: Arc<Site>,
}

/// What this server is to browsers.
#[derive(Debug)]
pub struct Site {
    pub public_url: Url,
    /// Scheme, host and port, as browsers write it in `Origin`.
    pub origin: String,
    /// Browsers speak https to us: `__Host-` cookies, HSTS.
    pub secure: bool,
    pub trusted_proxies: Vec<IpNet>,
}

impl AppState {
    pub fn new(hub: Hub, settings: &ServeSettings) -> anyhow::Result<Self> {
        let public_url = settings.public_url.clone();
        Ok(Self {
            hub,
            site: Arc::new(Site {
                origin: public_url.origin().ascii_serialization(),
                secure: public_url.scheme() == "https",
                trusted_proxies: settings.trusted_proxies.clone(),
                public_url,
            }),
        })
    }
}

impl FromRef<AppState> for Hub {
    fn from_ref(state: &AppState) -> Self {
        state.hub.clone()
    }
}

impl FromRef<AppState> for Arc<Site> {
    fn from_ref(state: &AppState) -> Self {
        Arc::clone(&state.site)
    }
}

/// Everything this server answers.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME_LIMIT))
        .layer(middleware::from_fn_with_state(state.clone(), origin_guard::guard))
        .layer(middleware::from_fn_with_state(state.clone(), client_address::establish))
        .layer(middleware::from_fn_with_state(state.clone(), headers::add))
        .layer(middleware::from_fn_with_state(state.clone(), request_log::log))
        .with_state(state)
}
