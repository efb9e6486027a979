//! Certificates of the test servers: good ones, and each kind of bad one.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// A private certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
}

/// What a TLS server is started with.
#[derive(Debug, Clone)]
pub struct ServerCertificate {
    pub certificate_pem: String,
    pub key_pem: String,
}

impl Authority {
    /// A new authority; two of them never trust each other's certificates.
    ///
    /// # Panics
    /// If the cryptography library refuses, which no test can go on from.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let certificate_pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), certificate_pem }
    }

    /// What clients must trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A good certificate for these names and addresses.
    #[must_use]
    pub fn issue(&self, names: &[&str]) -> ServerCertificate {
        self.sign(params("Test server", names))
    }

    /// A good certificate for `localhost` and `127.0.0.1`.
    #[must_use]
    pub fn local(&self) -> ServerCertificate {
        self.issue(&["localhost", "127.0.0.1"])
    }

    /// A certificate for the right names whose time is over.
    #[must_use]
    pub fn expired(&self) -> ServerCertificate {
        let mut params = params("Expired test server", &["localhost", "127.0.0.1"]);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(params)
    }

    /// A good certificate of another host.
    #[must_use]
    pub fn wrong_host(&self) -> ServerCertificate {
        self.issue(&["directory.elsewhere.test"])
    }

    fn sign(&self, mut params: CertificateParams) -> ServerCertificate {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        ServerCertificate { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }
}

fn params(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    params
}
