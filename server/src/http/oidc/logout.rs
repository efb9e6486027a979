//! `/oauth2/logout`: an application sends somebody to sign out.

use std::sync::Arc;

use axum::{body::Body, extract::State, http::Request, response::Response};
use hub::{Hub, provider::LogoutAnswer};

use super::{
    Browser,
    request::browser_parameters,
    response::{failure_page, refusal_page, see_other},
};

pub async fn logout(
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
    match hub.logout(&parameters, session, false).await {
        Ok(LogoutAnswer::Page(error)) => browser.error_page(&parts, refusal_page(error)).await,
        Ok(LogoutAnswer::Confirm { client_name, hidden }) => {
            browser.confirm_sign_out(&parts, client_name, hidden).await
        }
        Ok(LogoutAnswer::SignedOut { next }) => {
            browser.forget(&parts).await;
            match next.as_deref().and_then(see_other) {
                Some(response) => response,
                None => browser.signed_out(&parts).await,
            }
        }
        Err(error) => browser.error_page(&parts, failure_page(&error)).await,
    }
}
