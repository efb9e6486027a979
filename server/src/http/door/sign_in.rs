//! `/sign-in`: the name first, then the password. A form that sends both at once is answered at once, so that
//! password managers and scripts need one step.

use app::door::{
    CodePage, DirectoryChoice, IdentifierPage, Passage, PasswordPage, ProviderLink, RefusalKind, RefusalPage,
    SignedInPage, code_page, identifier_page, password_page, refusal_page, signed_in_page,
};
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse as _, Response},
};
use axum_extra::extract::CookieJar;
use directory::{AuthorizationId, ClientId, SessionId};
use hub::{
    provider::PendingAuthorization,
    sign_in::{self, Refusal, SignInAnswer, SignInAttempt, SignInPage},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tracing::Instrument as _;

use super::{answer, form_target, page, see_other};
use crate::http::{AppState, Browser, ClientAddress, Failure, RequestId};

/// What the address of the page says.
#[derive(Debug, Default, Deserialize)]
pub struct SignInQuery {
    transaction: Option<String>,
    return_to: Option<String>,
}

/// What the forms send. No `Debug`: it holds the password.
#[derive(Deserialize)]
pub struct SignInForm {
    transaction: Option<String>,
    return_to: Option<String>,
    #[serde(default)]
    identifier: String,
    /// Absent where the page did not ask.
    directory: Option<String>,
    /// Absent in the first step.
    password: Option<String>,
}

/// Which application, or which page of the console, this sign-in is for.
pub(super) struct Way {
    authorization: Option<(AuthorizationId, PendingAuthorization)>,
    return_to: Option<String>,
}

impl Way {
    pub(super) async fn find(
        state: &AppState,
        transaction: Option<&str>,
        return_to: Option<String>,
    ) -> Result<Self, Failure> {
        let return_to = return_to.filter(|path| is_ours(path));
        let Some(transaction) = transaction.filter(|text| !text.is_empty()) else {
            return Ok(Self { authorization: None, return_to });
        };
        let id: AuthorizationId = transaction.parse().map_err(|_| super::ended())?;
        let pending = state.hub.pending_authorization(id).await?.ok_or_else(super::ended)?;
        Ok(Self { authorization: Some((id, pending)), return_to })
    }

    pub(super) fn passage(&self) -> Passage {
        Passage {
            transaction: self.authorization.as_ref().map(|(id, _)| id.to_string()),
            return_to: self.return_to.clone(),
            client_name: self.authorization.as_ref().map(|(_, pending)| pending.client_name.clone()),
        }
    }

    fn login_hint(&self) -> String {
        self.authorization.as_ref().and_then(|(_, pending)| pending.login_hint.clone()).unwrap_or_default()
    }

    /// The form ends, by redirect, at the application: browsers hold that against `form-action`.
    pub(super) fn form_targets(&self) -> Vec<String> {
        self.authorization.iter().filter_map(|(_, pending)| form_target(&pending.redirect_uri)).collect()
    }

    /// To the application, or to the console.
    pub(super) async fn onwards(
        &self,
        state: &AppState,
        session: SessionId,
        cookies: CookieJar,
    ) -> Result<Response, Failure> {
        match &self.authorization {
            Some((id, _)) => answer(state.hub.resume_authorization(*id, Some(session)).await?, cookies),
            None => Ok(see_other(self.return_to.as_deref().unwrap_or("/console"), cookies)),
        }
    }

    pub(super) fn client(&self) -> Option<&ClientId> {
        self.authorization.as_ref().map(|(_, pending)| &pending.client)
    }

    pub(super) fn authorization(&self) -> Option<AuthorizationId> {
        self.authorization.as_ref().map(|(id, _)| *id)
    }

    pub(super) fn return_to(&self) -> Option<String> {
        self.return_to.clone()
    }

    /// "Continue with …".
    async fn providers(&self, state: &AppState, identifier: Option<&str>) -> Result<Vec<ProviderLink>, Failure> {
        let offered = state.hub.sign_in_providers(self.client(), identifier).await?;
        Ok(offered.into_iter().map(|choice| ProviderLink { source: choice.source, label: choice.label }).collect())
    }

    async fn sign_in_page(&self, state: &AppState) -> Result<SignInPage, Failure> {
        Ok(state.hub.sign_in_page(self.client()).await?)
    }
}

/// The first step.
pub async fn show(
    State(state): State<AppState>,
    browser: Browser,
    Query(query): Query<SignInQuery>,
) -> Result<Response, Failure> {
    let way = Way::find(&state, query.transaction.as_deref(), query.return_to).await?;
    ask_identifier(&state, &browser, &way, way.login_hint(), false).await
}

async fn ask_identifier(
    state: &AppState,
    browser: &Browser,
    way: &Way,
    identifier: String,
    missing: bool,
) -> Result<Response, Failure> {
    let directories = way.sign_in_page(state).await?.directories;
    let directories: Vec<DirectoryChoice> =
        directories.into_iter().map(|d| DirectoryChoice { value: d.value, label: d.label }).collect();
    let chosen = browser.directory().unwrap_or_default();
    let providers = way.providers(state, None).await?;
    let form = IdentifierPage { passage: way.passage(), identifier, directories, chosen, providers, missing };
    Ok(page(identifier_page(&state.site.frame, &form), &way.form_targets()))
}

/// Either form: the name alone leads to the password, both together to an answer.
pub async fn sign_in(
    State(state): State<AppState>,
    ClientAddress(address): ClientAddress,
    RequestId(request_id): RequestId,
    browser: Browser,
    Form(form): Form<SignInForm>,
) -> Result<Response, Failure> {
    let way = Way::find(&state, form.transaction.as_deref(), form.return_to).await?;
    if form.identifier.trim().is_empty() {
        return ask_identifier(&state, &browser, &way, String::new(), true).await;
    }
    let directory = form.directory.clone().unwrap_or_default();
    let password = match form.password {
        Some(password) if !password.is_empty() => SecretString::from(password),
        other => {
            let missing = other.is_some();
            let providers = way.providers(&state, Some(&form.identifier)).await?;
            let form =
                PasswordPage { passage: way.passage(), identifier: form.identifier, directory, providers, missing };
            return Ok(page(password_page(&state.site.frame, &form), &way.form_targets()));
        }
    };
    let attempt = SignInAttempt {
        client: way.client().cloned(),
        identifier: form.identifier.clone(),
        password,
        directory: Some(directory.clone()).filter(|d| !d.is_empty()),
        address,
        device_cookie: browser.device(),
        browser: browser.words(),
        request_id,
    };
    // A task of its own: hanging up must not take back what the attempt counts for.
    let hub = state.hub.clone();
    let answered = tokio::spawn(async move { hub.sign_in(attempt).await }.in_current_span());
    let answer = answered.await.map_err(|error| Failure::internal(&format!("the sign-in ended early: {error}")))??;
    present(&state, &browser, &way, answer, (form.identifier, form.directory)).await
}

/// The answer as the browser gets it. With what was typed as a name, and the directory that was chosen.
pub(super) async fn present(
    state: &AppState,
    browser: &Browser,
    way: &Way,
    answer: SignInAnswer,
    (identifier, directory): (String, Option<String>),
) -> Result<Response, Failure> {
    match answer {
        SignInAnswer::SignedIn { session, new_device_cookie, banner, .. } => {
            browser.signed_in(session.id).await?;
            let cookies = browser.keep(new_device_cookie, directory);
            let Some(banner) = banner else { return way.onwards(state, session.id, cookies).await };
            let word = SignedInPage { passage: way.passage(), banner };
            let word = page(signed_in_page(&state.site.frame, &word), &way.form_targets());
            Ok((cookies, word).into_response())
        }
        SignInAnswer::CodeNeeded(step) => {
            let asked = CodePage { passage: way.passage(), step: step.0.expose_secret().to_owned(), problem: None };
            Ok(page(code_page(&state.site.frame, &asked), &way.form_targets()))
        }
        SignInAnswer::PasswordOffered(offered) => Ok(super::redirect::offer(state, way, offered, (None, None))),
        SignInAnswer::ChangeNeeded(needed) => {
            Ok(super::expired::ask(state, browser, way, &needed, (identifier, directory), None))
        }
        SignInAnswer::Refused(refusal) => {
            let providers = way.providers(state, Some(&identifier)).await?;
            let refused = refused(way, identifier, directory.unwrap_or_default(), providers, refusal);
            Ok(page(refusal_page(&state.site.frame, &refused), &way.form_targets()))
        }
    }
}

/// What the word after a sign-in sends.
#[derive(Debug, Deserialize)]
pub struct ContinueForm {
    transaction: Option<String>,
    return_to: Option<String>,
}

/// Onwards after the word that the directory did not answer (rows D1c and D15).
pub async fn go_on(
    State(state): State<AppState>,
    browser: Browser,
    Form(form): Form<ContinueForm>,
) -> Result<Response, Failure> {
    let way = Way::find(&state, form.transaction.as_deref(), form.return_to).await?;
    let session = browser.session_id().await?.ok_or_else(super::ended)?;
    way.onwards(&state, session, CookieJar::new()).await
}

fn refused(
    way: &Way,
    identifier: String,
    directory: String,
    providers: Vec<ProviderLink>,
    refusal: Refusal,
) -> RefusalPage {
    let kind = match refusal.page {
        sign_in::RefusalPage::Generic => RefusalKind::Generic,
        sign_in::RefusalPage::Outage => RefusalKind::Outage,
        sign_in::RefusalPage::NotEnabledYet => RefusalKind::NotEnabledYet,
        sign_in::RefusalPage::NotAllowedNow => RefusalKind::NotAllowedNow,
        sign_in::RefusalPage::Disabled => RefusalKind::Disabled,
        sign_in::RefusalPage::PasswordExpired => RefusalKind::PasswordExpired,
        sign_in::RefusalPage::SignInHere => RefusalKind::SignInHere,
        sign_in::RefusalPage::ContinueThere => RefusalKind::ContinueThere,
        sign_in::RefusalPage::AnswerRefused => RefusalKind::AnswerRefused,
    };
    RefusalPage {
        passage: way.passage(),
        kind,
        identifier,
        directory,
        providers,
        code: refusal.code,
        at: refusal.at,
        too_many: refusal.too_many,
        locked_words: refusal.locked_words,
        not_changed: refusal.not_changed,
    }
}

/// Only pages of the console and of one's own account are returned to: anything else in the address could be
/// somebody's trap.
fn is_ours(path: &str) -> bool {
    if path == super::change_password::PATH {
        return true;
    }
    let rest = path.strip_prefix("/console");
    let bounded = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    bounded && path.len() <= 2_000 && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') && !path.contains("//")
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn nobody_is_sent_elsewhere_after_signing_in() {
        for good in
            ["/account/password", "/console", "/console/people?after=x", "/console?x", "/console/people/0198c0de"]
        {
            assert!(is_ours(good), "{good}");
        }
        for bad in [
            "",
            "/",
            "//evil.example",
            "/console//evil.example",
            "/consoleevil",
            "https://evil.example/console",
            "/console\\evil",
            "/account/passwordx",
            "/account/password/../evil",
            "/console\r\nSet-Cookie: a=b",
            "/console/\u{e9}",
            "console",
            "/\\evil.example",
        ] {
            assert!(!is_ours(bad), "{bad}");
        }
    }
}
