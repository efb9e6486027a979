//! Spans to an OpenTelemetry collector (OTLP over HTTP, protobuf), off unless `--otlp-endpoint` names one. What is sent
//! is names of ours, routes, statuses, results and times: spans of the targets below, and no log line.

use std::{sync::OnceLock, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use axum::body::Bytes;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracerProvider, Tracer},
};
use tokio::runtime::Handle;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};
use url::Url;

/// Longest wait for a collector; spans it does not take are dropped, never waited for.
const WAIT: Duration = Duration::from_secs(5);
/// Spans with fields that are fit to leave the machine.
const TARGETS: [&str; 2] = ["server::http::request_log", "isthmus::trace"];

/// The exporter. Ends with [`Telemetry::stop`], which sends what is left.
pub struct Telemetry {
    provider: SdkTracerProvider,
    tracer: Tracer,
}

/// The exporter has a thread of its own; what it sends travels on the server's runtime.
static RUNTIME: OnceLock<Handle> = OnceLock::new();

#[derive(Debug)]
struct Client(reqwest::Client);

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let runtime = RUNTIME.get().ok_or("the server has not started yet")?;
        let request: reqwest::Request = request.map(reqwest::Body::from).try_into()?;
        let client = self.0.clone();
        let exchange = runtime.spawn(async move {
            let response = client.execute(request).await?;
            let mut answer = Response::builder().status(response.status());
            if let Some(headers) = answer.headers_mut() {
                headers.clone_from(response.headers());
            }
            Ok::<_, HttpError>(answer.body(response.bytes().await?)?)
        });
        exchange.await?
    }
}

impl Telemetry {
    /// Prepares to send to the collector at this address: `/v1/traces` is put behind it.
    pub fn new(endpoint: &Url) -> anyhow::Result<Self> {
        crate::install_crypto_provider();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(WAIT)
            .build()
            .context("the HTTP client for --otlp-endpoint")?;
        let traces = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(client))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(traces)
            .with_timeout(WAIT)
            .build()
            .context("--otlp-endpoint")?;
        let resource = Resource::builder_empty()
            .with_service_name("isthmus")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        let tracer = provider.tracer("isthmus");
        Ok(Self { provider, tracer })
    }

    /// From now on spans travel.
    pub fn run_on(runtime: &Handle) {
        let _first = RUNTIME.set(runtime.clone());
    }

    /// What turns spans into OpenTelemetry's.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_filter(filter_fn(leaves))
    }

    /// Sends what is left. Blocks for a moment.
    pub fn stop(self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

fn leaves(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && TARGETS.contains(&metadata.target())
}

/// `--otlp-endpoint`: http or https, and without a password in it.
pub fn endpoint(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|error| format!("this is not a URL ({error}): write it like http://127.0.0.1:4318"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("only OTLP over HTTP is spoken: write it like http://127.0.0.1:4318".to_owned());
    }
    Ok(url)
}
