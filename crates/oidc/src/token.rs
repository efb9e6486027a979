//! The token request and its answer, and where a bearer token may stand.

use secrecy::SecretString;
use serde::Serialize;

use crate::{ErrorCode, Parameters, ProtocolError, Scopes};

/// A grant that this provider accepts. The password and implicit grants are not among them (RFC 9700 2.4, 2.1.2).
#[derive(Debug)]
pub enum TokenRequest {
    AuthorizationCode {
        code: SecretString,
        redirect_uri: String,
        code_verifier: Option<String>,
    },
    RefreshToken {
        refresh_token: SecretString,
        /// Narrower than what was granted, or absent.
        scope: Option<Scopes>,
    },
}

impl TokenRequest {
    pub fn parse(parameters: &Parameters) -> Result<Self, ProtocolError> {
        let needed = |name, description| parameters.owned(name).ok_or(ProtocolError::request(description));
        match parameters.get("grant_type") {
            Some("authorization_code") => Ok(Self::AuthorizationCode {
                code: needed("code", "code is missing")?.into(),
                redirect_uri: needed("redirect_uri", "redirect_uri is missing")?,
                code_verifier: parameters.owned("code_verifier"),
            }),
            Some("refresh_token") => Ok(Self::RefreshToken {
                refresh_token: needed("refresh_token", "refresh_token is missing")?.into(),
                scope: parameters.get("scope").map(Scopes::parse),
            }),
            Some(_) => Err(ProtocolError::new(
                ErrorCode::UnsupportedGrantType,
                "grant_type must be authorization_code or refresh_token",
            )),
            None => Err(ProtocolError::request("grant_type is missing")),
        }
    }
}

/// The successful answer (RFC 6749 5.1, Core 3.1.3.3). Not `Debug`: it is made of secrets.
#[derive(Serialize)]
pub struct TokenResponse {
    pub access_token: String,
    pub token_type: &'static str,
    pub expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    pub id_token: String,
    pub scope: String,
}

/// What is wrong with a request for a protected resource (RFC 6750 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerError {
    /// No token at all: the answer names no error.
    Missing,
    Error(ProtocolError),
}

/// The access token in the header or in the form body; never in the query (RFC 9700 4.3.2), never in two places.
pub fn bearer_token(authorization: Option<&str>, body: Option<&Parameters>) -> Result<SecretString, BearerError> {
    let in_header = match authorization.map(|header| header.split_once(' ')) {
        Some(Some((scheme, token))) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim().to_owned()),
        Some(_) => {
            return Err(BearerError::Error(ProtocolError::request("the Authorization header is not a Bearer token")));
        }
        None => None,
    };
    match (in_header, body.and_then(|parameters| parameters.owned("access_token"))) {
        (Some(_), Some(_)) => Err(BearerError::Error(ProtocolError::request("the access token stands in two places"))),
        (Some(token), None) | (None, Some(token)) => Ok(token.into()),
        (None, None) => Err(BearerError::Missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TokenRequest, ProtocolError> {
        TokenRequest::parse(&Parameters::parse(text).unwrap())
    }

    #[test]
    fn bcp_2_4_and_2_1_2_neither_password_nor_implicit_nor_anything_else() {
        for grant in ["password", "implicit", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"] {
            let error = parse(&format!("grant_type={grant}&username=a&password=b")).unwrap_err();
            assert_eq!(error.code, ErrorCode::UnsupportedGrantType, "{grant}");
        }
        assert_eq!(parse("code=a").unwrap_err().code, ErrorCode::InvalidRequest);
        assert_eq!(parse("grant_type=authorization_code&code=a").unwrap_err().code, ErrorCode::InvalidRequest);
        assert!(parse("grant_type=refresh_token&refresh_token=a&scope=openid").is_ok());
    }

    #[test]
    fn a_bearer_token_stands_in_one_place() {
        let body = Parameters::parse("access_token=t").unwrap();
        assert!(bearer_token(Some("Bearer t"), None).is_ok());
        assert!(bearer_token(None, Some(&body)).is_ok());
        assert!(matches!(bearer_token(Some("Bearer t"), Some(&body)), Err(BearerError::Error(_))));
        assert!(matches!(bearer_token(Some("Basic dA=="), None), Err(BearerError::Error(_))));
        assert!(matches!(bearer_token(None, None), Err(BearerError::Missing)));
    }
}
