//! `/account/password`: a password that is kept here is changed here, by the person whose it is.

use app::{
    door::{ChangePasswordPage, ErrorPage, change_password_page, error_page},
    link,
};
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse as _, Response},
};
use axum_extra::extract::CookieJar;
use directory::SessionId;
use hub::{
    HubError,
    sign_in::{PasswordChange, PasswordChangeAnswer, PasswordPlace},
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{page, see_other};
use crate::http::{AppState, Browser, ClientAddress, Failure};

pub const PATH: &str = "/account/password";

/// What the address of the page says.
#[derive(Debug, Default, Deserialize)]
pub struct ChangeQuery {
    changed: Option<String>,
}

/// No `Debug`: it holds passwords.
#[derive(Deserialize)]
pub struct ChangeForm {
    #[serde(default)]
    password: String,
    #[serde(default)]
    new_password: String,
    #[serde(default)]
    repeated_password: String,
}

/// The form, or where this person's password is changed instead.
pub async fn show(
    State(state): State<AppState>,
    browser: Browser,
    Query(query): Query<ChangeQuery>,
) -> Result<Response, Failure> {
    let Some(session) = living(&state, &browser).await? else { return Ok(to_sign_in()) };
    if query.changed.is_some() {
        return Ok(message(&state, "Your password is changed", "Everywhere else you have been signed out."));
    }
    form(&state, session, ChangePasswordPage::default()).await
}

async fn form(state: &AppState, session: SessionId, problems: ChangePasswordPage) -> Result<Response, Failure> {
    Ok(match state.hub.password_place(session).await? {
        PasswordPlace::Hub { display_name, username } => {
            let shown = ChangePasswordPage {
                username: username.unwrap_or_else(|| display_name.clone()),
                person_name: display_name,
                minimum: hub::password::MINIMUM,
                ..problems
            };
            page(change_password_page(&state.site.frame, &shown), &[])
        }
        PasswordPlace::Source { label } => {
            let text = format!(
                "It is kept in {label}, and what you change there counts here at once. Change it where you always \
                 did: at your computer's lock screen, or with the help of those who run {label}."
            );
            message(state, "Your password is not kept here", &text)
        }
        PasswordPlace::Nowhere => {
            message(state, "You have no password here", "Ask help desk how you are meant to sign in.")
        }
    })
}

fn message(state: &AppState, title: &str, text: &str) -> Response {
    let shown = ErrorPage {
        title: title.to_owned(),
        message: text.to_owned(),
        code: None,
        at: state.hub.clock.now(),
        next: Some(("Go on".to_owned(), "/console".to_owned())),
    };
    page(error_page(&state.site.frame, &shown), &[])
}

/// Changes it. This browser goes on with a new session and a new cookie; every other one is signed out.
pub async fn change(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    browser: Browser,
    Form(sent): Form<ChangeForm>,
) -> Result<Response, Failure> {
    let Some(session) = living(&state, &browser).await? else { return Ok(to_sign_in()) };
    let change = PasswordChange {
        session,
        current: SecretString::from(sent.password),
        new: SecretString::from(sent.new_password),
        repeated: SecretString::from(sent.repeated_password),
        address,
        device_cookie: browser.device(),
        browser: browser.words(),
    };
    // A task of its own: hanging up must not take back what the attempt counts for.
    let hub = state.hub.clone();
    let answered = tokio::spawn(async move { hub.change_password(change).await }).await;
    match answered.map_err(|error| Failure::internal(&format!("the change ended early: {error}")))? {
        Ok(PasswordChangeAnswer::Changed(session)) => {
            browser.signed_in(session.id).await?;
            Ok(see_other(&link::with_query(PATH, &[("changed", "1")]), CookieJar::new()))
        }
        Ok(PasswordChangeAnswer::Refused { current, new, repeated }) => {
            let problems = ChangePasswordPage {
                current_problem: current,
                new_problem: new,
                repeated_problem: repeated,
                ..ChangePasswordPage::default()
            };
            form(&state, session, problems).await
        }
        Err(HubError::Denied(_)) => Ok(to_sign_in()),
        Err(error) => Err(error.into()),
    }
}

async fn living(state: &AppState, browser: &Browser) -> Result<Option<SessionId>, Failure> {
    Ok(super::session_of(&state.hub, browser).await?.map(|session| session.id))
}

fn to_sign_in() -> Response {
    see_other(&link::with_query("/sign-in", &[("return_to", PATH)]), CookieJar::new()).into_response()
}
