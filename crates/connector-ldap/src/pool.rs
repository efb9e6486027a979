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
    time::timeout,
};

use crate::{
    connection::{Connection, Endpoint, endpoints},
    fault::{Fault, Stage},
    search::Search,
    settings::Compiled,
};

/// A kept connection that rested longer is asked for a sign of life before a password goes over it.
const REST: Duration = Duration::from_millis(500);
/// No connection is kept longer than this unused: servers and firewalls drop idle ones silently.
const IDLE_LIMIT: Duration = Duration::from_mins(2);

/// Both pools of one source, and the server it stays with.
pub(crate) struct Pools {
    settings: Arc<Compiled>,
    networks: Arc<AllowedNetworks>,
    searching: Pool,
    binding: Pool,
    /// The server that worked last: both pools use it until it fails.
    preferred: Mutex<Option<Endpoint>>,
}

struct Pool {
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

/// A connection of a pool, in one caller's hands alone. It goes back only by [`Lease::give_back`]: dropped in the
/// middle of anything, by a fault or by a caller that went away, it is closed.
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    /// It had been used before.
    pub(crate) kept: bool,
    idle: Arc<Mutex<Vec<Connection>>>,
    _place: OwnedSemaphorePermit,
}

impl Lease {
    pub(crate) fn give_back(self) {
        lock(&self.idle).push(self.connection);
    }
}

impl Pool {
    fn new(size: usize) -> Self {
        Self { idle: Arc::default(), places: Arc::new(Semaphore::new(size)) }
    }

    async fn place(&self, settings: &Compiled) -> Result<OwnedSemaphorePermit, Fault> {
        let busy = || Fault::new(TroubleKind::Busy, Stage::Connect, &settings.name, "all connections are in use");
        match timeout(settings.operation_timeout, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// A kept connection to the server in use; others are closed.
    fn take(&self, preferred: Option<&Endpoint>) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        idle.retain_mut(|connection| {
            connection.is_alive()
                && Some(&connection.endpoint) == preferred
                && connection.used_at.elapsed() < IDLE_LIMIT
        });
        idle.pop()
    }

    fn lease(&self, connection: Connection, kept: bool, place: OwnedSemaphorePermit) -> Lease {
        Lease { connection, kept, idle: self.idle.clone(), _place: place }
    }
}

impl Pools {
    pub(crate) fn new(settings: Arc<Compiled>, networks: Arc<AllowedNetworks>) -> Self {
        let size = settings.connections;
        Self { settings, networks, searching: Pool::new(size), binding: Pool::new(size), preferred: Mutex::new(None) }
    }

    /// A connection bound as the service account.
    pub(crate) async fn searching(&self) -> Result<Lease, Fault> {
        let place = self.searching.place(&self.settings).await?;
        let preferred = self.preferred();
        if let Some(connection) = self.searching.take(preferred.as_ref()) {
            return Ok(self.searching.lease(connection, true, place));
        }
        self.fresh_search(place).await
    }

    /// A new connection bound as the service account, after a kept one turned out to be dead.
    pub(crate) async fn searching_afresh(&self, dead: Lease) -> Result<Lease, Fault> {
        let place = dead._place;
        drop(dead.connection);
        lock(&self.searching.idle).clear();
        self.fresh_search(place).await
    }

    async fn fresh_search(&self, place: OwnedSemaphorePermit) -> Result<Lease, Fault> {
        let connection = self.open(true).await?;
        Ok(self.searching.lease(connection, false, place))
    }

    /// A connection for one person's bind, known to be alive.
    pub(crate) async fn binding(&self) -> Result<Lease, Fault> {
        let place = self.binding.place(&self.settings).await?;
        let preferred = self.preferred();
        while let Some(mut connection) = self.binding.take(preferred.as_ref()) {
            if connection.used_at.elapsed() < REST || self.lives(&mut connection).await {
                return Ok(self.binding.lease(connection, true, place));
            }
        }
        let connection = self.open(false).await?;
        Ok(self.binding.lease(connection, false, place))
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

    fn preferred(&self) -> Option<Endpoint> {
        lock(&self.preferred).clone()
    }

    /// Tries the server in use, then every server in order. Only here, before anybody's password is anywhere near a
    /// connection, does the connector turn to another server.
    async fn open(&self, as_service: bool) -> Result<Connection, Fault> {
        let preferred = self.preferred();
        let mut last = None;
        if let Some(endpoint) = &preferred {
            match self.open_at(endpoint, as_service).await {
                Err(fault) if fault.is_transport() => {
                    *lock(&self.preferred) = None;
                    last = Some(fault);
                }
                other => return other,
            }
        }
        for host in &self.settings.hosts {
            let found = match timeout(self.settings.connect_timeout, endpoints(&self.networks, host)).await {
                Ok(Ok(found)) => found,
                Ok(Err(fault)) => {
                    last = Some(fault);
                    continue;
                }
                Err(_) => {
                    last = Some(Fault::timed_out(Stage::Connect, &host.label, self.settings.connect_timeout));
                    continue;
                }
            };
            for endpoint in found.iter().take(4) {
                if Some(endpoint) == preferred.as_ref() {
                    continue;
                }
                match self.open_at(endpoint, as_service).await {
                    Ok(connection) => {
                        *lock(&self.preferred) = Some(endpoint.clone());
                        return Ok(connection);
                    }
                    Err(fault) if fault.is_transport() => last = Some(fault),
                    Err(fault) => return Err(fault),
                }
            }
        }
        Err(last.unwrap_or_else(|| Fault::unavailable(&self.settings.name, "no server answers")))
    }

    async fn open_at(&self, endpoint: &Endpoint, as_service: bool) -> Result<Connection, Fault> {
        let mut connection = Connection::open(&self.settings, endpoint).await?;
        if as_service {
            bind_service(&self.settings, &mut connection).await?;
        }
        Ok(connection)
    }
}

/// Binds the service account.
pub(crate) async fn bind_service(settings: &Compiled, connection: &mut Connection) -> Result<(), Fault> {
    let limit = settings.operation_timeout;
    let bound = connection.bind(&settings.bind_dn, settings.secret.expose_secret(), Vec::new(), limit).await;
    let result = bound.map_err(|fault| fault.at(Stage::ServiceAccount))?;
    let label = &connection.endpoint.label;
    let text: String = result.text.chars().filter(|c| !c.is_control()).take(200).collect();
    let fault = match result.rc {
        0 => return Ok(()),
        3 | 51 | 52 => Fault::unavailable(label, format!("the directory is overloaded (result code {})", result.rc))
            .means(FailureKind::Overloaded),
        8 | 13 => Fault::misconfigured(label, "the directory accepts binds over an encrypted connection only")
            .remedy("Set the source's encryption to TLS or StartTLS.")
            .means(FailureKind::EncryptionRequired),
        code => Fault::misconfigured(label, format!("the service account is refused (result code {code} {text})"))
            .remedy("Check its name and password, and that it is neither disabled, expired nor locked."),
    };
    Err(fault.at(Stage::ServiceAccount))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
