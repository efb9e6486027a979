//! The token endpoint: a code or a refresh token for tokens.

use aws_lc_rs::constant_time;
use directory::{Client, ClientAuthentication};
use oidc::{
    CodeChallenge, ErrorCode, Parameters, ProtocolError, Scope, Scopes, TokenRequest, TokenResponse, presented_client,
    verify_code_verifier,
};
use secrecy::{ExposeSecret as _, SecretString};
use storage::provider::Provider;

use super::{ProviderError, grant::Grant, invalid_grant, issue::Spend};
use crate::{Hub, kernel::vault::token_digest};

impl Hub {
    /// Answers a token request.
    pub async fn token(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
    ) -> Result<TokenResponse, ProviderError> {
        let client = self.authenticated_client(authorization, parameters).await?;
        match TokenRequest::parse(parameters)? {
            TokenRequest::AuthorizationCode { code, redirect_uri, code_verifier } => {
                self.redeem_code(&client, &code, &redirect_uri, code_verifier.as_deref()).await
            }
            TokenRequest::RefreshToken { refresh_token, scope } => {
                self.refresh_tokens(&client, &refresh_token, scope).await
            }
        }
    }

    /// The client, proven. Whether the secret stands in the header or in the body makes no difference to its proof;
    /// whether there is one does: a public client must not send any, a confidential one must.
    async fn authenticated_client(
        &self,
        authorization: Option<&str>,
        parameters: &Parameters,
    ) -> Result<Client, ProviderError> {
        const REFUSED: ProviderError = ProviderError::Protocol(ProtocolError::new(
            ErrorCode::InvalidClient,
            "the client is unknown, or its secret is wrong",
        ));
        let presented = presented_client(authorization, parameters)?;
        let stored = self.provider_client(&presented.id).await?.ok_or(REFUSED)?;
        let public = stored.client.authentication == ClientAuthentication::None;
        let proven = match (&presented.secret, &stored.secret_digest) {
            (None, _) => public,
            (Some(secret), Some(digest)) if !public => {
                let given = self.vault.client_secret_digest(&stored.client.id, secret);
                constant_time::verify_slices_are_equal(&given, digest).is_ok()
            }
            (Some(_), _) => false,
        };
        if proven { Ok(stored.client) } else { Err(REFUSED) }
    }

    async fn redeem_code(
        &self,
        client: &Client,
        code: &SecretString,
        redirect_uri: &str,
        code_verifier: Option<&str>,
    ) -> Result<TokenResponse, ProviderError> {
        const UNKNOWN: ProviderError = invalid_grant("the authorization code is not known");
        let digest = token_digest(code.expose_secret());
        let mut reader = self.database.reader();
        let mut provider = Provider::new(&mut reader);
        let stored = provider.code(digest.clone()).await?.ok_or(UNKNOWN)?;
        let grant = provider.grant(stored.grant_id.into()).await?.ok_or(UNKNOWN)?;
        let grant = Grant::from_row(grant)?;
        if grant.client != client.id {
            return Err(UNKNOWN);
        }
        let spend = Spend::Code { digest, nonce: stored.nonce };
        // RFC 6749 4.1.2: the tokens of a replayed code are not to be trusted either.
        if stored.used_at.is_some() {
            self.revoke_family(&grant, spend.replay_reason()).await?;
            return Err(invalid_grant("it was used before"));
        }
        if self.clock.now() >= stored.expires_at {
            return Err(invalid_grant("the authorization code has expired"));
        }
        if stored.redirect_uri != redirect_uri {
            return Err(invalid_grant("redirect_uri is not the one of the authorization request"));
        }
        let challenge = stored.code_challenge.map(CodeChallenge::from_stored);
        verify_code_verifier(challenge.as_ref(), code_verifier)?;
        let holds = self.grant_holds(&grant, client).await?;
        self.write_tokens(&grant, holds, client, spend).await
    }

    /// RFC 9700 2.2.2: every use rotates, a second use ends the family, and nothing carries it past its absolute end.
    async fn refresh_tokens(
        &self,
        client: &Client,
        refresh_token: &SecretString,
        scope: Option<Scopes>,
    ) -> Result<TokenResponse, ProviderError> {
        const UNKNOWN: ProviderError = invalid_grant("the refresh token is not known");
        let digest = token_digest(refresh_token.expose_secret());
        let mut reader = self.database.reader();
        let mut provider = Provider::new(&mut reader);
        let stored = provider.refresh_token(digest.clone()).await?.ok_or(UNKNOWN)?;
        let grant = provider.grant(stored.grant_id.into()).await?.ok_or(UNKNOWN)?;
        let grant = Grant::from_row(grant)?;
        if grant.client != client.id {
            return Err(UNKNOWN);
        }
        if scope.as_ref().is_some_and(|asked| !asked.is_within(&grant.scopes) || !asked.contains(Scope::OpenId)) {
            return Err(ProtocolError::new(ErrorCode::InvalidScope, "scope is wider than what was granted").into());
        }
        let spend = Spend::RefreshToken { digest, scope };
        if stored.used_at.is_some() {
            self.revoke_family(&grant, spend.replay_reason()).await?;
            return Err(invalid_grant("it was used before"));
        }
        let holds = self.grant_holds(&grant, client).await?;
        self.write_tokens(&grant, holds, client, spend).await
    }
}
