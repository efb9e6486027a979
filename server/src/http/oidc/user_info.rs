//! `/oauth2/userinfo`: who an access token is about. The token stands in the header, or in the form of a POST.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, Request, StatusCode, header},
    response::Response,
};
use hub::{Hub, provider::ProviderError};
use oidc::{BearerError, ErrorCode, Parameters, ProtocolError, bearer_token};

use super::{
    request::{authorization, form_parameters, is_form},
    response::{error_json, private_json, server_error},
};

pub async fn get(State(hub): State<Hub>, request: Request<Body>) -> Response {
    let (parts, _) = request.into_parts();
    answer(&hub, authorization(&parts.headers), None).await
}

pub async fn post(State(hub): State<Hub>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    // A POST with the token in the header may have any body, or none.
    let form = if is_form(&parts.headers) {
        match form_parameters(&parts.headers, body).await {
            Ok(form) => Some(form),
            Err(error) => return refused(error),
        }
    } else {
        None
    };
    answer(&hub, authorization(&parts.headers), form.as_ref()).await
}

async fn answer(hub: &Hub, authorization: Option<&str>, form: Option<&Parameters>) -> Response {
    let token = match bearer_token(authorization, form) {
        Ok(token) => token,
        Err(BearerError::Error(error)) => return refused(error),
        Err(BearerError::Missing) => {
            let missing = ProtocolError::new(ErrorCode::InvalidRequest, "there is no access token");
            return challenged(error_json(StatusCode::UNAUTHORIZED, missing), "Bearer realm=\"isthmus\"");
        }
    };
    match hub.user_info(&token).await {
        Ok(claims) => private_json(StatusCode::OK, &claims),
        Err(ProviderError::Protocol(error)) => refused(error),
        Err(ProviderError::Hub(error)) => server_error(&error),
    }
}

/// RFC 6750 3.1.
fn refused(error: ProtocolError) -> Response {
    let status = match error.code {
        ErrorCode::InvalidToken => StatusCode::UNAUTHORIZED,
        ErrorCode::InsufficientScope => StatusCode::FORBIDDEN,
        ErrorCode::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let challenge = format!(
        "Bearer realm=\"isthmus\", error=\"{}\", error_description=\"{}\"",
        error.code.as_str(),
        error.description
    );
    challenged(error_json(status, error), &challenge)
}

fn challenged(mut response: Response, challenge: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
