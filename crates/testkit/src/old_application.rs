//! An old application that is asked about passwords (the call-out of SQL sources): it speaks just enough HTTP over TLS,
//! answers with the status it was told, and remembers what it was asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::certificates::Authority;

/// A running one. Ends when dropped.
pub struct OldApplication {
    /// Where it is asked.
    pub url: String,
    /// What clients must trust.
    pub ca_pem: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    status: u16,
    asked: Vec<Asked>,
}

/// One question.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The `Authorization` header.
    pub authorization: String,
    pub body: Value,
}

impl OldApplication {
    /// One that takes every password.
    ///
    /// # Panics
    /// If it cannot listen.
    pub async fn start() -> Self {
        let authority = Authority::new("Old application test authority");
        let certificate = authority.local();
        let chain = CertificateDer::from_pem_slice(certificate.certificate_pem.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the usual versions")
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .expect("a certificate with its key");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("https://localhost:{}/check", listener.local_addr().expect("an address").port());
        let state = Arc::new(Mutex::new(State { status: 200, asked: Vec::new() }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&shared));
                tokio::spawn(async move { serve(acceptor, stream, &state).await });
            }
        });
        Self { url, ca_pem: authority.ca_pem().to_owned(), state, task }
    }

    /// From now on it answers so; 0 = it hangs up without an answer.
    pub fn answer(&self, status: u16) {
        lock(&self.state).status = status;
    }

    /// What it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.state).asked.clone()
    }
}

impl Drop for OldApplication {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut stream = acceptor.accept(stream).await.ok()?;
    let mut bytes = Vec::new();
    let (head, length) = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length: usize = header(head, "content-length")?.parse().ok()?;
        if bytes.len() >= head.len() + 4 + length {
            break (head.to_owned(), length);
        }
    };
    let body = serde_json::from_slice(&bytes[bytes.len() - length..]).ok()?;
    let authorization = header(&head, "authorization").unwrap_or_default();
    let status = {
        let mut state = lock(state);
        state.asked.push(Asked { authorization, body });
        state.status
    };
    if status > 0 {
        let elsewhere = "https://localhost:1/";
        let answer = format!(
            "HTTP/1.1 {status} told\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
    stream.shutdown().await.ok()
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}
