//! Carrying a decision out: one transaction with everything it writes (semantics, section 2: at most two per attempt).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use credential::Password;
use directory::{MatchOutcome, Person};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use storage::{
    Transaction,
    devices::Devices,
    throttle::{RefusalRow, Throttle},
    trace::{TraceRow, Traces},
};

use super::{
    ChangeNeeded, CodeStep, PasswordOffered, Refusal, RefusalPage, SignInAnswer,
    broker::{Broker, Settled},
    budget,
    decision::{Capture, Counter, Decision, Extent, Grant, HubAnswer, Page, Place, Row, Write, decide},
    measure,
    throttle::{TOO_MANY_WINDOW, pause_after},
    trace::say,
};
use crate::{
    HubError,
    kernel::{Actor, AuditEvent, record, vault::token_digest},
    mirror::{self, Provisioned},
    session::{self, NewSession, ProvenBy, Reach, Session},
};

/// A trace's code is 30 bits: with a million kept, one in a thousand is taken.
const CODE_ATTEMPTS: usize = 8;
/// How long somebody may take to type the break-glass code.
const CODE_TIME: chrono::TimeDelta = chrono::TimeDelta::minutes(5);
const BANNER: &str = "Your directory has not answered for a while. You were signed in with what was known before.";

/// What the transaction made.
struct Done {
    decision: Decision,
    person: Option<Person>,
    session: Option<Session>,
    code: String,
    new_device_cookie: Option<String>,
    /// Row D28 goes on with this and the code.
    code_step: Option<CodeStep>,
    /// Row D6r goes on with this.
    offered: Option<PasswordOffered>,
    /// Row D11 goes on with this.
    change: Option<ChangeNeeded>,
    /// Help desk unlocked them at their directory: they read of it now.
    told: Option<String>,
}

/// What is prepared before the transaction, because it takes time.
struct Prepared {
    /// A verifier for the password, where the decision stores one.
    phc: Option<String>,
    too_many: bool,
    at: DateTime<Utc>,
}

impl Broker<'_> {
    pub(super) async fn commit(
        &mut self,
        settled: Settled,
        password: Option<&Password>,
    ) -> Result<SignInAnswer, HubError> {
        let prepared = match self.prepare(&settled, password).await {
            Err(HubError::Overloaded) => {
                // The directory has answered: what its answer does to the budget stands.
                storage::write!(self.hub.database, |tx| {
                    self.end_place(tx, &settled).await?;
                    self.audit_change(tx, &settled, settled.person.as_ref()).await
                })?;
                return Err(HubError::Overloaded);
            }
            prepared => prepared?,
        };
        if settled.decision.writes.contains(&Write::RememberWrongPassword)
            && let (Some(live), Some(entry), Some(digest)) = (&settled.live, &settled.entry, &settled.digest)
        {
            let account = (live.source.id, &entry.immutable_id);
            self.hub.state.sign_in.remember_wrong(account, digest.clone(), prepared.at);
        }
        let turn = self.hub.state.sign_in.turn(&self.turn_key(&settled)).await;
        let this = &*self;
        let done = storage::write!(self.hub.database, |tx| { this.carry_out(tx, &settled, &prepared).await })?;
        drop(turn);
        // Whoever asks the same next finds the answer remembered, and the place of the budget given back.
        self.question = None;
        self.pending.clear();
        measure::decided(done.decision.row, settled.result.is_some(), done.session.is_some(), self.trace.elapsed());
        if let (Some(_), Some(live), Some(account)) = (&done.session, &settled.live, &settled.account)
            && settled.entry.as_ref().is_some_and(|entry| !entry.groups_complete)
        {
            self.hub.finish_reading(Arc::clone(live), account.clone());
        }
        let page = self.refusal_page(&done.decision);
        tracing::info!(
            request = %self.attempt.request_id, code = %done.code, row = %done.decision.row,
            signed_in = done.session.is_some(), "sign-in"
        );
        if let Some(step) = done.code_step {
            return Ok(SignInAnswer::CodeNeeded(step));
        }
        if let Some(offered) = done.offered {
            return Ok(SignInAnswer::PasswordOffered(offered));
        }
        if let Some(change) = done.change {
            return Ok(SignInAnswer::ChangeNeeded(change));
        }
        let Some(session) = done.session else {
            let known_device = done.person.as_ref().is_some_and(|person| self.knows_device_of(person.id));
            return Ok(SignInAnswer::Refused(Refusal {
                page,
                code: done.code,
                too_many: page == RefusalPage::Generic && prepared.too_many,
                locked_words: known_device && done.decision.like.unwrap_or(done.decision.row) == Row::D10,
                not_changed: false,
                at: prepared.at,
            }));
        };
        Ok(SignInAnswer::SignedIn {
            offline: session.offline,
            session,
            new_device_cookie: done.new_device_cookie,
            banner: (done.decision.page == Page::Banner).then(|| BANNER.to_owned()).or(done.told),
        })
    }

    /// Writes about one account, or else about one name, take turns.
    fn turn_key(&self, settled: &Settled) -> Vec<u8> {
        match &settled.entry {
            Some(entry) => entry.immutable_id.as_str().as_bytes().to_vec(),
            None => self.caller.identifier.clone(),
        }
    }

    async fn prepare(&self, settled: &Settled, password: Option<&Password>) -> Result<Prepared, HubError> {
        let at = self.hub.clock.now();
        let stores = settled
            .decision
            .writes
            .iter()
            .any(|w| matches!(w, Write::Capture(_) | Write::Rehash | Write::ReplaceImported));
        let phc = match (stores, password) {
            // A shadow verifier that agrees is kept: only the time of its last success moves.
            (true, Some(_)) if agrees(settled) && !settled.decision.writes.contains(&Write::Rehash) => {
                settled.verifier.as_ref().map(|v| v.phc.clone())
            }
            (true, Some(password)) => Some(self.hub.state.passwords.make(&*self.hub.random, password).await?),
            (true, None) | (false, _) => None,
        };
        let mut reader = self.hub.database.reader();
        let before = Throttle(&mut reader).generic_refusals(&self.caller.identifier, at - TOO_MANY_WINDOW).await?;
        let too_many = before + 1 >= i64::from(self.policy.too_many_attempts);
        Ok(Prepared { phc, too_many, at })
    }

    async fn carry_out(&self, tx: &mut Transaction, settled: &Settled, prepared: &Prepared) -> Result<Done, HubError> {
        self.write_pending(tx).await?;
        self.end_place(tx, settled).await?;
        let (decision, person) = self.write_all(tx, settled, prepared).await?;
        let mut done = Done {
            decision,
            person,
            session: None,
            code: String::new(),
            new_device_cookie: None,
            code_step: None,
            offered: None,
            change: None,
            told: None,
        };
        self.count(tx, &done, prepared).await?;
        if let (Grant::Session { extent, offline }, Some(person)) = (done.decision.grant, &done.person) {
            let session = self.open(tx, settled, person, (extent, offline), done.decision.code()).await?;
            done.new_device_cookie = self.remember_device(tx, person, prepared.at).await?;
            done.session = Some(session);
            done.told = self.hub.told_of_unlocks(tx, person.id, prepared.at).await?;
        }
        if let (Page::Code, Some(person)) = (done.decision.page, &done.person) {
            let token = SecretString::from(self.hub.random.token());
            let digest = token_digest(token.expose_secret());
            storage::break_glass::insert_step(tx, digest, person.id, prepared.at, prepared.at + CODE_TIME).await?;
            done.code_step = Some(CodeStep(token));
        }
        if let (Page::SetPassword, Some(person), Some(live)) = (done.decision.page, &done.person, &settled.live) {
            let (client, methods) = (self.attempt.client.clone(), settled.methods.clone().unwrap_or_default());
            // Row D11: the old one is of no use, so it cannot be put off.
            let required = settled.methods.is_none();
            let methods = if required { vec!["pwd".to_owned()] } else { methods };
            let about = (live.source.id, client, methods);
            done.offered = Some(self.hub.offer_password(tx, person, about, required).await?);
        }
        if done.decision.page == Page::ChangeThere {
            done.change = self.need_change(tx, settled, prepared.at).await?;
        }
        self.audit_change(tx, settled, done.person.as_ref()).await?;
        done.code = self.write_trace(tx, settled, &done, prepared.at).await?;
        Ok(done)
    }

    /// The place of the budget goes back, or stays taken, as the bind ended.
    async fn end_place(&self, tx: &mut Transaction, settled: &Settled) -> Result<(), HubError> {
        match (settled.place, &settled.live, &settled.entry) {
            (Some((place, ending)), Some(live), Some(entry)) => {
                budget::end(tx, self.hub, (live.source.id, &entry.immutable_id), place, ending).await
            }
            _ => Ok(()),
        }
    }

    /// The typed writes, in order. What matching finds inside the transaction may change the decision, never the proof.
    async fn write_all(
        &self,
        tx: &mut Transaction,
        settled: &Settled,
        prepared: &Prepared,
    ) -> Result<(Decision, Option<Person>), HubError> {
        let mut decision = settled.decision.clone();
        let mut person = settled.person.clone();
        let mut writes: std::collections::VecDeque<Write> = decision.writes.iter().copied().collect();
        while let Some(write) = writes.pop_front() {
            match write {
                Write::Provision | Write::ProvisionDisputed if person.is_none() => {
                    let (again, created) = self.provision(tx, settled, decision).await?;
                    decision = again;
                    person = created;
                    let rest = decision.writes.iter().copied();
                    writes = rest.filter(|w| matches!(w, Write::Capture(_) | Write::AuditWouldCreate)).collect();
                }
                other => person = self.write_one(tx, other, settled, person, prepared).await?,
            }
        }
        Ok((decision, person))
    }

    /// Creates somebody, and asks the table again with what matching found.
    async fn provision(
        &self,
        tx: &mut Transaction,
        settled: &Settled,
        expected: Decision,
    ) -> Result<(Decision, Option<Person>), HubError> {
        let (Some(live), Some(entry), Some(mut facts)) = (&settled.live, &settled.entry, settled.facts) else {
            return Err(HubError::Internal("a person was to be created without an entry".to_owned()));
        };
        match mirror::create(tx, self.hub, &live.source, entry).await? {
            Provisioned::Created { person, .. } => Ok((expected, Some(person))),
            Provisioned::Collided { person, .. } => {
                facts.policy.matching = MatchOutcome::Collision;
                Ok((decide(&facts), Some(person)))
            }
            Provisioned::Ignored { .. } => {
                facts.policy.matching = MatchOutcome::Ignored;
                Ok((decide(&facts), None))
            }
            // Row D18b: what the table would have said had it known.
            Provisioned::Matched { person, .. } => {
                facts.policy.matching = MatchOutcome::Link;
                facts.policy.candidate_has_authority = false;
                Ok((decide(&facts), Some(person)))
            }
            // Somebody was faster, or two synchronised directories hold them: the row of the person who is there now, with the same answer of the source.
            Provisioned::Linked { person, .. } => {
                facts.state = person.state();
                facts.person.privileged = person.privileged;
                facts.person.holds_role = person.holds_role;
                let restricted = storage::cases::Cases(tx).restricted_to(person.id).await?;
                facts.person.restricted_reach = restricted.is_some();
                if let Place::Source(source) = &mut facts.place {
                    let here = directory::CredentialAuthority::Source(live.source.id);
                    source.is_credential_authority = person.credential_authority == here;
                }
                Ok((decide(&facts), Some(person)))
            }
        }
    }

    async fn write_one(
        &self,
        tx: &mut Transaction,
        write: Write,
        settled: &Settled,
        person: Option<Person>,
        prepared: &Prepared,
    ) -> Result<Option<Person>, HubError> {
        let hub = self.hub;
        let live = settled.live.as_deref();
        let (entry, account) = (settled.entry.as_deref(), settled.account.as_ref());
        let audited = |action| {
            let mut event = AuditEvent::new(Actor::System, action);
            event.person = person.as_ref().map(|p| p.id);
            event.source = live.map(|l| l.source.id);
            event
        };
        match write {
            Write::Refresh | Write::DisableBySource | Write::EndSessionsProvenThere => {
                self.write_reading(tx, write, settled).await?;
                let Some(person) = person else { return Ok(None) };
                return Ok(storage::people::People(tx).by_id(person.id).await?);
            }
            Write::Capture(kind) => {
                if let (Some(person), Some(live), Some(phc)) = (&person, live, &prepared.phc) {
                    let kind = match kind {
                        Capture::TakeOver => mirror::Capture::TakeOver,
                        Capture::Shadow => mirror::Capture::Shadow,
                    };
                    let set_at = entry.and_then(|e| e.password_set_at);
                    mirror::capture(tx, hub, person.id, &live.source, phc.clone(), set_at, kind).await?;
                }
            }
            Write::Rehash => {
                if let (Some(person), Some(verifier), Some(phc)) = (&person, &settled.verifier, &prepared.phc) {
                    mirror::rehash(tx, person.id, &verifier.phc, phc).await?;
                }
            }
            Write::ReplaceImported => {
                if let (Some(imported), Some(verifier), Some(phc)) = (&person, &settled.verifier, &prepared.phc) {
                    return Ok(Some(mirror::replace_imported(tx, hub, imported.id, &verifier.phc, phc).await?));
                }
            }
            Write::DeleteShadow => {
                if let Some(person) = &person {
                    mirror::delete_shadow_verifier(tx, hub, person.id, "the source disagrees").await?;
                }
            }
            Write::Activate => {
                if let (Some(staged), Some(live)) = (&person, live) {
                    return Ok(Some(mirror::activate_staged(tx, hub, staged.id, &live.source).await?));
                }
            }
            Write::NoteMissing => {
                if let (Some(live), Some(account)) = (live, account) {
                    mirror::note_missing(tx, hub, &self.policy, &live.source, account).await?;
                }
            }
            Write::CacheLock => {
                if let Some(account) = account {
                    mirror::note_locked(tx, account, settled.locked_until).await?;
                }
            }
            Write::AuditParity => self.audit(tx, audited("verifier.disagrees")).await?,
            Write::AuditSeveralEntries => self.audit(tx, audited("source.several-entries")).await?,
            Write::AuditMisconfigured => {
                if let Some(live) = live {
                    tracing::error!(source = %live.source.name, "this directory refuses the hub itself");
                }
                self.audit(tx, audited("source.misconfigured")).await?;
            }
            Write::AuditWouldCreate => self.audit(tx, audited("person.would-create")).await?,
            Write::AuditMergedAliasUsed => self.audit(tx, audited("alias.of-merged-person-used")).await?,
            Write::AuditRedirectRefused => self.audit(tx, audited("sign-in.redirect-refused")).await?,
            // In memory, and done before.
            Write::RememberWrongPassword => {}
            Write::Link | Write::Provision | Write::ProvisionDisputed => {
                return Err(HubError::Internal(format!("{write:?} cannot be carried out here")));
            }
        }
        Ok(person)
    }

    /// What the service account, or the proven password, shows about an account.
    async fn write_reading(&self, tx: &mut Transaction, write: Write, settled: &Settled) -> Result<(), HubError> {
        let (Some(live), Some(account)) = (&settled.live, &settled.account) else { return Ok(()) };
        if let Some(entry) = &settled.entry {
            let mut entry = entry.as_ref().clone();
            // The code that proves the password is as good as a reading (row D9).
            if write != Write::Refresh && entry.status == directory::AccountStatus::Active {
                entry.status = match settled.result {
                    Some(directory::AdapterResult::AccountExpired) => directory::AccountStatus::Expired,
                    _ => directory::AccountStatus::Disabled,
                };
            }
            mirror::refresh(tx, self.hub, &live.source, &entry, account, mirror::Cause::SignIn).await?;
        }
        Ok(())
    }

    async fn audit(&self, tx: &mut Transaction, event: AuditEvent) -> Result<(), HubError> {
        Ok(record(tx, &*self.hub.clock, &*self.hub.random, event).await?)
    }

    async fn count(&self, tx: &mut Transaction, done: &Done, prepared: &Prepared) -> Result<(), HubError> {
        let counter = done.decision.counter;
        if let Some(person) = &done.person {
            let device = self.failure_key(person.id);
            match counter {
                Counter::Clear => Throttle(tx).clear(person.id, &device).await?,
                Counter::Hub => {
                    let count = Throttle(tx).failed(person.id, &device).await?;
                    if let Some(pause) = pause_after(&self.policy, count.failures) {
                        Throttle(tx).pause(person.id, &device, prepared.at + pause).await?;
                    }
                }
                Counter::None | Counter::Identifier => {}
            }
        }
        let counted = matches!(counter, Counter::Hub | Counter::Identifier);
        // Whoever is asked for a new password is as good as in.
        let asked = matches!(done.decision.page, Page::SetPassword | Page::ChangeThere);
        let refused = !done.decision.lets_in() && !asked;
        let generic = refused && self.refusal_page(&done.decision) == RefusalPage::Generic;
        if counted || generic {
            let row = RefusalRow {
                id: self.hub.random.id(prepared.at),
                at: prepared.at,
                identifier: self.caller.identifier.clone(),
                network: self.caller.network.clone(),
                counted,
                generic,
            };
            Throttle(tx).refused(row).await?;
        }
        Ok(())
    }

    async fn open(
        &self,
        tx: &mut Transaction,
        settled: &Settled,
        person: &Person,
        (extent, offline): (Extent, bool),
        row: &'static str,
    ) -> Result<Session, HubError> {
        let at_hub = settled.facts.is_some_and(|f| matches!(f.place, Place::Hub(_)));
        let proven_by = match (&settled.live, at_hub) {
            (Some(live), false) => ProvenBy::Source(live.source.id),
            (Some(_) | None, true) => ProvenBy::Hub,
            (None, false) => return Err(HubError::Internal("a session without a proof".to_owned())),
        };
        let reach = match (extent, settled.reach_source) {
            (Extent::Everywhere, _) => Reach::Everywhere,
            (Extent::OfSource, Some(source)) => Reach::ClientsOf(source),
            (Extent::OfSource, None) => return Err(HubError::Internal("a session without a reach".to_owned())),
        };
        let amr = settled.methods.clone().unwrap_or_else(|| vec!["pwd".to_owned()]);
        let new = NewSession { person: person.id, proven_by, amr, offline, reach };
        let seen_as = session::SeenAs {
            browser: self.attempt.browser.clone(),
            address: self.policy.session_addresses.then(|| self.attempt.address.to_string()),
        };
        let (clock, random) = (&*self.hub.clock, &*self.hub.random);
        let session = session::open_seen(tx, clock, random, &self.policy, new, seen_as).await?;
        let mut event = AuditEvent::new(Actor::Person(person.id), "session.opened").person(person.id);
        event.source = settled.live.as_ref().map(|l| l.source.id);
        event.client.clone_from(&self.attempt.client);
        self.audit(tx, event.details(json!({ "offline": offline, "row": row }))).await?;
        Ok(session)
    }

    /// A browser the person signed in with is remembered; one with a good cookie keeps it.
    async fn remember_device(
        &self,
        tx: &mut Transaction,
        person: &Person,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, HubError> {
        if let Some(device) = self.device.as_ref().filter(|device| device.holder == person.id) {
            Devices(tx).used(&device.digest, now).await?;
            return Ok(None);
        }
        let cookie = self.hub.random.token();
        Devices(tx).insert(&token_digest(&cookie), person.id, now).await?;
        Ok(Some(cookie))
    }

    async fn write_trace(
        &self,
        tx: &mut Transaction,
        settled: &Settled,
        done: &Done,
        at: DateTime<Utc>,
    ) -> Result<String, HubError> {
        let mut steps = self.trace.steps.clone();
        steps.push(self.trace.end(&done.decision));
        let source = settled.live.as_ref().map(|live| &live.source);
        let mut row = TraceRow {
            id: self.hub.random.id(at),
            code: String::new(),
            at,
            client_id: self.attempt.client.as_ref().map(|c| c.0.clone()),
            source_id: source.map(|s| s.id.uuid()),
            person_id: done.person.as_ref().map(|p| p.id.uuid()),
            identifier: self.caller.identifier.clone(),
            endpoint: settled.endpoint.clone(),
            adapter_result: settled.result.map(|r| r.as_str().to_owned()),
            decision: done.decision.code().to_owned(),
            signed_in: done.session.is_some(),
            steps: serde_json::to_value(steps).map_err(|e| HubError::Internal(e.to_string()))?,
            say: say(&done.decision, source.map(|s| s.label.as_str())),
            took_ms: self.trace.milliseconds(),
            request_id: self.attempt.request_id.clone(),
        };
        for _ in 0..CODE_ATTEMPTS {
            row.code = self.hub.random.readable_code();
            if Traces(tx).insert(&row).await? {
                return Ok(row.code);
            }
        }
        Err(HubError::Internal("no free code for a trace".to_owned()))
    }
}

/// Whether the captured verifier of a shadowed person agreed with what was typed.
fn agrees(settled: &Settled) -> bool {
    settled.facts.is_some_and(|facts| match facts.place {
        Place::Source(source) => matches!(source.shadow, Some(HubAnswer::Right { needs_rehash: false })),
        Place::Hub(_) | Place::Nowhere => false,
    })
}
