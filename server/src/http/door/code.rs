//! `/sign-in/code`: the second step of a break-glass administrator (row D28). Reached only from a right password.

use app::door::{CodePage, code_page};
use axum::{Form, extract::State, response::Response};
use axum_extra::extract::CookieJar;
use hub::access::CodeAnswer;
use secrecy::SecretString;
use serde::Deserialize;

use super::{ended, page, sign_in::Way};
use crate::http::{AppState, Browser, Failure};

/// No `Debug`: it holds the proof of the first step and the code.
#[derive(Deserialize)]
pub struct CodeForm {
    transaction: Option<String>,
    return_to: Option<String>,
    #[serde(default)]
    step: String,
    #[serde(default)]
    code: String,
}

/// Takes the code.
pub async fn finish(
    State(state): State<AppState>,
    browser: Browser,
    Form(form): Form<CodeForm>,
) -> Result<Response, Failure> {
    let way = Way::find(&state, form.transaction.as_deref(), form.return_to).await?;
    let step = SecretString::from(form.step.clone());
    match state.hub.finish_break_glass(&step, &SecretString::from(form.code)).await? {
        CodeAnswer::SignedIn(session) => {
            browser.signed_in(session.id).await?;
            way.onwards(&state, session.id, CookieJar::new()).await
        }
        CodeAnswer::Wrong(problem) => {
            let again = CodePage { passage: way.passage(), step: form.step, problem: Some(problem.to_owned()) };
            Ok(page(code_page(&state.site.frame, &again), &way.form_targets()))
        }
        CodeAnswer::Ended => Err(ended()),
    }
}
