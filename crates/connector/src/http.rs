//! HTTP towards sources, with the guards that every connector which speaks it needs: only addresses that the server's
//! configuration allows are dialled, no redirect is followed (tokens and passwords would go wherever it leads), and no
//! endless body is read.

use std::{net::IpAddr, sync::Arc, time::Duration};

use reqwest::{
    Client, ClientBuilder, Response,
    dns::{Name, Resolve, Resolving},
    redirect::Policy,
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use url::{Host, Url};

use crate::AllowedNetworks;

/// A page of a thousand people is a few megabytes.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

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

/// A client that trusts this certificate authority alone (PEM; without one, those of the system) and has `within` for
/// a whole answer. The URLs of its requests have to pass [`may_be_dialled`] as well.
pub fn client(ca_pem: Option<&str>, networks: Arc<AllowedNetworks>, within: Duration) -> Result<ClientBuilder, String> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls(ca_pem)?)
        .dns_resolver(Resolver(networks))
        .redirect(Policy::none())
        .connect_timeout(Duration::from_secs(3))
        .timeout(within)
        .no_proxy()
        .user_agent("isthmus");
    Ok(client)
}

/// Whether the host of a URL may be dialled, or why not. Names are judged where they are resolved; an address in the
/// URL never is resolved.
pub fn may_be_dialled(url: &Url, networks: &AllowedNetworks) -> Result<(), String> {
    let address: Option<IpAddr> = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(_)) => None,
        None => return Err("the address names no host".to_owned()),
    };
    match address {
        Some(address) if !networks.permits(address) => {
            Err(format!("{address} is neither public nor in an allowed network"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Host and port, for messages.
#[must_use]
pub fn endpoint_of(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "nowhere".to_owned(),
    }
}

/// The whole body; `None` if it is longer than 16 MB.
pub async fn body(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_BODY {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Why there was no answer. The innermost words, because reqwest's own say little; without the URL, whose query may
/// hold what was typed.
#[must_use]
pub fn no_answer(error: reqwest::Error) -> String {
    let what = if error.is_timeout() { "no answer in time" } else { "no connection" };
    let error = error.without_url();
    let mut source: &dyn std::error::Error = &error;
    while let Some(inner) = source.source() {
        source = inner;
    }
    format!("{what}: {source}")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, networks: &AllowedNetworks) -> Option<String> {
        may_be_dialled(&url.parse().unwrap(), networks).err()
    }

    #[test]
    fn an_address_in_the_url_is_dialled_only_if_it_is_public_or_allowed() {
        let public_only = AllowedNetworks::default();
        for private in
            ["https://127.0.0.1/", "https://[::1]:8443/", "https://169.254.169.254/latest", "https://10.0.0.7/"]
        {
            assert!(refused(private, &public_only).unwrap().contains("allowed network"), "{private}");
        }
        assert_eq!(refused("https://9.9.9.9/", &public_only), None);
        assert_eq!(refused("https://directory.example/", &public_only), None, "judged where it is resolved");
        assert_eq!(refused("https://10.0.0.7/", &AllowedNetworks::new(["10.0.0.0/8".parse().unwrap()])), None);
        assert!(refused("data:text/plain,a", &public_only).unwrap().contains("no host"));
    }

    #[test]
    fn a_certificate_authority_is_pem_and_not_empty() {
        let build = |pem| client(Some(pem), Arc::default(), Duration::from_secs(1)).err();
        assert!(build("").unwrap().contains("holds no certificate"));
        assert!(build("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_some());
    }

    #[tokio::test]
    async fn a_name_that_stands_for_a_private_address_is_not_dialled_and_the_reason_hides_the_query() {
        let client = client(None, Arc::default(), Duration::from_secs(5)).unwrap().build().unwrap();
        let error = client.get("https://localhost/?q=typed").send().await.unwrap_err();
        let words = no_answer(error);
        assert!(words.contains("allowed network") && !words.contains("typed"), "{words}");
    }
}
