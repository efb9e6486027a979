//! What the endpoints read of a request.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Method, header, request::Parts},
};
use oidc::{ErrorCode, Parameters, ProtocolError};

/// Larger than any request that is meant well.
const LARGEST_FORM: usize = 64 * 1024;

const fn refused(description: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::InvalidRequest, description)
}

/// The parameters of a request that a browser brings: from the query of a GET, from the form of a POST.
pub async fn browser_parameters(parts: &Parts, body: Body) -> Result<Parameters, ProtocolError> {
    if parts.method == Method::POST {
        return form_parameters(&parts.headers, body).await;
    }
    let query = parts.uri.query().unwrap_or_default();
    if query.len() > LARGEST_FORM {
        return Err(refused("the request is too long"));
    }
    Parameters::parse(query)
}

/// The parameters of a form. Of the query of a POST nothing is read: it ends in logs.
pub async fn form_parameters(headers: &HeaderMap, body: Body) -> Result<Parameters, ProtocolError> {
    if !is_form(headers) {
        return Err(refused("the body must be application/x-www-form-urlencoded"));
    }
    let bytes = to_bytes(body, LARGEST_FORM).await.map_err(|_| refused("the body is too long, or was cut off"))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| refused("the body is not UTF-8"))?;
    Parameters::parse(text)
}

/// Whether the body says it is a form.
pub fn is_form(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let kind = value.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

/// The one `Authorization` header. Two, or one that is not text, count as one that does not parse.
pub fn authorization(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => None,
        (Some(value), None) => Some(value.to_str().unwrap_or_default()),
        (Some(_), Some(_)) => Some(""),
    }
}
