//! What the provider's endpoints ask of the browser: its session, and pages for people.

use std::sync::Arc;

use app::door::{SignOutPage, SignedOutPage, sign_out_page, signed_out_page};
use async_trait::async_trait;
use axum::{
    extract::{FromRef, FromRequestParts as _},
    http::request::Parts,
    response::{IntoResponse as _, Response},
};
use directory::SessionId;

use super::{AppState, Browser, Failure, door, oidc};

/// The state as the provider sees it.
struct ProviderBrowser(AppState);

impl FromRef<AppState> for Arc<dyn oidc::Browser> {
    fn from_ref(state: &AppState) -> Self {
        Arc::new(ProviderBrowser(state.clone()))
    }
}

impl ProviderBrowser {
    async fn browser(&self, request: &Parts) -> Result<Browser, Failure> {
        Browser::from_request_parts(&mut request.clone(), &self.0).await
    }
}

#[async_trait]
impl oidc::Browser for ProviderBrowser {
    async fn session(&self, request: &Parts) -> Option<SessionId> {
        // A store that fails was logged, and is the same as nobody: the person is asked to sign in.
        self.browser(request).await.ok()?.session_id().await.ok()?
    }

    async fn forget(&self, request: &Parts) {
        if let Ok(browser) = self.browser(request).await {
            // The person's session has ended; a browser session that points at it opens nothing.
            let _ = browser.signed_out().await;
        }
    }

    async fn error_page(&self, _request: &Parts, page: oidc::ErrorPage) -> Response {
        if page.status.is_server_error() {
            let title = "Not possible just now";
            return Failure::new(page.status, title, &format!("Nothing was changed: {}.", page.detail)).into_response();
        }
        let message = format!("The application's request is refused: {}.", page.detail);
        Failure::new(page.status, "This cannot go on", &message).into_response()
    }

    async fn confirm_sign_out(
        &self,
        request: &Parts,
        client_name: Option<String>,
        hidden: Vec<(&'static str, String)>,
    ) -> Response {
        // The form ends at the address the application asks for; whether it is registered, the hub has checked.
        let targets: Vec<String> = hidden
            .iter()
            .filter(|(name, _)| *name == "post_logout_redirect_uri")
            .filter_map(|(_, uri)| door::form_target(uri))
            .collect();
        let person_name = match self.person_name(request).await {
            Ok(name) => name,
            Err(failure) => return failure.into_response(),
        };
        let hidden = hidden.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let html = sign_out_page(&self.0.site.frame, &SignOutPage { person_name, client_name, hidden });
        door::page(html, &targets)
    }

    async fn signed_out(&self, _request: &Parts) -> Response {
        door::page(signed_out_page(&self.0.site.frame, &SignedOutPage { next: None }), &[])
    }
}

impl ProviderBrowser {
    async fn person_name(&self, request: &Parts) -> Result<String, Failure> {
        let browser = self.browser(request).await?;
        match door::session_of(&self.0.hub, &browser).await? {
            Some(session) => Ok(self.0.hub.name_of(session.person).await?),
            None => Ok(String::new()),
        }
    }
}
