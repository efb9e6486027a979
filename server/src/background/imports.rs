//! Imports by the clock. Of several servers one looks at it; the run's own lease sees to it that there is one of each
//! source, whoever began it.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use directory::{ImportState, SourceId};
use hub::{
    Hub, HubError,
    imports::{DueImport, ImportReport},
    kernel::Actor,
};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::give_back;

const NAME: &str = "import-clock";
/// How often it looks what is due.
const LOOK: Duration = Duration::from_secs(5);
/// If the server that looks dies, another looks after this long.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Sources read at the same time: each writes as fast as it can.
const AT_ONCE: usize = 2;
/// One that did not end well is not begun again before.
const AGAIN: TimeDelta = TimeDelta::minutes(5);

pub(super) async fn import(hub: Hub, owner: String, stop: CancellationToken) {
    let mut under_way: JoinSet<(SourceId, Result<ImportReport, HubError>)> = JoinSet::new();
    let mut busy: Vec<SourceId> = Vec::new();
    let mut not_before: HashMap<SourceId, DateTime<Utc>> = HashMap::new();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = under_way.join_next() => {
                let Ok((source, result)) = ended else { continue };
                busy.retain(|id| *id != source);
                if !ended_well(source, &result) {
                    not_before.insert(source, hub.clock.now() + AGAIN);
                }
            }
            _ = ticks.tick() => {
                let due = match due(&hub, &owner).await {
                    Ok(due) => due,
                    Err(error) => {
                        tracing::error!(%error, "could not find out which imports are due");
                        continue;
                    }
                };
                for DueImport { source, request } in due {
                    let waits = not_before.get(&source).is_some_and(|at| *at > hub.clock.now());
                    if waits || busy.contains(&source) || busy.len() >= AT_ONCE {
                        continue;
                    }
                    busy.push(source);
                    let (hub, stop) = (hub.clone(), stop.clone());
                    under_way.spawn(async move {
                        (source, hub.import_source(source, request, Actor::System, &stop, &|_| {}).await)
                    });
                }
            }
        }
    }
    // They end with the batch they are writing, and go on after the restart.
    while under_way.join_next().await.is_some() {}
    give_back(&hub, NAME, &owner).await;
}

/// Nothing while another server looks.
async fn due(hub: &Hub, owner: &str) -> Result<Vec<DueImport>, HubError> {
    match hub.take_lease(NAME, owner, LEASE).await? {
        Some(_) => hub.imports_due().await,
        None => Ok(Vec::new()),
    }
}

fn ended_well(source: SourceId, result: &Result<ImportReport, HubError>) -> bool {
    match result {
        Ok(report) if report.state == ImportState::Completed => true,
        Ok(report) => {
            let reason = report.reason.as_deref().unwrap_or_default();
            tracing::warn!(%source, state = %report.state, reason, "an import by the clock did not complete");
            false
        }
        // Somebody else began one.
        Err(HubError::Refused(_)) => false,
        Err(error) => {
            tracing::warn!(%source, %error, "an import by the clock failed");
            false
        }
    }
}
