//! `/.well-known/openid-configuration`.

use axum::{extract::State, response::Response};
use hub::Hub;

use super::response::{public_json, server_error};

pub async fn discovery(State(hub): State<Hub>) -> Response {
    match hub.discovery().await {
        Ok(document) => public_json(&document),
        Err(error) => server_error(&error),
    }
}
