//! Figures that are looked at when somebody asks for them, rather than counted when something happens.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use connector::BreakerState;
use directory::{SourceMode, metric};
use storage::{audit_chain, sessions::Sessions};

use crate::{Hub, HubError};

/// Counting sessions reads an index from end to end: not more often than this.
const COUNT_AGAIN: TimeDelta = TimeDelta::minutes(1);
/// Whoever sees this many events unsealed needs no better number.
const UNSEALED_COUNTED: u32 = 10_000;
/// Name of the setting that holds when the last backup was made, in seconds since 1970.
pub const LAST_BACKUP: &str = "last-backup";

/// What was published before, so that what vanished can be taken back.
#[derive(Default)]
pub(crate) struct Observed {
    sources: Mutex<HashSet<String>>,
    /// (source, host)
    hosts: Mutex<HashSet<(String, String)>>,
    counted_at: Mutex<Option<DateTime<Utc>>>,
}

impl Hub {
    /// Brings the gauges up to date. What the database does not answer keeps its last value.
    pub async fn observe(&self) {
        self.database.observe();
        self.state.passwords.observe();
        if let Err(error) = self.observe_sources().await {
            tracing::warn!(%error, "could not read the sources for the published figures");
        }
        if let Err(error) = self.observe_audit().await {
            tracing::warn!(%error, "could not look at the audit log for the published figures");
        }
        if let Err(error) = self.observe_counts().await {
            tracing::warn!(%error, "could not count sessions for the published figures");
        }
    }

    async fn observe_sources(&self) -> Result<(), HubError> {
        let sources = self.sources_now().await?;
        let (mut seen, mut hosts) = (HashSet::new(), HashSet::new());
        for live in sources.iter() {
            let name = &live.source.name;
            let usable = match live.source.mode {
                SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Observe => {
                    f64::from(u8::from(!live.is_down()))
                }
                SourceMode::Paused | SourceMode::Retired => f64::NAN,
            };
            let breaker = match live.connector_for_test().map(|connector| connector.breaker()) {
                Ok(BreakerState::Closed) => 0.0,
                Ok(BreakerState::HalfOpen) => 1.0,
                Ok(BreakerState::Open) => 2.0,
                Err(_) => f64::NAN,
            };
            set(name, usable, breaker);
            seen.insert(name.clone());
            for host in live.connector_for_test().map(|connector| connector.hosts()).unwrap_or_default() {
                let usable = f64::from(u8::from(host.state.is_usable()));
                set_host(name, &host.host, usable);
                hosts.insert((name.clone(), host.host));
            }
        }
        let mut known = self.state.observed.sources.lock().unwrap_or_else(PoisonError::into_inner);
        for renamed in known.difference(&seen) {
            set(renamed, f64::NAN, f64::NAN);
        }
        *known = seen;
        let mut known = self.state.observed.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        for (source, host) in known.difference(&hosts) {
            set_host(source, host, f64::NAN);
        }
        *known = hosts;
        Ok(())
    }

    async fn observe_audit(&self) -> Result<(), HubError> {
        let mut reader = self.database.reader();
        let waiting = audit_chain::waiting(&mut reader, UNSEALED_COUNTED).await?;
        #[expect(clippy::cast_precision_loss, reason = "at most 10,000")]
        metrics::gauge!(metric::AUDIT_UNSEALED).set(waiting as f64);
        let oldest = audit_chain::waiting_since(&mut reader).await?;
        let age = oldest.map_or(0.0, |at| (self.clock.now() - at).as_seconds_f64().max(0.0));
        metrics::gauge!(metric::AUDIT_LAG).set(age);
        Ok(())
    }

    async fn observe_counts(&self) -> Result<(), HubError> {
        let now = self.clock.now();
        {
            let mut counted = self.state.observed.counted_at.lock().unwrap_or_else(PoisonError::into_inner);
            if counted.is_some_and(|at| now >= at && now - at < COUNT_AGAIN) {
                return Ok(());
            }
            *counted = Some(now);
        }
        let mut reader = self.database.reader();
        let sessions = Sessions::new(&mut reader).count_alive(now).await?;
        #[expect(clippy::cast_precision_loss, reason = "a figure for a chart")]
        metrics::gauge!(metric::SESSIONS).set(sessions as f64);
        let backup = storage::settings::get(&mut reader, LAST_BACKUP).await?;
        if let Some(at) = backup.and_then(|setting| setting.value.as_f64()) {
            metrics::gauge!(metric::BACKUP_COMPLETED).set(at);
        }
        Ok(())
    }
}

fn set_host(source: &str, host: &str, usable: f64) {
    metrics::gauge!(metric::SOURCE_HOST_USABLE, "source" => source.to_owned(), "host" => host.to_owned()).set(usable);
}

/// NaN where there is nothing to say: no alert compares with it.
fn set(source: &str, usable: f64, breaker: f64) {
    metrics::gauge!(metric::SOURCE_USABLE, "source" => source.to_owned()).set(usable);
    metrics::gauge!(metric::SOURCE_BREAKER, "source" => source.to_owned()).set(breaker);
}
