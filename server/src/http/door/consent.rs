//! `/sign-in/consent`: an application wants to know something, and the person decides.

use app::door::{Ask, AskKind, ConsentPage, consent_page};
use axum::{
    Form,
    extract::{Query, State},
    response::Response,
};
use axum_extra::extract::CookieJar;
use directory::AuthorizationId;
use hub::provider::ConsentAsk;
use oidc::Scope;
use serde::Deserialize;

use super::{answer, ended, form_target, page};
use crate::http::{AppState, Browser, Failure};

#[derive(Debug, Deserialize)]
pub struct ConsentQuery {
    transaction: String,
}

#[derive(Debug, Deserialize)]
pub struct ConsentForm {
    transaction: String,
    decision: String,
}

/// The question; or onwards, if there is nothing more to ask.
pub async fn show(
    State(state): State<AppState>,
    browser: Browser,
    Query(query): Query<ConsentQuery>,
) -> Result<Response, Failure> {
    let id: AuthorizationId = query.transaction.parse().map_err(|_| ended())?;
    let session = browser.session_id().await?;
    let Some(question) = state.hub.consent_question(id, session).await? else {
        return answer(state.hub.resume_authorization(id, session).await?, CookieJar::new());
    };
    let form = ConsentPage {
        transaction: id.to_string(),
        client_name: question.client_name,
        person_name: question.person_name,
        asks: question.asks.into_iter().map(ask).collect(),
    };
    let targets: Vec<String> = form_target(&question.redirect_uri).into_iter().collect();
    Ok(page(consent_page(&state.site.frame, &form), &targets))
}

/// The person's answer.
pub async fn decide(
    State(state): State<AppState>,
    browser: Browser,
    Form(form): Form<ConsentForm>,
) -> Result<Response, Failure> {
    let id: AuthorizationId = form.transaction.parse().map_err(|_| ended())?;
    let session = browser.session_id().await?;
    answer(state.hub.decide_consent(id, session, form.decision == "allow").await?, CookieJar::new())
}

fn ask(ask: ConsentAsk) -> Ask {
    let (kind, title) = match ask.scope {
        Scope::OpenId => (AskKind::Identity, "Who you are"),
        Scope::Profile => (AskKind::Identity, "Your name"),
        Scope::Email => (AskKind::Email, "Your e-mail address"),
        Scope::Phone => (AskKind::Phone, "Your phone number"),
        Scope::Groups => (AskKind::Groups, "Your groups"),
        Scope::OfflineAccess => (AskKind::Access, "This, also while you are away"),
    };
    Ask { kind, title: title.to_owned(), detail: ask.value }
}
