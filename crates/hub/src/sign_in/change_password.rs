//! A hub-owned password, changed by the person whose it is. Typing the current one is a sign-in like any other: the
//! same throttle, the same counters, the same pauses.

use std::net::IpAddr;

use credential::{Password, Verdict};
use directory::{CredentialAuthority, Person, PersonId, PersonState, SessionId, fold};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use storage::{
    Transaction,
    cases::Cases,
    devices::Devices,
    people::People,
    throttle::{RefusalRow, Throttle},
    verifiers::Verifiers,
};

use super::{
    broker::DEVICE_LIFE,
    throttle::{self, Caller, pause_after},
};
use crate::{
    Hub, HubError,
    kernel::{Actor, AuditEvent, record, vault::token_digest},
    mirror,
    password::username_of,
    session::{self, NewSession, ProvenBy, Reach, SeenAs, Session},
};

const TOO_MANY: &str = "Too many attempts. Wait 15 minutes and try again, or call help desk.";

/// What the form sent. No `Debug`: it holds passwords.
pub struct PasswordChange {
    pub session: SessionId,
    pub current: SecretString,
    pub new: SecretString,
    pub repeated: SecretString,
    /// The caller, as trusted proxies name it.
    pub address: IpAddr,
    pub device_cookie: Option<String>,
    /// What the browser calls itself, in a few words.
    pub browser: Option<String>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordChangeAnswer {
    /// The password is new. Every older session of the person is over; this is the one to go on with.
    Changed(Session),
    /// Nothing was changed, and why, beside the field it is about.
    Refused { current: Option<String>, new: Option<String>, repeated: Option<String> },
}

/// Where the password of the person at the page is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordPlace {
    /// Here: it can be changed here.
    Hub { display_name: String, username: Option<String> },
    /// In a directory, by its label: it is changed there.
    Source { label: String },
    /// Nobody checks a password of this person.
    Nowhere,
}

impl PasswordChangeAnswer {
    fn current(message: impl Into<String>) -> Self {
        Self::Refused { current: Some(message.into()), new: None, repeated: None }
    }
}

impl Hub {
    /// What the change page shows to the person of this session.
    pub async fn password_place(&self, session: SessionId) -> Result<PasswordPlace, HubError> {
        let person = self.person_at(session).await?.1;
        Ok(match person.credential_authority {
            CredentialAuthority::Hub => PasswordPlace::Hub {
                username: username_of(&mut self.database.reader(), person.id).await?,
                display_name: person.display_name,
            },
            CredentialAuthority::Source(id) => {
                PasswordPlace::Source { label: self.live_source(id).await?.source.label.clone() }
            }
            CredentialAuthority::None => PasswordPlace::Nowhere,
        })
    }

    /// Changes the password, if the current one is right and the new one may be set. Other sessions and every grant
    /// of the person end with it.
    pub async fn change_password(&self, change: PasswordChange) -> Result<PasswordChangeAnswer, HubError> {
        let (session, person) = self.person_at(change.session).await?;
        if person.state() != PersonState::Migrated {
            return Err(HubError::Refused("Your password is not kept here: change it where you set it.".to_owned()));
        }
        // Semantics, section 2.5: never in an offline session.
        if session.offline {
            return Err(HubError::Refused(
                "Your directory could not be asked when you signed in. Sign in again when it can be.".to_owned(),
            ));
        }
        let new = match self.new_password(person.id, &change).await? {
            Ok(new) => new,
            Err(refused) => return Ok(refused),
        };
        let Ok(current) = Password::accept(&change.current) else {
            return Ok(PasswordChangeAnswer::current("Type your current password."));
        };
        let attempt = self.attempt_of(&person, &change).await?;
        if attempt.waits {
            return Ok(PasswordChangeAnswer::current(TOO_MANY));
        }
        let verifier = Verifiers(&mut self.database.reader()).of_person(person.id).await?;
        let known = verifier.ok_or(HubError::NotFound("A password of this person"))?.phc;
        if self.state.passwords.verify(known.clone(), &current).await? == Verdict::Wrong {
            self.count_wrong_password(&person, &attempt).await?;
            return Ok(PasswordChangeAnswer::current("This is not your current password."));
        }
        if current.bytes() == new.bytes() {
            let message = "This is your current password: choose another.".to_owned();
            return Ok(PasswordChangeAnswer::Refused { current: None, new: Some(message), repeated: None });
        }
        let phc = self.state.passwords.make(&*self.random, &new).await?;
        let policy = self.policy_now().await?;
        let opened = storage::write!(self.database, |tx| {
            // Read again inside: two browsers may change it at once, and the second one's proof is then worth nothing.
            if Verifiers(tx).of_person(person.id).await?.is_none_or(|now| now.phc != known) {
                return Err(HubError::Refused("The password was changed elsewhere meanwhile.".to_owned()));
            }
            let reach = match Cases(tx).restricted_to(person.id).await? {
                Some(source) => Reach::ClientsOf(source),
                None => Reach::Everywhere,
            };
            self.replace_password(tx, person.id, phc.clone()).await?;
            let amr = vec!["pwd".to_owned()];
            let new = NewSession { person: person.id, proven_by: ProvenBy::Hub, amr, offline: false, reach };
            let seen_as = SeenAs {
                browser: change.browser.clone(),
                address: policy.session_addresses.then(|| change.address.to_string()),
            };
            session::open_seen(tx, &*self.clock, &*self.random, &policy, new, seen_as).await
        })?;
        Ok(PasswordChangeAnswer::Changed(opened))
    }

    /// The new password, or what is wrong with it. Asked before the current one: a weak choice is no attempt.
    async fn new_password(
        &self,
        person: PersonId,
        change: &PasswordChange,
    ) -> Result<Result<Password, PasswordChangeAnswer>, HubError> {
        let missing = change.current.expose_secret().is_empty();
        let current = missing.then(|| "Type your current password.".to_owned());
        match self.acceptable_password(person, &change.new).await {
            Ok(new) => {
                // Compared as they would be used: an accent typed in two ways is the same.
                let same = Password::accept(&change.repeated).is_ok_and(|repeated| repeated.bytes() == new.bytes());
                let repeated = (!same).then(|| "This differs from the new password above.".to_owned());
                if same && !missing {
                    return Ok(Ok(new));
                }
                Ok(Err(PasswordChangeAnswer::Refused { current, new: None, repeated }))
            }
            Err(HubError::Invalid { message, .. }) => {
                Ok(Err(PasswordChangeAnswer::Refused { current, new: Some(message), repeated: None }))
            }
            Err(other) => Err(other),
        }
    }

    async fn replace_password(&self, tx: &mut Transaction, person: PersonId, phc: String) -> Result<(), HubError> {
        let actor = Actor::Person(person);
        mirror::set_hub_verifier(tx, self, actor, person, phc).await?;
        Throttle(tx).clear_all(person).await?;
        let ended = session::end_all(tx, &*self.clock, person, "password changed").await?;
        let event = AuditEvent::new(actor, "person.password-changed").person(person);
        let event = event.details(json!({ "sessions_ended": ended }));
        Ok(record(tx, &*self.clock, &*self.random, event).await?)
    }

    async fn person_at(&self, session: SessionId) -> Result<(Session, Person), HubError> {
        let session = self.session(session).await?.ok_or(HubError::Denied("the session is over"))?;
        let person = People(&mut self.database.reader()).by_id(session.person).await?;
        Ok((session, person.ok_or(HubError::NotFound("The person"))?))
    }

    /// How this attempt counts, and whether it has to wait.
    async fn attempt_of(&self, person: &Person, change: &PasswordChange) -> Result<Attempt, HubError> {
        let (now, policy) = (self.clock.now(), self.policy_now().await?);
        let mut reader = self.database.reader();
        let name = username_of(&mut reader, person.id).await?.unwrap_or_else(|| person.id.to_string());
        let caller = Caller::of(&self.vault, &policy, fold(&name).as_str(), change.address);
        let device = match &change.device_cookie {
            Some(cookie) => {
                let digest = token_digest(cookie);
                let holder = Devices(&mut reader).holder(&digest, now - DEVICE_LIFE).await?;
                (holder == Some(person.id)).then_some(digest)
            }
            None => None,
        };
        let throttled = throttle::check(&mut reader, &policy, &caller, device.is_some(), now).await?.refused;
        let device = device.unwrap_or_default();
        let failures = Throttle(&mut reader).failures(person.id, &device).await?;
        let paused = failures.and_then(|f| f.paused_until).is_some_and(|until| until > now);
        Ok(Attempt { caller, device, waits: throttled || paused })
    }

    async fn count_wrong_password(&self, person: &Person, attempt: &Attempt) -> Result<(), HubError> {
        let (now, policy) = (self.clock.now(), self.policy_now().await?);
        storage::write!(self.database, |tx| {
            let count = Throttle(tx).failed(person.id, &attempt.device).await?;
            if let Some(pause) = pause_after(&policy, count.failures) {
                Throttle(tx).pause(person.id, &attempt.device, now + pause).await?;
            }
            let row = RefusalRow {
                id: self.random.id(now),
                at: now,
                identifier: attempt.caller.identifier.clone(),
                network: attempt.caller.network.clone(),
                counted: true,
                generic: true,
            };
            Throttle(tx).refused(row).await?;
            let event = AuditEvent::new(Actor::Person(person.id), "person.password-change-refused").person(person.id);
            Ok::<_, HubError>(record(tx, &*self.clock, &*self.random, event).await?)
        })
    }
}

/// One attempt, as throttle and counters see it.
struct Attempt {
    caller: Caller,
    /// Digest of a device cookie of this person; empty for any other browser.
    device: Vec<u8>,
    waits: bool,
}
