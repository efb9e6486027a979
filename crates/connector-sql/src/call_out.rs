//! The call-out: the old application is asked whether a password is right, because only it knows how it stores them.
//!
//! `POST` with a bearer token and a JSON object of `id`, `username` and `password`. 200 = right, 403 = wrong; every other
//! answer, or none, says nothing about the password. Redirects are not followed, and nothing is asked twice.

use std::{io::Read as _, sync::Arc, time::Duration};

use connector::{AllowedNetworks, SourceFolder, TroubleKind, Verification};
use directory::{AdapterResult, SourceEntry, SqlCallOut};
use reqwest::{
    StatusCode,
    dns::{Name, Resolve, Resolving},
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use url::{Host, Url};

use crate::fault::Fault;

const CONNECT: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(5);
const LONGEST_TOKEN: u64 = 4_096;

/// The old application.
pub(crate) struct CallOut {
    client: reqwest::Client,
    url: Url,
    /// Host and port.
    endpoint: String,
    folder: Arc<SourceFolder>,
    token_file: String,
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

impl CallOut {
    /// Prepares it; does not dial.
    pub(crate) fn new(
        settings: &SqlCallOut,
        networks: Arc<AllowedNetworks>,
        folder: Arc<SourceFolder>,
    ) -> Result<Self, Fault> {
        let url = settings.url.clone();
        // Names are judged where they are resolved; an address in the URL never is resolved.
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(Fault::misconfigured("the address of the call-out names no host")),
        };
        if let Some(address) = address.filter(|address| !networks.permits(*address)) {
            return Err(Fault::misconfigured(format!(
                "the call-out's {address} is neither public nor in an allowed network"
            )));
        }
        if url.scheme() != "https" {
            return Err(Fault::misconfigured("the call-out needs https://: it is sent passwords"));
        }
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(settings.ca_pem.as_deref())?)
            .dns_resolver(Resolver(networks))
            .redirect(reqwest::redirect::Policy::none())
            // A request on a kept connection that breaks would be sent once more by the library.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .no_proxy()
            .user_agent("isthmus")
            .build()
            .map_err(|error| Fault::misconfigured(format!("the call-out cannot be set up: {error}")))?;
        let port = url.port_or_known_default().unwrap_or(443);
        let endpoint = format!("{}:{port}", url.host_str().unwrap_or_default());
        Ok(Self { client, url, endpoint, folder, token_file: settings.token_file.clone() })
    }

    /// Asks once.
    pub(crate) async fn ask(&self, entry: &SourceEntry, password: &SecretString) -> Verification {
        let token = match self.token() {
            Ok(token) => token,
            Err(reason) => return self.no_answer(false, reason),
        };
        let body = json!({
            "id": entry.immutable_id.as_str(), "username": entry.username, "password": password.expose_secret(),
        });
        let request = self
            .client
            .post(self.url.clone())
            .header(AUTHORIZATION, token)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        match request.send().await {
            Ok(answer) => self.read(answer.status()),
            Err(error) => {
                let sent = !error.is_connect() && !error.is_builder();
                let what = if error.is_timeout() { "no answer in time" } else { "no connection" };
                self.no_answer(sent, format!("{what}: {}", in_words(&error.without_url())))
            }
        }
    }

    fn read(&self, status: StatusCode) -> Verification {
        let said = |result, reason: &str| Verification {
            result,
            sent: true,
            proves_password: result == AdapterResult::Ok,
            endpoint: self.endpoint.clone(),
            reason: format!("the old application {reason} ({status})"),
            locked_until: None,
            trouble: None,
        };
        match status {
            StatusCode::OK => said(AdapterResult::Ok, "takes the password"),
            StatusCode::FORBIDDEN => said(AdapterResult::BadPassword, "does not take the password"),
            StatusCode::UNAUTHORIZED => self.no_answer(true, format!("it refuses the token of the hub ({status})")),
            _ => self.no_answer(true, format!("it answered {status}, which says nothing about the password")),
        }
    }

    /// Never about the password, and never about the database: the breaker of the source is not concerned.
    fn no_answer(&self, sent: bool, reason: String) -> Verification {
        tracing::warn!(endpoint = %self.endpoint, %reason, "the call-out gave no answer");
        Verification {
            result: AdapterResult::Unavailable,
            sent,
            proves_password: false,
            endpoint: self.endpoint.clone(),
            reason,
            locked_until: None,
            trouble: Some(TroubleKind::Odd),
        }
    }

    /// Read each time, so that a new token counts at once.
    fn token(&self) -> Result<HeaderValue, String> {
        let file = self.folder.open(&self.token_file).map_err(|refused| refused.to_string())?;
        let mut text = String::new();
        file.take(LONGEST_TOKEN).read_to_string(&mut text).map_err(|error| format!("{}: {error}", self.token_file))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(format!("{} is empty: write the token into it", self.token_file));
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| format!("{} has characters that cannot be sent", self.token_file))?;
        header.set_sensitive(true);
        Ok(header)
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

fn tls(ca_pem: Option<&str>) -> Result<ClientConfig, Fault> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = ca_pem {
        let wrong = |error: &dyn std::fmt::Display| {
            Fault::misconfigured(format!("the certificate authority of the call-out cannot be read: {error}"))
        };
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
        }
    } else {
        // One that cannot be read must not make all others useless.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::misconfigured(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
