//! How a client proves itself at the token endpoint (RFC 6749 2.3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use directory::{ClientAuthentication, ClientId};
use secrecy::SecretString;
use url::form_urlencoded;

use crate::{ErrorCode, Parameters, ProtocolError};

/// Who the client says it is, and with what it wants to prove it.
#[derive(Debug)]
pub struct PresentedClient {
    pub id: ClientId,
    /// Empty for a public client.
    pub secret: Option<SecretString>,
    pub method: ClientAuthentication,
}

/// Reads the one way of authentication that the request uses. Two at once are refused (RFC 6749 2.3).
pub fn presented_client(
    authorization: Option<&str>,
    parameters: &Parameters,
) -> Result<PresentedClient, ProtocolError> {
    const fn refuse(description: &'static str) -> ProtocolError {
        ProtocolError::new(ErrorCode::InvalidClient, description)
    }
    if parameters.has("client_assertion") || parameters.has("client_assertion_type") {
        return Err(refuse("client assertions are not supported: use the client secret"));
    }
    let named = parameters.owned("client_id").map(ClientId);
    let posted = parameters.owned("client_secret").map(SecretString::from);
    match (authorization, posted) {
        (Some(_), Some(_)) => Err(ProtocolError::request("the client authenticates in two ways at once")),
        (Some(header), None) => {
            let (id, secret) = basic(header).ok_or(refuse("the Authorization header is not well-formed Basic"))?;
            if named.is_some_and(|named| named != id) {
                return Err(ProtocolError::request("client_id and the Authorization header name two clients"));
            }
            Ok(PresentedClient { id, secret: Some(secret), method: ClientAuthentication::SecretBasic })
        }
        (None, secret) => {
            let id = named.ok_or(refuse("the client does not say who it is"))?;
            let method = if secret.is_some() { ClientAuthentication::SecretPost } else { ClientAuthentication::None };
            Ok(PresentedClient { id, secret, method })
        }
    }
}

/// RFC 6749 2.3.1: both halves are form-encoded before they are joined and put into Basic.
fn basic(header: &str) -> Option<(ClientId, SecretString)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let (id, secret) = (form_decode(id)?, form_decode(secret)?);
    (!id.is_empty() && !id.contains('\0')).then(|| (ClientId(id), SecretString::from(secret)))
}

/// Decodes one form value; `=` and `&` in it would have been escaped, but some clients do not.
fn form_decode(text: &str) -> Option<String> {
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    let mut pairs = form_urlencoded::parse(escaped.as_bytes());
    let value = pairs.next().map_or_else(String::new, |(name, _)| name.into_owned());
    pairs.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn header(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    fn present(authorization: Option<&str>, body: &str) -> Result<PresentedClient, ProtocolError> {
        presented_client(authorization, &Parameters::parse(body).unwrap())
    }

    #[test]
    fn each_way_is_read() {
        let basic = present(Some(&header("portal:s%3Ac+ret%25")), "").unwrap();
        assert_eq!((basic.id.0.as_str(), basic.secret.unwrap().expose_secret()), ("portal", "s:c ret%"));
        assert_eq!(basic.method, ClientAuthentication::SecretBasic);
        let post = present(None, "client_id=portal&client_secret=s").unwrap();
        assert_eq!(post.method, ClientAuthentication::SecretPost);
        let none = present(None, "client_id=phone").unwrap();
        assert_eq!((none.method, none.secret.is_none()), (ClientAuthentication::None, true));
    }

    #[test]
    fn rfc6749_2_3_never_two_at_once() {
        assert!(present(Some(&header("portal:s")), "client_secret=s").is_err());
        assert!(present(Some(&header("portal:s")), "client_id=other").is_err());
        assert!(present(Some(&header("portal:s")), "client_id=portal").is_ok());
        assert!(present(None, "client_id=portal&client_assertion=x").is_err());
    }

    #[test]
    fn junk_is_an_invalid_client() {
        for junk in ["", "Basic", "Basic !!!", "Bearer abc", "Basic cG9ydGFs", &header(":secret")] {
            let error = present(Some(junk), "").unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidClient, "{junk}");
        }
        assert_eq!(present(None, "").unwrap_err().code, ErrorCode::InvalidClient);
    }

    #[test]
    fn a_secret_with_unescaped_separators_is_read_as_it_stands() {
        let basic = present(Some(&header("portal:a=b&c")), "").unwrap();
        assert_eq!(basic.secret.unwrap().expose_secret(), "a=b&c");
    }
}
