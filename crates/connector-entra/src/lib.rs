//! OpenID providers as sources: people sign in there by redirect (OpenID Connect Core 1.0, code flow with PKCE), and
//! come back with a signed word about who they are. Entra ID is one of them, and shows its people, groups and devices
//! through Microsoft Graph besides.
//!
//! Nothing here is decided about people: the connector says who (issuer, tenant, `oid` or `sub`) came back, and the hub
//! does the rest.

mod claims;
mod failure;
mod graph;
mod http;
mod metadata;
mod provider;
mod raw;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use connector::{
    Abilities, AllowedNetworks, Connector, Cursor, Found, Page, ProbeStep, Read, ReadFrom, ReadPage, Redirect,
    RedirectFailure, RedirectProof, RedirectReturn, RedirectStart, Trouble, TroubleKind, Verification,
};
use directory::{
    AdapterResult, AttributeMapping, ConnectorSettings, ImmutableId, LockoutReading, ObjectKind, Source, SourceEntry,
    SourceKind,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};
use url::Url;

use crate::{graph::Graph, http::HttpClient, metadata::Known};

/// Objects per page of Graph, which allows 999.
const PAGE_SIZE: u32 = 500;

/// An OpenID provider.
pub struct OpenIdConnector {
    /// The source's name, for messages.
    name: String,
    issuer: Url,
    /// Entra ID: the one tenant whose people these are.
    tenant: Option<String>,
    client_id: String,
    secret: SecretString,
    reads: AttributeMapping,
    /// What expressions read beside it, under the provider's own names.
    names: BTreeSet<String>,
    http: HttpClient,
    graph: Option<Graph>,
    /// What discovery said.
    known: Mutex<Option<Arc<Known>>>,
    /// One discovery at a time: everybody else waits for its answer.
    discovering: AsyncMutex<Option<Instant>>,
}

impl OpenIdConnector {
    /// Checks the settings. Does not dial.
    pub fn new(source: &Source, secret: SecretString, networks: Arc<AllowedNetworks>) -> Result<Self, Trouble> {
        let wrong = |reason: String| Trouble {
            kind: TroubleKind::Misconfigured,
            endpoint: source.name.clone(),
            reason: format!("{reason}. Change the source's settings."),
        };
        let ConnectorSettings::OpenId(settings) = &source.connector else {
            return Err(wrong("its settings are not those of an OpenID provider".to_owned()));
        };
        if settings.client_id.trim().is_empty() || secret.expose_secret().is_empty() {
            return Err(wrong("the client id or the client secret is missing".to_owned()));
        }
        let tenant = match source.kind {
            SourceKind::Entra => Some(settings.tenant().ok_or_else(|| {
                wrong("the issuer names no tenant by its id; common and organizations are nobody's".to_owned())
            })?),
            SourceKind::OpenId
            | SourceKind::Ldap
            | SourceKind::ActiveDirectory
            | SourceKind::Sql
            | SourceKind::Scim
            | SourceKind::File => None,
        };
        let plain = settings.issuer.scheme() == "http";
        let http = HttpClient::new(settings.ca_pem.as_deref(), plain, networks).map_err(wrong)?;
        Ok(Self {
            name: source.name.clone(),
            issuer: settings.issuer.clone(),
            tenant: tenant.map(str::to_owned),
            client_id: settings.client_id.clone(),
            secret,
            reads: settings.reads(),
            names: source.profile.reads(),
            graph: settings.graph.clone().map(|base| Graph::new(base, settings.reads(), source, PAGE_SIZE)),
            http,
            known: Mutex::default(),
            discovering: AsyncMutex::default(),
        })
    }

    fn known_now(&self) -> Option<Arc<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    const fn is_readable(&self) -> bool {
        self.graph.is_some()
    }

    /// Graph, or why nobody can be read.
    fn graph(&self) -> Result<&Graph, Trouble> {
        self.graph.as_ref().ok_or_else(|| self.not_readable())
    }

    fn endpoint(&self) -> String {
        connector::http::endpoint_of(&self.issuer)
    }

    /// A provider without Graph shows people only while they sign in.
    fn not_readable(&self) -> Trouble {
        let reason = "this provider shows people only when they sign in".to_owned();
        Trouble { kind: TroubleKind::Odd, endpoint: self.endpoint(), reason }
    }
}

#[async_trait]
impl Connector for OpenIdConnector {
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble> {
        self.graph_find(self.graph()?, typed_name).await
    }

    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        self.graph_fetch(self.graph()?, id, None).await
    }

    async fn fetch_soon(&self, id: &ImmutableId, groups_within: Duration) -> Result<Option<SourceEntry>, Trouble> {
        self.graph_fetch(self.graph()?, id, Some(groups_within)).await
    }

    /// No password typed at the hub is sent to an OpenID provider.
    async fn verify(&self, _entry: &SourceEntry, _password: &SecretString) -> Verification {
        Verification {
            result: AdapterResult::Unverifiable,
            sent: false,
            proves_password: false,
            endpoint: self.endpoint(),
            reason: "people sign in there by redirect".to_owned(),
            locked_until: None,
            trouble: None,
        }
    }

    async fn page(&self, cursor: Option<Cursor>) -> Result<Page, Trouble> {
        self.graph_people(self.graph()?, cursor).await
    }

    /// No password is sent, so that none can lock anybody out.
    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        Ok(LockoutReading { threshold: Some(0), ..LockoutReading::default() })
    }

    async fn probe(&self) -> Vec<ProbeStep> {
        let began = Instant::now();
        let step = |name: &str, outcome: Result<String, Trouble>| {
            let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let (passed, detail, remedy) = match outcome {
                Ok(detail) => (true, detail, None),
                Err(trouble) => (false, trouble.to_string(), Some(failure::remedy(trouble.kind).to_owned())),
            };
            ProbeStep { name: name.to_owned(), passed, detail, remedy, milliseconds }
        };
        let known = match self.discover(Duration::ZERO).await {
            Ok(known) => known,
            Err(trouble) => return vec![step("Discovery", Err(trouble))],
        };
        let mut steps = vec![
            step("Discovery", Ok(format!("The issuer is {}.", known.issuer))),
            step("Keys", Ok(format!("{} keys to check signatures with.", known.keys.keys().len()))),
        ];
        if let Some(graph) = &self.graph {
            steps.push(step("Microsoft Graph", self.graph_probe(graph).await));
        }
        steps
    }

    fn reading(&self) -> Option<&dyn Read> {
        self.graph.as_ref().map(|_| self as &dyn Read)
    }

    fn redirect(&self) -> Option<&dyn Redirect> {
        Some(self)
    }
}

#[async_trait]
impl Redirect for OpenIdConnector {
    async fn begin(&self, start: &RedirectStart) -> Result<Url, Trouble> {
        self.authorization_url(start).await
    }

    async fn finish(&self, back: &RedirectReturn) -> Result<RedirectProof, RedirectFailure> {
        self.exchange_and_verify(back).await
    }
}

#[async_trait]
impl Read for OpenIdConnector {
    fn abilities(&self) -> Abilities {
        graph::ABILITIES
    }

    async fn read(&self, kind: ObjectKind, from: ReadFrom) -> Result<ReadPage, Trouble> {
        self.graph_read(self.graph()?, kind, from).await
    }
}
