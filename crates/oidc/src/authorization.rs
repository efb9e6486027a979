//! The authorization request: what it may say, and the URL it is answered with.

use directory::{Client, ClientAuthentication, ClientId};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::{CodeChallenge, ErrorCode, Parameters, ProtocolError, Scope, Scopes};

/// What the client wants the person to be asked (Core 3.1.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Show nothing; answer with an error instead.
    pub none: bool,
    /// Sign in anew, even with a session. `select_account` is the same here: the sign-in page is where one chooses.
    pub login: bool,
    /// Ask for consent anew.
    pub consent: bool,
}

impl Prompt {
    fn parse(text: Option<&str>) -> Result<Self, ProtocolError> {
        let mut prompt = Self::default();
        let mut words = 0;
        for word in text.unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
            words += 1;
            match word {
                "none" => prompt.none = true,
                "login" | "select_account" => prompt.login = true,
                "consent" => prompt.consent = true,
                _ => {} // Initiating User Registration 1.0 lets a provider ignore what it does not know.
            }
        }
        if prompt.none && words > 1 {
            return Err(ProtocolError::request("prompt=none stands with another value"));
        }
        Ok(prompt)
    }
}

/// A request that passed every check. It is kept on the server while the person signs in, so that nothing of it can be
/// changed on the way (CVE-2026-7571).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    pub client_id: ClientId,
    pub redirect_uri: String,
    pub scope: Scopes,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<CodeChallenge>,
    pub prompt: Prompt,
    pub max_age: Option<u32>,
    pub login_hint: Option<String>,
    pub id_token_hint: Option<String>,
}

/// How a refused authorization request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationRefusal {
    /// On a page of ours: there is no address that is known to be the client's.
    Page(ProtocolError),
    /// At the client's registered address.
    Redirect { redirect_uri: String, state: Option<String>, error: ProtocolError },
}

/// The client that the request claims to come from.
pub fn client_of(parameters: &Parameters) -> Result<ClientId, ProtocolError> {
    parameters.owned("client_id").map(ClientId).ok_or(ProtocolError::request("client_id is missing"))
}

impl AuthorizationRequest {
    /// Checks the request of this client. Until the redirect URI was found in the registration, as exact text
    /// (RFC 9700 2.1), every refusal is a page.
    pub fn parse(parameters: &Parameters, client: &Client) -> Result<Self, AuthorizationRefusal> {
        let page = |description| AuthorizationRefusal::Page(ProtocolError::request(description));
        let redirect_uri = parameters.owned("redirect_uri").ok_or(page("redirect_uri is missing"))?;
        if !client.redirect_uris.contains(&redirect_uri) {
            return Err(page("redirect_uri is not one that is registered for this application"));
        }
        Self::rest(parameters, client, redirect_uri.clone()).map_err(|error| AuthorizationRefusal::Redirect {
            redirect_uri,
            state: parameters.owned("state"),
            error,
        })
    }

    fn rest(parameters: &Parameters, client: &Client, redirect_uri: String) -> Result<Self, ProtocolError> {
        refuse_unsupported(parameters)?;
        match parameters.get("response_type") {
            Some("code") => {}
            Some(_) => {
                return Err(ProtocolError::new(
                    ErrorCode::UnsupportedResponseType,
                    "only the authorization code flow is offered: response_type must be code",
                ));
            }
            None => return Err(ProtocolError::request("response_type is missing")),
        }
        if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(ProtocolError::request("response_mode must be query"));
        }
        let scope = Scopes::parse(parameters.get("scope").unwrap_or_default());
        if !scope.contains(Scope::OpenId) {
            return Err(ProtocolError::new(ErrorCode::InvalidScope, "scope must contain openid"));
        }
        let code_challenge =
            CodeChallenge::from_request(parameters.get("code_challenge"), parameters.get("code_challenge_method"))?;
        // A public client has nothing but PKCE to show that it is the one who asked.
        let may_go_without = !client.require_pkce && client.authentication != ClientAuthentication::None;
        if code_challenge.is_none() && !may_go_without {
            return Err(ProtocolError::request("code_challenge is missing: this application must use PKCE"));
        }
        let max_age = parameters
            .get("max_age")
            .map(|text| text.parse::<u32>().map_err(|_| ProtocolError::request("max_age is not a number of seconds")))
            .transpose()?;
        Ok(Self {
            client_id: client.id.clone(),
            redirect_uri,
            scope,
            state: parameters.owned("state"),
            nonce: parameters.owned("nonce"),
            code_challenge,
            prompt: Prompt::parse(parameters.get("prompt"))?,
            max_age,
            login_hint: parameters.owned("login_hint"),
            id_token_hint: parameters.owned("id_token_hint"),
        })
    }
}

/// Parameters that would change the meaning of the request if they were ignored (Core 3.1.2.6). `claims`, `display`,
/// `ui_locales`, `claims_locales` and `acr_values` are wishes, and may be.
fn refuse_unsupported(parameters: &Parameters) -> Result<(), ProtocolError> {
    let unsupported = [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
        ("registration", ErrorCode::RegistrationNotSupported),
    ];
    match unsupported.into_iter().find(|(name, _)| parameters.has(name)) {
        Some((_, code)) => Err(ProtocolError::new(code, "this provider does not support that parameter")),
        None => Ok(()),
    }
}

/// The registered redirect URI with the response in its query. The URI itself stays as it was registered, byte by
/// byte: parsing and printing it again might change it.
#[must_use]
pub fn response_url(redirect_uri: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    let query = query.finish();
    if query.is_empty() {
        return redirect_uri.to_owned();
    }
    let separator = if !redirect_uri.contains('?') {
        "?"
    } else if redirect_uri.ends_with('?') || redirect_uri.ends_with('&') {
        ""
    } else {
        "&"
    };
    format!("{redirect_uri}{separator}{query}")
}
