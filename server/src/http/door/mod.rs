//! The pages on the way in and out: sign-in, consent, sign-out, set-up, change of password.
//! The hub decides, `app::door` draws.

pub mod change_password;
pub mod code;
pub mod consent;
pub mod expired;
pub mod redirect;
pub mod set_up;
pub mod sign_in;
pub mod sign_out;

use app::link;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use axum_extra::extract::CookieJar;
use hub::{Hub, provider::AuthorizeAnswer, session::Session};
use url::Url;

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

/// Where an authorization request leads next.
pub fn answer(answer: AuthorizeAnswer, cookies: CookieJar) -> Result<Response, Failure> {
    let transaction = |path: &str, id: String| link::with_query(path, &[("transaction", &id)]);
    let to = match answer {
        AuthorizeAnswer::Redirect(url) => url,
        AuthorizeAnswer::SignIn(id) => transaction("/sign-in", id.to_string()),
        AuthorizeAnswer::Consent(id) => transaction("/sign-in/consent", id.to_string()),
        AuthorizeAnswer::Page(error) => {
            return Err(Failure::new(
                StatusCode::BAD_REQUEST,
                "This sign-in cannot go on",
                &format!("The application's request is refused: {}.", error.description),
            ));
        }
    };
    Ok(see_other(&to, cookies))
}

/// The request that this form belonged to is no longer there.
pub fn ended() -> Failure {
    Failure::new(
        StatusCode::BAD_REQUEST,
        "This sign-in has ended",
        "It took too long, or was finished already. Go back to the application and sign in from there.",
    )
}

/// The origin of an application's address, as `form-action` names it.
#[must_use]
pub fn form_target(redirect_uri: &str) -> Option<String> {
    let origin = Url::parse(redirect_uri).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}
