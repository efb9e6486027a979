//! Breaking glass (row D28): a code printed on the host, beside a password of the hub. Nothing here asks a source, so
//! it works when every one of them is down. A code lives for fifteen minutes and is used once.

use chrono::{DateTime, TimeDelta, Utc};
use directory::{PersonId, PersonState, Role, VerifierOrigin};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use storage::{Transaction, break_glass::BreakGlass, people::People, verifiers::Verifiers};

use super::set_up::holder_of_username;
use crate::{
    Hub, HubError,
    kernel::{Actor, AuditEvent, record, vault::token_digest},
    password::username_of,
    session::{self, NewSession, ProvenBy, Reach, Session},
};

const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// Wrong codes after which a new one has to be printed.
const TRIES: i64 = 5;

/// What the host prints.
pub struct BreakGlassCode {
    pub username: String,
    /// Shown once.
    pub code: SecretString,
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for BreakGlassCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BreakGlassCode").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What became of a typed code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeAnswer {
    SignedIn(Session),
    /// Not this code; why and what to do.
    Wrong(&'static str),
    /// The sign-in took too long, or was finished.
    Ended,
}

const WRONG: &str = "This is not the code, or it is too old. Codes live for 15 minutes.";
const WORN_OUT: &str = "Too many wrong codes. Print a new one on the server.";

impl Hub {
    /// Makes a code for the break-glass administrator; `username` says which, where there are several.
    pub async fn break_glass_code(&self, username: Option<&str>) -> Result<BreakGlassCode, HubError> {
        let code = SecretString::from(format!("{}-{}", self.random.readable_code(), self.random.readable_code()));
        storage::write!(self.database, |tx| {
            let person = self.break_glass_person(tx, username).await?;
            let now = self.clock.now();
            let expires_at = now + LIFETIME;
            storage::break_glass::set_code(tx, person, self.code_digest(person, &code), expires_at).await?;
            let details = json!({ "level": "alert", "expires_at": expires_at });
            let event = AuditEvent::new(Actor::CommandLine, "break-glass.code-printed").person(person).details(details);
            record(tx, &*self.clock, &*self.random, event).await?;
            let username = username_of(tx, person).await?.unwrap_or_default();
            Ok(BreakGlassCode { username, code: code.clone(), expires_at })
        })
    }

    async fn break_glass_person(&self, tx: &mut Transaction, username: Option<&str>) -> Result<PersonId, HubError> {
        let marked = storage::break_glass::all(tx).await?;
        let how = "make one with `isthmus admin create --break-glass --username NAME`, and set its password";
        match (username, marked.as_slice()) {
            (None, []) => Err(HubError::Refused(format!("There is no break-glass administrator yet: {how}."))),
            (None, [one]) => Ok(one.person),
            (None, _) => Err(HubError::Refused("There are several: say which with --username.".to_owned())),
            (Some(name), marked) => {
                let person = holder_of_username(tx, name).await?;
                let found = marked.iter().find(|glass| Some(glass.person) == person);
                found
                    .map(|glass| glass.person)
                    .ok_or_else(|| HubError::Refused(format!("{name:?} is not a break-glass administrator: {how}.")))
            }
        }
    }

    /// The second step of a break-glass sign-in. `step` is what the first one handed out after the right password.
    pub async fn finish_break_glass(&self, step: &SecretString, code: &SecretString) -> Result<CodeAnswer, HubError> {
        let digest = token_digest(step.expose_secret());
        let policy = self.policy_now().await?;
        let (person, answer) = storage::write!(self.database, |tx| {
            let now = self.clock.now();
            let waiting = storage::break_glass::step(tx, &digest).await?.filter(|(_, until)| now < *until);
            let Some((person, _)) = waiting else { return Ok((None, CodeAnswer::Ended)) };
            let Some(glass) = self.ready(tx, person).await? else { return Ok((Some(person), CodeAnswer::Ended)) };
            if glass.wrong_codes >= TRIES {
                return Ok((Some(person), CodeAnswer::Wrong(WORN_OUT)));
            }
            let alive = glass.code_expires_at.is_some_and(|until| now < until);
            if !alive || glass.code_digest != Some(self.code_digest(person, code)) {
                storage::break_glass::wrong_code(tx, person).await?;
                let event = AuditEvent::new(Actor::Person(person), "break-glass.wrong-code").person(person);
                record(tx, &*self.clock, &*self.random, event.details(json!({ "level": "alert" }))).await?;
                return Ok((Some(person), CodeAnswer::Wrong(WRONG)));
            }
            storage::break_glass::used(tx, person, now).await?;
            let amr = vec!["pwd".to_owned(), "otp".to_owned()];
            let new = NewSession { person, proven_by: ProvenBy::Hub, amr, offline: false, reach: Reach::Everywhere };
            let session = session::open(tx, &*self.clock, &*self.random, &policy, new).await?;
            let event = AuditEvent::new(Actor::Person(person), "break-glass.signed-in").person(person);
            record(tx, &*self.clock, &*self.random, event.details(json!({ "level": "alert", "row": "D28" }))).await?;
            Ok::<_, HubError>((Some(person), CodeAnswer::SignedIn(session)))
        })?;
        if let Some(person) = person {
            match &answer {
                CodeAnswer::SignedIn(_) => {
                    tracing::error!(alert = "break-glass", %person, "a break-glass administrator signed in");
                }
                CodeAnswer::Wrong(_) => {
                    tracing::warn!(alert = "break-glass", %person, "a wrong break-glass code was typed");
                }
                CodeAnswer::Ended => {}
            }
        }
        Ok(answer)
    }

    /// Looked at again: between the steps the person may have been disabled or lost the role.
    async fn ready(&self, tx: &mut Transaction, person: PersonId) -> Result<Option<BreakGlass>, HubError> {
        let found = People(tx).by_id(person).await?;
        let ours = Verifiers(tx).of_person(person).await?.is_some_and(|v| v.origin == VerifierOrigin::Hub);
        let holds = storage::access::roles_of(tx, person).await?.contains(&Role::Administrator);
        if !ours || !holds || found.is_none_or(|p| p.state() != PersonState::Migrated) {
            return Ok(None);
        }
        Ok(storage::break_glass::of_person(tx, person).await?)
    }

    /// Keyed: 60 bits are few for whoever copied the database. Typed in any case and with any blanks.
    fn code_digest(&self, person: PersonId, code: &SecretString) -> Vec<u8> {
        let letters: String = code.expose_secret().chars().filter(char::is_ascii_alphanumeric).collect();
        self.vault.keyed_digest("break-glass code", format!("{person}\0{}", letters.to_ascii_uppercase()).as_bytes())
    }
}
