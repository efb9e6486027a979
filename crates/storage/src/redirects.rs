//! Signing in by redirect: browsers on their way to a provider, and offers to set a password here.

use chrono::{DateTime, Utc};
use directory::{AuthorizationId, ClientId, PersonId, SourceId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// A browser on its way. Both secrets are digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectSignIn {
    pub state: Vec<u8>,
    pub source: SourceId,
    pub browser: Vec<u8>,
    pub authorization: Option<AuthorizationId>,
    pub client: Option<ClientId>,
    pub return_to: Option<String>,
    /// Keyed digest of the typed name.
    pub typed: Option<Vec<u8>>,
    pub expires_at: DateTime<Utc>,
}

/// Somebody who may set a password here before they go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordOffer {
    pub digest: Vec<u8>,
    pub person: PersonId,
    /// Where they were proven.
    pub source: SourceId,
    pub client: Option<ClientId>,
    pub methods: Vec<String>,
    /// It cannot be put off (row D11).
    pub required: bool,
    pub expires_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct RedirectRow {
    state: Vec<u8>,
    source_id: Uuid,
    browser: Vec<u8>,
    authorization_id: Option<Uuid>,
    client_id: Option<String>,
    return_to: Option<String>,
    typed: Option<Vec<u8>>,
    expires_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct OfferRow {
    digest: Vec<u8>,
    person_id: Uuid,
    source_id: Uuid,
    client_id: Option<String>,
    methods: String,
    required: bool,
    expires_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct SkipRow {
    skipped: i64,
}

const INSERT: &str = "insert into redirect_sign_in \
                      (state, source_id, browser, authorization_id, client_id, return_to, typed, expires_at) \
                      values ($1, $2, $3, $4, $5, $6, $7, $8)";
const BY_STATE: &str = "select state, source_id, browser, authorization_id, client_id, return_to, typed, expires_at \
                        from redirect_sign_in where state = $1";
const DELETE: &str = "delete from redirect_sign_in where state = $1";
const FORGET: &str = "delete from redirect_sign_in where expires_at <= $1";
const INSERT_OFFER: &str = "insert into password_offer (digest, person_id, source_id, client_id, methods, expires_at, \
                            required) values ($1, $2, $3, $4, $5, $6, $7)";
const OFFER: &str = "select digest, person_id, source_id, client_id, methods, expires_at, required from password_offer \
                     where digest = $1";
const END_OFFERS: &str = "delete from password_offer where person_id = $1";
const FORGET_OFFERS: &str = "delete from password_offer where expires_at <= $1";
const SKIPPED: &str = "select skipped from password_offer_skip where person_id = $1";
const SKIP: &str = "insert into password_offer_skip (person_id, skipped) values ($1, 1) \
                    on conflict (person_id) do update set skipped = password_offer_skip.skipped + 1";

/// Sign-ins by redirect in a transaction or a reader.
pub struct Redirects<'a, Q>(pub &'a mut Q);

impl<Q: Queries> Redirects<'_, Q> {
    /// The one with this state.
    pub async fn by_state(&mut self, state: &[u8]) -> Result<Option<RedirectSignIn>, StorageError> {
        let row: Option<RedirectRow> = self.0.fetch_optional(BY_STATE, params![state.to_vec()]).await?;
        Ok(row.map(|row| RedirectSignIn {
            state: row.state,
            source: row.source_id.into(),
            browser: row.browser,
            authorization: row.authorization_id.map(AuthorizationId::from),
            client: row.client_id.map(ClientId),
            return_to: row.return_to,
            typed: row.typed,
            expires_at: row.expires_at,
        }))
    }

    /// The offer under this digest.
    pub async fn offer(&mut self, digest: &[u8]) -> Result<Option<PasswordOffer>, StorageError> {
        let row: Option<OfferRow> = self.0.fetch_optional(OFFER, params![digest.to_vec()]).await?;
        row.map(|row| {
            let methods = serde_json::from_str(&row.methods).map_err(|error| StorageError::Inconsistent {
                table: "password_offer",
                column: "methods",
                reason: error.to_string(),
            })?;
            Ok(PasswordOffer {
                digest: row.digest,
                person: row.person_id.into(),
                source: row.source_id.into(),
                client: row.client_id.map(ClientId),
                methods,
                required: row.required,
                expires_at: row.expires_at,
            })
        })
        .transpose()
    }

    /// How often this person did not take the offer.
    pub async fn skipped(&mut self, person: PersonId) -> Result<i64, StorageError> {
        let row: Option<SkipRow> = self.0.fetch_optional(SKIPPED, params![person.uuid()]).await?;
        Ok(row.map_or(0, |row| row.skipped))
    }
}

impl Redirects<'_, Transaction> {
    /// Remembers a browser that leaves.
    pub async fn insert(&mut self, row: &RedirectSignIn) -> Result<(), StorageError> {
        let values = params![
            row.state.clone(),
            row.source.uuid(),
            row.browser.clone(),
            row.authorization.map(AuthorizationId::uuid),
            row.client.as_ref().map(|client| client.0.clone()),
            row.return_to.clone(),
            row.typed.clone(),
            row.expires_at
        ];
        self.0.execute(INSERT, values).await.map(|_| ())
    }

    /// Used up; false if somebody was faster.
    pub async fn delete(&mut self, state: &[u8]) -> Result<bool, StorageError> {
        Ok(self.0.execute(DELETE, params![state.to_vec()]).await? > 0)
    }

    /// Keeps an offer.
    pub async fn insert_offer(&mut self, offer: &PasswordOffer) -> Result<(), StorageError> {
        let values = params![
            offer.digest.clone(),
            offer.person.uuid(),
            offer.source.uuid(),
            offer.client.as_ref().map(|client| client.0.clone()),
            serde_json::Value::from(offer.methods.clone()).to_string(),
            offer.expires_at,
            offer.required
        ];
        self.0.execute(INSERT_OFFER, values).await.map(|_| ())
    }

    /// Every offer to this person is over.
    pub async fn end_offers(&mut self, person: PersonId) -> Result<(), StorageError> {
        self.0.execute(END_OFFERS, params![person.uuid()]).await.map(|_| ())
    }

    /// Counts that the offer was not taken.
    pub async fn skip(&mut self, person: PersonId) -> Result<(), StorageError> {
        self.0.execute(SKIP, params![person.uuid()]).await.map(|_| ())
    }

    /// Forgets what is over; how many rows went.
    pub async fn forget(&mut self, now: DateTime<Utc>) -> Result<u64, StorageError> {
        Ok(self.0.execute(FORGET, params![now]).await? + self.0.execute(FORGET_OFFERS, params![now]).await?)
    }
}
