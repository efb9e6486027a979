//! What a connector read about one person at a source, already mapped to the hub's words.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{AccountStatus, AttributeName, ImmutableId};

/// One entry, read with the service account. A person's own bind sees fewer attributes, and absent is not removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEntry {
    pub immutable_id: ImmutableId,
    /// Where to send the bind: the DN just read.
    pub locator: String,
    /// The name people type, as the source writes it (`uid`, `sAMAccountName`).
    pub username: Option<String>,
    /// Every name the source would accept for this entry: username, UPN, `DOMAIN\name`, e-mail. As written there.
    pub names: Vec<String>,
    /// Mapped attributes. An attribute that the source does not have is absent, never empty text.
    pub attributes: BTreeMap<AttributeName, String>,
    /// The source's own attributes that expressions read, by the names they are read under. Never a password.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub raw: BTreeMap<String, Vec<String>>,
    /// Groups the entry is a member of, nested ones included where the source resolves them.
    pub groups: Vec<SourceGroup>,
    /// False if the groups could not be read whole: the old memberships then stay.
    pub groups_complete: bool,
    pub status: AccountStatus,
    /// When the password was last set, if the source tells.
    pub password_set_at: Option<DateTime<Utc>>,
    pub lockout: LockoutReading,
    /// Privileged at the source: `adminCount=1` or member of a protected group.
    pub privileged: bool,
    /// What other directories know the same object by, where two are synchronised (semantics, section 6).
    #[serde(default)]
    pub anchors: Anchors,
    /// Which of the source's servers showed this, in the connector's own words. The bind that follows goes there. No
    /// part of what the source says of the person, so it is never stored.
    #[serde(skip)]
    pub server: String,
}

/// Keys that directories which synchronise with each other share. As the source writes them; `matching` compares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchors {
    /// AD `ms-DS-ConsistencyGuid` (empty = its `objectGUID` is the anchor), Entra `onPremisesImmutableId`.
    pub guid: Option<String>,
    /// AD `objectSid`, Entra `onPremisesSecurityIdentifier`.
    pub sid: Option<String>,
}

/// A group at its source; never merged with another by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceGroup {
    pub immutable_id: ImmutableId,
    pub name: String,
}

/// What the source itself knows about wrong passwords of this entry (semantics, section 4). Every field is what was
/// read; nothing is a default of ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockoutReading {
    /// Wrong passwords after which the source locks; `Some(0)` = lockout is off; empty = unreadable.
    pub threshold: Option<u32>,
    /// Seconds during which wrong passwords add up; `Some(0)` = they never expire; empty = unreadable.
    pub window_seconds: Option<u64>,
    /// Wrong passwords the source counts right now; empty = it does not show the count.
    pub failures: Option<u32>,
    /// Locked until then; [`DateTime::<Utc>::MAX_UTC`] = until somebody unlocks it.
    pub locked_until: Option<DateTime<Utc>>,
}
