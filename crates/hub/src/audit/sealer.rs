//! The sealer: one server at a time gives events their place in the chain, and signs where it ends.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use storage::audit_chain::{self, Fence, Head, Seal};

use super::{
    chain::{self, BEGINNING},
    checkpoint::{self, Checkpoint, CheckpointFile, SigningKey},
};
use crate::{Hub, HubError};

const LEASE: &str = "audit-sealer";
/// Whoever stops without giving the lease back keeps the others waiting this long.
const LEASE_LENGTH: TimeDelta = TimeDelta::seconds(6);
/// Events sealed in one transaction: SQLite's only writer is held for some milliseconds.
const BATCH: u32 = 500;
/// At most this long after an event was sealed, a checkpoint vouches for it…
const CHECKPOINT_AFTER: TimeDelta = TimeDelta::seconds(60);
/// …or as soon as this many were.
const CHECKPOINT_EVENTS: i64 = 10_000;

/// The work of one server at the chain; [`Sealer::work`] once a second.
pub struct Sealer {
    hub: Hub,
    owner: String,
    file: Option<Arc<dyn CheckpointFile>>,
    held: Option<Held>,
    key: Option<SigningKey>,
    /// Signed, and not in the file yet.
    unwritten: Option<Checkpoint>,
    /// The file could not be written, as was said in the log.
    failing: bool,
}

struct Held {
    epoch: i64,
    /// By this process's clock; the database's decides who gets it.
    until: DateTime<Utc>,
}

impl Sealer {
    /// `owner` is this process. Without a file, checkpoints are kept in the database only.
    #[must_use]
    pub fn new(hub: Hub, owner: String, file: Option<Arc<dyn CheckpointFile>>) -> Self {
        Self { hub, owner, file, held: None, key: None, unwritten: None, failing: false }
    }

    /// Seals what waits, if there is something and no other server does it; how many events it was. Signs the end where
    /// that is due.
    pub async fn work(&mut self) -> Result<u64, HubError> {
        let waits = audit_chain::waiting(&mut self.hub.database.reader(), 1).await? > 0;
        if !waits && self.due().await?.is_none() {
            return Ok(0);
        }
        let mut sealed = 0;
        while self.hold().await? {
            let events = self.seal_batch().await?;
            sealed += u64::from(events);
            if events < BATCH {
                self.sign().await?;
                break;
            }
        }
        Ok(sealed)
    }

    /// Signs the end now and gives the lease back, so that a server that stops leaves nothing to wait for.
    pub async fn end(&mut self) -> Result<(), HubError> {
        if self.held.is_some() && self.hold().await? {
            while self.seal_batch().await? == BATCH {}
            if let Some(head) = self.unsigned().await? {
                self.write_checkpoint(&head).await?;
            }
        }
        self.held = None;
        self.hub.release_lease(LEASE, &self.owner).await?;
        Ok(())
    }

    /// Takes or prolongs the lease; false while another server has it.
    async fn hold(&mut self) -> Result<bool, HubError> {
        let now = self.hub.clock.now();
        if self
            .held
            .as_ref()
            .is_some_and(|held| now < held.until - LEASE_LENGTH / 2 && now >= held.until - LEASE_LENGTH)
        {
            return Ok(true);
        }
        let (hub, owner) = (&self.hub, self.owner.as_str());
        let lease = hub.take_lease(LEASE, owner, LEASE_LENGTH).await?;
        self.held = lease.map(|lease| Held { epoch: lease.epoch, until: now + LEASE_LENGTH });
        Ok(self.held.is_some())
    }

    /// Gives the oldest events their places.
    async fn seal_batch(&mut self) -> Result<u32, HubError> {
        let Some(held) = &self.held else { return Ok(0) };
        let hub = &self.hub;
        // Read outside of the transaction that writes: nobody who writes an event meanwhile is in its way.
        let events = audit_chain::unsealed(&mut hub.database.reader(), BATCH).await?;
        if events.is_empty() {
            return Ok(0);
        }
        let now = hub.clock.now();
        let head = match audit_chain::head(&mut hub.database.reader()).await? {
            Some(head) => head,
            None => {
                storage::write!(hub.database, |tx| {
                    Ok::<_, HubError>(audit_chain::begin(tx, &BEGINNING, now).await?)
                })?;
                let begun = audit_chain::head(&mut hub.database.reader()).await?;
                begun.ok_or_else(|| HubError::Internal("the audit chain has no beginning".to_owned()))?
            }
        };
        let mut seals: Vec<Seal> = Vec::with_capacity(events.len());
        let (mut sequence, mut before) = (head.sequence, head.hash.clone());
        for event in &events {
            sequence += 1;
            before = chain::hash(&before, sequence, event).to_vec();
            seals.push(Seal { id: event.id, sequence, hash: before.clone() });
        }
        let fence = Fence { lease: LEASE, owner: &self.owner, epoch: held.epoch };
        let written = storage::write!(hub.database, |tx| {
            Ok::<_, HubError>(audit_chain::seal(tx, &seals, &head, now, fence).await?)
        })?;
        if !written {
            tracing::warn!("another server seals the audit log by now; this one leaves it to it");
            self.held = None;
            return Ok(0);
        }
        Ok(u32::try_from(events.len()).unwrap_or(BATCH))
    }

    /// The end of the chain, if no checkpoint vouches for it.
    async fn unsigned(&self) -> Result<Option<Head>, HubError> {
        let mut reader = self.hub.database.reader();
        let Some(head) = audit_chain::head(&mut reader).await? else { return Ok(None) };
        let last = audit_chain::last_checkpoint(&mut reader).await?.map_or(0, |last| last.sequence);
        Ok((head.sequence > last).then_some(head))
    }

    /// The same, if it is time for one.
    async fn due(&self) -> Result<Option<Head>, HubError> {
        let Some(head) = self.unsigned().await? else { return Ok(None) };
        let last = audit_chain::last_checkpoint(&mut self.hub.database.reader()).await?;
        let now = self.hub.clock.now();
        let due = last.is_none_or(|last| {
            now - last.at >= CHECKPOINT_AFTER || now < last.at || head.sequence - last.sequence >= CHECKPOINT_EVENTS
        });
        Ok(due.then_some(head))
    }

    async fn sign(&mut self) -> Result<(), HubError> {
        match self.due().await? {
            Some(head) => self.write_checkpoint(&head).await,
            None => Ok(()),
        }
    }

    /// Writes a checkpoint to its file, then notes it in the database. A file that cannot be written is said once and
    /// tried again; nobody's sign-in waits for it.
    async fn write_checkpoint(&mut self, head: &Head) -> Result<(), HubError> {
        if self.key.is_none() {
            self.key = Some(checkpoint::signing_key(&self.hub).await?);
        }
        let Some(key) = &self.key else { return Ok(()) };
        let fresh = self.unwritten.as_ref().filter(|waiting| waiting.sequence == head.sequence).cloned();
        let checkpoint = fresh.unwrap_or_else(|| key.sign(self.hub.clock.now(), head.sequence, &head.hash));
        if let Some(file) = self.file.clone() {
            let line = checkpoint.line()?;
            let appended = tokio::task::spawn_blocking(move || file.append(&line)).await;
            let appended = appended.map_err(|error| HubError::Internal(error.to_string()))?;
            if let Err(error) = appended {
                self.report(&error);
                self.unwritten = Some(checkpoint);
                return Ok(());
            }
        }
        if self.failing {
            tracing::info!("audit checkpoints are written again");
        }
        (self.failing, self.unwritten) = (false, None);
        self.hub.state.audit.set_checkpoint_trouble(None);
        let row = (&checkpoint).into();
        storage::write!(self.hub.database, |tx| { Ok::<_, HubError>(audit_chain::insert_checkpoint(tx, &row).await?) })
    }

    fn report(&mut self, error: &std::io::Error) {
        let place = self.file.as_ref().map(|file| file.place()).unwrap_or_default();
        if !self.failing {
            tracing::error!(
                %error, place,
                "audit checkpoints cannot be written: free space there, correct its owner and mode, or name another file \
                 with --audit-checkpoints. Sign-ins go on; events since the last checkpoint could be cut off unnoticed"
            );
        }
        self.failing = true;
        self.hub.state.audit.set_checkpoint_trouble(Some(format!("{place}: {error}")));
    }
}
