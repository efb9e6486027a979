//! Row D11: the right password, which its directory wants changed first. Where writing there is switched on, a page of
//! ours asks for a new one.
//!
//! The page's answer is a sign-in like any other (throttle, standing, the one place that decides, the lockout budget,
//! the decision table), in which the bind is replaced by a change: the current password is typed again, travels with
//! the new one, and is checked by the directory itself. So nothing that was typed is kept between the two pages. What
//! is kept is a step of one use, for one entry, one name and one browser: it stands for the proof of the first page.

use chrono::{DateTime, TimeDelta, Utc};
use connector::{Connector, TroubleKind, WriteFailure, Written};
use credential::Password;
use directory::{AdapterResult, ImmutableId, Person, PersonId, SourceEntry, SourceId, fold};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use storage::{
    Transaction,
    accounts::Accounts,
    write_access::{self, PasswordChangeStep},
};
use tracing::Instrument as _;
use uuid::Uuid;

use super::{
    ChangeNeeded, CodeStep, Refusal, SignInAnswer, SignInAttempt,
    broker::{Broker, Settled},
    budget::Ending,
    contact::Contacted,
    decision::SourceAnswer,
    lookup::{answer_of, note_contact, said},
    measure,
    throttle::Caller,
};
use crate::{
    Hub, HubError,
    connections::LiveSource,
    kernel::{Actor, AuditEvent, record, vault::token_digest},
};

/// How long somebody may think about a password.
const STEP_TIME: TimeDelta = TimeDelta::minutes(15);

/// What the page sends. No `Debug`: it holds passwords.
pub struct ExpiredChange {
    /// With the current password, as in any sign-in.
    pub attempt: SignInAttempt,
    pub step: SecretString,
    /// What this browser kept ([`ChangeNeeded::browser`]).
    pub browser: Option<String>,
    pub new: SecretString,
    pub repeated: SecretString,
}

/// What came of it.
#[derive(Debug)]
pub enum ExpiredAnswer {
    /// As after any sign-in.
    Decided(SignInAnswer),
    /// Nothing was sent, and why: the same page again.
    Wrong { label: String, current: Option<String>, new: Option<String>, repeated: Option<String> },
    /// The directory does not take the new password, and why: the page again, with another step.
    NotTaken { needed: ChangeNeeded, why: String },
    /// It left, and nobody knows what became of it. It was not sent again. With the code for help desk.
    Unknown { label: String, code: String, at: DateTime<Utc> },
    /// It took too long, was used, or began in another browser.
    Ended,
}

/// A change on its way.
#[derive(Clone)]
pub(super) struct Change {
    /// Digest of the step.
    step: Vec<u8>,
    source: SourceId,
    immutable_id: ImmutableId,
    pub(super) new: Password,
    /// What became of it; empty if it was not tried.
    written: Option<Written>,
    /// The directory does not let the hub do it.
    refused: bool,
}

impl Hub {
    /// Changes an expired password at its directory, and signs the person in.
    pub async fn change_expired_password(&self, change: ExpiredChange) -> Result<ExpiredAnswer, HubError> {
        let digest = token_digest(change.step.expose_secret());
        let step = write_access::step(&mut self.database.reader(), &digest).await?;
        let browser = change.browser.as_deref().map(token_digest);
        let now = self.clock.now();
        let policy = self.policy_now().await?;
        let name = fold(&change.attempt.identifier);
        let caller = Caller::of(&self.vault, &policy, name.as_str(), change.attempt.address);
        let holds = |step: &PasswordChangeStep| {
            now < step.expires_at
                && browser.as_deref() == Some(step.browser.as_slice())
                && caller.identifier == step.identifier
        };
        let Some(step) = step.filter(holds) else { return Ok(ExpiredAnswer::Ended) };
        let live = self.live_source(step.source).await?;
        let label = live.source.label.clone();
        let account = Accounts(&mut self.database.reader()).by_immutable_id(step.source, &step.immutable_id).await?;
        // Of somebody who is not known yet, only the typed name is known that the password could be made of.
        let person = account.map_or_else(|| PersonId::from(Uuid::nil()), |account| account.person_id);
        let new = match self.new_for_expired(person, &change).await? {
            Ok(new) => new,
            Err([current, new, repeated]) => return Ok(ExpiredAnswer::Wrong { label, current, new, repeated }),
        };
        let begun = Change {
            step: digest,
            source: step.source,
            immutable_id: step.immutable_id,
            new,
            written: None,
            refused: false,
        };
        let (answer, done) = self.sign_in_or_change(change.attempt, Some(begun)).await?;
        Ok(match (answer, done.and_then(|done| done.written)) {
            (SignInAnswer::ChangeNeeded(needed), Some(Written::Failed(WriteFailure::Policy(rule)))) => {
                ExpiredAnswer::NotTaken { needed, why: rule.words().to_owned() }
            }
            (SignInAnswer::Refused(refusal), Some(Written::Unknown)) => {
                ExpiredAnswer::Unknown { label, code: refusal.code, at: refusal.at }
            }
            (SignInAnswer::Refused(refusal), written) => {
                let not_changed = written != Some(Written::Done);
                ExpiredAnswer::Decided(SignInAnswer::Refused(Refusal { not_changed, ..refusal }))
            }
            (answer, _) => ExpiredAnswer::Decided(answer),
        })
    }

    /// The new password by the hub's own rules, or what is wrong with each field. Nothing has been sent before.
    async fn new_for_expired(
        &self,
        person: PersonId,
        change: &ExpiredChange,
    ) -> Result<Result<Password, Problems>, HubError> {
        let missing = change.attempt.password.expose_secret().is_empty();
        let current = missing.then(|| "Type your current password.".to_owned());
        let typed = change.attempt.identifier.as_str();
        let new = match self.acceptable_password_beside(person, typed, &change.new).await {
            Ok(new) => new,
            Err(HubError::Invalid { message, .. }) => return Ok(Err([current, Some(message), None])),
            Err(other) => return Err(other),
        };
        // Compared as they would be used: an accent typed in two ways is the same.
        let same = |typed: &SecretString| Password::accept(typed).is_ok_and(|typed| typed.bytes() == new.bytes());
        if same(&change.attempt.password) {
            let message = "This is your current password: choose another.".to_owned();
            return Ok(Err([current, Some(message), None]));
        }
        if missing || !same(&change.repeated) {
            let repeated = (!same(&change.repeated)).then(|| "This differs from the new password above.".to_owned());
            return Ok(Err([current, None, repeated]));
        }
        Ok(Ok(new))
    }
}

/// What is wrong with the current password, the new one, and its repetition.
type Problems = [Option<String>; 3];

impl Broker<'_> {
    /// Whether the password was changed in this attempt.
    pub(super) fn has_changed(&self) -> bool {
        self.change.as_ref().is_some_and(|change| change.written == Some(Written::Done))
    }

    /// Whether an expired password can be changed there by way of this page.
    pub(super) fn may_write_back(&self, live: &LiveSource) -> bool {
        live.writes().changes_passwords && !self.change.as_ref().is_some_and(|change| change.refused)
    }

    /// The step is of one use: in the transaction that takes the place of the budget, before anything is sent.
    pub(super) async fn spend_step(&self, tx: &mut Transaction) -> Result<(), HubError> {
        let Some(change) = &self.change else { return Ok(()) };
        if write_access::spend_step(tx, &change.step).await? {
            return Ok(());
        }
        Err(HubError::Refused("This page was used already. Sign in again.".to_owned()))
    }

    /// The change, in place of the bind: sent once. From here on the place is kept unless the answer returns it.
    pub(super) async fn change_there(
        &mut self,
        connector: &dyn Connector,
        live: &LiveSource,
        entry: &SourceEntry,
        current: &Password,
        (place, digest): (Uuid, Vec<u8>),
    ) -> Contacted {
        let not_sent = |answer| Contacted { place: Some((place, Ending::NotSent)), ..Contacted::without_bind(answer) };
        let Some(change) = &mut self.change else { return not_sent(said(AdapterResult::Unavailable)) };
        let meant = (change.source, &change.immutable_id) == (live.source.id, &entry.immutable_id);
        let Some(writer) = connector.write_back().filter(|writer| meant && writer.writes().changes_passwords) else {
            self.trace.bad("Password change", "The name leads to another place than before: nothing was sent.", None);
            return not_sent(said(AdapterResult::Unavailable));
        };
        let span = measure::asking("change-password", &live.source.name);
        let done = writer.change_password(entry, current.secret(), change.new.secret()).instrument(span).await;
        change.written = Some(done.written.clone());
        change.refused = done.written == Written::Failed(WriteFailure::NotAllowed);
        // What the second account is refused says nothing about the directory.
        note_contact(self.hub, live, done.trouble.filter(|kind| *kind == TroubleKind::Unavailable));
        let ending = match (done.sent, done.proves_password) {
            (_, true) => Ending::Proven,
            (true, false) => Ending::Kept,
            (false, false) => Ending::NotSent,
        };
        // The step stands for the proof of the first page.
        let must_change = SourceAnswer::Said { result: AdapterResult::MustChange, proves_password: true };
        let (answer, text) = match done.written {
            Written::Done => {
                let ok = SourceAnswer::Said { result: AdapterResult::Ok, proves_password: true };
                (ok, "took the new password")
            }
            Written::Unknown => (said(AdapterResult::Unavailable), "did not answer: whether it took it is unknown"),
            Written::Failed(WriteFailure::Policy(_)) => (must_change, "does not accept the new password"),
            Written::Failed(WriteFailure::NotAllowed) => {
                tracing::error!(
                    source = %live.source.name, reason = %done.reason, "this directory does not let passwords be changed"
                );
                (must_change, "does not let the hub change it")
            }
            Written::Failed(WriteFailure::Unavailable) => {
                (answer_of(done.trouble.unwrap_or(TroubleKind::Unavailable)), "could not be asked")
            }
            Written::Failed(WriteFailure::Odd) => {
                (SourceAnswer::Said { result: done.result, proves_password: done.proves_password }, "refused")
            }
        };
        let (text, note) = (format!("{} {text}.", live.source.label), format!("{}: {}", done.endpoint, done.reason));
        if done.written == Written::Done {
            self.trace.ok("Password change", text, Some(note));
        } else {
            self.trace.bad("Password change", text, Some(note));
        }
        let result = match answer {
            SourceAnswer::Said { result, .. } => Some(result),
            SourceAnswer::NotAsked
            | SourceAnswer::Repeated
            | SourceAnswer::Paused
            | SourceAnswer::NoBudget
            | SourceAnswer::Down => Some(AdapterResult::Unavailable),
        };
        Contacted {
            answer,
            result,
            place: Some((place, ending)),
            endpoint: Some(done.endpoint),
            locked_until: done.locked_until,
            digest: Some(digest),
        }
    }

    /// The entry as it is after the change; if it cannot be read again, with a password set just now.
    pub(super) async fn as_changed(&mut self, live: &LiveSource, entry: Box<SourceEntry>) -> Box<SourceEntry> {
        if !self.has_changed() {
            return entry;
        }
        let patience = std::time::Duration::from_millis(self.policy.profile_patience_ms);
        let read = match live.connector() {
            Ok(connector) => connector.fetch_soon(&entry.immutable_id, patience).await.ok().flatten(),
            Err(_) => None,
        };
        match read.filter(|read| read.password_set_at != entry.password_set_at) {
            Some(read) => Box::new(read),
            None => Box::new(SourceEntry { password_set_at: Some(self.hub.clock.now()), ..*entry }),
        }
    }

    /// Keeps the step of the page that asks for a new password.
    pub(super) async fn need_change(
        &self,
        tx: &mut Transaction,
        settled: &Settled,
        at: DateTime<Utc>,
    ) -> Result<Option<ChangeNeeded>, HubError> {
        let (Some(live), Some(entry)) = (&settled.live, &settled.entry) else { return Ok(None) };
        let (step, browser) = (self.hub.random.token(), self.hub.random.token());
        let row = PasswordChangeStep {
            digest: token_digest(&step),
            source: live.source.id,
            immutable_id: entry.immutable_id.clone(),
            identifier: self.caller.identifier.clone(),
            browser: token_digest(&browser),
            expires_at: at + STEP_TIME,
        };
        write_access::insert_step(tx, &row, at).await?;
        let label = live.source.label.clone();
        Ok(Some(ChangeNeeded { step: CodeStep(step.into()), browser: CodeStep(browser.into()), label }))
    }

    /// What was written there, or tried to be, is in the log whatever came of it.
    pub(super) async fn audit_change(
        &self,
        tx: &mut Transaction,
        settled: &Settled,
        person: Option<&Person>,
    ) -> Result<(), HubError> {
        let Some(written) = self.change.as_ref().and_then(|change| change.written.as_ref()) else { return Ok(()) };
        let action = match written {
            Written::Done => "person.password-changed-at-source",
            Written::Failed(_) => "person.password-change-at-source-refused",
            Written::Unknown => "person.password-change-at-source-unknown",
        };
        let mut event = AuditEvent::new(person.map_or(Actor::System, |person| Actor::Person(person.id)), action);
        event.person = person.map(|person| person.id);
        event.source = settled.live.as_ref().map(|live| live.source.id);
        let event = event.details(json!({ "endpoint": settled.endpoint }));
        Ok(record(tx, &*self.hub.clock, &*self.hub.random, event).await?)
    }
}
