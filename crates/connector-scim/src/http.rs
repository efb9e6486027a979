//! The HTTP client of this connector: the guards that connectors share, its token, and what its answers mean.

use std::{sync::Arc, time::Duration};

use connector::{AllowedNetworks, Trouble, TroubleKind, http};
use directory::ScimSettings;
use reqwest::{
    StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::Url;

/// For a whole answer.
const ANSWER: Duration = Duration::from_secs(5);

pub(crate) struct HttpClient {
    client: reqwest::Client,
    /// Host and port.
    pub(crate) endpoint: String,
}

impl HttpClient {
    pub(crate) fn new(
        settings: &ScimSettings,
        token: SecretString,
        networks: Arc<AllowedNetworks>,
    ) -> Result<Self, String> {
        http::may_be_dialled(&settings.url, &networks)?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| "the token has characters that cannot be sent".to_owned())?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (ACCEPT, HeaderValue::from_static("application/scim+json, application/json")),
        ]);
        let client = http::client(settings.ca_pem.as_deref(), networks, ANSWER)?
            .default_headers(headers)
            .build()
            .map_err(|error| format!("HTTP cannot be set up: {error}"))?;
        let endpoint = http::endpoint_of(&settings.url);
        Ok(Self { client, endpoint })
    }

    fn trouble(&self, kind: TroubleKind, reason: impl Into<String>) -> Trouble {
        Trouble { kind, endpoint: self.endpoint.clone(), reason: reason.into() }
    }

    /// Asks for something; `None` = it answered that it is not there.
    pub(crate) async fn get(&self, url: Url) -> Result<Option<Value>, Trouble> {
        let failed = |error| self.trouble(TroubleKind::Unavailable, http::no_answer(error));
        let response = self.client.get(url).send().await.map_err(failed)?;
        let status = response.status();
        let later = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let later = later.and_then(|text| text.trim().parse::<u32>().ok());
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let reason = format!("it refuses the token ({status}): enter one that may read people and groups");
                return Err(self.trouble(TroubleKind::Misconfigured, reason));
            }
            status if status.is_redirection() => {
                let reason = format!("it points elsewhere ({status}), which is not followed: give the final address");
                return Err(self.trouble(TroubleKind::Misconfigured, reason));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = later.map(|seconds| format!("; it asks to wait {seconds} s")).unwrap_or_default();
                return Err(self.trouble(TroubleKind::Unavailable, format!("it is asked too often{wait}")));
            }
            status if status.is_server_error() => {
                return Err(self.trouble(TroubleKind::Unavailable, format!("it answered {status}")));
            }
            status => return Err(self.trouble(TroubleKind::Odd, format!("it answered {status}"))),
        }
        let body = http::body(response).await.map_err(failed)?;
        let body = body.ok_or_else(|| self.trouble(TroubleKind::Odd, "the answer is longer than 16 MB"))?;
        // The parser's own words may repeat values.
        let odd = |_| self.trouble(TroubleKind::Odd, "the answer is no JSON");
        serde_json::from_slice(&body).map(Some).map_err(odd)
    }
}
