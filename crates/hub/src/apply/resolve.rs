//! Secrets and certificate files of a site document, once the command line has read them. The hub itself opens no
//! file and reads no environment for it.

use std::{collections::BTreeMap, path::Path};

use secrecy::SecretString;

use super::{SecretReference, SiteDocument};
use crate::HubError;

/// Reads what the file refers to. Errors are words for the operator, naming the place and the remedy.
pub trait Resolver {
    fn secret_file(&self, path: &Path) -> Result<SecretString, String>;
    fn secret_variable(&self, name: &str) -> Result<SecretString, String>;
    fn certificate_file(&self, path: &Path) -> Result<String, String>;
}

/// What was read, by directory name and application id.
#[derive(Default)]
pub struct SiteSecrets {
    pub(super) bind_passwords: BTreeMap<String, SecretString>,
    pub(super) write_passwords: BTreeMap<String, SecretString>,
    pub(super) certificates: BTreeMap<String, String>,
    pub(super) client_secrets: BTreeMap<String, SecretString>,
}

impl std::fmt::Debug for SiteSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SiteSecrets")
    }
}

impl SiteSecrets {
    /// Reads everything the document refers to.
    pub fn resolve(document: &SiteDocument, resolver: &dyn Resolver) -> Result<Self, HubError> {
        let secret = |place: String, reference: &SecretReference| {
            match reference {
                SecretReference::File(path) => resolver.secret_file(path),
                SecretReference::Environment(name) => resolver.secret_variable(name),
            }
            .map_err(|why| HubError::Refused(format!("{place}: {why}")))
        };
        let mut secrets = Self::default();
        for source in &document.source {
            if let Some(reference) = &source.bind_password {
                let place = format!("[[source]] {}: bind_password", source.name);
                secrets.bind_passwords.insert(source.name.clone(), secret(place, reference)?);
            }
            if let Some(reference) = &source.write_password {
                let place = format!("[[source]] {}: write_password", source.name);
                secrets.write_passwords.insert(source.name.clone(), secret(place, reference)?);
            }
            if let Some(path) = &source.ca_file {
                let pem = resolver
                    .certificate_file(path)
                    .map_err(|why| HubError::Refused(format!("[[source]] {}: ca_file: {why}", source.name)))?;
                secrets.certificates.insert(source.name.clone(), pem);
            }
        }
        for client in &document.client {
            if let Some(reference) = &client.secret {
                let place = format!("[[client]] {}: secret", client.id);
                secrets.client_secrets.insert(client.id.clone(), secret(place, reference)?);
            }
        }
        Ok(secrets)
    }
}
