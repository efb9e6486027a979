//! `/sign-out`: asked first, because a link elsewhere must not end a session by itself.

use app::{
    door::{SignOutPage, SignedOutPage, sign_out_page, signed_out_page},
    link,
};
use axum::{Form, extract::State, response::Response};
use axum_extra::extract::CookieJar;

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

/// Ends the session. An application that asked for it gets its person back from the logout endpoint, which checks
/// where to.
pub async fn sign_out(
    State(state): State<AppState>,
    browser: Browser,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    if let Some(id) = browser.session_id().await? {
        state.hub.end_session(id).await?;
    }
    browser.signed_out().await?;
    let known = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];
    let asked: Vec<(&str, &str)> = fields
        .iter()
        .filter(|(name, _)| known.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let path = if asked.is_empty() { "/sign-out".to_owned() } else { link::with_query("/oauth2/logout", &asked) };
    Ok(see_other(&path, CookieJar::new()))
}
