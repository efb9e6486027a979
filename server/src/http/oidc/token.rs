//! `/oauth2/token`: an application hands in a code or a refresh token.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, Request, StatusCode, header},
    response::Response,
};
use hub::{Hub, provider::ProviderError};
use oidc::{ErrorCode, ProtocolError};

use super::{
    request::{authorization, form_parameters},
    response::{error_json, private_json, server_error},
};

pub async fn token(State(hub): State<Hub>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let parameters = match form_parameters(&parts.headers, body).await {
        Ok(parameters) => parameters,
        Err(error) => return refused(error),
    };
    match hub.token(authorization(&parts.headers), &parameters).await {
        Ok(tokens) => private_json(StatusCode::OK, &tokens),
        Err(ProviderError::Protocol(error)) => refused(error),
        Err(ProviderError::Hub(error)) => server_error(&error),
    }
}

/// RFC 6749 5.2: 400, but 401 with a challenge when it is the client that failed to prove itself.
fn refused(error: ProtocolError) -> Response {
    match error.code {
        ErrorCode::InvalidClient => {
            let mut response = error_json(StatusCode::UNAUTHORIZED, error);
            let challenge = HeaderValue::from_static("Basic realm=\"isthmus\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            response
        }
        ErrorCode::TemporarilyUnavailable => error_json(StatusCode::SERVICE_UNAVAILABLE, error),
        _ => error_json(StatusCode::BAD_REQUEST, error),
    }
}
