//! The endpoints of the OpenID provider, one file each: HTTP to plain data and back. The rules are in `oidc` and
//! `hub::provider`.

mod authorize;
mod cors;
mod discovery;
mod jwks;
mod logout;
mod request;
mod response;
mod token;
mod user_info;

use std::sync::Arc;

use axum::{
    Router,
    extract::FromRef,
    http::{StatusCode, request::Parts},
    middleware,
    response::Response,
    routing::{get, post},
};
use directory::SessionId;
use hub::Hub;
use oidc::paths;

/// What the provider needs of the rest of the server: the browser's session, and pages for people.
#[async_trait::async_trait]
pub trait Browser: Send + Sync {
    /// The session this browser carries, if any; whether it is alive is for the hub to say.
    async fn session(&self, request: &Parts) -> Option<SessionId>;
    /// Takes the session out of the browser.
    async fn forget(&self, request: &Parts);
    /// A page that says why nothing happened. Never a redirect.
    async fn error_page(&self, request: &Parts, page: ErrorPage) -> Response;
    /// "Sign out?", with the fields its form posts to `/sign-out`.
    async fn confirm_sign_out(
        &self,
        request: &Parts,
        client_name: Option<String>,
        hidden: Vec<(&'static str, String)>,
    ) -> Response;
    /// "You are signed out."
    async fn signed_out(&self, request: &Parts) -> Response;
}

/// Why a browser is shown a page instead of being sent back to the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorPage {
    pub status: StatusCode,
    /// For whoever runs the application: fixed text, nothing of the request.
    pub detail: &'static str,
}

/// The provider's routes, for a state that has a hub and knows its browsers.
pub fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Hub: FromRef<S>,
    Arc<dyn Browser>: FromRef<S>,
{
    // Applications that run in a browser read these from their own origin; cookies do not come with such requests.
    let open_to_scripts = Router::new()
        .route(paths::DISCOVERY, get(discovery::discovery).options(cors::preflight))
        .route(paths::JWKS, get(jwks::jwks).options(cors::preflight))
        .route(paths::TOKEN, post(token::token).options(cors::preflight))
        .route(paths::USER_INFO, get(user_info::get).post(user_info::post).options(cors::preflight))
        .layer(middleware::map_response(cors::allow_any_origin));
    Router::new()
        .route(paths::AUTHORIZE, get(authorize::authorize).post(authorize::authorize))
        .route(paths::LOGOUT, get(logout::logout).post(logout::logout))
        .merge(open_to_scripts)
}
