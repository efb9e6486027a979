//! One connection to one server of a source: resolved, checked, encrypted, behind the gate, driven by ldap3.

use std::{net::SocketAddr, time::Duration};

use connector::{AllowedNetworks, FailureKind, TroubleKind};
use directory::TransportSecurity;
use lber::{
    common::TagClass,
    structure::{PL, StructureTag},
    structures::{ASNTag as _, Integer, OctetString, Sequence, Tag},
};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Mod, StdStream, exop::PasswordModify};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    task::AbortHandle,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;
use tokio_util::bytes::BytesMut;

use crate::{
    fault::{self, Fault, Stage},
    gate::{self, Allowance, Closed, Gate},
    settings::{Compiled, Host, server_name},
};

/// Where a connection leads: a source stays with one address as long as it works, so that what was just read and the
/// bind that follows meet the same server (semantics, section 4: counts are read on the controller that gets the bind).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) label: String,
    pub(crate) host: String,
    pub(crate) address: SocketAddr,
}

impl Endpoint {
    /// The server's name in [`directory::SourceEntry::server`].
    pub(crate) fn server(&self) -> String {
        format!("{}/{}", self.label, self.address)
    }

    /// From that name back to the server, if it is still one of the source's.
    pub(crate) fn of_server(name: &str, settings: &Compiled) -> Option<(usize, Self)> {
        let (label, address) = name.rsplit_once('/')?;
        let address = address.parse().ok()?;
        let at = settings.hosts.iter().position(|host| host.label == label)?;
        let host = settings.hosts[at].name.clone();
        Some((at, Self { label: label.to_owned(), host, address }))
    }
}

/// An open connection. Dropped, it is closed at once, whatever it was doing.
pub(crate) struct Connection {
    ldap: Ldap,
    pub(crate) endpoint: Endpoint,
    closed: Closed,
    allowance: Allowance,
    gate: AbortHandle,
    driver: AbortHandle,
    pub(crate) used_at: Instant,
    /// How long the last search took.
    pub(crate) search_took: Duration,
    /// A search on it was given up half-way: it is not used again.
    pub(crate) spoiled: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.gate.abort();
        self.driver.abort();
    }
}

/// Resolves a host, checks what it stands for and returns the endpoints in order.
pub(crate) async fn endpoints(networks: &AllowedNetworks, host: &Host) -> Result<Vec<Endpoint>, Fault> {
    let refused = |error: connector::AddressRefused| match error {
        connector::AddressRefused::Unresolved(..) => {
            Fault::new(TroubleKind::Unavailable, Stage::Connect, &host.label, error.to_string())
                .remedy("Check the host name and the DNS of the machine that runs the hub.")
                .means(FailureKind::NameUnknown)
        }
        connector::AddressRefused::NotAllowed { .. } => {
            Fault::new(TroubleKind::Misconfigured, Stage::Connect, &host.label, error.to_string())
                .remedy("Start the server with --allow-network and the directory's network, such as 10.0.0.0/8.")
                .means(FailureKind::AddressNotAllowed)
        }
    };
    let addresses = networks.resolve(&host.name, host.port).await.map_err(refused)?;
    Ok(addresses
        .into_iter()
        .map(|address| Endpoint { label: host.label.clone(), host: host.name.clone(), address })
        .collect())
}

impl Connection {
    /// Connects and, where configured, encrypts. Nothing but StartTLS is said before.
    pub(crate) async fn open(settings: &Compiled, endpoint: &Endpoint) -> Result<Self, Fault> {
        let limit = settings.connect_timeout;
        let stream = timeout(limit, TcpStream::connect(endpoint.address))
            .await
            .map_err(|_| Fault::timed_out(Stage::Connect, &endpoint.label, limit).remedy(UNREACHABLE))?
            .map_err(|error| {
                let closed = error.kind() == std::io::ErrorKind::ConnectionRefused;
                Fault::new(TroubleKind::Unavailable, Stage::Connect, &endpoint.label, format!("no connection: {error}"))
                    .remedy(UNREACHABLE)
                    .means(if closed { FailureKind::PortClosed } else { FailureKind::NoAnswer })
            })?;
        let _nodelay = stream.set_nodelay(true);
        timeout(limit, Self::protect(settings, endpoint, stream))
            .await
            .map_err(|_| Fault::timed_out(Stage::Tls, &endpoint.label, limit))?
    }

    async fn protect(settings: &Compiled, endpoint: &Endpoint, mut stream: TcpStream) -> Result<Self, Fault> {
        let broken = |error: std::io::Error| Fault::unavailable(&endpoint.label, error.to_string());
        let Some(config) = settings.tls.clone() else {
            return Self::drive(endpoint, gate::gate(stream).map_err(broken)?).await;
        };
        if settings.transport == TransportSecurity::StartTls {
            start_tls(endpoint, &mut stream).await?;
        }
        let name = server_name(&endpoint.host).map_err(|what| Fault::misconfigured(&endpoint.label, what))?;
        let encrypted = TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| fault::tls(&endpoint.label, &endpoint.host, &error))?;
        Self::drive(endpoint, gate::gate(encrypted).map_err(broken)?).await
    }

    async fn drive(endpoint: &Endpoint, gate: Gate) -> Result<Self, Fault> {
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(gate.inner));
        let (connection, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///")
            .await
            .map_err(|error| Fault::unavailable(&endpoint.label, error.to_string()))?;
        // The driver ends with the connection; every operation that waits for it then fails, and `is_alive` says so.
        let label = endpoint.label.clone();
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(endpoint = %label, %error, "a connection ended");
            }
        });
        Ok(Self {
            ldap,
            endpoint: endpoint.clone(),
            closed: gate.closed,
            allowance: gate.allowance,
            gate: gate.task,
            driver: driver.abort_handle(),
            used_at: Instant::now(),
            search_took: Duration::ZERO,
            spoiled: false,
        })
    }

    /// Whether it can still be used, as far as is known without asking.
    pub(crate) fn is_alive(&mut self) -> bool {
        !self.driver.is_finished() && !self.gate.is_finished() && !self.ldap.is_closed()
    }

    /// The ldap3 handle, for one operation.
    pub(crate) fn operation(&mut self) -> &mut Ldap {
        self.allowance.renew();
        self.used_at = Instant::now();
        &mut self.ldap
    }

    /// One simple bind. The caller decides what the answer means; any error leaves the connection unusable.
    pub(crate) async fn bind(
        &mut self,
        dn: &str,
        password: &str,
        controls: Vec<ldap3::controls::RawControl>,
        limit: Duration,
    ) -> Result<LdapResult, Fault> {
        let operation = self.operation();
        operation.with_controls(controls);
        let answer = timeout(limit, operation.simple_bind(dn, password)).await;
        self.answered(answer, limit)
    }

    /// One change of an entry. As with a bind, any error leaves the connection unusable, and what became of it unknown.
    pub(crate) async fn modify(
        &mut self,
        dn: &str,
        changes: Vec<Mod<Vec<u8>>>,
        limit: Duration,
    ) -> Result<LdapResult, Fault> {
        let answer = timeout(limit, self.operation().modify(dn, changes)).await;
        self.answered(answer, limit)
    }

    /// One password modify operation (RFC 3062); without a name for whoever is bound.
    pub(crate) async fn modify_password(
        &mut self,
        user_id: Option<&str>,
        (current, new): (&str, &str),
        controls: Vec<ldap3::controls::RawControl>,
        limit: Duration,
    ) -> Result<LdapResult, Fault> {
        let request = PasswordModify { user_id, old_pass: Some(current), new_pass: Some(new) };
        let operation = self.operation();
        operation.with_controls(controls);
        let answer = timeout(limit, operation.extended(request)).await;
        self.answered(answer.map(|answer| answer.map(|answer| answer.1)), limit)
    }

    fn answered(
        &self,
        answer: Result<Result<LdapResult, LdapError>, tokio::time::error::Elapsed>,
        limit: Duration,
    ) -> Result<LdapResult, Fault> {
        match answer {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_) => Err(Fault::timed_out(Stage::Read, &self.endpoint.label, limit)),
        }
    }

    /// A failure of the transport, in the words of whoever noticed first.
    pub(crate) fn broken(&self, error: &LdapError) -> Fault {
        let what = match error {
            LdapError::FilterParsing => return Fault::odd(&self.endpoint.label, "the filter cannot be written"),
            other => self.closed.reason().unwrap_or_else(|| other.to_string()),
        };
        Fault::unavailable(&self.endpoint.label, what)
    }
}

const UNREACHABLE: &str = "Check host, port and firewall between the hub and the directory.";

/// RFC 4511 4.14. Refused or answered with anything else, the connection is given up: never plain instead.
async fn start_tls(endpoint: &Endpoint, stream: &mut TcpStream) -> Result<(), Fault> {
    let failed = |what: String| {
        Fault::new(TroubleKind::Unavailable, Stage::Tls, &endpoint.label, what)
            .remedy("Enable StartTLS on the server, or use ldaps:// and port 636.")
            .means(FailureKind::StartTlsRefused)
    };
    let request = Tag::Sequence(Sequence {
        inner: vec![
            Tag::Integer(Integer { inner: 1, ..Default::default() }),
            Tag::Sequence(Sequence {
                id: 23,
                class: TagClass::Application,
                inner: vec![Tag::OctetString(OctetString {
                    id: 0,
                    class: TagClass::Context,
                    inner: b"1.3.6.1.4.1.1466.20037".to_vec(),
                })],
            }),
        ],
        ..Default::default()
    });
    let mut bytes = BytesMut::new();
    lber::write::encode_into(&mut bytes, request.into_structure()).map_err(|error| failed(error.to_string()))?;
    stream.write_all(&bytes).await.map_err(|error| failed(error.to_string()))?;
    let answer = gate::only_message(stream).await.map_err(|error| failed(error.to_string()))?;
    match start_tls_code(answer) {
        Some(0) => Ok(()),
        Some(code) => Err(failed(format!("the server refuses StartTLS (result code {code})"))),
        None => Err(failed("the server answers StartTLS with something else".to_owned())),
    }
}

/// The result code, if this is the answer to our request.
fn start_tls_code(message: StructureTag) -> Option<u64> {
    let PL::C(parts) = message.payload else { return None };
    let mut parts = parts.into_iter();
    let id = parts.next()?.expect_primitive()?;
    let operation = parts.next()?;
    let ours = id.iter().rev().enumerate().all(|(place, digit)| *digit == u8::from(place == 0));
    if !ours || operation.class != TagClass::Application || operation.id != 24 {
        return None;
    }
    let code = operation.expect_constructed()?.into_iter().next()?.expect_primitive()?;
    Some(code.iter().fold(0, |sum, &digit| sum << 8 | u64::from(digit)))
}
