//! What the OpenID provider keeps: requests on their way, grants with their codes and tokens, consent, signing keys.

use chrono::{DateTime, Utc};
use directory::{AuthorizationId, ClientId, GrantId, PersonId, SessionId, SourceId};
use serde_json::Value;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// An authorization request that waits for its person.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AuthorizationRequestRow {
    pub id: Uuid,
    pub client_id: String,
    pub request: Value,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// What one authorization gave a client.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GrantRow {
    pub id: Uuid,
    pub client_id: String,
    pub person_id: Uuid,
    pub session_id: Uuid,
    pub scope: String,
    pub offline_access: bool,
    pub proven_at_source_id: Option<Uuid>,
    pub reach_source_id: Option<Uuid>,
    pub amr: Value,
    pub auth_time: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// An authorization code, without the code.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CodeRow {
    pub grant_id: Uuid,
    pub redirect_uri: String,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}

/// A refresh token, without the token.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RefreshTokenRow {
    pub grant_id: Uuid,
    pub created_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}

/// A signing key with its private half sealed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SigningKeyRow {
    pub id: String,
    pub algorithm: String,
    pub public_key: Value,
    pub sealed_private_key: Vec<u8>,
    /// Published since.
    pub created_at: DateTime<Utc>,
    /// Of the keys of an algorithm whose time has come, the one with the latest signs.
    pub signs_from: DateTime<Utc>,
    /// Published until then; empty while no other key is to follow.
    pub leaves_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct ScopeRow {
    scope: String,
}

/// Reads and writes of the provider.
pub struct Provider<'a, Q> {
    queries: &'a mut Q,
}

impl<'a, Q: Queries> Provider<'a, Q> {
    pub fn new(queries: &'a mut Q) -> Self {
        Self { queries }
    }

    /// A request that was stored, finished or not.
    pub async fn request(&mut self, id: AuthorizationId) -> Result<Option<AuthorizationRequestRow>, StorageError> {
        const SQL: &str = "select id, client_id, request, created_at, expires_at, finished_at \
                           from authorization_request where id = $1";
        self.queries.fetch_optional(SQL, params![id.uuid()]).await
    }

    /// A grant, revoked or not.
    pub async fn grant(&mut self, id: GrantId) -> Result<Option<GrantRow>, StorageError> {
        const SQL: &str = "select id, client_id, person_id, session_id, scope, offline_access, proven_at_source_id, \
                           reach_source_id, amr, auth_time, created_at, expires_at, revoked_at \
                           from client_grant where id = $1";
        self.queries.fetch_optional(SQL, params![id.uuid()]).await
    }

    /// A code by its digest, used or not.
    pub async fn code(&mut self, digest: Vec<u8>) -> Result<Option<CodeRow>, StorageError> {
        const SQL: &str = "select grant_id, redirect_uri, nonce, code_challenge, created_at, expires_at, used_at \
                           from authorization_code where digest = $1";
        self.queries.fetch_optional(SQL, params![digest]).await
    }

    /// A refresh token by its digest, used or not.
    pub async fn refresh_token(&mut self, digest: Vec<u8>) -> Result<Option<RefreshTokenRow>, StorageError> {
        const SQL: &str = "select grant_id, created_at, used_at from refresh_token where digest = $1";
        self.queries.fetch_optional(SQL, params![digest]).await
    }

    /// The scope the person allowed the client before.
    pub async fn consent(&mut self, person: PersonId, client: &ClientId) -> Result<Option<String>, StorageError> {
        const SQL: &str = "select scope from consent where person_id = $1 and client_id = $2";
        let row: Option<ScopeRow> = self.queries.fetch_optional(SQL, params![person.uuid(), client.0.clone()]).await?;
        Ok(row.map(|r| r.scope))
    }

    /// All signing keys, the newest of each algorithm first.
    pub async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRow>, StorageError> {
        const SQL: &str = "select id, algorithm, public_key, sealed_private_key, created_at, signs_from, leaves_at \
                           from signing_key order by algorithm, signs_from desc, id limit 256";
        self.queries.fetch_all(SQL, params![]).await
    }
}

impl Provider<'_, Transaction> {
    /// Stores a validated request.
    pub async fn insert_request(&mut self, row: &AuthorizationRequestRow) -> Result<(), StorageError> {
        const SQL: &str = "insert into authorization_request (id, client_id, request, created_at, expires_at) \
                           values ($1, $2, $3, $4, $5)";
        let values = params![row.id, row.client_id.clone(), row.request.clone(), row.created_at, row.expires_at];
        self.queries.execute(SQL, values).await.map(|_| ())
    }

    /// Marks the request answered; false if it was already.
    pub async fn finish_request(&mut self, id: AuthorizationId, now: DateTime<Utc>) -> Result<bool, StorageError> {
        const SQL: &str = "update authorization_request set finished_at = $2 where id = $1 and finished_at is null";
        Ok(self.queries.execute(SQL, params![id.uuid(), now]).await? == 1)
    }

    /// Writes a grant.
    pub async fn insert_grant(&mut self, row: &GrantRow) -> Result<(), StorageError> {
        const SQL: &str = "insert into client_grant (id, client_id, person_id, session_id, scope, offline_access, \
                           proven_at_source_id, reach_source_id, amr, auth_time, created_at, expires_at) \
                           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let values = params![
            row.id,
            row.client_id.clone(),
            row.person_id,
            row.session_id,
            row.scope.clone(),
            row.offline_access,
            row.proven_at_source_id,
            row.reach_source_id,
            row.amr.clone(),
            row.auth_time,
            row.created_at,
            row.expires_at,
        ];
        self.queries.execute(SQL, values).await.map(|_| ())
    }

    /// Ends one grant with everything of its family; false if it had ended before.
    pub async fn revoke_grant(
        &mut self,
        id: GrantId,
        now: DateTime<Utc>,
        reason: &'static str,
    ) -> Result<bool, StorageError> {
        const SQL: &str = "update client_grant set revoked_at = $2, revoked_reason = $3 \
                           where id = $1 and revoked_at is null";
        Ok(self.queries.execute(SQL, params![id.uuid(), now, reason]).await? == 1)
    }

    /// Ends every grant of the person.
    pub async fn revoke_all(
        &mut self,
        person: PersonId,
        now: DateTime<Utc>,
        reason: &'static str,
    ) -> Result<u64, StorageError> {
        const SQL: &str = "update client_grant set revoked_at = $2, revoked_reason = $3 \
                           where person_id = $1 and revoked_at is null";
        self.queries.execute(SQL, params![person.uuid(), now, reason]).await
    }

    /// Ends every grant that stands on a proof of the person at the source.
    pub async fn revoke_proven_at(
        &mut self,
        person: PersonId,
        source: SourceId,
        now: DateTime<Utc>,
        reason: &'static str,
    ) -> Result<u64, StorageError> {
        const SQL: &str = "update client_grant set revoked_at = $3, revoked_reason = $4 \
                           where person_id = $1 and proven_at_source_id = $2 and revoked_at is null";
        self.queries.execute(SQL, params![person.uuid(), source.uuid(), now, reason]).await
    }

    /// Ends every grant of one session, those with offline access too.
    pub async fn revoke_everything_of_session(
        &mut self,
        session: SessionId,
        now: DateTime<Utc>,
        reason: &'static str,
    ) -> Result<u64, StorageError> {
        const SQL: &str = "update client_grant set revoked_at = $2, revoked_reason = $3 \
                           where session_id = $1 and revoked_at is null";
        self.queries.execute(SQL, params![session.uuid(), now, reason]).await
    }

    /// Ends the grants of one session, but for those with offline access.
    pub async fn revoke_of_session(
        &mut self,
        session: SessionId,
        now: DateTime<Utc>,
        reason: &'static str,
    ) -> Result<u64, StorageError> {
        const SQL: &str = "update client_grant set revoked_at = $2, revoked_reason = $3 \
                           where session_id = $1 and offline_access = false and revoked_at is null";
        self.queries.execute(SQL, params![session.uuid(), now, reason]).await
    }

    /// Writes a code under its digest.
    pub async fn insert_code(&mut self, digest: Vec<u8>, row: &CodeRow) -> Result<(), StorageError> {
        const SQL: &str = "insert into authorization_code (digest, grant_id, redirect_uri, nonce, code_challenge, \
                           created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)";
        let values = params![
            digest,
            row.grant_id,
            row.redirect_uri.clone(),
            row.nonce.clone(),
            row.code_challenge.clone(),
            row.created_at,
            row.expires_at,
        ];
        self.queries.execute(SQL, values).await.map(|_| ())
    }

    /// Uses the code up; false if somebody was faster.
    pub async fn use_code(&mut self, digest: Vec<u8>, now: DateTime<Utc>) -> Result<bool, StorageError> {
        const SQL: &str = "update authorization_code set used_at = $2 where digest = $1 and used_at is null";
        Ok(self.queries.execute(SQL, params![digest, now]).await? == 1)
    }

    /// Writes a refresh token under its digest.
    pub async fn insert_refresh_token(
        &mut self,
        digest: Vec<u8>,
        grant: GrantId,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const SQL: &str = "insert into refresh_token (digest, grant_id, created_at) values ($1, $2, $3)";
        self.queries.execute(SQL, params![digest, grant.uuid(), now]).await.map(|_| ())
    }

    /// Uses the refresh token up; false if somebody was faster.
    pub async fn use_refresh_token(&mut self, digest: Vec<u8>, now: DateTime<Utc>) -> Result<bool, StorageError> {
        const SQL: &str = "update refresh_token set used_at = $2 where digest = $1 and used_at is null";
        Ok(self.queries.execute(SQL, params![digest, now]).await? == 1)
    }

    /// Remembers what the person allowed the client.
    pub async fn remember_consent(
        &mut self,
        person: PersonId,
        client: &ClientId,
        scope: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        const SQL: &str = "insert into consent (person_id, client_id, scope, given_at) values ($1, $2, $3, $4) \
                           on conflict (person_id, client_id) do update set scope = excluded.scope, \
                           given_at = excluded.given_at";
        let values = params![person.uuid(), client.0.clone(), scope.to_owned(), now];
        self.queries.execute(SQL, values).await.map(|_| ())
    }

    /// Publishes a signing key.
    pub async fn insert_signing_key(&mut self, row: &SigningKeyRow) -> Result<(), StorageError> {
        const SQL: &str = "insert into signing_key (id, algorithm, public_key, sealed_private_key, created_at, \
                           signs_from, leaves_at) values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing";
        let values = params![
            row.id.clone(),
            row.algorithm.clone(),
            row.public_key.clone(),
            row.sealed_private_key.clone(),
            row.created_at,
            row.signs_from,
            row.leaves_at,
        ];
        self.queries.execute(SQL, values).await.map(|_| ())
    }

    /// Sets from when a signing key signs, and until when it is published.
    pub async fn schedule_signing_key(
        &mut self,
        kid: &str,
        signs_from: DateTime<Utc>,
        leaves_at: Option<DateTime<Utc>>,
    ) -> Result<(), StorageError> {
        const SQL: &str = "update signing_key set signs_from = $2, leaves_at = $3 where id = $1";
        self.queries.execute(SQL, params![kid, signs_from, leaves_at]).await.map(|_| ())
    }

    /// Destroys the private half of a key that no longer signs.
    pub async fn empty_signing_key(&mut self, kid: &str) -> Result<(), StorageError> {
        const SQL: &str = "update signing_key set sealed_private_key = $2 where id = $1";
        self.queries.execute(SQL, params![kid, Vec::<u8>::new()]).await.map(|_| ())
    }

    /// Forgets a signing key that nobody asks for any more.
    pub async fn delete_signing_key(&mut self, kid: &str) -> Result<(), StorageError> {
        self.queries.execute("delete from signing_key where id = $1", params![kid]).await.map(|_| ())
    }

    /// Forgets requests and grants that were over before `before`, with their codes and tokens; how many rows.
    pub async fn forget_before(&mut self, before: DateTime<Utc>) -> Result<u64, StorageError> {
        let requests =
            self.queries.execute("delete from authorization_request where expires_at < $1", params![before]).await?;
        let grants = self.queries.execute("delete from client_grant where expires_at < $1", params![before]).await?;
        Ok(requests + grants)
    }
}
