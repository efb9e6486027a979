//! `/sign-out`: asked first, because a link elsewhere must not end a session by itself.

use app::door::{SignOutPage, SignedOutPage, sign_out_page, signed_out_page};
use axum::{extract::State, http::StatusCode, response::Response};
use axum_extra::extract::CookieJar;
use hub::provider::LogoutAnswer;
use oidc::Parameters;

use super::{page, see_other, session_of};
use crate::http::{AppState, Browser, Failure};

/// The question, or the news that nobody is signed in.
pub async fn show(State(state): State<AppState>, browser: Browser) -> Result<Response, Failure> {
    let frame = &state.site.frame;
    let html = match session_of(&state.hub, &browser).await? {
        Some(session) => {
            let person_name = state.hub.name_of(session.person).await?;
            sign_out_page(frame, &SignOutPage { person_name, client_name: None, hidden: Vec::new() })
        }
        None => signed_out_page(frame, &SignedOutPage { next: None }),
    };
    Ok(page(html, &[]))
}

/// Ends the session. Somebody whom an application sent here goes back to it, where it is registered.
pub async fn sign_out(State(state): State<AppState>, browser: Browser, body: String) -> Result<Response, Failure> {
    let unreadable = |_| Failure::new(StatusCode::BAD_REQUEST, "This form cannot be read", "Open the page again.");
    let parameters = Parameters::parse(&body).map_err(unreadable)?;
    let session = browser.session_id().await?;
    match state.hub.logout(&parameters, session, true).await? {
        LogoutAnswer::SignedOut { next } => {
            browser.signed_out().await?;
            Ok(see_other(next.as_deref().unwrap_or("/sign-out"), CookieJar::new()))
        }
        LogoutAnswer::Confirm { .. } => Ok(see_other("/sign-out", CookieJar::new())),
        LogoutAnswer::Page(error) => {
            let message = format!("The application's request is refused: {}.", error.description);
            Err(Failure::new(StatusCode::BAD_REQUEST, "This cannot go on", &message))
        }
    }
}
