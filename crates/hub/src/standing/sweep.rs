//! The paged sweep that keeps standing, attributes and memberships of a source's people fresh. It creates nobody.

use chrono::{DateTime, Utc};
use connector::{Connector, Page};
use directory::{AccountStatus, Policy, SourceEntry, SourceId, metric};
use serde_json::json;
use storage::{accounts::Accounts, lease::Lease};

use crate::{
    Hub, HubError,
    connections::LiveSource,
    kernel::{Actor, AuditEvent, record},
    mirror::{self, MissingNoted},
};

/// Entries written in one transaction: the writer is shared with everybody who signs in.
const BATCH: usize = 50;
/// Accounts looked at together after the reading.
const UNSEEN_PAGE: u32 = 200;

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Entries the source returned.
    pub read: u64,
    /// Of them, those that belong to known accounts.
    pub known: u64,
    /// Of the known, those that read differently than last time.
    pub changed: u64,
    /// Records the source returned that could not be read as people.
    pub rejected: u64,
    pub became_disabled: u64,
    pub came_back: u64,
    /// Linked ids that were not there, for the first time.
    pub missing_noted: u64,
    /// Linked ids that were not there for the second time.
    pub missing_confirmed: u64,
    /// The whole source was read.
    pub complete: bool,
    /// Why the sweep ended early, in words. Nobody is missing because of a sweep that did not finish.
    pub stopped: Option<String>,
}

impl Hub {
    /// Reads all people of a source with its service account and writes what changed about known ones. A source that
    /// cannot be read, or whose answer would remove too many, changes nobody's standing. Written under the lease alone:
    /// a sweep that another server took over ends with an error, and writes nothing of what it had read.
    pub async fn sweep_source(&self, id: SourceId, lease: &Lease) -> Result<SweepReport, HubError> {
        let live = self.live_source(id).await?;
        let swept = self.sweep_live(&live, lease).await;
        let source = live.source.name.clone();
        let result = match &swept {
            Ok(report) if report.complete && report.stopped.is_none() => {
                #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
                let now = self.clock.now().timestamp() as f64;
                metrics::gauge!(metric::SWEEP_COMPLETED, "source" => source.clone()).set(now);
                "complete"
            }
            Ok(_) => "stopped",
            Err(_) => "failed",
        };
        metrics::counter!(metric::SWEEPS, "source" => source, "result" => result).increment(1);
        swept
    }

    async fn sweep_live(&self, live: &LiveSource, lease: &Lease) -> Result<SweepReport, HubError> {
        let policy = self.policy_now().await?;
        let mut report = SweepReport::default();
        let connector = match live.connector() {
            Ok(connector) => connector,
            Err(trouble) => {
                report.stopped = Some(trouble.reason);
                return Ok(report);
            }
        };
        let started = self.clock.now();
        let mut cursor = None;
        loop {
            let Page { entries, rejected, next } = match connector.page(cursor.take()).await {
                Ok(page) => page,
                Err(trouble) => {
                    report.stopped = Some(trouble.reason);
                    return Ok(report);
                }
            };
            report.rejected += rejected.len() as u64;
            for batch in entries.chunks(BATCH) {
                self.write_batch(lease, live, batch, &mut report).await?;
            }
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        report.complete = true;
        self.note_unseen(lease, (live, &*connector), &policy, started, &mut report).await?;
        Ok(report)
    }

    async fn write_batch(
        &self,
        lease: &Lease,
        live: &LiveSource,
        batch: &[SourceEntry],
        report: &mut SweepReport,
    ) -> Result<(), HubError> {
        let source = &live.source;
        // Counted apart from the report: the transaction may run more than once.
        let counted = storage::write!(self.under(lease), |tx| {
            let mut counted = SweepReport::default();
            for entry in batch {
                let Some((id, digest)) = Accounts(tx).digest(source.id, &entry.immutable_id).await? else { continue };
                counted.known += 1;
                if digest.is_some_and(|digest| digest == mirror::digest_of(source, entry)) {
                    Accounts(tx).touch(id, self.clock.now()).await?;
                    continue;
                }
                let Some(account) = Accounts(tx).by_id(id).await? else { continue };
                let refreshed = mirror::refresh(tx, self, source, entry, &account, mirror::Cause::Reading).await?;
                counted.changed += 1;
                counted.became_disabled += u64::from(refreshed.became_disabled);
                counted.came_back += u64::from(refreshed.came_back);
            }
            Ok::<_, HubError>(counted)
        })?;
        report.read += batch.len() as u64;
        report.known += counted.known;
        report.changed += counted.changed;
        report.became_disabled += counted.became_disabled;
        report.came_back += counted.came_back;
        Ok(())
    }

    /// After a complete reading: linked ids that it did not return are asked for one by one, and noted if they are
    /// really not there.
    async fn note_unseen(
        &self,
        lease: &Lease,
        (live, connector): (&LiveSource, &dyn Connector),
        policy: &Policy,
        started: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<(), HubError> {
        let source = &live.source;
        let mut reader = self.database.reader();
        let linked = Accounts(&mut reader).count(source.id).await?;
        let unseen = Accounts(&mut reader).count_not_read_since(source.id, started).await?;
        if let Some(reason) = guard(policy, linked, unseen) {
            tracing::warn!(source = %source.name, linked, unseen, "the removal guard stopped a sweep");
            report.stopped = Some(reason);
            let details = json!({ "linked": linked, "unseen": unseen });
            let event = AuditEvent::new(Actor::System, "sweep.stopped-by-guard").source(source.id).details(details);
            return storage::write!(self.under(lease), |tx| {
                Ok(record(tx, &*self.clock, &*self.random, event.clone()).await?)
            });
        }
        let mut after = String::new();
        loop {
            let page = Accounts(&mut reader).not_read_since(source.id, started, &after, UNSEEN_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.immutable_id.to_string();
            for account in page.iter().filter(|a| a.status != AccountStatus::Missing) {
                let asked = connector.fetch(&account.immutable_id).await;
                match asked {
                    Ok(Some(entry)) => self.write_batch(lease, live, std::slice::from_ref(&entry), report).await?,
                    Ok(None) => {
                        let noted = storage::write!(self.under(lease), |tx| {
                            mirror::note_missing(tx, self, policy, source, account).await
                        })?;
                        match noted {
                            MissingNoted::First => report.missing_noted += 1,
                            MissingNoted::Confirmed => report.missing_confirmed += 1,
                            MissingNoted::TooSoon | MissingNoted::Already => {}
                        }
                    }
                    Err(trouble) => {
                        report.stopped = Some(trouble.reason);
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// The removal guard: whether so many of those who are linked cannot be believed to be gone.
pub(crate) fn too_many_missing(policy: &Policy, linked: i64, unseen: i64) -> bool {
    if unseen == 0 {
        return false;
    }
    let too_many = linked >= i64::from(policy.removal_guard_minimum)
        && unseen.saturating_mul(100) > linked.saturating_mul(i64::from(policy.removal_guard_percent));
    too_many || (unseen >= linked && linked > 1)
}

/// Why this many missing people are not believed. A source that answers with an empty page must never empty the hub.
fn guard(policy: &Policy, linked: i64, unseen: i64) -> Option<String> {
    too_many_missing(policy, linked, unseen).then(|| {
        format!(
            "the directory did not return {unseen} of {linked} people: more than a sweep may remove. Check the base \
             DN, the filter and the rights of the service account"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_removal_guard_counts_shares_only_among_many_and_never_believes_an_empty_source() {
        let policy = Policy::default();
        assert!(guard(&policy, 1_000, 200).is_none());
        assert!(guard(&policy, 1_000, 201).is_some());
        assert!(guard(&policy, 10, 5).is_none());
        assert!(guard(&policy, 10, 10).is_some());
        assert!(guard(&policy, 1, 1).is_none());
        assert!(guard(&policy, 0, 0).is_none());
    }
}
