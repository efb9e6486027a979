//! A person as one source sees them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountId, ImmutableId, PersonId, SourceId, words::words};

words! {
    /// Why an account belongs to a person (semantics, section 1).
    LinkKind, "link kind" {
        /// The account the person works with.
        Primary = "primary",
        /// An account with special rights.
        Admin = "admin",
        /// A service's account.
        Service = "service",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// What the source says of the account itself, as the service account last read it.
    AccountStatus, "account status" {
        /// Present, not disabled, not expired.
        Active = "active",
        /// Disabled at the source.
        Disabled = "disabled",
        /// Its validity is over.
        Expired = "expired",
        /// Twice not returned for its id by a healthy source.
        Missing = "missing",
    }
}

/// The link of (source, immutable id) to a person, with what was last read there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub source_id: SourceId,
    pub immutable_id: ImmutableId,
    pub person_id: PersonId,
    pub kind: LinkKind,
    /// Where the source keeps it now (a DN). Data for people to read, never a key.
    pub locator: String,
    /// The name people type for it.
    pub username: Option<String>,
    pub status: AccountStatus,
    /// When the password was last set there, as the source tells it.
    pub password_set_at: Option<DateTime<Utc>>,
    /// The last reading by the service account.
    pub read_at: DateTime<Utc>,
    /// First of the sightings without it; empty while it is there.
    pub missing_since: Option<DateTime<Utc>>,
    /// Locked at the source until then, as last seen (row D10).
    pub locked_until: Option<DateTime<Utc>>,
    /// Privileged at the source: `adminCount`, protected group.
    pub privileged: bool,
    /// Unlocked in the hub then: wrong passwords remembered from before are asked about again, at every server.
    pub unlocked_at: Option<DateTime<Utc>>,
}
