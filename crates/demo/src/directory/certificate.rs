//! A private certificate authority and a server certificate for loopback, as a legacy directory would have.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

pub(super) struct Certificate {
    pub ca_pem: String,
    pub server_config: ServerConfig,
}

pub(super) fn make() -> anyhow::Result<Certificate> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::<String>::new())?;
    ca.distinguished_name.push(DnType::CommonName, "Demo directory CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca, ca_key);

    let key = KeyPair::generate()?;
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;

    // The provider is named, not taken from the process: the demo must not depend on who installed one first.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server_config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?.with_no_client_auth();
    let private_key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let server_config = server_config.with_single_cert(vec![certificate.der().clone()], private_key)?;
    Ok(Certificate { ca_pem: ca_certificate.pem(), server_config })
}
