//! Signing out because an application asks (RP-Initiated Logout 1.0).

use directory::{Client, ClientId, SessionId};
use oidc::{ErrorCode, IdTokenClaims, LogoutRequest, Parameters, ProtocolError, post_logout_url};

use crate::{Hub, HubError};

/// What happens to somebody who was sent here to sign out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogoutAnswer {
    /// A link elsewhere must not end a session by itself: ask first. `hidden` goes back with the form.
    Confirm { client_name: Option<String>, hidden: Vec<(&'static str, String)> },
    /// Nobody is signed in here any more. `next` is an address the client registered for this.
    SignedOut { next: Option<String> },
    /// The request is wrong, and nothing was ended.
    Page(ProtocolError),
}

impl Hub {
    /// Answers a logout request. `session` is the browser's; `confirmed` says that its person pressed the button.
    pub async fn logout(
        &self,
        parameters: &Parameters,
        session: Option<SessionId>,
        confirmed: bool,
    ) -> Result<LogoutAnswer, HubError> {
        let request = LogoutRequest::parse(parameters);
        let hint = match &request.id_token_hint {
            Some(token) => {
                let keys = self.signing_keys().await?;
                match keys.verify_id_token_hint(token, &self.endpoints().issuer) {
                    Ok(claims) => Some(claims),
                    Err(_) => return Ok(page("id_token_hint is not an ID token of this provider")),
                }
            }
            None => None,
        };
        let client = match self.client_of_logout(&request, hint.as_ref()).await? {
            Ok(client) => client,
            Err(description) => return Ok(page(description)),
        };
        let next = match (&client, &request.post_logout_redirect_uri) {
            (Some(client), Some(uri)) => match post_logout_url(client, uri, request.state.as_deref()) {
                Ok(url) => Some(url),
                Err(error) => return Ok(LogoutAnswer::Page(error)),
            },
            // Nobody vouches for the address.
            (None, _) | (_, None) => None,
        };
        let Some(current) = (match session {
            Some(id) => self.session_alive(id).await?,
            None => None,
        }) else {
            self.end_hinted_session(hint.as_ref()).await?;
            return Ok(LogoutAnswer::SignedOut { next: next.filter(|_| hint.is_some() || confirmed) });
        };
        let named = hint.as_ref().is_some_and(|hint| hint.sid.as_deref() == Some(current.id.to_string().as_str()));
        if !named && !confirmed {
            let client_name = client.map(|client| client.name);
            return Ok(LogoutAnswer::Confirm { client_name, hidden: hidden_fields(request) });
        }
        self.end_session(current.id).await?;
        Ok(LogoutAnswer::SignedOut { next })
    }

    /// The client that asks: by its own word, or by the audience of the hint; the two must agree.
    async fn client_of_logout(
        &self,
        request: &LogoutRequest,
        hint: Option<&IdTokenClaims>,
    ) -> Result<Result<Option<Client>, &'static str>, HubError> {
        let by_hint = hint.and_then(|hint| match &hint.aud {
            oidc::Audience::One(one) => Some(ClientId(one.clone())),
            oidc::Audience::Several(several) => several.first().cloned().map(ClientId),
        });
        let id = match (request.client_id.clone(), by_hint) {
            (Some(named), Some(hinted)) if named != hinted => {
                return Ok(Err("client_id and id_token_hint name two applications"));
            }
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => return Ok(Ok(None)),
        };
        Ok(match self.provider_client_now(&id).await? {
            Some(client) => Ok(Some(client)),
            None => Err("client_id is not known"),
        })
    }

    /// A form of another site brings no cookie of ours (SameSite): the ID token says which session is meant.
    async fn end_hinted_session(&self, hint: Option<&IdTokenClaims>) -> Result<(), HubError> {
        let Some(id) = hint.and_then(|hint| hint.sid.as_deref()).and_then(|sid| sid.parse::<SessionId>().ok()) else {
            return Ok(());
        };
        self.end_session(id).await.map(|_| ())
    }
}

const fn page(description: &'static str) -> LogoutAnswer {
    LogoutAnswer::Page(ProtocolError::new(ErrorCode::InvalidRequest, description))
}

fn hidden_fields(request: LogoutRequest) -> Vec<(&'static str, String)> {
    [
        ("id_token_hint", request.id_token_hint),
        ("client_id", request.client_id.map(|id| id.0)),
        ("post_logout_redirect_uri", request.post_logout_redirect_uri),
        ("state", request.state),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name, value)))
    .collect()
}
