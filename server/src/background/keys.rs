//! Keys: noticing that the sealing key is being changed, and giving signing keys their successors.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hub::Hub;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::give_back;

/// How often a server looks for another sealing key: it is noticed within two seconds.
const LOOK: Duration = Duration::from_secs(1);
/// How often it says which keys it holds although nothing changed, so that it is known to be running.
const SAY: Duration = Duration::from_secs(20);
/// How often somebody looks whether a signing key needs a successor.
const TEND: Duration = Duration::from_secs(60);

/// Follows the sealing key, and tells the others which keys this server holds.
pub async fn watch_sealing_keys(hub: Hub, server: String, stop: CancellationToken) {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "unknown host".to_owned() } else { host.trim().to_owned() };
    let mut said = (Vec::new(), Instant::now());
    let mut complaint = String::new();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        // Once per trouble, not once per second.
        match hub.refresh_sealing_keys().await {
            Ok(()) => complaint.clear(),
            Err(error) if error.to_string() == complaint => {}
            Err(error) => {
                tracing::error!(%error, "the sealing key could not be looked after");
                complaint = error.to_string();
            }
        }
        let held = hub.vault.held();
        if held != said.0 || said.1.elapsed() >= SAY {
            match hub.note_keys_held(&server, &host).await {
                Ok(()) => said = (held, Instant::now()),
                Err(error) => tracing::debug!(%error, "could not say which sealing keys this server holds"),
            }
        }
    }
    if let Err(error) = hub.forget_keys_held(&server).await {
        tracing::warn!(%error, "could not say that this server stops");
    }
}

/// Of several servers, one at a time.
pub async fn tend_signing_keys(hub: Hub, owner: String, stop: CancellationToken) {
    const NAME: &str = "signing-keys";
    let mut ticks = tokio::time::interval(TEND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let length = TimeDelta::seconds(2 * i64::try_from(TEND.as_secs()).unwrap_or(60));
        match hub.take_lease(NAME, &owner, length).await {
            // Two servers at once would do no harm: each step looks again in its own transaction.
            Ok(Some(_)) => match hub.tend_signing_keys().await {
                Ok(true) => tracing::info!("signing keys were rotated or tidied"),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "could not tend the signing keys"),
            },
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "could not take the lease for signing keys"),
        }
    }
    give_back(&hub, NAME, &owner).await;
}
