//! The HTTP client of this connector: the guards that connectors share, and plain `http://` only where it was allowed.

use std::{sync::Arc, time::Duration};

use connector::{AllowedNetworks, Trouble, TroubleKind, http};
use reqwest::{
    Method, Request, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use url::Url;

use crate::failure::trouble;

/// For a whole answer.
const ANSWER: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    networks: Arc<AllowedNetworks>,
    /// `http://` was allowed for this source.
    plain: bool,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) endpoint: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<serde_json::Value, Trouble> {
        let odd = |error: serde_json::Error| {
            trouble(TroubleKind::Unavailable, &self.endpoint, format!("the answer is no JSON: {error}"))
        };
        serde_json::from_slice(&self.body).map_err(odd)
    }

    /// Seconds of `Retry-After`, if it tells seconds.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
    }
}

impl HttpClient {
    pub(crate) fn new(ca_pem: Option<&str>, plain: bool, networks: Arc<AllowedNetworks>) -> Result<Self, String> {
        let client = http::client(ca_pem, Arc::clone(&networks), ANSWER)?
            .build()
            .map_err(|error| format!("HTTP cannot be set up: {error}"))?;
        Ok(Self { client, networks, plain })
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> reqwest::RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends it and reads the whole answer. `Err` only if there was none.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, Trouble> {
        let request = request.build().map_err(|error| {
            trouble(TroubleKind::Misconfigured, "the request", format!("it cannot be made: {}", error.without_url()))
        })?;
        let endpoint = http::endpoint_of(request.url());
        self.may_be_dialled(&request, &endpoint)?;
        let failed = |error: reqwest::Error| trouble(TroubleKind::Unavailable, &endpoint, http::no_answer(error));
        let response = self.client.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http::body(response).await.map_err(failed)?;
        let too_long = || trouble(TroubleKind::Unavailable, &endpoint, "the answer is longer than 16 MB");
        let body = body.ok_or_else(too_long)?;
        Ok(Answer { status, headers, body, endpoint })
    }

    fn may_be_dialled(&self, request: &Request, endpoint: &str) -> Result<(), Trouble> {
        let refused = |reason: String| trouble(TroubleKind::Misconfigured, endpoint, reason);
        let scheme = request.url().scheme();
        if scheme != "https" && !(self.plain && scheme == "http") {
            return Err(refused(format!("{scheme}:// is not used: secrets would cross the network unprotected")));
        }
        http::may_be_dialled(request.url(), &self.networks).map_err(refused)
    }
}
