//! One person's password, sent to one server, once (rules 2 and 3 of [`crate::hosts`]).

use std::{borrow::Cow, time::Duration};

use connector::{TroubleKind, Verification};
use directory::{AccountStatus, AdapterResult, SourceEntry};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout};

use crate::{
    LdapConnector,
    ask::{LookUp, Looked, ask},
    bind,
    connection::Endpoint,
    dn::within,
    fault::{Fault, Stage},
    hosts::Attempt,
    pool::Lease,
    settings::Compiled,
};

/// A bind gets at least this long, whatever was spent on reaching its server.
const LEAST: Duration = Duration::from_millis(500);

/// A password that must not leave the hub: without one a bind succeeds as nobody (RFC 4513 5.1.2), and some servers
/// end it at a NUL.
pub(crate) fn refuse_unsendable(
    entry: &SourceEntry,
    password: &SecretString,
    settings: &Compiled,
) -> Option<Verification> {
    let password = password.expose_secret();
    let (result, trouble, reason) = if password.is_empty() || password.contains('\0') {
        (AdapterResult::BadPassword, None, "an empty password or one with NUL is never sent")
    } else if entry.locator.trim().is_empty() || !within(&entry.locator, &settings.base) {
        (AdapterResult::Unavailable, Some(TroubleKind::Odd), "the entry is not below the base")
    } else {
        return None;
    };
    Some(Verification {
        result,
        sent: false,
        proves_password: false,
        endpoint: settings.name.clone(),
        reason: reason.to_owned(),
        locked_until: None,
        trouble,
    })
}

/// Why an entry read again at another server is not good enough for the password: something the hub decided upon is
/// not so there.
fn differs(judged: &SourceEntry, again: &SourceEntry) -> Option<&'static str> {
    let count = |entry: &SourceEntry| entry.lockout.failures.unwrap_or(0);
    if again.immutable_id != judged.immutable_id {
        Some("shows another entry under the same id")
    } else if again.status != AccountStatus::Active || again.status != judged.status {
        Some("shows the account in another state")
    } else if again.password_set_at != judged.password_set_at {
        Some("has another password, or an older one, for the account")
    } else if again.lockout.locked_until.is_some() {
        Some("shows the account as locked")
    } else if count(again) > count(judged) {
        Some("counts more wrong passwords for the account")
    } else if (again.lockout.threshold, again.lockout.window_seconds)
        != (judged.lockout.threshold, judged.lockout.window_seconds)
    {
        Some("shows another lockout policy")
    } else {
        None
    }
}

impl LdapConnector {
    /// Finds the server for the bind. An error means that nothing was sent.
    pub(crate) async fn bind(&self, judged: &SourceEntry, password: &SecretString) -> Result<Verification, Fault> {
        let deadline = Instant::now() + self.settings.patience;
        let mut entry = Cow::Borrowed(judged);
        let mut gone = None;
        for _ in 0..=self.pools.hosts.count() {
            match self.reach(&entry, deadline).await {
                Some(Ok(lease)) => return Ok(self.send(lease, &entry, password, deadline).await),
                Some(Err((_, fault))) if !fault.kind.counts_for_breaker() => return Err(fault),
                Some(Err((host, fault))) => {
                    self.pools.hosts.failed(host, &fault, false);
                    if Instant::now() >= deadline {
                        return Err(fault);
                    }
                    gone = Some((host, fault));
                }
                None => {}
            }
            entry = Cow::Owned(self.read_elsewhere(judged, gone.as_ref(), deadline).await?);
        }
        Err(gone.map_or_else(|| Fault::unavailable(&self.settings.name, "no server stays up"), |(_, fault)| fault))
    }

    /// A connection for the bind to the server that showed the entry; empty if that is not known.
    async fn reach(&self, entry: &SourceEntry, deadline: Instant) -> Option<Result<Lease, (usize, Fault)>> {
        let (host, endpoint) = match Endpoint::of_server(&entry.server, &self.settings) {
            Some((host, endpoint)) => (host, Ok(endpoint)),
            // One server, and an entry that this connector did not read.
            None if self.pools.hosts.count() == 1 && entry.server.is_empty() => (0, self.pools.endpoint(0).await),
            None => return None,
        };
        let reached = async { self.pools.binding(host, &endpoint?).await };
        let limit = deadline.saturating_duration_since(Instant::now());
        let limit = if self.pools.hosts.count() > 1 { limit / 2 } else { limit };
        let reached = timeout(limit, reached)
            .await
            .unwrap_or_else(|_| Err(Fault::timed_out(Stage::Connect, &self.settings.hosts[host].label, limit)));
        Some(reached.map_err(|fault| (host, fault)))
    }

    /// Rule 3: the server that showed the entry is gone. Another one must show the same before it gets the password.
    async fn read_elsewhere(
        &self,
        judged: &SourceEntry,
        gone: Option<&(usize, Fault)>,
        deadline: Instant,
    ) -> Result<SourceEntry, Fault> {
        let hosts = &self.pools.hosts;
        let several = hosts.count() > 1;
        let unsent = |label: &str, what: &str| {
            Fault::unavailable(label, format!("it {what} than the server asked before, so the password was not sent"))
        };
        let filter = self.filter_by_id(&judged.immutable_id);
        let filter = filter.ok_or_else(|| Fault::odd(&self.settings.name, "the id cannot be one of this source's"))?;
        let question = LookUp { filter: &filter, groups_within: Some(Duration::ZERO) };
        let attempt = Attempt::new(hosts.clone(), deadline.saturating_duration_since(Instant::now()));
        let attempt = attempt.without(gone.map(|(host, _)| *host).filter(|_| several));
        let read = ask(&self.pools, &self.reader, &question, attempt).await;
        let (looked, host) = match (read, gone) {
            (Ok(answer), _) => answer,
            // The server that mattered says best what is wrong.
            (Err(_), Some((_, fault))) => return Err(fault.clone()),
            (Err(fault), None) => return Err(fault),
        };
        let label = &self.settings.hosts[host].label;
        let Looked::One(read) = looked else { return Err(unsent(label, "shows the account otherwise")) };
        let again = read.map_err(|why| Fault::odd(label, format!("the entry is no person: {why}")))?;
        match differs(judged, &again) {
            None => Ok(again),
            Some(what) => Err(unsent(label, what)),
        }
    }

    /// The bind. From the moment it is handed to the connection on, the password counts as sent, and there is no way
    /// back from here to any other server.
    async fn send(
        &self,
        mut lease: Lease,
        entry: &SourceEntry,
        password: &SecretString,
        deadline: Instant,
    ) -> Verification {
        let endpoint = lease.connection.endpoint.label.clone();
        let controls = if self.settings.active_directory { Vec::new() } else { vec![bind::password_policy_request()] };
        let left = deadline.saturating_duration_since(Instant::now());
        let limit = self.settings.operation_timeout.min(left.max(LEAST));
        let hosts = &self.pools.hosts;
        let bound = lease.connection.bind(&entry.locator, password.expose_secret(), controls, limit).await;
        match bound {
            Ok(result) => {
                let judged = bind::judge(self.settings.active_directory, entry, &result);
                match judged.trouble {
                    None => hosts.answered(lease.host, None),
                    Some(kind) => {
                        let fault = Fault::new(kind, Stage::Read, &endpoint, judged.reason.clone());
                        hosts.failed(lease.host, &fault, true);
                    }
                }
                if judged.keeps_connection() {
                    lease.give_back();
                }
                judged.into_verification(&endpoint)
            }
            Err(fault) => {
                hosts.failed(lease.host, &fault, true);
                drop(lease);
                Verification { sent: true, ..Verification::not_sent(&fault.into()) }
            }
        }
    }
}
