//! The HTTP client of this connector. It dials only where the server's configuration allows, follows no redirect (the
//! token would go wherever it leads), and reads no endless body.

use std::{sync::Arc, time::Duration};

use connector::{AllowedNetworks, Trouble, TroubleKind};
use directory::ScimSettings;
use reqwest::{
    StatusCode,
    dns::{Name, Resolve, Resolving},
    header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::{Host, Url};

/// A page of a thousand people is a few megabytes.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

pub(crate) struct HttpClient {
    client: reqwest::Client,
    /// Host and port.
    pub(crate) endpoint: String,
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
    pub(crate) fn new(
        settings: &ScimSettings,
        token: SecretString,
        networks: Arc<AllowedNetworks>,
    ) -> Result<Self, String> {
        // Names are judged where they are resolved; an address in the URL never is resolved.
        let address = match settings.url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err("the address names no host".to_owned()),
        };
        if let Some(address) = address.filter(|address| !networks.permits(*address)) {
            return Err(format!("{address} is neither public nor in an allowed network"));
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| "the token has characters that cannot be sent".to_owned())?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, bearer),
            (ACCEPT, HeaderValue::from_static("application/scim+json, application/json")),
        ]);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(settings.ca_pem.as_deref())?)
            .dns_resolver(Resolver(networks))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(5))
            .no_proxy()
            .user_agent("isthmus")
            .default_headers(headers)
            .build()
            .map_err(|error| format!("HTTP cannot be set up: {error}"))?;
        let port = settings.url.port_or_known_default().unwrap_or(443);
        let endpoint = format!("{}:{port}", settings.url.host_str().unwrap_or_default());
        Ok(Self { client, endpoint })
    }

    fn trouble(&self, kind: TroubleKind, reason: impl Into<String>) -> Trouble {
        Trouble { kind, endpoint: self.endpoint.clone(), reason: reason.into() }
    }

    /// Asks for something; `None` = it answered that it is not there.
    pub(crate) async fn get(&self, url: Url) -> Result<Option<Value>, Trouble> {
        let failed = |error: reqwest::Error| {
            let what = if error.is_timeout() { "no answer in time" } else { "no connection" };
            self.trouble(TroubleKind::Unavailable, format!("{what}: {}", in_words(&error.without_url())))
        };
        let mut response = self.client.get(url).send().await.map_err(failed)?;
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
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST_BODY {
                return Err(self.trouble(TroubleKind::Odd, "the answer is longer than 16 MB"));
            }
            body.extend_from_slice(&chunk);
        }
        // The parser's own words may repeat values.
        let odd = |_| self.trouble(TroubleKind::Odd, "the answer is no JSON");
        serde_json::from_slice(&body).map(Some).map_err(odd)
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
