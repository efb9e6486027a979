//! Connections that are kept: some for searches with the service account, others for binds of people, never mixed.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use connector::{AllowedNetworks, FailureKind, TroubleKind};
use ldap3::Scope;
use secrecy::ExposeSecret as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use crate::{
    connection::{Connection, Endpoint, endpoints},
    fault::{Fault, Stage},
    hosts::{ADDRESS_LIMIT, Hosts},
    reader::Now,
    search::Search,
    settings::Compiled,
};

/// A kept connection that rested longer is asked for a sign of life before a password goes over it.
const REST: Duration = Duration::from_millis(500);
/// No connection is kept longer than this unused: servers and firewalls drop idle ones silently.
const IDLE_LIMIT: Duration = Duration::from_mins(2);

/// Both pools of one source, over all of its servers.
pub(crate) struct Pools {
    settings: Arc<Compiled>,
    networks: Arc<AllowedNetworks>,
    pub(crate) hosts: Arc<Hosts>,
    searching: Pool,
    binding: Pool,
}

struct Pool {
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
    size: usize,
}

/// A connection of a pool, in one caller's hands alone. It goes back only by [`Lease::give_back`]: dropped in the
/// middle of anything, by a fault or by a caller that went away, it is closed.
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    /// It had been used before.
    pub(crate) kept: bool,
    /// Which of the source's servers it leads to.
    pub(crate) host: usize,
    idle: Arc<Mutex<Vec<Connection>>>,
    size: usize,
    place: OwnedSemaphorePermit,
}

impl Lease {
    pub(crate) fn give_back(self) {
        if self.connection.spoiled {
            return;
        }
        let mut idle = lock(&self.idle);
        if idle.len() >= self.size {
            // Several servers share the pool's size; the one unused for longest goes.
            let oldest = idle.iter().enumerate().min_by_key(|(_, kept)| kept.used_at).map(|(at, _)| at);
            oldest.map(|at| idle.swap_remove(at));
        }
        idle.push(self.connection);
    }
}

impl Pool {
    fn new(size: usize) -> Self {
        Self { idle: Arc::default(), places: Arc::new(Semaphore::new(size)), size }
    }

    async fn place(&self, settings: &Compiled) -> Result<OwnedSemaphorePermit, Fault> {
        let busy = || Fault::new(TroubleKind::Busy, Stage::Connect, &settings.name, "all connections are in use");
        match timeout(settings.operation_timeout, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// The kept connection used last among those that lead there; dead and old ones are closed.
    fn take(&self, leads_there: impl Fn(&Endpoint) -> bool) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        idle.retain_mut(|connection| connection.is_alive() && connection.used_at.elapsed() < IDLE_LIMIT);
        let at = idle.iter().rposition(|connection| leads_there(&connection.endpoint))?;
        Some(idle.remove(at))
    }

    fn lease(&self, host: usize, connection: Connection, kept: bool, place: OwnedSemaphorePermit) -> Lease {
        Lease { connection, kept, host, idle: self.idle.clone(), size: self.size, place }
    }
}

impl Pools {
    pub(crate) fn new(settings: Arc<Compiled>, networks: Arc<AllowedNetworks>, now: Now) -> Self {
        let size = settings.connections;
        let hosts = Arc::new(Hosts::new(&settings, now));
        Self { settings, networks, hosts, searching: Pool::new(size), binding: Pool::new(size) }
    }

    /// A connection to this server, bound as the service account.
    pub(crate) async fn searching(&self, host: usize) -> Result<Lease, Fault> {
        let place = self.searching.place(&self.settings).await?;
        let label = &self.settings.hosts[host].label;
        if let Some(connection) = self.searching.take(|endpoint| endpoint.label == *label) {
            return Ok(self.searching.lease(host, connection, true, place));
        }
        self.fresh_search(host, place).await
    }

    /// A new connection bound as the service account, after a kept one turned out to be dead.
    pub(crate) async fn searching_afresh(&self, dead: Lease) -> Result<Lease, Fault> {
        let Lease { connection, host, place, .. } = dead;
        let label = connection.endpoint.label.clone();
        drop(connection);
        lock(&self.searching.idle).retain(|kept| kept.endpoint.label != label);
        self.fresh_search(host, place).await
    }

    async fn fresh_search(&self, host: usize, place: OwnedSemaphorePermit) -> Result<Lease, Fault> {
        let connection = self.open(host, true).await?;
        Ok(self.searching.lease(host, connection, false, place))
    }

    /// A connection for one person's bind, known to be alive, to exactly this server.
    pub(crate) async fn binding(&self, host: usize, endpoint: &Endpoint) -> Result<Lease, Fault> {
        let place = self.binding.place(&self.settings).await?;
        while let Some(mut connection) = self.binding.take(|kept| kept == endpoint) {
            if connection.used_at.elapsed() < REST || self.lives(&mut connection).await {
                return Ok(self.binding.lease(host, connection, true, place));
            }
        }
        let connection = self.open_at(host, endpoint, false).await?;
        Ok(self.binding.lease(host, connection, false, place))
    }

    /// A connection that is no pool's, bound as the service account, for a check.
    pub(crate) async fn apart(&self, host: usize) -> Result<Connection, Fault> {
        self.open(host, true).await
    }

    /// Asks for nothing of the root DSE. Any answer is a sign of life, a refusal too.
    async fn lives(&self, connection: &mut Connection) -> bool {
        let nothing = ["1.1".to_owned()];
        let search = Search {
            base: "",
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attributes: &nothing,
            at_most: 1,
            controls: Vec::new(),
            inside: None,
        };
        timeout(Duration::from_secs(1), connection.search(&self.settings, search))
            .await
            .is_ok_and(|answer| answer.is_ok())
    }

    /// Tries the addresses of a server's name, first the one that worked last.
    async fn open(&self, host: usize, as_service: bool) -> Result<Connection, Fault> {
        let mut found = self.addresses(host).await?;
        if let Some(known) = self.hosts.address(host) {
            found.sort_by_key(|endpoint| endpoint.address != known);
        }
        let mut last = None;
        for endpoint in found.iter().take(ADDRESS_LIMIT) {
            match self.open_at(host, endpoint, as_service).await {
                Err(fault) if fault.is_transport() => last = Some(fault),
                other => return other,
            }
        }
        Err(last.unwrap_or_else(|| Fault::unavailable(&self.settings.hosts[host].label, "no address answers")))
    }

    /// An address of a source's only server, for an entry of which nobody knows where it was read.
    pub(crate) async fn endpoint(&self, host: usize) -> Result<Endpoint, Fault> {
        let mut found = self.addresses(host).await?;
        if let Some(known) = self.hosts.address(host) {
            found.sort_by_key(|endpoint| endpoint.address != known);
        }
        let none = || Fault::unavailable(&self.settings.hosts[host].label, "its name has no address");
        found.into_iter().next().ok_or_else(none)
    }

    async fn addresses(&self, host: usize) -> Result<Vec<Endpoint>, Fault> {
        let (host, limit) = (&self.settings.hosts[host], self.settings.connect_timeout);
        let found = timeout(limit, endpoints(&self.networks, host)).await;
        found.unwrap_or_else(|_| Err(Fault::timed_out(Stage::Connect, &host.label, limit)))
    }

    async fn open_at(&self, host: usize, endpoint: &Endpoint, as_service: bool) -> Result<Connection, Fault> {
        let started = Instant::now();
        let mut connection = Connection::open(&self.settings, endpoint).await?;
        self.hosts.connected(host, endpoint.address, started.elapsed());
        if as_service {
            bind_service(&self.settings, &mut connection).await?;
            self.hosts.accepted_service(host);
        }
        Ok(connection)
    }
}

/// Binds the service account.
pub(crate) async fn bind_service(settings: &Compiled, connection: &mut Connection) -> Result<(), Fault> {
    let secret = settings.secret.expose_secret();
    bind_account(settings, connection, &settings.bind_dn, secret, "service account").await
}

/// Binds one of the hub's own accounts there.
pub(crate) async fn bind_account(
    settings: &Compiled,
    connection: &mut Connection,
    name: &str,
    secret: &str,
    called: &str,
) -> Result<(), Fault> {
    let limit = settings.operation_timeout;
    let bound = connection.bind(name, secret, Vec::new(), limit).await;
    let result = bound.map_err(|fault| fault.at(Stage::ServiceAccount))?;
    let label = &connection.endpoint.label;
    let text: String = result.text.chars().filter(|c| !c.is_control()).take(200).collect();
    let text = if text.is_empty() { text } else { format!(": {text}") };
    let fault = match result.rc {
        0 => return Ok(()),
        3 | 51 | 52 => Fault::unavailable(label, format!("the directory is overloaded (result code {})", result.rc))
            .means(FailureKind::Overloaded),
        8 | 13 => Fault::misconfigured(label, "the directory accepts binds over an encrypted connection only")
            .remedy("Set the source's encryption to TLS or StartTLS.")
            .means(FailureKind::EncryptionRequired),
        code => Fault::misconfigured(label, format!("the {called} is refused (result code {code}{text})"))
            .remedy("Check its name and password, and that it is neither disabled, expired nor locked."),
    };
    Err(fault.at(Stage::ServiceAccount))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
