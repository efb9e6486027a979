//! What the server does without being asked: keep standing fresh, import by the clock, forget what expired. Of several servers on one
//! database, one at a time does each piece; what it is, is the hub's business.

mod imports;
mod keys;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use directory::{SourceId, SourceMode};
use hub::{
    Hub, HubError, Lease,
    audit::{CheckpointFile, Sealer},
};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How often it is looked which sources are due, and the view of them is refreshed when nobody else asks for it.
const LOOK: Duration = Duration::from_secs(1);
/// How often expired rows are forgotten.
const TIDY: Duration = Duration::from_secs(10 * 60);
/// A sweep that could not be done is tried again after this long.
const AGAIN: TimeDelta = TimeDelta::minutes(2);
/// A server that says nothing for this long during a sweep has lost it to another; every batch it writes prolongs it.
/// Shorter where sweeps are more frequent than that.
const SWEEP_LEASE: TimeDelta = TimeDelta::minutes(2);
/// Longer than any single request to a healthy directory.
const SHORTEST_SWEEP_LEASE: TimeDelta = TimeDelta::seconds(5);

/// How often the sealer of the audit log looks: what happened is in the chain within two seconds.
const SEAL: Duration = Duration::from_secs(1);

/// Starts all of it. It ends, leases given back, when `stop` is cancelled.
pub fn start(hub: &Hub, checkpoints: Arc<dyn CheckpointFile>, stop: &CancellationToken) -> JoinSet<()> {
    let owner = hub.random.id(hub.clock.now()).to_string();
    // Leases in the database name their owner so.
    tracing::info!(owner, "background work begins");
    let mut tasks = JoinSet::new();
    tasks.spawn(tidy(hub.clone(), owner.clone(), stop.clone()));
    tasks.spawn(keys::watch_sealing_keys(hub.clone(), owner.clone(), stop.clone()));
    tasks.spawn(keys::tend_signing_keys(hub.clone(), owner.clone(), stop.clone()));
    tasks.spawn(seal(Sealer::new(hub.clone(), owner.clone(), Some(checkpoints)), stop.clone()));
    tasks.spawn(imports::import(hub.clone(), owner.clone(), stop.clone()));
    tasks.spawn(sweep(hub.clone(), owner, stop.clone()));
    tasks.spawn(check_hosts(hub.clone(), stop.clone()));
    tasks
}

/// The audit log is sealed. An error is said when it begins and when it ends, not every second.
async fn seal(mut sealer: Sealer, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(SEAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        match sealer.work().await {
            Ok(_) if failing => {
                tracing::info!("the audit log is sealed again");
                failing = false;
            }
            Ok(_) => {}
            Err(error) if !failing => {
                tracing::error!(%error, "the audit log could not be sealed");
                failing = true;
            }
            Err(_) => {}
        }
    }
    if let Err(error) = sealer.end().await {
        tracing::warn!(%error, "the end of the audit log could not be signed");
    }
}

async fn tidy(hub: Hub, owner: String, stop: CancellationToken) {
    const NAME: &str = "tidy";
    let mut ticks = tokio::time::interval(TIDY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let length = TimeDelta::seconds(i64::try_from(TIDY.as_secs()).unwrap_or(600));
        match hub.take_lease(NAME, &owner, length).await {
            Ok(Some(lease)) => match forget(&hub, &lease).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "forgot what had expired"),
                Err(error) => tracing::error!(%error, "could not forget what had expired"),
            },
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "could not take the lease for tidying"),
        }
    }
    give_back(&hub, NAME, &owner).await;
}

/// Every server of the hub looks for itself: what one can reach, another may not.
async fn check_hosts(hub: Hub, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        match stop.run_until_cancelled(hub.check_hosts()).await {
            Some(Ok(recovered)) => {
                for source in recovered {
                    tracing::info!(%source, "a directory has a server more again");
                }
            }
            Some(Err(error)) => tracing::error!(%error, "could not look at the directories' servers"),
            None => return,
        }
    }
}

async fn forget(hub: &Hub, lease: &Lease) -> Result<u64, HubError> {
    let (sessions, sign_ins) = (hub.forget_expired(lease).await?, hub.forget_old_sign_ins(lease).await?);
    let drafts = hub.forget_source_drafts(lease).await? + hub.forget_old_imports(lease).await?;
    Ok(sessions + sign_ins + drafts + hub.forget_browser_sessions(lease).await?)
}

/// Which sources were swept, or found to be swept by another server, and when to look again.
type Due = HashMap<SourceId, DateTime<Utc>>;

async fn sweep(hub: Hub, owner: String, stop: CancellationToken) {
    let mut due = Due::new();
    // A slow directory delays its own sweep and nobody else's.
    let mut under_way: JoinSet<(SourceId, Result<bool, HubError>)> = JoinSet::new();
    let mut busy: Vec<SourceId> = Vec::new();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = under_way.join_next() => {
                let Ok((source, result)) = ended else { continue };
                busy.retain(|id| *id != source);
                due.insert(source, next_look(&hub, source, result).await);
            }
            _ = ticks.tick() => {
                let sources = match hub.sources_now().await {
                    Ok(sources) => sources,
                    Err(error) => {
                        tracing::error!(%error, "could not read the sources");
                        continue;
                    }
                };
                for source in sources.iter().filter(|s| is_swept(s.source.mode) && s.source.connector.is_readable()) {
                    let id = source.source.id;
                    let is_due = due.get(&id).is_none_or(|at| *at <= hub.clock.now());
                    if is_due && !busy.contains(&id) {
                        busy.push(id);
                        under_way.spawn(sweep_one(hub.clone(), id, owner.clone()));
                    }
                }
            }
        }
    }
    under_way.shutdown().await;
    for source in due.keys() {
        give_back(&hub, &lease_name(*source), &owner).await;
    }
}

const fn is_swept(mode: SourceMode) -> bool {
    match mode {
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Observe => true,
        SourceMode::Paused | SourceMode::Retired => false,
    }
}

/// One sweep, if no other server does it: whether it was done completely. The lease then runs until the next one is due.
async fn sweep_one(hub: Hub, source: SourceId, owner: String) -> (SourceId, Result<bool, HubError>) {
    let work = async {
        let name = lease_name(source);
        let interval = interval(&hub).await;
        let Some(lease) = hub.take_lease(&name, &owner, interval.clamp(SHORTEST_SWEEP_LEASE, SWEEP_LEASE)).await?
        else {
            return Ok(false);
        };
        let swept = hub.sweep_source(source, &lease).await.map(|report| {
            match &report.stopped {
                Some(reason) => tracing::warn!(%source, reason, "a sweep ended early"),
                None => tracing::info!(%source, ?report, "swept"),
            }
            report.complete
        });
        if let Err(HubError::Storage(error)) = &swept
            && error.is_lost_lease()
        {
            return swept;
        }
        // Kept until the next one is due, so that no other server sweeps meanwhile.
        let rest = if matches!(swept, Ok(true)) { interval } else { interval.min(AGAIN) };
        hub.take_lease(&name, &owner, rest).await?;
        swept
    };
    let result = work.await;
    (source, result)
}

async fn next_look(hub: &Hub, source: SourceId, result: Result<bool, HubError>) -> DateTime<Utc> {
    let wait = match result {
        Ok(true) => interval(hub).await,
        Ok(false) => interval(hub).await.min(AGAIN),
        Err(error) => {
            tracing::warn!(%source, %error, "could not sweep this directory");
            interval(hub).await.min(AGAIN)
        }
    };
    hub.clock.now() + wait
}

async fn interval(hub: &Hub) -> TimeDelta {
    let seconds = match hub.policy_now().await {
        Ok(policy) => policy.sweep_interval,
        Err(_) => hub.policy.sweep_interval,
    };
    TimeDelta::seconds(i64::from(u32::try_from(seconds).unwrap_or(u32::MAX)).max(1))
}

fn lease_name(source: SourceId) -> String {
    format!("sweep:{source}")
}

async fn give_back(hub: &Hub, name: &str, owner: &str) {
    if let Err(error) = hub.release_lease(name, owner).await {
        tracing::warn!(%error, name, "could not give a lease back");
    }
}
