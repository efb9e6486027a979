//! The servers of one source: which is asked, how each is doing, when a sick one is looked at again.
//!
//! # What may go to another server, and what may not
//!
//! 1. **A question** (a search, the service account's bind before it) may be put to the next server when one cannot be
//!    reached, fails at TLS, is overloaded, does not answer in its share of the time or cannot search its base.
//! 2. **A person's password never follows.** Once a bind with it was handed to a connection, it is sent nowhere again,
//!    whatever comes back or does not: time-out, reset, busy, unavailable.
//! 3. **One attempt sees one server.** The bind goes to the server that showed the entry
//!    ([`directory::SourceEntry::server`]): replicas lag, Active Directory counts wrong passwords on each controller
//!    apart, and the lockout budget was judged by the count of that server. If exactly that server is gone when the
//!    bind is due, the entry is read again, by its immutable id, from another, and the password goes there only if what
//!    the hub decided upon still holds: the same id, still active and not locked, the password set at the same time,
//!    and no more wrong passwords, and no stricter lockout, than were judged. The name bound is the one just read
//!    there. Anything else ends the attempt unsent; the next one starts with a reading of its own.
//! 4. **Absent is confirmed.** A known id that one server does not return is asked for at a second healthy one before
//!    the source is said not to have it: a fresh or lagging replica must not make people vanish.
//! 5. The service account's password is sent to each server that needs it, but after one refuses it, only to servers
//!    that took it before: it too can be locked.
//!
//! The lockout budget is the hub's and counts per source: which server saw a wrong password makes no difference.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use connector::{HostHealth, HostState, HostTrouble, TroubleKind};
use directory::HostChoice;
use tokio::time::Instant;

use crate::{
    fault::{Fault, Stage},
    reader::Now,
    settings::Compiled,
};

/// Consecutive failures after which a server counts as down.
const DOWN_AFTER: u32 = 3;
/// How long it then stays out of the way, if nobody checks it.
const DOWN_FOR: Duration = Duration::from_secs(30);
/// The same for one that refuses the hub itself.
const REFUSING_FOR: Duration = Duration::from_mins(5);
/// The first check after a failure; each further one waits twice as long as the one before.
const FIRST_CHECK: Duration = Duration::from_secs(2);
const LONGEST_CHECK: Duration = Duration::from_secs(30);
/// A server that only stands by is looked at this often, so that its trouble is known before it is needed.
const STANDBY_CHECK: Duration = Duration::from_mins(1);
/// Addresses of one host name that are tried.
pub(crate) const ADDRESS_LIMIT: usize = 4;

pub(crate) struct Hosts {
    list: Vec<Mutex<State>>,
    labels: Vec<String>,
    choice: HostChoice,
    turn: AtomicUsize,
    now: Now,
}

#[derive(Default)]
struct State {
    failures: u32,
    /// Until then it is asked only where no other is left.
    away_until: Option<Instant>,
    refusing: bool,
    /// The last failure was that of a bind, which a check does not repeat.
    failed_at_bind: bool,
    next_check: Option<Instant>,
    checks: u32,
    met_at: Option<Instant>,
    /// The service account was accepted there.
    accepts_service: bool,
    /// The address of its name that worked last.
    address: Option<SocketAddr>,
    connect: Option<f64>,
    search: Option<f64>,
    last_success: Option<DateTime<Utc>>,
    last_trouble: Option<HostTrouble>,
}

impl State {
    fn state(&self) -> HostState {
        match (self.failures, self.met_at) {
            (_, _) if self.refusing => HostState::Refusing,
            (0, None) => HostState::Untried,
            (0, Some(_)) => HostState::Healthy,
            (DOWN_AFTER.., _) => HostState::Down,
            (_, _) => HostState::Doubtful,
        }
    }
}

impl Hosts {
    pub(crate) fn new(settings: &Compiled, now: Now) -> Self {
        Self {
            list: settings.hosts.iter().map(|_| Mutex::default()).collect(),
            labels: settings.hosts.iter().map(|host| host.label.clone()).collect(),
            choice: settings.host_choice,
            turn: AtomicUsize::new(0),
            now,
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// The servers to ask, in order: healthy ones as the setting says, then doubtful ones, then those that are down
    /// and were left alone for long enough. Where nobody else is left, those that are down come too: whether to dial
    /// at all is the breaker's business (`connector::Guarded`).
    pub(crate) fn candidates(&self) -> Vec<usize> {
        let all = 0..self.list.len();
        if self.list.len() == 1 {
            return all.collect();
        }
        let now = Instant::now();
        let (mut healthy, mut rest, mut away) = (Vec::new(), Vec::new(), Vec::new());
        for host in all {
            let state = self.at(host);
            match state.state() {
                HostState::Untried | HostState::Healthy => healthy.push(host),
                HostState::Doubtful => rest.push((0, host)),
                _ if state.away_until.is_none_or(|until| until <= now) => rest.push((1, host)),
                HostState::Down => away.push(host),
                HostState::Refusing => {}
            }
        }
        if self.choice == HostChoice::Spread && !healthy.is_empty() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % healthy.len();
            healthy.rotate_left(turn);
        }
        rest.sort_unstable();
        healthy.extend(rest.into_iter().map(|(_, host)| host));
        if healthy.is_empty() { away } else { healthy }
    }

    /// Servers besides this one that may well answer.
    pub(crate) fn usable_besides(&self, host: usize) -> Vec<usize> {
        (0..self.list.len()).filter(|other| *other != host && self.at(*other).state().is_usable()).collect()
    }

    /// Why nobody is asked, when there is no candidate.
    pub(crate) fn nobody(&self, source: &str) -> Fault {
        let reasons = self.list.iter().zip(&self.labels).filter_map(|(state, label)| {
            let state = lock(state);
            Some(format!("{label}: {}", state.last_trouble.as_ref()?.reason))
        });
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        Fault::misconfigured(source, format!("no server is asked again yet: {reasons}")).at(Stage::ServiceAccount)
    }

    pub(crate) fn connected(&self, host: usize, address: SocketAddr, took: Duration) {
        let mut state = self.at(host);
        state.address = Some(address);
        average(&mut state.connect, took);
    }

    pub(crate) fn accepted_service(&self, host: usize) {
        self.at(host).accepts_service = true;
    }

    /// It answered a question. Whatever the answer was, it works.
    pub(crate) fn answered(&self, host: usize, search_took: Option<Duration>) {
        let at = (self.now)();
        let mut state = self.at(host);
        if let Some(took) = search_took {
            average(&mut state.search, took);
        }
        (state.failures, state.checks, state.refusing, state.failed_at_bind) = (0, 0, false, false);
        (state.away_until, state.next_check) = (None, None);
        (state.met_at, state.last_success) = (Some(Instant::now()), Some(at));
    }

    /// It failed in a way that counts for the breaker; others do not come here.
    pub(crate) fn failed(&self, host: usize, fault: &Fault, at_bind: bool) {
        if !fault.kind.counts_for_breaker() {
            return;
        }
        let at = (self.now)();
        let now = Instant::now();
        let mut state = self.at(host);
        state.failures = state.failures.saturating_add(1);
        state.refusing = fault.kind == TroubleKind::Misconfigured;
        state.failed_at_bind = at_bind;
        if fault.stage == Stage::ServiceAccount && state.refusing {
            state.accepts_service = false;
        }
        if fault.stage == Stage::Connect {
            // Another address of the name may do better.
            state.address = None;
        }
        let wait = FIRST_CHECK.saturating_mul(1 << state.checks.min(6)).min(LONGEST_CHECK);
        state.next_check = Some(now + if state.refusing { REFUSING_FOR } else { wait });
        state.checks = state.checks.saturating_add(1);
        state.met_at = Some(now);
        if state.refusing {
            state.away_until = Some(now + REFUSING_FOR);
        } else if state.failures >= DOWN_AFTER {
            state.away_until = Some(now + DOWN_FOR);
        }
        state.last_trouble = Some(HostTrouble { at, reason: fault.words() });
    }

    /// Whether a fault at one server lets the question go on to `next` (rules 1 and 5).
    pub(crate) fn moves_on(&self, fault: &Fault, next: usize) -> bool {
        match fault.kind {
            TroubleKind::Unavailable => true,
            TroubleKind::Misconfigured => fault.stage != Stage::ServiceAccount || self.at(next).accepts_service,
            TroubleKind::Odd | TroubleKind::BreakerOpen | TroubleKind::Busy => false,
        }
    }

    pub(crate) fn address(&self, host: usize) -> Option<SocketAddr> {
        self.at(host).address
    }

    /// Servers whose check is due now. Each is handed out once until its next.
    pub(crate) fn due(&self) -> Vec<usize> {
        let now = Instant::now();
        let standby = self.list.len() > 1;
        (0..self.list.len())
            .filter(|host| {
                let mut state = self.at(*host);
                let idle = standby && state.failures == 0 && state.met_at.is_none_or(|at| now >= at + STANDBY_CHECK);
                let due = idle || state.next_check.is_some_and(|at| now >= at);
                if due && state.failures > 0 {
                    // Handed out once, also if the check is cancelled or takes long.
                    state.next_check = Some(now + LONGEST_CHECK);
                }
                due
            })
            .collect()
    }

    /// Whether a check that succeeds now would show that the server can be used again.
    pub(crate) fn would_recover(&self, host: usize) -> bool {
        let state = self.at(host);
        !state.state().is_usable() && !state.failed_at_bind
    }

    pub(crate) fn health(&self) -> Vec<HostHealth> {
        let first = match self.choice {
            // Looking must not take anybody's turn.
            HostChoice::Spread => (0..self.list.len()).filter(|host| self.at(*host).state().is_usable()).collect(),
            HostChoice::InOrder => self.candidates().into_iter().take(1).collect::<Vec<_>>(),
        };
        let describe = |host: usize| {
            let state = self.at(host);
            HostHealth {
                host: self.labels[host].clone(),
                state: state.state(),
                in_use: first.contains(&host),
                connect_ms: state.connect.map(whole),
                search_ms: state.search.map(whole),
                last_success: state.last_success,
                last_trouble: state.last_trouble.clone(),
                failures: state.failures,
            }
        };
        (0..self.list.len()).map(describe).collect()
    }

    fn at(&self, host: usize) -> MutexGuard<'_, State> {
        lock(&self.list[host])
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Over the last few times: one slow answer is no trend.
fn average(of: &mut Option<f64>, took: Duration) {
    let took = took.as_secs_f64() * 1_000.0;
    *of = Some(of.map_or(took, |before| before + (took - before) / 4.0));
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds of a bounded wait")]
fn whole(milliseconds: f64) -> u64 {
    milliseconds.ceil() as u64
}

/// The servers one question may still be put to, and until when.
pub(crate) struct Attempt {
    hosts: Arc<Hosts>,
    left: Vec<usize>,
    deadline: Instant,
    faults: Vec<Fault>,
}

impl Attempt {
    pub(crate) fn new(hosts: Arc<Hosts>, patience: Duration) -> Self {
        let mut left = hosts.candidates();
        left.reverse();
        Self { hosts, left, deadline: Instant::now() + patience, faults: Vec::new() }
    }

    /// Only these servers.
    pub(crate) fn among(hosts: Arc<Hosts>, mut left: Vec<usize>, deadline: Instant) -> Self {
        left.reverse();
        Self { hosts, left, deadline, faults: Vec::new() }
    }

    /// Never this server.
    pub(crate) fn without(mut self, host: Option<usize>) -> Self {
        self.left.retain(|other| Some(*other) != host);
        self
    }

    /// The next server, and its share of the time that is left: one that is silent must leave some for the others.
    pub(crate) fn next(&mut self) -> Option<(usize, Duration)> {
        let last = self.faults.last();
        let at = self.left.iter().rposition(|host| last.is_none_or(|fault| self.hosts.moves_on(fault, *host)))?;
        let remaining = self.deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            return None;
        }
        let sharers = u32::try_from(self.left.len()).unwrap_or(u32::MAX).max(1);
        let host = self.left.remove(at);
        Some((host, remaining / sharers))
    }

    pub(crate) fn fault(&mut self, host: usize, fault: Fault) {
        self.hosts.failed(host, &fault, false);
        self.faults.push(fault);
    }

    /// What to say when no server is left. If one of them could not be reached, nobody knows what it would have said:
    /// the source is unavailable, not misconfigured.
    pub(crate) fn over(mut self, source: &str) -> Fault {
        if self.faults.len() < 2 {
            return self.faults.pop().unwrap_or_else(|| self.hosts.nobody(source));
        }
        let down = self.faults.iter().any(|fault| fault.kind == TroubleKind::Unavailable);
        let what = self.faults.iter().map(|fault| format!("{}: {}", fault.endpoint, fault.what));
        Fault {
            kind: if down { TroubleKind::Unavailable } else { TroubleKind::Misconfigured },
            stage: self.faults[0].stage,
            endpoint: source.to_owned(),
            what: what.collect::<Vec<_>>().join("; "),
            remedy: self.faults.iter().find_map(|fault| fault.remedy.clone()),
            means: None,
            clean: false,
        }
    }
}
