//! What goes into a sign-in and what comes out of it, as plain data.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use directory::{ClientId, PersonId, SourceId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::{kernel::vault::token_digest, session::Session};

/// What the sign-in page needs to know before anybody typed anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInPage {
    /// "Which directory?", for everybody or for nobody on this route; empty = the page does not ask. The page puts
    /// "find me" (an empty value) before them.
    pub directories: Vec<DirectoryChoice>,
    /// The name of the application; empty for the console.
    pub client_name: Option<String>,
}

/// One answer to "Which directory?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryChoice {
    /// The source's name, as the form sends it back.
    pub value: String,
    pub label: String,
}

/// A provider to go to instead of typing a password: "Continue with …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderChoice {
    /// The source's name.
    pub source: String,
    pub label: String,
}

/// One press of the button.
#[derive(Debug, Clone)]
pub struct SignInAttempt {
    /// Empty for the console.
    pub client: Option<ClientId>,
    pub identifier: String,
    pub password: SecretString,
    /// [`DirectoryChoice::value`]; empty = "find me".
    pub directory: Option<String>,
    /// The caller, as trusted proxies name it.
    pub address: IpAddr,
    pub device_cookie: Option<String>,
    /// What the browser calls itself, in a few words.
    pub browser: Option<String>,
    pub request_id: String,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInAnswer {
    SignedIn {
        session: Session,
        /// To be set for a year; empty if the browser holds a good one.
        new_device_cookie: Option<String>,
        /// Let in by the hub while the source was down: an hour, no refresh token.
        offline: bool,
        /// A sentence for the top of the next page.
        banner: Option<String>,
    },
    /// The right password of a break-glass administrator (row D28): [`crate::Hub::finish_break_glass`] takes this and
    /// the code printed on the host.
    CodeNeeded(CodeStep),
    /// Proven by redirect, and a password can be set here first (row D6r): [`crate::Hub::finish_password_offer`].
    PasswordOffered(PasswordOffered),
    /// The right password, which must be changed at its directory first (row D11):
    /// [`crate::Hub::change_expired_password`] takes this.
    ChangeNeeded(ChangeNeeded),
    Refused(Refusal),
}

/// Proof that the password was right, for five minutes and one sign-in.
#[derive(Clone)]
pub struct CodeStep(pub SecretString);

impl std::fmt::Debug for CodeStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeStep")
    }
}

impl PartialEq for CodeStep {
    fn eq(&self, other: &Self) -> bool {
        token_digest(self.0.expose_secret()) == token_digest(other.0.expose_secret())
    }
}

impl Eq for CodeStep {}

/// The offer to set a password here, for fifteen minutes and one sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordOffered {
    pub step: CodeStep,
    pub display_name: String,
    /// The name to sign in with from then on, where there is one; for password managers.
    pub username: Option<String>,
    /// It was not taken too often: it can be put off.
    pub may_skip: bool,
}

/// The page that asks for a new password, for fifteen minutes and one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeNeeded {
    pub step: CodeStep,
    /// To be kept by this browser until then: the step counts in no other.
    pub browser: CodeStep,
    /// The directory's label.
    pub label: String,
}

/// A refusal as the caller sees it. For one route and one typed identifier it says the same of everybody until the
/// password is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub page: RefusalPage,
    /// Leads help desk to the trace; identifies nobody.
    pub code: String,
    /// "Too many attempts: wait 15 minutes or call help desk."
    pub too_many: bool,
    /// "Locked" in words: only in a browser that this person signed in with before.
    pub locked_words: bool,
    /// Whoever wanted to change a password meanwhile is told that it stays.
    pub not_changed: bool,
    pub at: DateTime<Utc>,
}

/// Which page a refused person reads. All but the first two are shown only to somebody who typed the right password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalPage {
    /// Whatever was wrong.
    Generic,
    /// "Your directory cannot be reached right now."
    Outage,
    /// "Your account is not enabled here yet."
    NotEnabledYet,
    /// "Not at this time or place."
    NotAllowedNow,
    /// Disabled, or its validity is over.
    Disabled,
    /// Too old, or to be changed first; and not here.
    PasswordExpired,
    /// Proven by redirect; the person signs in here by now.
    SignInHere,
    /// The provider asks for a second factor: on by redirect.
    ContinueThere,
    /// What came back from a provider does not hold.
    AnswerRefused,
}

/// The story of one attempt, for help desk. Holds no password; what was typed is here only if it is an alias of the
/// person it led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInTrace {
    pub code: String,
    pub at: DateTime<Utc>,
    pub client: Option<ClientId>,
    pub person: Option<PersonId>,
    pub source: Option<SourceId>,
    /// The server that answered.
    pub endpoint: Option<String>,
    pub steps: Vec<TraceStep>,
    /// The adapter's word, if a source was asked: "locked".
    pub adapter_result: Option<String>,
    /// The row of the decision table: "D10".
    pub row: String,
    pub signed_in: bool,
    /// What to tell the caller.
    pub say: String,
    pub took_ms: i64,
}

/// One step of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// Since the request began.
    pub ms: i64,
    /// "Source chosen".
    pub title: String,
    /// One sentence.
    pub text: String,
    /// Smaller print: the source's own words, the rule.
    pub note: Option<String>,
    pub tone: Tone,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    Ok,
    Bad,
    /// Neither: the decision itself.
    End,
}
