//! `/set-up`: the one-time link of `isthmus admin create`, or of an administrator, leads here.

use app::{
    door::{SetUpDonePage, SetUpPage, set_up_done_page, set_up_page},
    link,
};
use axum::{
    Form,
    extract::{Query, State},
    response::Response,
};
use axum_extra::extract::CookieJar;
use hub::HubError;
use secrecy::SecretString;
use serde::Deserialize;

use super::{page, see_other};
use crate::http::{AppState, Browser, Failure};

/// No `Debug`: it holds the secret of the link.
#[derive(Deserialize)]
pub struct SetUpQuery {
    #[serde(default)]
    token: String,
}

/// No `Debug`: it holds a password.
#[derive(Deserialize)]
pub struct SetUpForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    new_password: String,
}

#[derive(Deserialize)]
pub struct DoneQuery {
    #[serde(default)]
    username: String,
}

/// The form. Opening it does not spend the link: mail scanners open links.
pub async fn show(State(state): State<AppState>, Query(query): Query<SetUpQuery>) -> Result<Response, Failure> {
    form(&state, query.token, None).await
}

async fn form(state: &AppState, token: String, problem: Option<String>) -> Result<Response, Failure> {
    let secret = SecretString::from(token.clone());
    let found = state.hub.set_up_page(&secret).await?;
    let shown = SetUpPage {
        token,
        username: found.username.unwrap_or_else(|| found.display_name.clone()),
        person_name: found.display_name,
        minimum: hub::password::MINIMUM,
        problem,
    };
    Ok(page(set_up_page(&state.site.frame, &shown), &[]))
}

/// Sets the password and spends the link. Whoever was signed in in this browser no longer is.
pub async fn set_up(
    State(state): State<AppState>,
    browser: Browser,
    Form(form_sent): Form<SetUpForm>,
) -> Result<Response, Failure> {
    let token = SecretString::from(form_sent.token.clone());
    let username = state.hub.set_up_page(&token).await?.username.unwrap_or_default();
    match state.hub.set_up_password(&token, &SecretString::from(form_sent.new_password)).await {
        Ok(_) => {
            browser.signed_out().await?;
            Ok(see_other(&link::with_query("/set-up/done", &[("username", &username)]), CookieJar::new()))
        }
        Err(HubError::Invalid { message, .. }) => form(&state, form_sent.token, Some(message)).await,
        Err(error) => Err(error.into()),
    }
}

/// The password is set.
pub async fn done(State(state): State<AppState>, Query(query): Query<DoneQuery>) -> Response {
    let shown = SetUpDonePage { username: query.username, next: "/sign-in?return_to=%2Fconsole".to_owned() };
    page(set_up_done_page(&state.site.frame, &shown), &[])
}
