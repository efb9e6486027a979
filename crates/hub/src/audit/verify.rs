//! Reading the whole chain again: every event, every number, every checkpoint. In a stream, so that a log of any length
//! takes no more memory than a page of it.

use std::panic::AssertUnwindSafe;

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::HEXLOWER;
use futures::FutureExt as _;
use storage::{
    Queries, StorageError,
    audit_chain::{self, SealedEvent},
};

use super::{
    chain::{self, BEGINNING},
    checkpoint::{Checkpoint, PublicKey},
    finding::Finding,
};
use crate::HubError;

/// Events read at a time.
const BATCH: u32 = 1_000;
/// Findings kept for people to read; the rest is counted.
const SHOWN: usize = 100;
/// The sealer needs a second or two.
const SEALED_WITHIN: TimeDelta = TimeDelta::minutes(1);

/// A line of a checkpoint file.
#[derive(Debug, Clone)]
pub struct FileLine {
    /// File and line, for messages.
    pub place: String,
    pub text: String,
}

/// What was looked at, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Verification {
    /// Events that were read.
    pub events: u64,
    /// The number of the last.
    pub last: i64,
    /// Events the sealer has not seen yet: nothing vouches for them.
    pub waiting: i64,
    pub file_checkpoints: u64,
    pub database_checkpoints: u64,
    /// The last event that a good checkpoint of the file vouches for, and when it was signed.
    pub vouched: Option<(i64, DateTime<Utc>)>,
    /// The keys that were trusted.
    pub keys: Vec<PublicKey>,
    /// The first hundred.
    pub findings: Vec<Finding>,
    /// All of them.
    pub found: u64,
    /// What is no proof of anything, but worth knowing.
    pub notes: Vec<String>,
}

impl Verification {
    /// Nothing was altered, as far as can be known.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.found == 0
    }

    fn add(&mut self, finding: Finding) {
        self.found += 1;
        if self.findings.len() < SHOWN {
            self.findings.push(finding);
        }
    }
}

/// Verifies the log. `trusted` are the public keys that somebody kept elsewhere; without any, those of the database are
/// believed. `file` are the lines of the checkpoint file, if there is one.
pub async fn verify(
    queries: &mut impl Queries,
    trusted: &[PublicKey],
    file: Option<impl Iterator<Item = std::io::Result<FileLine>>>,
    now: DateTime<Utc>,
) -> Result<Verification, HubError> {
    let mut report = Verification { keys: trusted.to_vec(), ..Verification::default() };
    let stored: Vec<PublicKey> = audit_chain::keys(queries).await?.iter().map(PublicKey::from).collect();
    if trusted.is_empty() {
        report.keys = stored;
    } else if let Some(stranger) = stored.iter().find(|key| !trusted.contains(key)) {
        report.notes.push(format!("The database holds a key that was not named: {stranger}"));
    }
    let before = audit_chain::head(queries).await?;
    walk(queries, &mut report).await?;
    head(queries, &mut report, before).await?;
    if let Some(file) = file {
        for line in file {
            let line = line.map_err(|error| HubError::Internal(format!("the checkpoint file: {error}")))?;
            file_line(queries, &mut report, &line).await?;
        }
    }
    database_checkpoints(queries, &mut report).await?;
    report.waiting = audit_chain::waiting(queries, 1_000_000).await?;
    if let Some(since) = audit_chain::waiting_since(queries).await?.filter(|since| now - *since > SEALED_WITHIN) {
        report.notes.push(format!(
            "Events wait for the sealer since {}: does a server run?",
            since.format("%Y-%m-%d %H:%M:%S UTC")
        ));
    }
    Ok(report)
}

/// What the next event may follow.
enum Before {
    /// The stored hash of the event before, and the one that its columns give where that is another.
    Known { stored: Vec<u8>, computed: Option<Vec<u8>> },
    /// The event before is not there.
    Lost,
}

async fn walk(queries: &mut impl Queries, report: &mut Verification) -> Result<(), HubError> {
    let mut before = Before::Known { stored: BEGINNING.to_vec(), computed: None };
    let mut last = 0;
    loop {
        let events = match batch(queries, last).await? {
            Batch::Events(events) => events,
            Batch::Unreadable(numbers) => {
                for number in numbers {
                    if number <= last {
                        // The database sorts it after `last`, and yet it is not: it is no number.
                        report.add(Finding::NotANumber);
                        return Ok(());
                    }
                    match one(queries, number).await? {
                        Some(event) => step(report, &mut before, &mut last, event),
                        None => {
                            gap(report, &mut before, last, number);
                            report.add(Finding::Unreadable { sequence: number });
                            report.events += 1;
                            (before, last) = (Before::Lost, number);
                        }
                    }
                }
                continue;
            }
        };
        if events.is_empty() {
            break;
        }
        for event in events {
            step(report, &mut before, &mut last, event);
        }
    }
    report.last = last;
    Ok(())
}

enum Batch {
    Events(Vec<SealedEvent>),
    /// Some of these cannot be read.
    Unreadable(Vec<i64>),
}

async fn batch(queries: &mut impl Queries, last: i64) -> Result<Batch, HubError> {
    // Dates beyond what we can count make the database driver panic; somebody may have written one.
    match AssertUnwindSafe(audit_chain::sealed_after(queries, last, BATCH)).catch_unwind().await {
        Ok(Ok(events)) => return Ok(Batch::Events(events)),
        Ok(Err(error)) if !error.is_unreadable() => return Err(error.into()),
        Ok(Err(_)) | Err(_) => {}
    }
    Ok(Batch::Unreadable(audit_chain::numbers_after(queries, last, BATCH).await?))
}

/// One event; empty if it cannot be read.
async fn one(queries: &mut impl Queries, sequence: i64) -> Result<Option<SealedEvent>, StorageError> {
    match AssertUnwindSafe(audit_chain::sealed_at(queries, sequence)).catch_unwind().await {
        Ok(Err(error)) if !error.is_unreadable() => Err(error),
        Ok(Ok(event)) => Ok(event),
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}

fn gap(report: &mut Verification, before: &mut Before, last: i64, number: i64) {
    if number > last + 1 {
        report.add(Finding::Missing { from: last + 1, to: number - 1 });
        *before = Before::Lost;
    }
}

fn step(report: &mut Verification, before: &mut Before, last: &mut i64, found: SealedEvent) {
    let SealedEvent { event, sequence, hash } = found;
    report.events += 1;
    if sequence <= *last {
        report.add(Finding::Twice { sequence });
        return;
    }
    gap(report, before, *last, sequence);
    let mut computed = None;
    if let Before::Known { stored, computed: other } = before {
        let from_stored = chain::hash(stored, sequence, &event).to_vec();
        if from_stored == hash {
            // Agrees with the stored hash before it; if that event's columns did not, they were altered.
        } else if other.as_ref().is_some_and(|other| chain::hash(other, sequence, &event).as_slice() == hash) {
            // Agrees with the columns before it: there only the hash was altered.
            report.findings.iter_mut().rev().take(1).for_each(Finding::only_the_hash);
        } else {
            report.add(Finding::Altered { sequence, id: event.id, at: event.at, action: event.action.clone() });
            computed = Some(from_stored);
        }
    }
    *before = Before::Known { stored: hash, computed };
    *last = sequence;
}

/// The end of the chain as the sealer left it. While a server runs, it moves on between the two readings.
async fn head(
    queries: &mut impl Queries,
    report: &mut Verification,
    before: Option<audit_chain::Head>,
) -> Result<(), HubError> {
    let last = report.last;
    let Some(before) = before else {
        if last > 0 && audit_chain::head(queries).await?.is_none() {
            report.add(Finding::NoHead);
        }
        return Ok(());
    };
    if last < before.sequence {
        report.add(Finding::CutOff { last, until: before.sequence, says: "the end of the chain".to_owned() });
    } else if before.sequence > 0 && audit_chain::hash_at(queries, before.sequence).await? != Some(before.hash.clone())
    {
        report.add(Finding::OtherHead { sequence: before.sequence });
    } else if before.sequence == 0 && before.hash != BEGINNING {
        report.add(Finding::OtherHead { sequence: 0 });
    }
    let after = audit_chain::head(queries).await?.map_or(0, |head| head.sequence);
    if last > after {
        report.add(Finding::BeyondEnd { from: after + 1, to: last });
    }
    Ok(())
}

async fn file_line(queries: &mut impl Queries, report: &mut Verification, line: &FileLine) -> Result<(), HubError> {
    report.file_checkpoints += 1;
    let Some(checkpoint) = Checkpoint::read(&line.text) else {
        report.add(Finding::NoCheckpoint { place: line.place.clone() });
        return Ok(());
    };
    if checkpoint_holds(queries, report, &checkpoint, &line.place).await?
        && report.vouched.is_none_or(|(sequence, _)| sequence <= checkpoint.sequence)
    {
        report.vouched = Some((checkpoint.sequence, checkpoint.at));
    }
    Ok(())
}

async fn database_checkpoints(queries: &mut impl Queries, report: &mut Verification) -> Result<(), HubError> {
    let mut last = 0;
    loop {
        let rows = audit_chain::checkpoints_after(queries, last, BATCH).await?;
        let Some(end) = rows.last().map(|row| row.sequence) else { return Ok(()) };
        for row in rows {
            report.database_checkpoints += 1;
            let place = format!("the database's copy of checkpoint {}", row.sequence);
            checkpoint_holds(queries, report, &row.into(), &place).await?;
        }
        last = end;
    }
}

async fn checkpoint_holds(
    queries: &mut impl Queries,
    report: &mut Verification,
    checkpoint: &Checkpoint,
    place: &str,
) -> Result<bool, HubError> {
    let place = place.to_owned();
    let sequence = checkpoint.sequence;
    match report.keys.iter().find(|key| key.id() == checkpoint.key_id) {
        None => report.add(Finding::UnknownKey { place, key: checkpoint.key_id.clone() }),
        Some(key) if !checkpoint.is_signed_by(key) => report.add(Finding::BadSignature { place }),
        Some(_) => match audit_chain::hash_at(queries, sequence).await {
            Ok(Some(hash)) if hash == checkpoint.hash => return Ok(true),
            Ok(Some(hash)) => {
                report.add(Finding::Rewritten { place, sequence, hash: HEXLOWER.encode(&hash) });
            }
            Ok(None) if sequence > report.last => {
                report.add(Finding::CutOff { last: report.last, until: sequence, says: place });
            }
            Ok(None) => report.add(Finding::Missing { from: sequence, to: sequence }),
            Err(error) if error.is_unreadable() => report.add(Finding::Unreadable { sequence }),
            Err(error) => return Err(error.into()),
        },
    }
    Ok(false)
}
