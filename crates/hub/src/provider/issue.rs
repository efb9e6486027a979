//! The token writer. Every token of every grant leaves through [`Hub::write_tokens`], and every word about a person
//! through [`Hub::may_issue`]: no grant can forget to ask whether that person may still be here (three sibling
//! defects of other providers were exactly that).

use directory::{Client, Person, PersonId};
use oidc::{
    AccessTokenClaims, Audience, ErrorCode, IdTokenClaims, ProtocolError, Scope, Scopes, TokenResponse, at_hash,
};
use storage::provider::Provider;

use super::{
    ProviderError,
    grant::{Grant, Holds},
    invalid_grant,
};
use crate::{
    Hub, HubError,
    kernel::{seconds, vault::token_digest},
    standing::{StandingRefusal, StandingVerdict},
};

/// Proof that standing was asked just now. Only [`Hub::may_issue`] makes one.
pub(super) struct MayIssue {
    person: Person,
}

impl MayIssue {
    pub fn person(&self) -> &Person {
        &self.person
    }
}

/// The single-use secret that the client hands in for tokens.
pub(super) enum Spend {
    Code { digest: Vec<u8>, nonce: Option<String> },
    RefreshToken { digest: Vec<u8>, scope: Option<Scopes> },
}

/// How the transaction of a token went.
enum Spent {
    Done,
    /// Somebody used the secret before.
    Before,
    /// The grant ended meanwhile.
    Revoked,
}

impl Hub {
    /// Whether anything may be issued about this person: asked of the one judge, never of the session.
    pub(super) async fn may_issue(&self, person: PersonId) -> Result<MayIssue, ProviderError> {
        match self.standing(person).await? {
            StandingVerdict::Active | StandingVerdict::ActiveInGrace { .. } => {}
            StandingVerdict::Refused(StandingRefusal::SourceDownTooLong) => {
                const DOWN: &str = "the person's directory could not be asked for too long";
                return Err(ProtocolError::new(ErrorCode::TemporarilyUnavailable, DOWN).into());
            }
            StandingVerdict::Refused(_) => return Err(invalid_grant("the person may not sign in")),
        }
        let person = storage::people::People(&mut self.database.reader()).by_id(person).await?;
        Ok(MayIssue { person: person.ok_or(HubError::NotFound("the person of a grant"))? })
    }

    /// Spends the secret and writes the tokens of its grant.
    pub(super) async fn write_tokens(
        &self,
        grant: &Grant,
        holds: Holds,
        client: &Client,
        spend: Spend,
    ) -> Result<TokenResponse, ProviderError> {
        // Asks the source if the last reading is old: before the transaction, which has no outside effect.
        let permit = self.may_issue(grant.person).await?;
        let (nonce, scopes) = match &spend {
            Spend::Code { nonce, .. } => (nonce.clone(), grant.scopes.clone()),
            Spend::RefreshToken { scope, .. } => (None, scope.clone().unwrap_or_else(|| grant.scopes.clone())),
        };
        // Signed before the secret is spent: if signing fails, the client may try again.
        let mut response = self.sign_tokens(&permit, grant, client, &scopes, nonce).await?;
        let refresh_token = holds.refreshable.then(|| self.random.token());
        match self.spend_secret(grant, &spend, refresh_token.as_deref()).await? {
            Spent::Done => {
                response.refresh_token = refresh_token;
                Ok(response)
            }
            Spent::Revoked => Err(invalid_grant("it was revoked")),
            Spent::Before => {
                self.revoke_family(grant, spend.replay_reason()).await?;
                Err(invalid_grant("it was used before"))
            }
        }
    }

    async fn spend_secret(&self, grant: &Grant, spend: &Spend, refresh_token: Option<&str>) -> Result<Spent, HubError> {
        let now = self.clock.now();
        storage::write!(self.database, |tx| {
            let mut provider = Provider::new(tx);
            let first = match spend {
                Spend::Code { digest, .. } => provider.use_code(digest.clone(), now).await?,
                Spend::RefreshToken { digest, .. } => provider.use_refresh_token(digest.clone(), now).await?,
            };
            if !first {
                return Ok(Spent::Before);
            }
            // Read inside the transaction: a replay elsewhere may have just ended the family.
            if provider.grant(grant.id).await?.is_none_or(|row| row.revoked_at.is_some()) {
                return Ok(Spent::Revoked);
            }
            if let Some(token) = refresh_token {
                provider.insert_refresh_token(token_digest(token), grant.id, now).await?;
            }
            Ok::<_, HubError>(Spent::Done)
        })
    }

    async fn sign_tokens(
        &self,
        permit: &MayIssue,
        grant: &Grant,
        client: &Client,
        scopes: &Scopes,
        nonce: Option<String>,
    ) -> Result<TokenResponse, HubError> {
        let (keys, last_expiry) = self.keys_to_sign().await?;
        let failed = |error: oidc::KeyError| HubError::Internal(error.to_string());
        let issuer = self.endpoints().issuer;
        let now = self.clock.now();
        let expires_at = (now + seconds(self.policy_now().await?.access_token)).min(grant.expires_at);
        // Nothing outlives the publication of the key that signs it.
        let expires_at = last_expiry.map_or(expires_at, |last| expires_at.min(last.max(now)));
        let access_token = keys
            .sign_access_token(&AccessTokenClaims {
                iss: issuer.clone(),
                sub: permit.person.subject.clone(),
                // The user-info endpoint is the resource (RFC 9068 3).
                aud: Audience::One(issuer.clone()),
                client_id: client.id.0.clone(),
                exp: expires_at.timestamp(),
                iat: now.timestamp(),
                jti: self.random.token(),
                scope: scopes.to_string(),
                auth_time: grant.auth_time.timestamp(),
                amr: grant.amr.clone(),
                grant: grant.id.to_string(),
            })
            .map_err(failed)?;
        let id_token = keys
            .sign_id_token(&IdTokenClaims {
                iss: issuer,
                sub: permit.person.subject.clone(),
                aud: Audience::One(client.id.0.clone()),
                exp: expires_at.timestamp(),
                iat: now.timestamp(),
                auth_time: grant.auth_time.timestamp(),
                nonce,
                at_hash: Some(at_hash(&access_token)),
                amr: grant.amr.clone(),
                sid: Some(grant.session.to_string()),
            })
            .map_err(failed)?;
        let expires_in = u64::try_from((expires_at - now).num_seconds()).unwrap_or(0);
        debug_assert!(scopes.contains(Scope::OpenId), "every grant of this provider is one of OpenID Connect");
        Ok(TokenResponse {
            access_token,
            token_type: "Bearer",
            expires_in,
            refresh_token: None,
            id_token,
            scope: scopes.to_string(),
        })
    }
}

impl Spend {
    /// Why the family ends if this was used before.
    pub const fn replay_reason(&self) -> &'static str {
        match self {
            Self::Code { .. } => "an authorization code was used twice",
            Self::RefreshToken { .. } => "a refresh token was used twice",
        }
    }
}
