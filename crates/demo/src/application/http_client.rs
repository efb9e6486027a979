//! The HTTP client that openidconnect speaks through. It follows no redirects: a provider that redirects its token
//! endpoint would send codes and secrets wherever it likes.

use std::{future::Future, pin::Pin, time::Duration};

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

#[derive(Clone)]
pub(super) struct HttpClient(reqwest::Client);

#[derive(Debug)]
pub(super) struct HttpError(anyhow::Error);

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for HttpError {}

impl HttpClient {
    pub fn new() -> anyhow::Result<Self> {
        // reqwest takes the process's provider; somebody may have installed it already, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(15))
            .no_proxy()
            .build()?;
        Ok(Self(client))
    }

    pub fn reqwest(&self) -> &reqwest::Client {
        &self.0
    }

    async fn exchange(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let response = self.0.execute(request.try_into()?).await?;
        let mut answer = axum::http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        Ok(answer.body(response.bytes().await?.to_vec())?)
    }
}

impl<'client> AsyncHttpClient<'client> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'client>>;

    fn call(&'client self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { self.exchange(request).await.map_err(HttpError) })
    }
}
