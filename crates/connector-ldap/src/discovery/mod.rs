//! Finding out how a directory can be used before it is registered. Three looks, each a use case of its own: as a
//! stranger ([`Discovery::greet`]), as the service account ([`Discovery::survey`]), and with the settings as they are
//! now ([`Discovery::inspect`]).

mod greet;
mod inspect;
mod look;
mod policy;
mod root;
mod schema;
mod survey;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{AllowedNetworks, Discovery, DiscoveryStep, Failure, FailureKind, Greeting, Survey};
use directory::{ConnectorSettings, LdapSettings, Source};
use secrecy::SecretString;

use crate::{certificate::Presented, dn::Dn, fault::Fault, settings::Compiled};

/// A directory that may become a source. Nothing is dialled before it is asked.
pub struct LdapDiscovery {
    source: Source,
    settings: LdapSettings,
    secret: Option<SecretString>,
    networks: Arc<AllowedNetworks>,
}

impl LdapDiscovery {
    /// `source` may be incomplete: only its addresses, transport and authority are needed for a greeting, and the
    /// service account, whose password is `secret`, for more.
    pub fn new(source: &Source, secret: Option<SecretString>, networks: Arc<AllowedNetworks>) -> Self {
        // Settings of another kind stand for none: everything that is tried with them says what is missing.
        let settings = source.connector.ldap().cloned().unwrap_or_else(|| LdapSettings::preset(source.kind));
        Self { source: source.clone(), settings, secret, networks }
    }

    fn settings(&self) -> &LdapSettings {
        &self.settings
    }

    /// Everything that a greeting needs. Where somebody has not got to yet, something stands that fits and is never
    /// used: no greeting binds or searches below a base.
    fn for_strangers(&self, url: &url::Url) -> Result<(Compiled, Presented), Fault> {
        let mut compiled =
            self.compiled(&LdapSettings { urls: vec![url.clone()], ..self.blank() }, "never sent".into())?;
        let presented = self.watch(&mut compiled)?;
        Ok((compiled, presented))
    }

    /// As the service account, before anybody knows where people are.
    fn for_account(&self) -> Result<(Compiled, Presented), Fault> {
        let secret = self.secret.clone().filter(|_| !self.settings().bind_dn.trim().is_empty());
        let secret = secret.ok_or_else(|| {
            Fault::misconfigured(&self.source.name, "the service account has no name or no password")
                .means(FailureKind::AccountMissing)
        })?;
        let mut compiled =
            self.compiled(&LdapSettings { bind_dn: self.settings().bind_dn.clone(), ..self.blank() }, secret)?;
        compiled.base = Dn::root();
        let presented = self.watch(&mut compiled)?;
        Ok((compiled, presented))
    }

    /// With everything as it is now.
    fn complete(&self) -> Result<Compiled, Fault> {
        let secret = self.secret.clone().unwrap_or_default();
        self.compiled(self.settings(), secret)
    }

    fn compiled(&self, settings: &LdapSettings, secret: SecretString) -> Result<Compiled, Fault> {
        let source = Source { connector: ConnectorSettings::Ldap(settings.clone()), ..self.source.clone() };
        Compiled::new(&source, secret)
    }

    fn watch(&self, compiled: &mut Compiled) -> Result<Presented, Fault> {
        if compiled.tls.is_none() {
            return Ok(Presented::default());
        }
        let broken = |what| Fault::misconfigured(&self.source.name, what).means(FailureKind::AuthorityUnreadable);
        let roots = crate::settings::roots(self.settings().ca_pem.as_deref()).map_err(broken)?;
        let (tls, presented) = crate::certificate::watched(roots).map_err(broken)?;
        compiled.tls = Some(tls);
        Ok(presented)
    }

    fn blank(&self) -> LdapSettings {
        LdapSettings {
            bind_dn: "cn=nobody".to_owned(),
            base_dn: "cn=nowhere".to_owned(),
            urls: self.settings().urls.clone(),
            transport: self.settings().transport,
            ca_pem: self.settings().ca_pem.clone(),
            connect_timeout_ms: self.settings().connect_timeout_ms,
            operation_timeout_ms: self.settings().operation_timeout_ms,
            ..LdapSettings::preset(self.source.kind)
        }
    }
}

#[async_trait]
impl Discovery for LdapDiscovery {
    async fn greet(&self) -> Greeting {
        greet::greet(self).await
    }

    async fn survey(&self) -> Result<Survey, Failure> {
        survey::survey(self).await.map_err(Fault::failure)
    }

    async fn inspect(&self) -> Vec<DiscoveryStep> {
        inspect::inspect(self).await
    }
}
