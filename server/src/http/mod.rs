//! From HTTP to the hub and back. A handler parses, makes one call of the hub, presents the answer.

mod assets;
mod audit_export;
mod browser;
pub mod client_address;
mod console;
pub mod door;
mod failure;
pub mod headers;
mod health;
mod import_export;
pub mod oidc;
mod origin_guard;
mod provider_browser;
mod proxies_seen;
mod request_log;

use std::{sync::Arc, time::Duration};

use app::{Assets, door::Frame};
use axum::{
    Router,
    extract::FromRef,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use hub::Hub;
use ipnet::IpNet;
use tower_http::{limit::RequestBodyLimitLayer, timeout::TimeoutLayer};
use url::{Host, Url};

pub use self::{
    assets::AssetFiles, browser::Browser, client_address::ClientAddress, failure::Failure, request_log::RequestId,
};
use crate::{config::ServeSettings, serve_options::ServeOptions};

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
    /// For `isthmus doctor`: which proxies named clients.
    pub proxies: proxies_seen::Proxies,
    pub asset_files: AssetFiles,
    pub assets: Assets,
    /// What every door page shares.
    pub frame: Frame,
}

impl AppState {
    pub fn new(hub: Hub, settings: &ServeSettings) -> anyhow::Result<Self> {
        let public_url = settings.public_url.clone();
        let (asset_files, assets) = AssetFiles::load()?;
        let organisation = match public_url.host() {
            Some(Host::Domain(name)) if !name.ends_with("localhost") => name.to_owned(),
            _ => "Isthmus".to_owned(),
        };
        Ok(Self {
            hub,
            site: Arc::new(Site {
                origin: public_url.origin().ascii_serialization(),
                secure: public_url.scheme() == "https",
                trusted_proxies: settings.trusted_proxies.clone(),
                proxies: proxies_seen::Proxies::new(ServeOptions::from(settings)),
                public_url,
                asset_files,
                frame: Frame { assets: assets.clone(), organisation, help_desk: None },
                assets,
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
    let with_browser = Router::new()
        .merge(oidc::router())
        .merge(console::router(&state))
        .route("/console/audit/export", post(audit_export::export))
        .route("/console/imports/export", post(import_export::export))
        .route("/sign-in", get(door::sign_in::show).post(door::sign_in::sign_in))
        .route("/sign-in/code", post(door::code::finish))
        .route("/sign-in/continue", post(door::sign_in::go_on))
        .route("/sign-in/redirect", get(door::redirect::begin))
        .route("/sign-in/callback/{source}", get(door::redirect::callback))
        .route("/sign-in/offer", post(door::redirect::finish_offer))
        .route("/sign-in/change", post(door::expired::change))
        .route("/sign-in/consent", get(door::consent::show).post(door::consent::decide))
        .route("/set-up", get(door::set_up::show).post(door::set_up::set_up))
        .route("/set-up/done", get(door::set_up::done))
        .route("/account/password", get(door::change_password::show).post(door::change_password::change))
        .route("/sign-out", get(door::sign_out::show).post(door::sign_out::sign_out))
        .layer(browser::session_layer(&state.hub, &state.site));
    Router::new()
        .merge(with_browser)
        .route("/", get(console::root))
        .route("/favicon.svg", get(console::favicon))
        .route("/assets/{name}", get(assets::serve))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(failure::not_found)
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME_LIMIT))
        .layer(middleware::from_fn_with_state(state.clone(), origin_guard::guard))
        .layer(middleware::from_fn_with_state(state.clone(), client_address::establish))
        .layer(middleware::from_fn_with_state(state.clone(), failure::present))
        .layer(middleware::from_fn_with_state(state.clone(), headers::add))
        .layer(middleware::from_fn_with_state(state.clone(), request_log::log))
        .with_state(state)
}
