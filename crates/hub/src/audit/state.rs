//! How the chain stands, for the page, for health and for metrics.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use storage::audit_chain;

use super::checkpoint::PublicKey;
use crate::{Hub, HubError, kernel::capability::ReadAudit};

/// Counted up to here.
const MOST_WAITING: u32 = 10_001;
/// A checkpoint follows after a minute.
const CHECKPOINT_LATE: TimeDelta = TimeDelta::minutes(3);
/// The sealer comes every second.
const SEALING_LATE: TimeDelta = TimeDelta::seconds(30);

/// What this process knows of its own work.
#[derive(Default)]
pub(crate) struct AuditMemory {
    checkpoint_trouble: Mutex<Option<String>>,
}

impl AuditMemory {
    pub(super) fn set_checkpoint_trouble(&self, trouble: Option<String>) {
        *self.checkpoint_trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn checkpoint_trouble(&self) -> Option<String> {
        self.checkpoint_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The chain now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainState {
    /// Number of the last sealed event; 0 before the first.
    pub sequence: i64,
    pub sealed_at: Option<DateTime<Utc>>,
    /// Events that wait for the sealer, counted up to 10,001.
    pub waiting: i64,
    /// The last event a checkpoint vouches for, and when it was signed.
    pub checkpoint: Option<(i64, DateTime<Utc>)>,
    /// Nothing has been sealed for longer than it should take.
    pub sealing_late: bool,
    /// No checkpoint could be written for longer than it should take, by whichever server does it.
    pub checkpoint_late: bool,
    /// Why this server could not write the last one: with the path, for the log and for administrators.
    pub checkpoint_trouble: Option<String>,
}

impl ChainState {
    /// Whether somebody should look.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        !self.sealing_late && !self.checkpoint_late && self.checkpoint_trouble.is_none()
    }
}

impl Hub {
    /// How the chain stands, without saying anything of what is in it: for health and metrics.
    pub async fn audit_chain(&self) -> Result<ChainState, HubError> {
        let mut reader = self.database.reader();
        let head = audit_chain::head(&mut reader).await?;
        let checkpoint = audit_chain::last_checkpoint(&mut reader).await?;
        let waiting = audit_chain::waiting(&mut reader, MOST_WAITING).await?;
        let since = audit_chain::waiting_since(&mut reader).await?;
        let now = self.clock.now();
        let (sequence, sealed_at) = head.map_or((0, None), |head| (head.sequence, Some(head.sealed_at)));
        // The oldest event that no checkpoint vouches for.
        let signed = checkpoint.as_ref().map_or(0, |last| last.sequence);
        let unsigned = audit_chain::sealed_at(&mut reader, signed + 1).await?;
        Ok(ChainState {
            sequence,
            sealed_at,
            waiting,
            checkpoint_late: unsigned.is_some_and(|event| now - event.event.at > CHECKPOINT_LATE),
            checkpoint: checkpoint.map(|last| (last.sequence, last.at)),
            sealing_late: since.is_some_and(|since| now - since > SEALING_LATE),
            checkpoint_trouble: self.state.audit.checkpoint_trouble(),
        })
    }

    /// The public keys of checkpoints, for people to note down elsewhere.
    pub async fn audit_public_keys(&self, _: &ReadAudit) -> Result<Vec<PublicKey>, HubError> {
        let rows = audit_chain::keys(&mut self.database.reader()).await?;
        Ok(rows.iter().map(PublicKey::from).collect())
    }
}
