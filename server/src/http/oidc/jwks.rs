//! `/oauth2/jwks`: the public keys.

use axum::{extract::State, response::Response};
use hub::Hub;

use super::response::{public_json, server_error};

pub async fn jwks(State(hub): State<Hub>) -> Response {
    match hub.jwks().await {
        Ok(document) => public_json(&document),
        Err(error) => server_error(&error),
    }
}
