//! `/oauth2/authorize`: a browser brings an application's wish.

use std::sync::Arc;

use axum::{body::Body, extract::State, http::Request, response::Response};
use hub::{Hub, provider::AuthorizeAnswer};

use super::{
    Browser,
    request::browser_parameters,
    response::{FAILURE_PAGE, failure_page, refusal_page, see_other},
};

pub async fn authorize(
    State(hub): State<Hub>,
    State(browser): State<Arc<dyn Browser>>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let parameters = match browser_parameters(&parts, body).await {
        Ok(parameters) => parameters,
        Err(error) => return browser.error_page(&parts, refusal_page(error)).await,
    };
    let session = browser.session(&parts).await;
    let answer = match hub.authorize(&parameters, session).await {
        Ok(answer) => answer,
        Err(error) => return browser.error_page(&parts, failure_page(&error)).await,
    };
    let address = match answer {
        AuthorizeAnswer::Redirect(address) => address,
        AuthorizeAnswer::SignIn(id) => format!("/sign-in?transaction={id}"),
        AuthorizeAnswer::Consent(id) => format!("/sign-in/consent?transaction={id}"),
        AuthorizeAnswer::Page(error) => return browser.error_page(&parts, refusal_page(error)).await,
    };
    match see_other(&address) {
        Some(response) => response,
        None => browser.error_page(&parts, FAILURE_PAGE).await,
    }
}
