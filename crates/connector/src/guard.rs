//! Breaker and bulkhead around a connector (one per source), so that a slow or dead directory costs others nothing.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use directory::{ImmutableId, LockoutReading, ObjectKind, SourceEntry, metric};
use secrecy::SecretString;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};
use url::Url;

use crate::{
    Abilities, Catalogue, Connector, Cursor, Found, HostHealth, Page, PasswordWritten, ProbeStep, Read, ReadFrom,
    ReadPage, Redirect, RedirectFailure, RedirectProof, RedirectReturn, RedirectStart, Trouble, TroubleKind, Unlock,
    Verification, WriteBack, WriteFailure, Writes, Written,
};

/// Whether the source is being asked at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    Closed,
    /// Nobody dials.
    Open,
    /// The next request is let through as a probe, or is under way as one.
    HalfOpen,
}

/// The figures of a [`Guarded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardSettings {
    /// Consecutive failures that open the breaker.
    pub failures_to_open: u32,
    /// How long it stays open before one request is let through.
    pub open_for: Duration,
    /// The same after the source refused the hub itself: it opens at once then (D17), and asking a directory again and
    /// again with a wrong service password would lock the service account.
    pub open_after_misconfiguration_for: Duration,
    /// Requests at the source at one time.
    pub concurrent: usize,
    /// Requests that may wait for one of those places.
    pub waiting: usize,
    /// How long they wait.
    pub wait_at_most: Duration,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            failures_to_open: 5,
            open_for: Duration::from_secs(10),
            open_after_misconfiguration_for: Duration::from_mins(5),
            concurrent: 16,
            waiting: 64,
            wait_at_most: Duration::from_secs(1),
        }
    }
}

/// A connector behind a breaker and a bulkhead.
pub struct Guarded<C> {
    inner: C,
    name: String,
    settings: GuardSettings,
    breaker: Mutex<Breaker>,
    places: Semaphore,
    /// Paged reads have a place of their own: a sweep never keeps people from signing in.
    sweep: Semaphore,
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    /// Set while open or half-open.
    open_until: Option<Instant>,
    probing: bool,
    /// Raised by every change of state: answers to requests from before it no longer count.
    generation: u64,
    last_reason: String,
}

/// How a request ended, as the breaker sees it.
enum Ending {
    Answered,
    Failed {
        kind: TroubleKind,
        reason: String,
    },
    /// Says nothing about the source.
    Neutral,
}

/// A request that the breaker let through. Dropped without [`Admitted::end`], it was cancelled, which says nothing.
struct Admitted<'a> {
    breaker: &'a Mutex<Breaker>,
    settings: GuardSettings,
    generation: u64,
    probe: bool,
    _place: SemaphorePermit<'a>,
}

impl<C: Connector> Guarded<C> {
    /// Puts `inner` behind a breaker and a bulkhead of its own.
    pub fn new(inner: C, settings: GuardSettings) -> Self {
        Self::named("source", inner, settings)
    }

    /// The same, with the source's name for messages.
    pub fn named(name: impl Into<String>, inner: C, settings: GuardSettings) -> Self {
        Self {
            inner,
            name: name.into(),
            settings,
            breaker: Mutex::default(),
            places: Semaphore::new(settings.concurrent),
            sweep: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether a request would be let through, without making one.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        let breaker = lock(&self.breaker);
        match breaker.open_until {
            None => BreakerState::Closed,
            Some(until) if Instant::now() < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// What opened the breaker; empty if nothing did.
    #[must_use]
    pub fn last_reason(&self) -> String {
        lock(&self.breaker).last_reason.clone()
    }

    fn close(&self) {
        let mut breaker = lock(&self.breaker);
        let generation = breaker.generation + 1;
        *breaker = Breaker { generation, ..Breaker::default() };
    }

    async fn admit<'a>(&'a self, places: &'a Semaphore) -> Result<Admitted<'a>, Trouble> {
        self.check_open()?;
        let place = self.place(places).await?;
        // The breaker may have opened while we waited.
        let mut breaker = lock(&self.breaker);
        let probe = match breaker.open_until {
            None => false,
            Some(until) if Instant::now() >= until && !breaker.probing => {
                breaker.probing = true;
                true
            }
            Some(_) => return Err(self.open(&breaker)),
        };
        let generation = breaker.generation;
        drop(breaker);
        Ok(Admitted { breaker: &self.breaker, settings: self.settings, generation, probe, _place: place })
    }

    fn check_open(&self) -> Result<(), Trouble> {
        let breaker = lock(&self.breaker);
        match breaker.open_until {
            Some(until) if Instant::now() < until || breaker.probing => Err(self.open(&breaker)),
            Some(_) | None => Ok(()),
        }
    }

    fn open(&self, breaker: &Breaker) -> Trouble {
        Trouble {
            kind: TroubleKind::BreakerOpen,
            endpoint: self.name.clone(),
            reason: format!("not asked, because it failed before: {}", breaker.last_reason),
        }
    }

    async fn place<'a>(&'a self, places: &'a Semaphore) -> Result<SemaphorePermit<'a>, Trouble> {
        if let Ok(place) = places.try_acquire() {
            return Ok(place);
        }
        let busy =
            |reason: &str| Trouble { kind: TroubleKind::Busy, endpoint: self.name.clone(), reason: reason.to_owned() };
        let _waiting = Waiting::new(&self.waiting, self.settings.waiting).ok_or_else(|| busy("the queue is full"))?;
        match timeout(self.settings.wait_at_most, places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(busy("waited too long for other requests")),
        }
    }

    fn no_redirect(&self) -> Trouble {
        let reason = "nobody signs in at this source by redirect".to_owned();
        Trouble { kind: TroubleKind::Misconfigured, endpoint: self.name.clone(), reason }
    }

    fn no_writing(&self) -> Trouble {
        let reason = "writing at this source is not switched on".to_owned();
        Trouble { kind: TroubleKind::Misconfigured, endpoint: self.name.clone(), reason }
    }

    /// Publishes how a request ended and how long it took.
    fn count(&self, call: &'static str, result: &'static str, began: Instant) {
        let source = self.name.clone();
        metrics::counter!(metric::SOURCE_CALLS, "source" => source.clone(), "call" => call, "result" => result)
            .increment(1);
        metrics::histogram!(metric::SOURCE_CALL_SECONDS, "source" => source, "call" => call).record(began.elapsed());
    }

    async fn counted<T>(
        &self,
        call: &'static str,
        request: impl Future<Output = Result<T, Trouble>> + Send,
    ) -> Result<T, Trouble> {
        let began = Instant::now();
        let result = request.await;
        self.count(call, result.as_ref().map_or_else(|trouble| trouble.kind.as_str(), |_| "ok"), began);
        result
    }

    async fn run<T>(
        &self,
        places: &Semaphore,
        request: impl Future<Output = Result<T, Trouble>> + Send,
    ) -> Result<T, Trouble> {
        let admitted = self.admit(places).await?;
        let result = request.await;
        admitted.end(match &result {
            Ok(_) => Ending::Answered,
            Err(trouble) => ending(trouble.kind, &trouble.reason),
        });
        result
    }
}

fn ending(kind: TroubleKind, reason: &str) -> Ending {
    if kind.counts_for_breaker() { Ending::Failed { kind, reason: reason.to_owned() } } else { Ending::Neutral }
}

impl Admitted<'_> {
    fn end(self, ending: Ending) {
        let mut breaker = lock(self.breaker);
        if breaker.generation != self.generation {
            return;
        }
        match ending {
            Ending::Answered => {
                breaker.failures = 0;
                if breaker.open_until.take().is_some() {
                    breaker.probing = false;
                    breaker.generation += 1;
                    breaker.last_reason.clear();
                }
            }
            Ending::Failed { kind, reason } => {
                breaker.failures += 1;
                let misconfigured = kind == TroubleKind::Misconfigured;
                if self.probe || misconfigured || breaker.failures >= self.settings.failures_to_open {
                    let pause = if misconfigured {
                        self.settings.open_after_misconfiguration_for
                    } else {
                        self.settings.open_for
                    };
                    breaker.open_until = Some(Instant::now() + pause);
                    breaker.probing = false;
                    breaker.failures = 0;
                    breaker.generation += 1;
                    breaker.last_reason = reason;
                }
            }
            // The place of the probe is given back by `drop`.
            Ending::Neutral => {}
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if self.probe {
            let mut breaker = lock(self.breaker);
            if breaker.generation == self.generation {
                breaker.probing = false;
            }
        }
    }
}

/// One of the places in the queue.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize, limit: usize) -> Option<Self> {
        let waiting = Self(count);
        // Counted first and given back by `drop`, so that two cannot take the last place.
        (count.fetch_add(1, Ordering::AcqRel) < limit).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn lock(breaker: &Mutex<Breaker>) -> MutexGuard<'_, Breaker> {
    breaker.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl<C: Connector> Connector for Guarded<C> {
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble> {
        self.counted("find", self.run(&self.places, self.inner.find(typed_name))).await
    }

    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        self.counted("fetch", self.run(&self.places, self.inner.fetch(id))).await
    }

    async fn fetch_soon(&self, id: &ImmutableId, groups_within: Duration) -> Result<Option<SourceEntry>, Trouble> {
        self.counted("fetch", self.run(&self.places, self.inner.fetch_soon(id, groups_within))).await
    }

    async fn verify(&self, entry: &SourceEntry, password: &SecretString) -> Verification {
        let began = Instant::now();
        let admitted = match self.admit(&self.places).await {
            Ok(admitted) => admitted,
            Err(trouble) => {
                self.count("verify", trouble.kind.as_str(), began);
                return Verification::not_sent(&trouble);
            }
        };
        let verification = self.inner.verify(entry, password).await;
        let result = verification.trouble.map_or(verification.result.as_str(), TroubleKind::as_str);
        self.count("verify", result, began);
        admitted.end(match verification.trouble {
            None => Ending::Answered,
            Some(kind) => ending(kind, &verification.reason),
        });
        verification
    }

    async fn page(&self, cursor: Option<Cursor>) -> Result<Page, Trouble> {
        self.counted("page", self.run(&self.sweep, self.inner.page(cursor))).await
    }

    fn reading(&self) -> Option<&dyn Read> {
        self.inner.reading().map(|_| self as &dyn Read)
    }

    fn redirect(&self) -> Option<&dyn Redirect> {
        self.inner.redirect().map(|_| self as &dyn Redirect)
    }

    fn write_back(&self) -> Option<&dyn WriteBack> {
        self.inner.write_back().map(|_| self as &dyn WriteBack)
    }

    async fn stored_password(&self, entry: &SourceEntry) -> Result<Option<SecretString>, Trouble> {
        self.counted("stored-password", self.run(&self.places, self.inner.stored_password(entry))).await
    }

    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        self.counted("lockout", self.run(&self.places, self.inner.default_lockout())).await
    }

    /// A live test dials even if the breaker is open, and closes it if everything passes.
    async fn probe(&self) -> Vec<ProbeStep> {
        let steps = self.inner.probe().await;
        if !steps.is_empty() && steps.iter().all(|step| step.passed) {
            self.close();
        }
        steps
    }

    /// Part of a live test, as [`Connector::probe`].
    async fn catalogue(&self) -> Result<Option<Catalogue>, Trouble> {
        self.inner.catalogue().await
    }

    fn breaker(&self) -> BreakerState {
        self.state()
    }

    fn hosts(&self) -> Vec<HostHealth> {
        self.inner.hosts()
    }

    /// Dials even if the breaker is open: this is how a recovery is seen before anybody tries to sign in.
    async fn check_hosts(&self) -> bool {
        let recovered = self.inner.check_hosts().await;
        if recovered && self.state() != BreakerState::Closed {
            self.close();
        }
        recovered
    }
}

#[async_trait]
impl<C: Connector> Read for Guarded<C> {
    fn abilities(&self) -> Abilities {
        self.inner.reading().map_or(Abilities::PEOPLE, Read::abilities)
    }

    async fn read(&self, kind: ObjectKind, from: ReadFrom) -> Result<ReadPage, Trouble> {
        let Some(inner) = self.inner.reading() else {
            let reason = "this source hands nothing over".to_owned();
            return Err(Trouble { kind: TroubleKind::Misconfigured, endpoint: self.name.clone(), reason });
        };
        self.counted("read", self.run(&self.sweep, inner.read(kind, from))).await
    }
}

#[async_trait]
impl<C: Connector> Redirect for Guarded<C> {
    async fn begin(&self, start: &RedirectStart) -> Result<Url, Trouble> {
        let inner = self.inner.redirect().ok_or_else(|| self.no_redirect())?;
        self.counted("redirect-begin", self.run(&self.places, inner.begin(start))).await
    }

    async fn finish(&self, back: &RedirectReturn) -> Result<RedirectProof, RedirectFailure> {
        let inner = self.inner.redirect().ok_or_else(|| self.no_redirect())?;
        let began = Instant::now();
        let admitted = self.admit(&self.places).await?;
        let finished = inner.finish(back).await;
        let (result, ended) = match &finished {
            Ok(_) => ("ok", Ending::Answered),
            Err(RedirectFailure::Trouble(trouble)) => (trouble.kind.as_str(), ending(trouble.kind, &trouble.reason)),
            // Whoever comes with a code of their own making must neither open the breaker nor close it.
            Err(RedirectFailure::Refused { .. }) => ("refused", Ending::Neutral),
        };
        self.count("redirect-finish", result, began);
        admitted.end(ended);
        finished
    }
}

/// Writes go through the same breaker and the same places; what the second account is refused says nothing about
/// whether people can sign in, and never opens the breaker.
#[async_trait]
impl<C: Connector> WriteBack for Guarded<C> {
    fn writes(&self) -> Writes {
        self.inner.write_back().map_or_else(Writes::default, WriteBack::writes)
    }

    async fn unlock(&self, entry: &SourceEntry) -> Unlock {
        let Some(inner) = self.inner.write_back() else { return Unlock::not_sent(&self.no_writing()) };
        let began = Instant::now();
        let admitted = match self.admit(&self.places).await {
            Ok(admitted) => admitted,
            Err(trouble) => return Unlock::not_sent(&trouble),
        };
        let unlock = inner.unlock(entry).await;
        self.count("unlock", written_word(&unlock.written), began);
        admitted.end(if unlock.written == Written::Done { Ending::Answered } else { Ending::Neutral });
        unlock
    }

    async fn change_password(
        &self,
        entry: &SourceEntry,
        current: &SecretString,
        new: &SecretString,
    ) -> PasswordWritten {
        let Some(inner) = self.inner.write_back() else { return PasswordWritten::not_sent(&self.no_writing()) };
        let began = Instant::now();
        let admitted = match self.admit(&self.places).await {
            Ok(admitted) => admitted,
            Err(trouble) => return PasswordWritten::not_sent(&trouble),
        };
        let changed = inner.change_password(entry, current, new).await;
        self.count("change-password", written_word(&changed.written), began);
        admitted.end(match changed.trouble {
            None => Ending::Answered,
            Some(TroubleKind::Unavailable) => ending(TroubleKind::Unavailable, &changed.reason),
            Some(_) => Ending::Neutral,
        });
        changed
    }

    async fn probe_writer(&self) -> ProbeStep {
        match self.inner.write_back() {
            Some(inner) => inner.probe_writer().await,
            None => {
                let (name, detail) = ("Write account".to_owned(), self.no_writing().reason);
                ProbeStep { name, passed: false, detail, remedy: None, milliseconds: 0 }
            }
        }
    }
}

const fn written_word(written: &Written) -> &'static str {
    match written {
        Written::Done => "ok",
        Written::Unknown => "unknown",
        Written::Failed(WriteFailure::Unavailable) => "unavailable",
        Written::Failed(WriteFailure::NotAllowed) => "not-allowed",
        Written::Failed(WriteFailure::Policy(_)) => "policy",
        Written::Failed(WriteFailure::Odd) => "odd",
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
