//! The port between the hub and a directory: what a source can do, as one small trait, and the words of its answers.
//!
//! A connector answers in the closed set of [`AdapterResult`]; everything the source said beyond that travels as
//! [`Verification::reason`] for the sign-in trace, never for the caller.

mod catalogue;
#[cfg(feature = "conformance")]
pub mod conformance;
mod discovery;
mod guard;
mod health;
#[cfg(feature = "http")]
pub mod http;
mod network;
mod read;
mod redirect;
mod source_folder;
mod write_back;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
pub use catalogue::{Catalogue, TableProposal, TableSeen, is_printable};
use chrono::{DateTime, Utc};
use directory::{AdapterResult, ImmutableId, LockoutReading, SourceEntry};
pub use discovery::{
    AttributeSeen, CertificateFacts, Count, Discovery, DiscoveryStage, DiscoveryStep, Failure, FailureKind, Greeting,
    Introduction, LockoutFound, Proposal, ServerGreeting, Survey, Vendor,
};
pub use guard::{BreakerState, GuardSettings, Guarded};
pub use health::{HostHealth, HostState, HostTrouble};
pub use network::{AddressRefused, AllowedNetworks};
pub use read::{Abilities, Change, MembershipSide, Next, Read, ReadCursor, ReadFrom, ReadPage, Rejected};
pub use redirect::{Redirect, RedirectFailure, RedirectProof, RedirectReturn, RedirectStart};
use secrecy::SecretString;
pub use source_folder::{FileRefused, SourceFolder};
pub use write_back::{PasswordWritten, PolicyRefusal, Unlock, WriteAccount, WriteBack, WriteFailure, Writes, Written};

/// A source that can be searched with its service account and asked whether a password is right.
///
/// Every method is safe to cancel by dropping its future, except that a password already sent stays sent: a caller
/// keeps the budget place of a [`Connector::verify`] that it dropped.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Looks a typed name up with the service account, by the configured, escaped filter. No password is involved.
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble>;

    /// Reads the entry with this immutable id. `None` = the source answered, and it is not there.
    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble>;

    /// As [`Connector::fetch`], for somebody who waits: groups that take longer than `groups_within` are left out, and
    /// the entry says so (`groups_complete`). Everything that a decision needs is there.
    async fn fetch_soon(&self, id: &ImmutableId, groups_within: Duration) -> Result<Option<SourceEntry>, Trouble> {
        let _unlimited = groups_within;
        self.fetch(id).await
    }

    /// Asks the source whether this is the password of `entry`, which was just read. Sends the password at most
    /// once, to exactly one server, and never again after any outcome.
    async fn verify(&self, entry: &SourceEntry, password: &SecretString) -> Verification;

    /// Reads one page of the people of this source, in the source's own order. `cursor` is empty for the first page.
    async fn page(&self, cursor: Option<Cursor>) -> Result<Page, Trouble>;

    /// The lockout policy that holds for entries without one of their own, as far as the source shows it.
    async fn default_lockout(&self) -> Result<LockoutReading, Trouble>;

    /// Connects, checks TLS, binds the service account and reads the base, one step after the other.
    async fn probe(&self) -> Vec<ProbeStep>;

    /// The tables that the account can read, for whoever fills in the settings, which may name none of them yet. `None` =
    /// this kind of source has no tables.
    async fn catalogue(&self) -> Result<Option<Catalogue>, Trouble> {
        Ok(None)
    }

    /// Reading it whole or by what changed, for an import.
    fn reading(&self) -> Option<&dyn Read> {
        None
    }

    /// Signing in there by redirect, for sources that people are sent to.
    fn redirect(&self) -> Option<&dyn Redirect> {
        None
    }

    /// Writing there, where somebody switched it on.
    fn write_back(&self) -> Option<&dyn WriteBack> {
        None
    }

    /// The stored password of an entry that was just read, for sources whose passwords the hub itself verifies: it
    /// comes to the hub, the typed one never leaves. `None` = the source has none for them.
    async fn stored_password(&self, entry: &SourceEntry) -> Result<Option<SecretString>, Trouble> {
        let _none = entry;
        Ok(None)
    }

    /// Whether the source is being asked at all. Answered without dialling.
    fn breaker(&self) -> BreakerState {
        BreakerState::Closed
    }

    /// How its servers are doing. Answered without dialling.
    fn hosts(&self) -> Vec<HostHealth> {
        Vec::new()
    }

    /// Asks the servers that are in trouble, and those that only stand by, for a sign of life, each as often as it is
    /// worth. No person's password is anywhere near. True if one that could not be used can be used again.
    async fn check_hosts(&self) -> bool {
        false
    }
}

#[async_trait]
impl<C: Connector + ?Sized> Connector for Arc<C> {
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble> {
        (**self).find(typed_name).await
    }
    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        (**self).fetch(id).await
    }
    async fn fetch_soon(&self, id: &ImmutableId, groups_within: Duration) -> Result<Option<SourceEntry>, Trouble> {
        (**self).fetch_soon(id, groups_within).await
    }
    async fn verify(&self, entry: &SourceEntry, password: &SecretString) -> Verification {
        (**self).verify(entry, password).await
    }
    async fn page(&self, cursor: Option<Cursor>) -> Result<Page, Trouble> {
        (**self).page(cursor).await
    }
    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        (**self).default_lockout().await
    }
    async fn probe(&self) -> Vec<ProbeStep> {
        (**self).probe().await
    }
    async fn catalogue(&self) -> Result<Option<Catalogue>, Trouble> {
        (**self).catalogue().await
    }
    fn reading(&self) -> Option<&dyn Read> {
        (**self).reading()
    }
    fn redirect(&self) -> Option<&dyn Redirect> {
        (**self).redirect()
    }
    fn write_back(&self) -> Option<&dyn WriteBack> {
        (**self).write_back()
    }
    async fn stored_password(&self, entry: &SourceEntry) -> Result<Option<SecretString>, Trouble> {
        (**self).stored_password(entry).await
    }
    fn breaker(&self) -> BreakerState {
        (**self).breaker()
    }
    fn hosts(&self) -> Vec<HostHealth> {
        (**self).hosts()
    }
    async fn check_hosts(&self) -> bool {
        (**self).check_hosts().await
    }
}

/// What a look-up by name found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Nobody,
    One(Box<SourceEntry>),
    /// More than one entry bears the name: nobody is chosen.
    Several,
}

/// Where a paged read goes on: opaque to everybody but the connector that made it, and only while it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

/// One page of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub entries: Vec<SourceEntry>,
    /// Records that could not be read as people: (locator, why). They never stop a run.
    pub rejected: Vec<(String, String)>,
    /// Empty after the last page; only then was the read complete.
    pub next: Option<Cursor>,
}

/// The source could not be asked, or refuses the hub itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{endpoint}: {reason}")]
pub struct Trouble {
    pub kind: TroubleKind,
    /// Host and port, or the source's name before one was chosen.
    pub endpoint: String,
    /// For the log and the administrator: what happened and, where known, the remedy. No secret.
    pub reason: String,
}

/// What a [`Trouble`] means for the decision table and the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// No connection, TLS, time-out, busy (rc 51), unavailable (rc 52).
    Unavailable,
    /// The service account is refused, the base does not exist: administrators must act.
    Misconfigured,
    /// An odd answer for one name or entry: never counts for the breaker, so nobody opens it by typing odd names.
    Odd,
    /// The breaker is open; nobody dialled.
    BreakerOpen,
    /// Too many requests wait for this source already; nobody dialled.
    Busy,
}

impl TroubleKind {
    /// Its word in the published figures.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
            Self::Odd => "odd",
            Self::BreakerOpen => "breaker-open",
            Self::Busy => "busy",
        }
    }

    /// Whether it counts for the breaker (semantics, section 3).
    #[must_use]
    pub const fn counts_for_breaker(self) -> bool {
        match self {
            Self::Unavailable | Self::Misconfigured => true,
            Self::Odd | Self::BreakerOpen | Self::Busy => false,
        }
    }
}

/// The source's answer to a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    pub result: AdapterResult,
    /// True once the bytes with the password may have left the hub: the budget place is then kept on failure.
    pub sent: bool,
    /// True if the answer comes only with the right password (AD 530, 532, 533, 701, 773; ppolicy expiry).
    pub proves_password: bool,
    /// The server that was asked.
    pub endpoint: String,
    /// The source's own words or codes, for the trace. No secret, no attribute values.
    pub reason: String,
    /// With [`AdapterResult::Locked`]: until when, if the source tells.
    pub locked_until: Option<DateTime<Utc>>,
    /// Set when the failure is the transport's or the hub's own, and counts for the breaker.
    pub trouble: Option<TroubleKind>,
}

impl Verification {
    /// A verification that ended before the password left.
    #[must_use]
    pub fn not_sent(trouble: &Trouble) -> Self {
        let result = match trouble.kind {
            TroubleKind::Misconfigured => AdapterResult::Misconfigured,
            TroubleKind::Unavailable | TroubleKind::Odd | TroubleKind::BreakerOpen | TroubleKind::Busy => {
                AdapterResult::Unavailable
            }
        };
        Self {
            result,
            sent: false,
            proves_password: false,
            endpoint: trouble.endpoint.clone(),
            reason: trouble.reason.clone(),
            locked_until: None,
            trouble: Some(trouble.kind),
        }
    }
}

/// One step of a live test, with advice if it failed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProbeStep {
    /// "Connect", "TLS", "Service account", "Base DN".
    pub name: String,
    pub passed: bool,
    /// What was seen, or what failed.
    pub detail: String,
    /// What to do about a failure.
    pub remedy: Option<String>,
    pub milliseconds: u64,
}
