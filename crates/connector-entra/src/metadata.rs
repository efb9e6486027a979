//! What a provider says of itself (OpenID Connect Discovery 1.0), and its keys. Kept for an hour.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use connector::{Trouble, TroubleKind, http::endpoint_of};
use openidconnect::{JsonWebKeySet, core::CoreJsonWebKey};
use reqwest::{Method, StatusCode, header::ACCEPT};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::{OpenIdConnector, failure::trouble};

const KEPT: Duration = Duration::from_hours(1);

/// The provider as it described itself.
pub(crate) struct Known {
    /// Exactly as its tokens have to name it.
    pub(crate) issuer: String,
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) user_info: Option<Url>,
    pub(crate) keys: JsonWebKeySet<CoreJsonWebKey>,
    /// It promises `iss` in its answers (RFC 9207): one without is not its own.
    pub(crate) names_issuer: bool,
    pub(crate) read_at: Instant,
}

/// The parts that are used. What else stands there is for others.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    jwks_uri: Url,
    userinfo_endpoint: Option<Url>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    /// Without a list, RFC 7636 says nothing: Entra ID has none, and supports it.
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl OpenIdConnector {
    pub(crate) async fn metadata(&self) -> Result<Arc<Known>, Trouble> {
        self.discover(KEPT).await
    }

    /// What is known, if it is younger than that; else read anew. One reads, the others wait for it.
    pub(crate) async fn discover(&self, younger_than: Duration) -> Result<Arc<Known>, Trouble> {
        let asked_at = Instant::now();
        let fresh = |known: &Arc<Known>| known.read_at.elapsed() < younger_than;
        if let Some(known) = self.known_now().filter(fresh) {
            return Ok(known);
        }
        let _turn = self.discovering.lock().await;
        // Whoever was waited for has read it after we began to wait.
        if let Some(known) = self.known_now().filter(|known| fresh(known) || known.read_at > asked_at) {
            return Ok(known);
        }
        let known = Arc::new(self.read_metadata().await?);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        Ok(known)
    }

    async fn read_metadata(&self) -> Result<Known, Trouble> {
        let issuer = self.issuer.as_str().trim_end_matches('/');
        let at = format!("{issuer}/.well-known/openid-configuration");
        let wrong = |reason: String| trouble(TroubleKind::Misconfigured, &endpoint_of(&self.issuer), reason);
        let at = Url::parse(&at).map_err(|error| wrong(format!("the issuer is no address: {error}")))?;
        let document: Document = serde_json::from_value(self.get_json(at).await?)
            .map_err(|error| wrong(format!("what stands there describes no OpenID provider: {error}")))?;
        // `Url` writes an empty path as `/`, which some issuers have and others have not: both are the same setting.
        if document.issuer.trim_end_matches('/') != issuer {
            return Err(wrong("the provider calls itself by another issuer than the one configured".to_owned()));
        }
        let s256 = |methods: &Vec<String>| methods.iter().any(|method| method == "S256");
        if document.code_challenge_methods_supported.as_ref().is_some_and(|methods| !s256(methods)) {
            return Err(wrong("the provider does not support PKCE with S256".to_owned()));
        }
        let keys = self.get_json(document.jwks_uri).await?;
        let keys: JsonWebKeySet<CoreJsonWebKey> =
            serde_json::from_value(keys).map_err(|error| wrong(format!("its keys cannot be read: {error}")))?;
        Ok(Known {
            issuer: document.issuer,
            authorization: document.authorization_endpoint,
            token: document.token_endpoint,
            user_info: document.userinfo_endpoint,
            keys,
            names_issuer: document.authorization_response_iss_parameter_supported,
            read_at: Instant::now(),
        })
    }

    async fn get_json(&self, url: Url) -> Result<Value, Trouble> {
        let answer = self.http.send(self.http.request(Method::GET, url).header(ACCEPT, "application/json")).await?;
        if answer.status == StatusCode::OK {
            return answer.json();
        }
        let kind = if answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS {
            TroubleKind::Unavailable
        } else {
            TroubleKind::Misconfigured
        };
        Err(trouble(kind, &answer.endpoint, format!("it answered {} to discovery", answer.status)))
    }
}
