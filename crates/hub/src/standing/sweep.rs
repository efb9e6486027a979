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
        let linked = Accounts(&mut self.database.reader()).count(live.source.id).await?;
        // Those who were active and are read as disabled: written when it is known that they are not too many.
        let mut disabled = Vec::new();
        let mut cursor = None;
        loop {
            let Page { entries, rejected, next } = match connector.page(cursor.take()).await {
                Ok(page) => page,
                Err(trouble) => {
                    report.stopped = Some(trouble.reason);
                    // As many as these are believed of a reading that got no further.
                    self.write_all(lease, live, &disabled, &mut report).await?;
                    return Ok(report);
                }
            };
            report.rejected += rejected.len() as u64;
            let ids: Vec<&str> = entries.iter().filter(|e| e.status != AccountStatus::Active).map(id_of).collect();
            let newly = match ids.is_empty() {
                true => Vec::new(),
                false => storage::write!(self.under(lease), |tx| {
                    Ok::<_, HubError>(Accounts(tx).active(live.source.id, &ids).await?)
                })?,
            };
            let (wait, now): (Vec<_>, Vec<_>) =
                entries.into_iter().partition(|entry| newly.iter().any(|id| id == id_of(entry)));
            self.write_all(lease, live, &now, &mut report).await?;
            disabled.extend(wait);
            let number = i64::try_from(disabled.len()).unwrap_or(i64::MAX);
            if let Some(reason) = disabled_guard(&policy, linked, number) {
                self.stop_sweep(lease, live, (linked, 0, number), reason, &mut report).await?;
                return Ok(report);
            }
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        report.complete = true;
        let unseen = Accounts(&mut self.database.reader()).count_not_read_since(live.source.id, started).await?;
        // Those who wait were not written, so they are among the unseen.
        if !disabled.is_empty() && too_many_missing(&policy, linked, unseen) {
            let number = i64::try_from(disabled.len()).unwrap_or(i64::MAX);
            let reason = format!(
                "{unseen} of {linked} people are missing or disabled, who were not before: more than a sweep may take \
                 away. Check the base DN, the filter, what the directory says of who is disabled, and the rights of \
                 the service account"
            );
            self.stop_sweep(lease, live, (linked, unseen, number), reason, &mut report).await?;
            return Ok(report);
        }
        self.write_all(lease, live, &disabled, &mut report).await?;
        self.note_unseen(lease, (live, &*connector), &policy, started, &mut report).await?;
        Ok(report)
    }

    async fn write_all(
        &self,
        lease: &Lease,
        live: &LiveSource,
        entries: &[SourceEntry],
        report: &mut SweepReport,
    ) -> Result<(), HubError> {
        for batch in entries.chunks(BATCH) {
            self.write_batch(lease, live, batch, report).await?;
        }
        Ok(())
    }

    /// The removal guard does not believe it.
    async fn stop_sweep(
        &self,
        lease: &Lease,
        live: &LiveSource,
        (linked, unseen, disabled): (i64, i64, i64),
        reason: String,
        report: &mut SweepReport,
    ) -> Result<(), HubError> {
        let source = &live.source;
        tracing::warn!(source = %source.name, linked, unseen, disabled, "the removal guard stopped a sweep");
        report.stopped = Some(reason);
        let details = json!({ "linked": linked, "unseen": unseen, "disabled": disabled });
        let event = AuditEvent::new(Actor::System, "sweep.stopped-by-guard").source(source.id).details(details);
        storage::write!(self.under(lease), |tx| { Ok(record(tx, &*self.clock, &*self.random, event.clone()).await?) })
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
                if digest.is_some_and(|digest| digest == mirror::digest_of(&self.vault, source, entry)) {
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
            return self.stop_sweep(lease, live, (linked, unseen, 0), reason, report).await;
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

fn id_of(entry: &SourceEntry) -> &str {
    entry.immutable_id.as_str()
}

/// Why this many who are suddenly disabled are not believed.
fn disabled_guard(policy: &Policy, linked: i64, disabled: i64) -> Option<String> {
    too_many_missing(policy, linked, disabled).then(|| {
        format!(
            "{disabled} of {linked} people would be disabled who were not before: more than a sweep may take away. \
             Check what the directory says of who is disabled. If it is meant, raise removal_guard_percent in the \
             policy of the site document for a while"
        )
    })
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
