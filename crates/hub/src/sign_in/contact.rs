//! Asking a source about a password: lock, memory, budget, and the one bind (semantics, section 4).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector::Connector;
use credential::Password;
use directory::{
    Account, AccountStatus, AdapterResult, ImmutableId, LockoutReading, Source, SourceEntry, SourceId, metric,
};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::Instrument as _;
use uuid::Uuid;

use super::{
    broker::{Broker, Pending},
    budget::{self, Ending, Limit, SourceCount},
    compare::Comparison,
    decision::SourceAnswer,
    lookup::{answer_of, note_contact, said},
    measure,
};
use crate::{
    HubError,
    connections::LiveSource,
    kernel::{Actor, AuditEvent, record, seconds},
    mirror,
};

/// What came of asking.
pub(super) struct Contacted {
    pub(super) answer: SourceAnswer,
    pub(super) result: Option<AdapterResult>,
    pub(super) place: Option<(Uuid, Ending)>,
    pub(super) endpoint: Option<String>,
    pub(super) locked_until: Option<DateTime<Utc>>,
    pub(super) digest: Option<Vec<u8>>,
}

impl Contacted {
    /// Answered without a bind.
    pub(super) const fn without_bind(answer: SourceAnswer) -> Self {
        let result = match answer {
            SourceAnswer::Said { result, .. } => Some(result),
            SourceAnswer::NotAsked
            | SourceAnswer::Repeated
            | SourceAnswer::Paused
            | SourceAnswer::NoBudget
            | SourceAnswer::Down => None,
        };
        Self { answer, result, place: None, endpoint: None, locked_until: None, digest: None }
    }
}

/// Whether the password there is old enough to be captured (row D6).
pub(super) fn settled_since(source: &Source, entry: &SourceEntry, now: DateTime<Utc>) -> bool {
    if source.capture_settle_seconds == 0 {
        return true;
    }
    let settle = seconds(source.capture_settle_seconds);
    entry.password_set_at.is_some_and(|set_at| now.signed_duration_since(set_at) > settle)
}

impl Broker<'_> {
    /// Asks the source about the password of an entry that was just read. Every refusal that needs no bind is given
    /// without one.
    pub(super) async fn ask(
        &mut self,
        live: &Arc<LiveSource>,
        entry: &SourceEntry,
        account: Option<&Account>,
        password: &Password,
    ) -> Result<Contacted, HubError> {
        let (now, read_at) = (self.hub.clock.now(), self.read_at);
        let connector = match live.connector() {
            Ok(connector) => connector,
            Err(trouble) => {
                self.trace.bad("Source answered", "It cannot be asked.", Some(trouble.reason));
                return Ok(Contacted::without_bind(answer_of(trouble.kind)));
            }
        };
        if let Some(answer) = self.dead(live, entry) {
            return Ok(Contacted::without_bind(answer));
        }
        if let Some(until) = self.locked(entry, account, now) {
            let locked = Contacted::without_bind(said(AdapterResult::Locked));
            return Ok(Contacted { locked_until: Some(until), ..locked });
        }
        let mut stored = None;
        if live.source.connector.hands_passwords_over() {
            match self.compare(&*connector, live, entry, account, password).await? {
                Comparison::Done(contacted) => return Ok(contacted),
                Comparison::CallOut(kept) => stored = Some(kept),
            }
        }
        let digest = self.digest_of(live, entry, account, stored.as_ref(), password);
        if self.is_known_wrong((live.source.id, &entry.immutable_id), &digest).await {
            self.trace.bad("Source not asked", "The same wrong password was typed before.", None);
            return Ok(Contacted::without_bind(SourceAnswer::Repeated));
        }
        let shown = self.lockout_shown(&*connector, live, entry).await;
        let limit = match Limit::of(shown, live.source.lockout, &self.policy) {
            Ok(limit) => limit,
            Err(none) => {
                tracing::error!(source = %live.source.name, "this directory cannot be used: {}", none.words());
                self.trace.bad("Lockout budget", "The directory cannot be used.", Some(none.words().to_owned()));
                return Ok(Contacted::without_bind(said(AdapterResult::Misconfigured)));
            }
        };
        let count = SourceCount { failures: entry.lockout.failures, read_at };
        let limit = limit.after_restore(self.hub.restored_at().await?, now, count);
        let Some(place) = self.take_place(live, entry, account, limit, count).await? else {
            return Ok(Contacted::without_bind(SourceAnswer::NoBudget));
        };
        Ok(self.bind(&*connector, live, entry, password, (place, digest)).await)
    }

    /// Whether this password of this account was refused lately, or is being refused right now: attempts that ask the
    /// same at the same time wait for each other (security: parallel duplicates must not use up the budget).
    pub(super) async fn is_known_wrong(&mut self, account: (SourceId, &ImmutableId), digest: &[u8]) -> bool {
        let memory = &self.hub.state.sign_in;
        let keep = seconds(self.policy.wrong_password_memory);
        if memory.was_wrong(account, digest, self.hub.clock.now(), keep) {
            return true;
        }
        // Held until the answer is remembered, in `commit`.
        self.question = memory.question(digest).await;
        let wrong = memory.was_wrong(account, digest, self.hub.clock.now(), keep);
        if wrong {
            self.question = None;
        }
        wrong
    }

    /// An entry the service account reads as dead gets no bind.
    fn dead(&mut self, live: &LiveSource, entry: &SourceEntry) -> Option<SourceAnswer> {
        let result = match entry.status {
            AccountStatus::Active => return None,
            AccountStatus::Disabled => AdapterResult::Disabled,
            AccountStatus::Expired => AdapterResult::AccountExpired,
            AccountStatus::Missing => AdapterResult::NotFound,
        };
        let text = format!("{} shows the account as {}.", live.source.label, entry.status);
        self.trace.bad("Source read", text, Some("the password was not sent".to_owned()));
        Some(said(result))
    }

    /// Row D10: locked as the entry shows it, or as seen before by a source that does not show it.
    fn locked(&mut self, entry: &SourceEntry, account: Option<&Account>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let shows_lockout = entry.lockout.failures.is_some() || entry.lockout.threshold.is_some();
        let cached = account.and_then(|a| a.locked_until).filter(|until| *until != DateTime::<Utc>::MAX_UTC);
        let until = entry.lockout.locked_until.or(cached.filter(|_| !shows_lockout)).filter(|until| *until > now)?;
        let note = if until == DateTime::<Utc>::MAX_UTC {
            "until somebody unlocks it there".to_owned()
        } else {
            format!("until {}", until.format("%Y-%m-%d %H:%M:%S UTC"))
        };
        self.trace.bad("Source read", "The account is locked there; the password was not sent.", Some(note));
        Some(until)
    }

    /// What makes two questions the same: the account, its password as far as times tell, and what was typed.
    pub(super) fn digest_of(
        &self,
        live: &LiveSource,
        entry: &SourceEntry,
        account: Option<&Account>,
        stored: Option<&SecretString>,
        password: &Password,
    ) -> Vec<u8> {
        let mut text = Vec::new();
        for part in [live.source.id.to_string().as_bytes(), entry.immutable_id.as_str().as_bytes()] {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        for at in [entry.password_set_at, account.and_then(|account| account.unlocked_at)] {
            text.extend_from_slice(&at.map_or(i64::MIN, |at| at.timestamp_micros()).to_be_bytes());
        }
        if let Some(stored) = stored {
            let stored = stored.expose_secret().as_bytes();
            text.extend_from_slice(&(stored.len() as u64).to_be_bytes());
            text.extend_from_slice(stored);
        }
        text.extend_from_slice(password.bytes());
        let digest = self.hub.vault.keyed_digest("wrong password", &text);
        zeroize::Zeroize::zeroize(&mut text);
        digest
    }

    /// What the entry shows; for what neither it nor the configuration says, what the source says of all entries.
    async fn lockout_shown(&self, connector: &dyn Connector, live: &LiveSource, entry: &SourceEntry) -> LockoutReading {
        let shown = entry.lockout;
        let configured = live.source.lockout;
        let threshold_known = shown.threshold.or(configured.threshold).is_some();
        let window_known = shown.window_seconds.or(configured.window_seconds).is_some();
        if threshold_known && (window_known || shown.threshold.or(configured.threshold) == Some(0)) {
            return shown;
        }
        match connector.default_lockout().await {
            Ok(general) => LockoutReading {
                threshold: shown.threshold.or(configured.threshold).or(general.threshold),
                window_seconds: shown.window_seconds.or(configured.window_seconds).or(general.window_seconds),
                ..shown
            },
            Err(_) => shown,
        }
    }

    /// The first of the two write transactions: what is pending, and the place.
    async fn take_place(
        &mut self,
        live: &LiveSource,
        entry: &SourceEntry,
        account: Option<&Account>,
        limit: Limit,
        count: SourceCount,
    ) -> Result<Option<Uuid>, HubError> {
        let known_device = account.is_some_and(|a| self.knows_device_of(a.person_id));
        let key = (live.source.id, &entry.immutable_id);
        let turn = self.hub.state.sign_in.turn(entry.immutable_id.as_str().as_bytes()).await;
        let this = &*self;
        let place = storage::write!(self.hub.database, |tx| {
            this.write_pending(tx).await?;
            this.spend_step(tx).await?;
            budget::take(tx, this.hub, key, limit, count, known_device).await
        })?;
        drop(turn);
        self.pending.clear();
        let threshold = match limit.threshold {
            Some(threshold) => format!("The directory locks at {threshold} wrong passwords; "),
            None => "The directory does not lock; ".to_owned(),
        };
        let shown = match count.failures {
            Some(failures) => format!("it counts {failures} by itself"),
            None => "it does not show its own count for this entry".to_owned(),
        };
        if place.is_some() {
            let text = format!("{threshold}one of {} places was taken.", limit.places);
            self.trace.ok("Lockout budget", text, Some(shown));
        } else {
            let text = format!("{threshold}no place is left, so the directory was not asked.");
            self.trace.bad("Lockout budget", text, Some(shown));
            metrics::counter!(metric::BUDGET_REFUSALS, "source" => live.source.name.clone()).increment(1);
        }
        Ok(place)
    }

    /// The one bind. From here on the place is kept unless the answer returns it, also if nobody waits any more.
    async fn bind(
        &mut self,
        connector: &dyn Connector,
        live: &LiveSource,
        entry: &SourceEntry,
        password: &Password,
        (place, digest): (Uuid, Vec<u8>),
    ) -> Contacted {
        if self.change.is_some() {
            return self.change_there(connector, live, entry, password, (place, digest)).await;
        }
        let span = measure::asking("verify", &live.source.name);
        let said = connector.verify(entry, password.secret()).instrument(span.clone()).await;
        span.record("result", said.result.as_str());
        note_contact(self.hub, live, said.trouble);
        let proves_password = said.proves_password || said.result == AdapterResult::Ok;
        let ending = match (said.sent, proves_password) {
            (_, true) => Ending::Proven,
            (true, false) => Ending::Kept,
            (false, false) => Ending::NotSent,
        };
        let answer = match said.trouble {
            Some(kind) => answer_of(kind),
            None => SourceAnswer::Said { result: said.result, proves_password },
        };
        let text = format!("{} said: {}.", live.source.label, said.result);
        let note = Some(format!("{}: {}", said.endpoint, said.reason));
        if said.result == AdapterResult::Ok {
            self.trace.ok("Source answered", text, note);
        } else {
            self.trace.bad("Source answered", text, note);
        }
        Contacted {
            answer,
            result: Some(said.result),
            place: Some((place, ending)),
            endpoint: Some(said.endpoint),
            locked_until: said.locked_until,
            digest: Some(digest),
        }
    }

    /// Writes what service accounts showed before the decision.
    pub(super) async fn write_pending(&self, tx: &mut storage::Transaction) -> Result<(), HubError> {
        for pending in self.pending.clone() {
            match pending {
                Pending::DropAlias { account, name } => {
                    mirror::drop_alias(tx, self.hub, &account, &name).await?;
                }
                Pending::NoteMissing { live, account } => {
                    mirror::note_missing(tx, self.hub, &self.policy, &live.source, &account).await?;
                }
                Pending::Refresh { live, entry, account } => {
                    mirror::refresh(tx, self.hub, &live.source, &entry, &account, mirror::Cause::SignIn).await?;
                }
                Pending::MergedAliasUsed { merged } => {
                    let event = AuditEvent::new(Actor::System, "alias.of-merged-person-used").person(merged);
                    record(tx, &*self.hub.clock, &*self.hub.random, event).await?;
                }
            }
        }
        Ok(())
    }
}
