//! Writing at a source: off unless somebody switches it on, with an account of its own, and each write at most once.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use directory::{AdapterResult, SourceEntry};
use secrecy::SecretString;

use crate::{ProbeStep, Trouble, TroubleKind};

/// The second account, and what it may be used for. It is never the one that reads.
#[derive(Debug, Clone)]
pub struct WriteAccount {
    pub bind_dn: String,
    pub secret: SecretString,
    pub writes: Writes,
}

/// What an administrator switched on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Writes {
    pub unlocks: bool,
    pub changes_passwords: bool,
}

/// A source that can be written to.
///
/// A write is sent to the one server that showed the entry, at most once: what is not answered is told as
/// [`Written::Unknown`] and never sent again, also by no caller.
#[async_trait]
pub trait WriteBack: Send + Sync {
    fn writes(&self) -> Writes;

    /// Ends the lock of an entry that was just read, and reads it again to see.
    async fn unlock(&self, entry: &SourceEntry) -> Unlock;

    /// Replaces the password of an entry that was just read, as its own person would: the source checks `current` and
    /// the rules it has for new passwords.
    async fn change_password(&self, entry: &SourceEntry, current: &SecretString, new: &SecretString)
    -> PasswordWritten;

    /// Whether the account may bind. Writes nothing to find out.
    async fn probe_writer(&self) -> ProbeStep;
}

/// What became of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    Done,
    /// Nothing was written: it never left, or the source said that it did nothing.
    Failed(WriteFailure),
    /// It left, and nobody knows what became of it.
    Unknown,
}

/// Why nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteFailure {
    /// The source could not be asked.
    Unavailable,
    /// The account is refused, or may not do this: administrators must act.
    NotAllowed,
    /// The source has rules for new passwords, and this one breaks them.
    Policy(PolicyRefusal),
    /// The source refused, with words for the log alone.
    Odd,
}

/// The rule that a new password breaks, as far as the source says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyRefusal {
    TooShort,
    InHistory,
    TooYoung,
    TooSimple,
    /// People may not change theirs.
    ChangeForbidden,
    /// Active Directory names no rule.
    Unnamed,
}

impl PolicyRefusal {
    /// For the person who chose it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::TooShort => "Your directory wants a longer one.",
            Self::InHistory => "Your directory remembers that you had this one before: choose another.",
            Self::TooYoung => "Your directory does not let you change your password again so soon.",
            Self::TooSimple => {
                "Your directory wants a mixture: capital and small letters, digits, other signs, and not your name."
            }
            Self::ChangeForbidden => "Your directory does not let you change your password: call help desk.",
            Self::Unnamed => {
                "Your directory does not accept this one: it is too short or too simple there, was yours before, or \
                 the last change is too recent."
            }
        }
    }
}

/// What became of an unlock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlock {
    pub written: Written,
    /// The entry as it reads afterwards; empty if it could not be read.
    pub entry: Option<Box<SourceEntry>>,
    pub endpoint: String,
    /// The source's own words or codes. No secret.
    pub reason: String,
}

/// What became of a change of password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordWritten {
    pub written: Written,
    /// What the source said to the current password, as far as it said anything: `Ok` with every [`Written::Done`].
    pub result: AdapterResult,
    /// The bytes with the current password may have left the hub.
    pub sent: bool,
    /// The answer comes only with the right current password.
    pub proves_password: bool,
    pub endpoint: String,
    /// The source's own words or codes. No secret.
    pub reason: String,
    pub locked_until: Option<DateTime<Utc>>,
    /// Set when the failure is the transport's or the hub's own.
    pub trouble: Option<TroubleKind>,
}

impl Unlock {
    /// One that ended before it was sent.
    #[must_use]
    pub fn not_sent(trouble: &Trouble) -> Self {
        let (endpoint, reason) = (trouble.endpoint.clone(), trouble.reason.clone());
        Self { written: Written::Failed(failure(trouble.kind)), entry: None, endpoint, reason }
    }
}

impl PasswordWritten {
    /// One that ended before the password left.
    #[must_use]
    pub fn not_sent(trouble: &Trouble) -> Self {
        Self {
            written: Written::Failed(failure(trouble.kind)),
            result: AdapterResult::Unavailable,
            sent: false,
            proves_password: false,
            endpoint: trouble.endpoint.clone(),
            reason: trouble.reason.clone(),
            locked_until: None,
            trouble: Some(trouble.kind),
        }
    }
}

const fn failure(kind: TroubleKind) -> WriteFailure {
    match kind {
        TroubleKind::Misconfigured => WriteFailure::NotAllowed,
        TroubleKind::Odd => WriteFailure::Odd,
        TroubleKind::Unavailable | TroubleKind::BreakerOpen | TroubleKind::Busy => WriteFailure::Unavailable,
    }
}
