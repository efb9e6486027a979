//! The OpenID provider: what applications speak to. The rules of the protocol are in the `oidc` crate; here they meet
//! sessions, standing and storage. Plain data in and out: `server` translates to HTTP.

mod authorize;
mod grant;
mod issue;
mod keys;
mod logout;
mod token;
mod user_info;

pub use authorize::{AuthorizeAnswer, ConsentAsk, ConsentQuestion, PendingAuthorization};
pub(crate) use keys::SigningKeys;
pub use keys::{RotateWhen, SigningKeyLine, SigningKeyRotation};
pub use logout::LogoutAnswer;

use chrono::TimeDelta;
use directory::{Client, ClientId};
use oidc::{Endpoints, ErrorCode, ProtocolError};
use serde_json::Value;
use storage::{
    StorageError, attribute_definitions::AttributeDefinitions, clients::StoredClient, lease::Lease, provider::Provider,
    sessions::Sessions,
};

use crate::{Hub, HubError};

/// Why an endpoint that clients call refuses.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The client's doing: it reads why.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// Ours: it reads `server_error`, the log says more.
    #[error(transparent)]
    Hub(#[from] HubError),
}

impl From<StorageError> for ProviderError {
    fn from(error: StorageError) -> Self {
        Self::Hub(error.into())
    }
}

impl storage::MaybeRetry for ProviderError {
    fn is_retryable(&self) -> bool {
        matches!(self, Self::Hub(error) if error.is_retryable())
    }

    fn is_database_failure(&self) -> bool {
        matches!(self, Self::Hub(error) if error.is_database_failure())
    }
}

const fn invalid_grant(description: &'static str) -> ProviderError {
    ProviderError::Protocol(ProtocolError::new(ErrorCode::InvalidGrant, description))
}

/// What is over for this long is forgotten. A replayed code is recognised until then.
const KEEP_AFTER_END: TimeDelta = TimeDelta::days(7);

impl Hub {
    /// The addresses of this provider.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints::of(&self.public_url)
    }

    /// The discovery document, with the claims that the installation defined.
    pub async fn discovery(&self) -> Result<Value, HubError> {
        let definitions = AttributeDefinitions(&mut self.database.reader()).current().await?.definitions;
        let mut custom: Vec<String> =
            definitions.into_iter().filter_map(|definition| definition.release).map(|release| release.claim).collect();
        custom.retain(|claim| oidc::claim_fault(claim).is_none());
        custom.sort_unstable();
        custom.dedup();
        oidc::discovery_document(&self.endpoints(), &custom).map_err(|error| HubError::Internal(error.to_string()))
    }

    /// Forgets requests, sessions and grants that have been over for a while; how many rows.
    pub async fn forget_expired(&self, lease: &Lease) -> Result<u64, HubError> {
        let before = self.clock.now() - KEEP_AFTER_END;
        storage::write!(self.under(lease), |tx| {
            let grants = Provider::new(tx).forget_before(before).await?;
            Ok(grants + Sessions::new(tx).forget_before(before).await?)
        })
    }

    async fn provider_client(&self, id: &ClientId) -> Result<Option<StoredClient>, HubError> {
        Ok(storage::clients::by_id(&mut self.database.reader(), id).await?)
    }

    async fn provider_client_now(&self, id: &ClientId) -> Result<Option<Client>, HubError> {
        Ok(self.provider_client(id).await?.map(|stored| stored.client))
    }
}
