//! What a source hands over beside people: groups and devices.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ImmutableId, words::words};

words! {
    /// What a source can hand over.
    ObjectKind, "kind of object" {
        Person = "person",
        Group = "group",
        Device = "device",
    }
}

/// A group as its source shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceGroupEntry {
    pub immutable_id: ImmutableId,
    pub name: String,
    pub description: Option<String>,
    /// Where the source keeps it (a DN, a path). For people to read.
    pub locator: String,
    /// Direct members by immutable id; groups among them are nested groups. Empty where the people say it.
    pub members: Vec<ImmutableId>,
    /// False if the members could not be read whole: the old memberships then stay.
    pub members_complete: bool,
    /// Direct members that left, where the source tells only differences; then `members` are those that came.
    pub left: Vec<ImmutableId>,
    /// `members` and `left` are differences to what was said before.
    pub partial: bool,
}

/// A computer, phone or tablet as its source shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDevice {
    pub immutable_id: ImmutableId,
    pub name: String,
    /// Where the source keeps it. For people to read.
    pub locator: String,
    /// A Windows security identifier; links the same device across sources before anything else does.
    pub sid: Option<String>,
    pub serial_number: Option<String>,
    pub manufacturer: Option<String>,
    pub model: Option<String>,
    pub operating_system: Option<String>,
    pub operating_system_version: Option<String>,
    pub enabled: bool,
    /// Its owners, by immutable id at this source.
    pub owners: Vec<ImmutableId>,
    /// When it was last seen there.
    pub last_seen_at: Option<DateTime<Utc>>,
}
