//! RP-Initiated Logout 1.0.

use directory::{Client, ClientId};

use crate::{Parameters, ProtocolError, authorization::response_url};

/// What a client asks when it sends somebody to sign out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogoutRequest {
    pub id_token_hint: Option<String>,
    pub client_id: Option<ClientId>,
    pub post_logout_redirect_uri: Option<String>,
    pub state: Option<String>,
}

impl LogoutRequest {
    #[must_use]
    pub fn parse(parameters: &Parameters) -> Self {
        Self {
            id_token_hint: parameters.owned("id_token_hint"),
            client_id: parameters.owned("client_id").map(ClientId),
            post_logout_redirect_uri: parameters.owned("post_logout_redirect_uri"),
            state: parameters.owned("state"),
        }
    }
}

/// Where the browser goes after signing out: only to an address that is registered for exactly this, as exact text.
pub fn post_logout_url(client: &Client, uri: &str, state: Option<&str>) -> Result<String, ProtocolError> {
    if !client.post_logout_redirect_uris.iter().any(|registered| registered == uri) {
        return Err(ProtocolError::request(
            "post_logout_redirect_uri is not one that is registered for this application",
        ));
    }
    let pairs: Vec<(&str, &str)> = state.map(|state| ("state", state)).into_iter().collect();
    Ok(response_url(uri, &pairs))
}
