//! The provider's signing keys: made once, the private half sealed.

use std::sync::Arc;

use oidc::{KeyError, KeySet, SigningAlgorithm, SigningKey};
use serde_json::Value;
use storage::provider::{Provider, SigningKeyRow};

use crate::{Hub, HubError, kernel::vault::Place};

fn place(kid: &str) -> Place<'_> {
    Place { table: "signing_key", column: "sealed_private_key", row: kid }
}

fn unusable(error: &KeyError) -> HubError {
    HubError::Internal(error.to_string())
}

impl Hub {
    /// The JWKS document.
    pub async fn jwks(&self) -> Result<Value, HubError> {
        self.signing_keys().await?.public_document().map_err(|error| unusable(&error))
    }

    /// Makes the keys if this installation has none, so that the first person who signs in does not wait for it.
    pub async fn prepare_signing_keys(&self) -> Result<(), HubError> {
        self.signing_keys().await.map(|_| ())
    }

    pub(super) async fn signing_keys(&self) -> Result<Arc<KeySet>, HubError> {
        let keys = self.state.signing_keys.get_or_try_init(|| async {
            self.make_missing_keys().await?;
            let rows = Provider::new(&mut self.database.reader()).signing_keys().await?;
            let keys: Result<Vec<SigningKey>, HubError> = rows.iter().map(|row| self.open_signing_key(row)).collect();
            Ok::<_, HubError>(Arc::new(KeySet::new(keys?)))
        });
        keys.await.cloned()
    }

    /// Several servers may do this at once: the first key of an algorithm stays.
    async fn make_missing_keys(&self) -> Result<(), HubError> {
        let present = Provider::new(&mut self.database.reader()).signing_keys().await?;
        for algorithm in SigningAlgorithm::ALL {
            if present.iter().any(|row| row.algorithm == algorithm.as_str() && row.retired_at.is_none()) {
                continue;
            }
            let pem = tokio::task::spawn_blocking(move || oidc::generate_key(algorithm))
                .await
                .map_err(|error| HubError::Internal(error.to_string()))?
                .map_err(|error| unusable(&error))?;
            let key = SigningKey::from_pem(algorithm, &pem).map_err(|error| unusable(&error))?;
            let row = SigningKeyRow {
                sealed_private_key: self.vault.seal(self.random.as_ref(), place(&key.kid), &pem)?,
                public_key: key.public_jwk().map_err(|error| unusable(&error))?,
                id: key.kid,
                algorithm: algorithm.as_str().to_owned(),
                created_at: self.clock.now(),
                retired_at: None,
            };
            storage::write!(self.database, |tx| {
                Ok::<_, HubError>(Provider::new(tx).insert_signing_key(&row).await?)
            })?;
        }
        Ok(())
    }

    fn open_signing_key(&self, row: &SigningKeyRow) -> Result<SigningKey, HubError> {
        let algorithm = SigningAlgorithm::from_stored(&row.algorithm)
            .ok_or_else(|| HubError::Internal(format!("signing key {} has an unknown algorithm", row.id)))?;
        let pem = self.vault.open(place(&row.id), &row.sealed_private_key)?;
        SigningKey::from_pem(algorithm, &pem).map_err(|error| unusable(&error))
    }
}
