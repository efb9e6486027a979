//! "Continue with …": to a provider, back from it, and the offer to set a password here (semantics, section 2.8; rows
//! D6r and D6s).

use app::door::{OfferPage, offer_page};
use axum::{
    Form,
    extract::{Path, Query, State},
    response::Response,
};
use hub::sign_in::{
    PasswordOfferAnswer, PasswordOfferChoice, PasswordOffered, RedirectAnswer, RedirectBack, RedirectBeginning,
    RedirectBegun, RedirectCaller, SignInAnswer,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tracing::Instrument as _;

use super::{
    ended, page, see_other,
    sign_in::{Way, present},
};
use crate::http::{AppState, Browser, ClientAddress, Failure, RequestId};

/// What the link says.
#[derive(Debug, Default, Deserialize)]
pub struct BeginQuery {
    #[serde(default)]
    source: String,
    transaction: Option<String>,
    return_to: Option<String>,
    identifier: Option<String>,
}

/// What the provider adds to the address. Never logged: the code is a secret.
#[derive(Deserialize)]
pub struct CallbackQuery {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// No `Debug`: it holds passwords.
#[derive(Deserialize)]
pub struct OfferForm {
    transaction: Option<String>,
    return_to: Option<String>,
    #[serde(default)]
    step: String,
    #[serde(default)]
    new_password: String,
    #[serde(default)]
    repeated_password: String,
    decision: Option<String>,
}

fn caller(browser: &Browser, address: std::net::IpAddr, request_id: String) -> RedirectCaller {
    RedirectCaller { address, device_cookie: browser.device(), browser: browser.words(), request_id }
}

/// Sends the browser to the provider.
pub async fn begin(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    RequestId(request_id): RequestId,
    browser: Browser,
    Query(query): Query<BeginQuery>,
) -> Result<Response, Failure> {
    let way = Way::find(&state, query.transaction.as_deref(), query.return_to).await?;
    let identifier = query.identifier.unwrap_or_default();
    let beginning = RedirectBeginning {
        source: query.source,
        authorization: way.authorization(),
        client: way.client().cloned(),
        return_to: way.return_to(),
        identifier: Some(identifier.clone()).filter(|typed| !typed.is_empty()),
        browser: browser.redirect(),
        caller: caller(&browser, address, request_id),
    };
    match state.hub.begin_redirect(beginning).await? {
        RedirectBegun::Go { to, browser: kept } => Ok(see_other(to.as_str(), browser.keep_redirect(kept))),
        RedirectBegun::Refused(refusal) => {
            present(&state, &browser, &way, SignInAnswer::Refused(refusal), (identifier, None)).await
        }
    }
}

/// Takes the browser back.
pub async fn callback(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    RequestId(request_id): RequestId,
    Path(source): Path<String>,
    browser: Browser,
    Query(query): Query<CallbackQuery>,
) -> Result<Response, Failure> {
    let outcome = match (query.code, query.error) {
        (Some(code), None) => Ok(SecretString::from(code)),
        (_, Some(error)) => Err(error),
        (None, None) => return Err(ended()),
    };
    let back = RedirectBack {
        source,
        state: query.state,
        outcome,
        issuer: query.iss,
        browser: browser.redirect(),
        caller: caller(&browser, address, request_id),
    };
    // A task of its own: the code is used up, whether or not somebody waits for the answer.
    let hub = state.hub.clone();
    let finished = tokio::spawn(async move { hub.finish_redirect(back).await }.in_current_span());
    let finished =
        finished.await.map_err(|error| Failure::internal(&format!("the sign-in ended early: {error}")))??;
    let finished = finished.ok_or_else(ended)?;
    let transaction = finished.authorization.map(|id| id.to_string());
    let way = Way::find(&state, transaction.as_deref(), finished.return_to).await?;
    match finished.answer {
        RedirectAnswer::Decided(answer) => present(&state, &browser, &way, answer, (String::new(), None)).await,
        RedirectAnswer::BackToThePage => Ok(see_other(&way.passage().start(), axum_extra::extract::CookieJar::new())),
    }
}

/// The page of the offer, with what was wrong with the last try.
pub(super) fn offer(
    state: &AppState,
    way: &Way,
    offered: PasswordOffered,
    (new_problem, repeated_problem): (Option<String>, Option<String>),
) -> Response {
    let shown = OfferPage {
        passage: way.passage(),
        step: offered.step.0.expose_secret().to_owned(),
        username: offered.username.unwrap_or_else(|| offered.display_name.clone()),
        person_name: offered.display_name,
        minimum: hub::password::MINIMUM,
        may_skip: offered.may_skip,
        new_problem,
        repeated_problem,
    };
    page(offer_page(&state.site.frame, &shown), &way.form_targets())
}

/// Takes the password, or puts it off.
pub async fn finish_offer(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    RequestId(request_id): RequestId,
    browser: Browser,
    Form(form): Form<OfferForm>,
) -> Result<Response, Failure> {
    let way = Way::find(&state, form.transaction.as_deref(), form.return_to).await?;
    let choice = match form.decision.as_deref() {
        Some("skip") => PasswordOfferChoice::Skip,
        Some(_) | None => {
            PasswordOfferChoice::Set { new: form.new_password.into(), repeated: form.repeated_password.into() }
        }
    };
    let (hub, step) = (state.hub.clone(), SecretString::from(form.step));
    let caller = caller(&browser, address, request_id);
    let finished =
        tokio::spawn(async move { hub.finish_password_offer(&step, choice, &caller).await }.in_current_span());
    let finished =
        finished.await.map_err(|error| Failure::internal(&format!("the sign-in ended early: {error}")))??;
    match finished {
        PasswordOfferAnswer::SignedIn(answer) => present(&state, &browser, &way, answer, (String::new(), None)).await,
        PasswordOfferAnswer::Again { offered, new, repeated } => Ok(offer(&state, &way, offered, (new, repeated))),
        PasswordOfferAnswer::Ended => Err(ended()),
    }
}
