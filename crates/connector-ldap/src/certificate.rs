//! The certificates a server presents, kept while rustls judges them, so that a refusal can be explained.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};
use chrono::DateTime;
use connector::CertificateFacts;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs as provider,
};
use x509_parser::{extensions::GeneralName, parse_x509_certificate};

/// More certificates than this no honest server presents.
const CHAIN_LIMIT: usize = 8;
const NAMES_LIMIT: usize = 20;
const TEXT_LIMIT: usize = 300;

/// What a server presented.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presented(Arc<Mutex<Vec<CertificateDer<'static>>>>);

impl Presented {
    pub(crate) fn facts(&self) -> Vec<CertificateFacts> {
        let chain = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chain.iter().filter_map(facts).collect()
    }
}

/// TLS as the connector does it, which also notes what was presented.
pub(crate) fn watched(roots: RootCertStore) -> Result<(Arc<ClientConfig>, Presented), String> {
    let provider = Arc::new(provider::default_provider());
    let judge = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let presented = Presented::default();
    let watching = Watching { judge, presented: presented.clone() };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(watching))
        .with_no_client_auth();
    Ok((Arc::new(config), presented))
}

/// Notes, and leaves every decision to the verifier that is used everywhere else.
#[derive(Debug)]
struct Watching {
    judge: Arc<WebPkiServerVerifier>,
    presented: Presented,
}

impl ServerCertVerifier for Watching {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).take(CHAIN_LIMIT);
        *self.presented.0.lock().unwrap_or_else(PoisonError::into_inner) =
            chain.map(|certificate| certificate.clone().into_owned()).collect();
        self.judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}

/// Empty if it cannot be read; rustls has refused such a certificate by then.
fn facts(der: &CertificateDer<'_>) -> Option<CertificateFacts> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|names| names.value.general_names.iter().filter_map(name).take(NAMES_LIMIT).collect());
    let hex: Vec<String> = digest(&SHA256, der).as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    Some(CertificateFacts {
        subject: printable(&certificate.subject().to_string()),
        issuer: printable(&certificate.issuer().to_string()),
        not_before: DateTime::from_timestamp(certificate.validity().not_before.timestamp(), 0)?,
        not_after: DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)?,
        names: names.unwrap_or_default(),
        is_authority: certificate.is_ca(),
        fingerprint: hex.join(":"),
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        GeneralName::IPAddress(bytes) => {
            let address = <[u8; 4]>::try_from(*bytes)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// A stranger wrote it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_LIMIT).collect()
}
