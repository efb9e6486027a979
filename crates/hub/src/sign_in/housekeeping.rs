//! Forgetting: what no rule asks for any more, and what help desk takes back.

use chrono::TimeDelta;
use directory::PersonId;
use storage::{accounts::Accounts, budget::Budget, devices::Devices, lease::Lease, throttle::Throttle, trace::Traces};

use crate::{
    Hub, HubError,
    kernel::{AuditEvent, capability::HelpPeople, record},
};

/// Longer than every window of the throttle.
const REFUSALS: TimeDelta = TimeDelta::hours(1);
const TRACES: TimeDelta = TimeDelta::days(90);
const DEVICES: TimeDelta = TimeDelta::days(400);

impl Hub {
    /// Deletes refusals, traces and device cookies that are too old to matter; how many rows went. For the background
    /// work of every hour or so.
    pub async fn forget_old_sign_ins(&self, lease: &Lease) -> Result<u64, HubError> {
        let now = self.clock.now();
        storage::write!(self.under(lease), |tx| {
            let refusals = Throttle(tx).forget(now - REFUSALS).await?;
            let traces = Traces(tx).forget(now - TRACES).await?;
            let devices = Devices(tx).forget(now - DEVICES).await?;
            let redirects = storage::redirects::Redirects(tx).forget(now).await?;
            let unlocks = self.forget_unlocks(tx, now).await?;
            Ok(refusals + traces + devices + redirects + unlocks)
        })
    }

    /// Help desk unlocks a person here: consecutive failures end (row D2c) and remembered wrong passwords are asked
    /// about again. Budget places return only where they never would by time (window 0): anywhere else the source may
    /// still count what they stand for.
    pub async fn unlock_here(&self, helper: &HelpPeople, person: PersonId) -> Result<(), HubError> {
        let accounts = Accounts(&mut self.database.reader()).of_person(person).await?;
        let sources = self.sources_now().await?;
        let endless = |id| sources.iter().any(|s| s.source.id == id && s.source.lockout.window_seconds == Some(0));
        let now = self.clock.now();
        storage::write!(self.database, |tx| {
            helper.check(tx, person).await?;
            Throttle(tx).clear_all(person).await?;
            for account in &accounts {
                Accounts(tx).set_unlocked(account.id, now).await?;
            }
            for account in accounts.iter().filter(|account| endless(account.source_id)) {
                let (source, immutable_id) = (account.source_id, &account.immutable_id);
                Budget { queries: tx, source, immutable_id }.give_back_all().await?;
            }
            let event = AuditEvent::new(helper.actor(), "person.unlocked-here").person(person);
            Ok::<_, HubError>(record(tx, &*self.clock, &*self.random, event).await?)
        })
    }
}
