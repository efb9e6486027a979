//! Words of an import: what a run is doing, and what became of each object.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ObjectKind, words::words};

words! {
    /// What a run reads.
    ImportScope, "import scope" {
        /// Everything; what is absent then is noticed.
        Full = "full",
        /// What changed since the last run.
        Changes = "changes",
    }
}

words! {
    /// Where a run is.
    ImportState, "import state" {
        Running = "running",
        /// It ended in the middle (the process died, the source went away) and goes on where it was.
        Interrupted = "interrupted",
        Completed = "completed",
        /// A guard stopped it, and the next one reads everything.
        Stopped = "stopped",
        Cancelled = "cancelled",
    }
}

words! {
    /// What became of one object of a run. Unchanged ones are only counted.
    ImportOutcome, "import outcome" {
        /// A new person, group or device.
        Created = "created",
        Updated = "updated",
        /// It reads as it did last time.
        Unchanged = "unchanged",
        /// Linked to a person who was there.
        Linked = "linked",
        /// A value of it is held by somebody else, was not taken, and a case is open.
        Collision = "collision",
        /// It waits: something required is missing, or a reviewer decides.
        Held = "held",
        /// Left out on purpose.
        Ignored = "ignored",
        /// Not there, for the first time. Nothing follows from one sighting.
        MissingNoted = "missing-noted",
        /// Not there, for the second time: gone, until it returns.
        Gone = "gone",
        /// There again after it was gone.
        Returned = "returned",
        /// The source could not make it out.
        Rejected = "rejected",
        /// The hub could not write it. It never stops a run.
        Failed = "failed",
    }
}

impl ImportOutcome {
    /// Whether somebody should look at it.
    #[must_use]
    pub const fn needs_attention(self) -> bool {
        match self {
            Self::Collision | Self::Held | Self::Rejected | Self::Failed => true,
            Self::Created
            | Self::Updated
            | Self::Unchanged
            | Self::Linked
            | Self::Ignored
            | Self::MissingNoted
            | Self::Gone
            | Self::Returned => false,
        }
    }
}

/// When imports of a source begin by themselves; 0 = never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSchedule {
    /// Seconds from one beginning to the next.
    pub every_seconds: u64,
    /// The same of imports that read everything, though what changed could be asked for.
    pub full_every_seconds: u64,
}

impl ImportSchedule {
    /// Whether they are all begun by hand.
    #[must_use]
    pub const fn is_off(self) -> bool {
        self.every_seconds == 0 && self.full_every_seconds == 0
    }
}

/// Numbers of a run, by kind of object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportCounts {
    /// Objects the source handed over.
    pub read: BTreeMap<ObjectKind, u64>,
    /// What became of them.
    pub outcomes: BTreeMap<ObjectKind, BTreeMap<ImportOutcome, u64>>,
    /// Results written: everything but the unchanged.
    pub results: i64,
}

impl ImportCounts {
    /// One more object with this outcome.
    pub fn add(&mut self, kind: ObjectKind, outcome: ImportOutcome) {
        *self.outcomes.entry(kind).or_default().entry(outcome).or_default() += 1;
    }

    /// How many objects of a kind had this outcome.
    #[must_use]
    pub fn of(&self, kind: ObjectKind, outcome: ImportOutcome) -> u64 {
        self.outcomes.get(&kind).and_then(|outcomes| outcomes.get(&outcome)).copied().unwrap_or(0)
    }

    /// How many objects of all kinds had this outcome.
    #[must_use]
    pub fn all(&self, outcome: ImportOutcome) -> u64 {
        self.outcomes.values().filter_map(|outcomes| outcomes.get(&outcome)).sum()
    }
}
