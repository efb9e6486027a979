//! `/oauth2/authorize`: a browser brings an application's wish.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{Request, StatusCode},
    response::Response,
};
use hub::{Hub, provider::AuthorizeAnswer};

use super::{Browser, ErrorPage, request::browser_parameters, response::see_other};

pub async fn authorize(
    State(hub): State<Hub>,
    State(browser): State<Arc<dyn Browser>>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let page = |status, detail| ErrorPage { status, detail };
    let parameters = match browser_parameters(&parts, body).await {
        Ok(parameters) => parameters,
        Err(error) => return browser.error_page(&parts, page(StatusCode::BAD_REQUEST, error.description)).await,
    };
    let session = browser.session(&parts).await;
    let address = match hub.authorize(&parameters, session).await {
        Ok(AuthorizeAnswer::Page(error)) => {
            return browser.error_page(&parts, page(StatusCode::BAD_REQUEST, error.description)).await;
        }
        Ok(answer) => answer_address(answer),
        Err(error) => {
            tracing::error!(%error, "an authorization request failed");
            None
        }
    };
    match address.as_deref().and_then(see_other) {
        Some(response) => response,
        None => {
            let failed = page(StatusCode::INTERNAL_SERVER_ERROR, "something failed on this server");
            browser.error_page(&parts, failed).await
        }
    }
}

/// Where an answer sends the browser; empty for a page.
pub fn answer_address(answer: AuthorizeAnswer) -> Option<String> {
    match answer {
        AuthorizeAnswer::Redirect(address) => Some(address),
        AuthorizeAnswer::SignIn(id) => Some(format!("/sign-in?transaction={id}")),
        AuthorizeAnswer::Consent(id) => Some(format!("/sign-in/consent?transaction={id}")),
        AuthorizeAnswer::Page(_) => None,
    }
}
