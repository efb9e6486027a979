//! A directory that answers what a test tells it to, and remembers what it was sent.

mod matching;
mod script;
mod serve;

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use ldap3_proto::LdapFilter;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
pub use script::{BindAnswer, SearchAnswer, StartTlsAnswer, StubEntry, StubScript};
use tokio::{net::TcpListener, task::AbortHandle};
use tokio_rustls::{TlsAcceptor, rustls};

use crate::{Authority, ServerCertificate};

/// A running stub; it ends when dropped.
pub struct StubLdap {
    shared: Arc<Shared>,
    plain: SocketAddr,
    tls: SocketAddr,
    tasks: Vec<AbortHandle>,
    authority: Authority,
}

/// One search as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct StubSearch {
    pub base: String,
    /// 0 base, 1 one level, 2 subtree.
    pub scope: i64,
    pub filter: LdapFilter,
    pub attributes: Vec<String>,
    /// Who the connection was bound as.
    pub bound_as: String,
}

/// One bind as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StubBind {
    pub dn: String,
    pub password: String,
    /// Which connection it came over, counted from 1.
    pub connection: usize,
    /// OIDs of the request controls.
    pub controls: Vec<String>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    open: usize,
    binds: Vec<StubBind>,
    /// When each of them arrived.
    bound_at: Vec<Instant>,
    searches: Vec<StubSearch>,
    /// Everything that arrived, decrypted where TLS was in use.
    received: Vec<u8>,
    /// What arrived without TLS.
    received_plain: Vec<u8>,
}

impl Seen {
    fn note_bind(&mut self, bind: StubBind) {
        self.binds.push(bind);
        self.bound_at.push(Instant::now());
    }
}

pub(crate) struct Shared {
    script: Mutex<StubScript>,
    used: Mutex<HashMap<String, usize>>,
    seen: Mutex<Seen>,
    default_certificate: ServerCertificate,
}

impl StubLdap {
    /// Starts one on two ports of 127.0.0.1, plain (with StartTLS) and TLS.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start(script: StubScript) -> Self {
        let authority = Authority::new("stub authority");
        Self::with_authority(script, authority).await
    }

    /// As [`StubLdap::start`], with an authority of your own.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn with_authority(script: StubScript, authority: Authority) -> Self {
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            used: Mutex::default(),
            seen: Mutex::default(),
            default_certificate: authority.local(),
        });
        let mut tasks = Vec::new();
        let mut addresses = Vec::new();
        for tls in [false, true] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
            addresses.push(listener.local_addr().expect("an address"));
            let shared = shared.clone();
            let task = tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve::connection(shared.clone(), stream, tls));
                }
            });
            tasks.push(task.abort_handle());
        }
        Self { shared, plain: addresses[0], tls: addresses[1], tasks, authority }
    }

    /// `ldap://127.0.0.1:…`
    #[must_use]
    pub fn ldap_url(&self) -> String {
        format!("ldap://{}", self.plain)
    }

    /// `ldaps://127.0.0.1:…`
    #[must_use]
    pub fn ldaps_url(&self) -> String {
        format!("ldaps://{}", self.tls)
    }

    /// The authority of the default certificate.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.authority.ca_pem()
    }

    /// The authority itself, for certificates of your own.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Changes the script from the next request on.
    pub fn set(&self, script: StubScript) {
        *lock(&self.shared.script) = script;
        lock(&self.shared.used).clear();
    }

    /// Changes a part of the script from the next request on.
    pub fn change(&self, change: impl FnOnce(&mut StubScript)) {
        change(&mut lock(&self.shared.script));
    }

    /// How many binds arrived for this DN, in any spelling of case.
    #[must_use]
    pub fn binds_of(&self, dn: &str) -> usize {
        lock(&self.shared.seen).binds.iter().filter(|bind| bind.dn.eq_ignore_ascii_case(dn)).count()
    }

    /// When the binds for this DN arrived.
    #[must_use]
    pub fn bind_times_of(&self, dn: &str) -> Vec<Instant> {
        let seen = lock(&self.shared.seen);
        let timed = seen.binds.iter().zip(&seen.bound_at);
        timed.filter(|(bind, _)| bind.dn.eq_ignore_ascii_case(dn)).map(|(_, at)| *at).collect()
    }

    /// Every bind, in order.
    #[must_use]
    pub fn binds(&self) -> Vec<StubBind> {
        lock(&self.shared.seen).binds.clone()
    }

    /// Every search, in order.
    #[must_use]
    pub fn searches(&self) -> Vec<StubSearch> {
        lock(&self.shared.seen).searches.clone()
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> usize {
        lock(&self.shared.seen).connections
    }

    /// How many connections are open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        lock(&self.shared.seen).open
    }

    /// Whether these bytes ever arrived, encrypted or not.
    #[must_use]
    pub fn received(&self, bytes: &[u8]) -> bool {
        contains(&lock(&self.shared.seen).received, bytes)
    }

    /// Whether these bytes ever arrived in plain text.
    #[must_use]
    pub fn received_plain(&self, bytes: &[u8]) -> bool {
        contains(&lock(&self.shared.seen).received_plain, bytes)
    }

    /// How many bytes arrived.
    #[must_use]
    pub fn received_bytes(&self) -> usize {
        lock(&self.shared.seen).received.len()
    }

    /// Forgets what it was sent.
    pub fn forget(&self) {
        let mut seen = lock(&self.shared.seen);
        *seen = Seen { connections: 0, open: seen.open, ..Seen::default() };
    }
}

impl Drop for StubLdap {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Shared {
    fn script(&self) -> StubScript {
        lock(&self.script).clone()
    }

    /// The answer to the next bind of this DN.
    fn bind_answer(&self, dn: &str, password: &str) -> BindAnswer {
        let script = lock(&self.script);
        let dn = dn.to_lowercase();
        if let Some(answers) = script.binds.get(&dn)
            && let Some(last) = answers.last()
        {
            let mut used = lock(&self.used);
            let count = used.entry(dn).or_default();
            let answer = answers.get(*count).unwrap_or(last).clone();
            *count += 1;
            return answer;
        }
        let entry = script.entries.iter().find(|entry| entry.dn.eq_ignore_ascii_case(&dn));
        match entry.and_then(|entry| entry.values("userPassword").first()) {
            Some(right) if right != password.as_bytes() => BindAnswer::Code(49, String::new()),
            _ => BindAnswer::Success,
        }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let certificate = lock(&self.script).certificate.clone();
        tls_acceptor(certificate.as_ref().unwrap_or(&self.default_certificate))
    }
}

/// A TLS server side for this certificate.
pub(crate) fn tls_acceptor(certificate: &ServerCertificate) -> TlsAcceptor {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate.certificate_pem.as_bytes())
        .collect::<Result<_, _>>()
        .expect("a certificate in PEM");
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).expect("a key in PEM");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a server configuration");
    TlsAcceptor::from(Arc::new(config))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && haystack.windows(needle.len()).any(|window| window == needle)
}
