//! The pages on the way in and out: sign-in, consent, sign-out, set-up. The hub decides, `app::door` draws.

pub mod sign_out;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use axum_extra::extract::CookieJar;
use hub::{Hub, session::Session};

use super::{Browser, Failure, headers};

/// A drawn page. `form_targets`: origins its form may lead to by redirect.
pub fn page(html: String, form_targets: &[String]) -> Response {
    (headers::door_policy(form_targets), Html(html)).into_response()
}

/// After a form was posted: `303 See Other`, never a redirect that would send a password on (RFC 9700, 4.12).
pub fn see_other(path: &str, cookies: CookieJar) -> Response {
    match HeaderValue::from_str(path) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)], cookies).into_response(),
        Err(_) => Failure::internal("a redirect to an address that is no header value").into_response(),
    }
}

/// The living session of this browser.
pub async fn session_of(hub: &Hub, browser: &Browser) -> Result<Option<Session>, Failure> {
    let Some(id) = browser.session_id().await? else { return Ok(None) };
    Ok(hub.session(id).await?)
}
