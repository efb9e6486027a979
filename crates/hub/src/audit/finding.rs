//! What can be wrong with the audit log, in words: which event, and what it means.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One thing that is not as the sealer left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    Altered { sequence: i64, id: Uuid, at: DateTime<Utc>, action: String },
    HashAltered { sequence: i64 },
    Unreadable { sequence: i64 },
    Missing { from: i64, to: i64 },
    Twice { sequence: i64 },
    NotANumber,
    CutOff { last: i64, until: i64, says: String },
    OtherHead { sequence: i64 },
    BeyondEnd { from: i64, to: i64 },
    NoHead,
    NoCheckpoint { place: String },
    UnknownKey { place: String, key: String },
    BadSignature { place: String },
    Rewritten { place: String, sequence: i64, hash: String },
}

impl Finding {
    /// The next event agrees with the columns: it was the stored hash alone that somebody changed.
    pub(super) fn only_the_hash(&mut self) {
        if let Self::Altered { sequence, .. } = *self {
            *self = Self::HashAltered { sequence };
        }
    }
}

fn events(from: i64, to: i64) -> String {
    if from == to { format!("event {from}") } else { format!("events {from} to {to}") }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Altered { sequence, id, at, action } => write!(
                f,
                "event {sequence} was altered, or put in the place of another, after it was sealed. It now reads \
                 {action:?} of {} (id {id})",
                at.format("%Y-%m-%d %H:%M:%S UTC")
            ),
            Self::HashAltered { sequence } => {
                write!(f, "event {sequence} is as it was sealed, but its stored hash was altered")
            }
            Self::Unreadable { sequence } => {
                write!(f, "event {sequence} was altered: a column of it holds what no such column can hold")
            }
            Self::Missing { from, to } => write!(
                f,
                "{} deleted or moved: no event bears the number{}. What follows directly cannot be checked without it",
                if from == to { format!("event {from} was") } else { format!("events {from} to {to} were") },
                if from == to { "" } else { "s" }
            ),
            Self::Twice { sequence } => write!(f, "two events bear the number {sequence}: one of them was put there"),
            Self::NotANumber => f.write_str(
                "an event bears something that is no number in the place of its number; what follows it was not read",
            ),
            Self::CutOff { last, until, says } => write!(
                f,
                "the log was cut off after event {last}: {} missing, as {says} shows",
                if *until == last + 1 {
                    format!("event {until} is")
                } else {
                    format!("{} are", events(last + 1, *until))
                }
            ),
            Self::OtherHead { sequence } => write!(
                f,
                "the end of the chain, event {sequence}, has another hash than the sealer left there: the log was rewritten \
                 up to it, or the record of the end was altered"
            ),
            Self::BeyondEnd { from, to } => {
                write!(f, "{} added behind the end of the chain by somebody who is not the sealer", {
                    if from == to { format!("event {from} was") } else { format!("events {from} to {to} were") }
                })
            }
            Self::NoHead => f.write_str("the record of where the chain ends was deleted"),
            Self::NoCheckpoint { place } => write!(
                f,
                "{place} is not a checkpoint: it was altered, or cut by a crash of the machine while it was written"
            ),
            Self::UnknownKey { place, key } => write!(
                f,
                "{place} is signed with a key ({key}) that is not known here: it belongs to another installation, or \
                 somebody has replaced the key in the database"
            ),
            Self::BadSignature { place } => write!(f, "{place} was altered: its signature does not hold"),
            Self::Rewritten { place, sequence, hash } => write!(
                f,
                "the log up to event {sequence} was rewritten with new hashes: {place} vouches for another hash than the \
                 {hash} stored now"
            ),
        }
    }
}
