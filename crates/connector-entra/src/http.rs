//! The HTTP client of this connector. It dials only where the server's configuration allows, follows no redirect (a
//! provider that redirects its token endpoint would send codes and secrets wherever it likes), and reads no endless body.

use std::{net::IpAddr, sync::Arc, time::Duration};

use connector::{AllowedNetworks, Trouble, TroubleKind};
use reqwest::{
    Method, Request, Response, StatusCode,
    dns::{Name, Resolve, Resolving},
    header::{HeaderMap, RETRY_AFTER},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use url::{Host, Url};

use crate::failure::trouble;

/// A page of 999 people is about a megabyte.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

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

/// Resolves names only to addresses that may be dialled.
struct Resolver(Arc<AllowedNetworks>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = Arc::clone(&self.0);
        Box::pin(async move {
            let found = networks.resolve(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Box<dyn Iterator<Item = _> + Send>)
        })
    }
}

impl HttpClient {
    pub(crate) fn new(ca_pem: Option<&str>, plain: bool, networks: Arc<AllowedNetworks>) -> Result<Self, String> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(ca_pem)?)
            .dns_resolver(Resolver(Arc::clone(&networks)))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(10))
            .no_proxy()
            .user_agent("isthmus")
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
        let endpoint = host_of(request.url());
        self.may_be_dialled(&request, &endpoint)?;
        let failed = |error: reqwest::Error| {
            let what = if error.is_timeout() { "no answer in time" } else { "no connection" };
            trouble(TroubleKind::Unavailable, &endpoint, format!("{what}: {}", in_words(&error.without_url())))
        };
        let mut response: Response = self.client.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST_BODY {
                return Err(trouble(TroubleKind::Unavailable, &endpoint, "the answer is longer than 16 MB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body, endpoint })
    }

    /// Names are judged where they are resolved; an address in the URL never is resolved.
    fn may_be_dialled(&self, request: &Request, endpoint: &str) -> Result<(), Trouble> {
        let url = request.url();
        let refused = |reason: String| Err(trouble(TroubleKind::Misconfigured, endpoint, reason));
        let scheme = url.scheme();
        if scheme != "https" && !(self.plain && scheme == "http") {
            return refused(format!("{scheme}:// is not used: secrets would cross the network unprotected"));
        }
        let address: Option<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return refused("the address names no host".to_owned()),
        };
        match address {
            Some(address) if !self.networks.permits(address) => {
                refused(format!("{address} is neither public nor in an allowed network"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Host and port, for messages.
pub(crate) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "nowhere".to_owned(),
    }
}

/// The innermost words: reqwest's own say little.
fn in_words(error: &reqwest::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(inner) = source.source() {
        source = inner;
    }
    source.to_string()
}

fn tls(ca_pem: Option<&str>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = ca_pem {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| format!("the certificate authority is no PEM: {error}"))?;
            roots.add(certificate).map_err(|error| format!("the certificate authority cannot be read: {error}"))?;
        }
        if roots.is_empty() {
            return Err("the certificate authority holds no certificate".to_owned());
        }
    } else {
        // One that cannot be read must not make all others useless.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
