//! `/sign-in/change`: a new password for a directory that wants one first (row D11). Reached only from a right password.

use app::door::{ChangeUnknownPage, ExpiredPage, change_unknown_page, expired_page};
use axum::{
    Form,
    extract::State,
    response::{IntoResponse as _, Response},
};
use hub::sign_in::{ChangeNeeded, ExpiredAnswer, ExpiredChange, SignInAttempt};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tracing::Instrument as _;

use super::{
    ended, page,
    sign_in::{Way, present},
};
use crate::http::{AppState, Browser, ClientAddress, Failure, RequestId};

/// No `Debug`: it holds passwords.
#[derive(Deserialize)]
pub struct ExpiredForm {
    transaction: Option<String>,
    return_to: Option<String>,
    #[serde(default)]
    step: String,
    #[serde(default)]
    identifier: String,
    directory: Option<String>,
    #[serde(default)]
    password: String,
    #[serde(default)]
    new_password: String,
    #[serde(default)]
    repeated_password: String,
}

/// What was typed as a name, and the directory that was chosen.
pub(super) type Typed = (String, Option<String>);
/// What is wrong with the current password, the new one, and its repetition.
type Problems = (Option<String>, Option<String>, Option<String>);

fn form(state: &AppState, way: &Way, step: String, label: String, typed: Typed, problems: Problems) -> Response {
    let (current_problem, new_problem, repeated_problem) = problems;
    let shown = ExpiredPage {
        passage: way.passage(),
        step,
        identifier: typed.0,
        directory: typed.1.unwrap_or_default(),
        label,
        minimum: hub::password::MINIMUM,
        current_problem,
        new_problem,
        repeated_problem,
    };
    page(expired_page(&state.site.frame, &shown), &way.form_targets())
}

/// The page of a fresh step, which this browser alone can answer.
pub(super) fn ask(
    state: &AppState,
    browser: &Browser,
    way: &Way,
    needed: &ChangeNeeded,
    typed: Typed,
    why: Option<String>,
) -> Response {
    let cookies = browser.keep_change(needed.browser.0.expose_secret().to_owned());
    let step = needed.step.0.expose_secret().to_owned();
    (cookies, form(state, way, step, needed.label.clone(), typed, (None, why, None))).into_response()
}

/// Takes the new password.
pub async fn change(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    RequestId(request_id): RequestId,
    browser: Browser,
    Form(sent): Form<ExpiredForm>,
) -> Result<Response, Failure> {
    let way = Way::find(&state, sent.transaction.as_deref(), sent.return_to).await?;
    let attempt = SignInAttempt {
        client: way.client().cloned(),
        identifier: sent.identifier.clone(),
        password: SecretString::from(sent.password),
        directory: sent.directory.clone().filter(|directory| !directory.is_empty()),
        address,
        device_cookie: browser.device(),
        browser: browser.words(),
        request_id,
    };
    let wanted = ExpiredChange {
        attempt,
        step: SecretString::from(sent.step.clone()),
        browser: browser.change(),
        new: sent.new_password.into(),
        repeated: sent.repeated_password.into(),
    };
    // A task of its own: hanging up must not leave a change that nobody wrote down.
    let hub = state.hub.clone();
    let changed = tokio::spawn(async move { hub.change_expired_password(wanted).await }.in_current_span());
    let changed = changed.await.map_err(|error| Failure::internal(&format!("the change ended early: {error}")))??;
    let typed = (sent.identifier, sent.directory);
    match changed {
        ExpiredAnswer::Decided(answer) => present(&state, &browser, &way, answer, typed).await,
        ExpiredAnswer::Wrong { label, current, new, repeated } => {
            Ok(form(&state, &way, sent.step, label, typed, (current, new, repeated)))
        }
        ExpiredAnswer::NotTaken { needed, why } => Ok(ask(&state, &browser, &way, &needed, typed, Some(why))),
        ExpiredAnswer::Unknown { label, code, at } => {
            let unknown = ChangeUnknownPage { passage: way.passage(), label, code, at };
            Ok(page(change_unknown_page(&state.site.frame, &unknown), &way.form_targets()))
        }
        ExpiredAnswer::Ended => Err(ended()),
    }
}
