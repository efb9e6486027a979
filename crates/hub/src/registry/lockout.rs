//! A source whose lockout nobody knows stays paused: delegating wrong passwords to it could lock its people out
//! (semantics, section 4).

use std::sync::Arc;

use connector::{Connector, Trouble};
use directory::{LockoutSettings, SourceMode};

use crate::HubError;

/// Whether passwords, or a click that leads there, may be sent in this mode.
const fn needs_lockout(mode: SourceMode) -> bool {
    match mode {
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Observe => true,
        SourceMode::Paused | SourceMode::Retired => false,
    }
}

/// Refuses to leave PAUSED while threshold or window are neither configured nor shown by the source, and where they
/// leave no margin without a waiver.
pub(super) async fn check(
    mode: SourceMode,
    configured: LockoutSettings,
    connector: Result<Arc<dyn Connector>, Trouble>,
) -> Result<(), HubError> {
    if !needs_lockout(mode) {
        return Ok(());
    }
    let (mut threshold, mut window) = (configured.threshold, configured.window_seconds);
    let mut why = String::new();
    if threshold.is_none() || (threshold != Some(0) && window.is_none()) {
        let reading = match connector {
            Ok(connector) => connector.default_lockout().await,
            Err(trouble) => Err(trouble),
        };
        match reading {
            Ok(reading) => {
                threshold = threshold.or(reading.threshold);
                window = window.or(reading.window_seconds);
            }
            Err(trouble) => why = format!(" (it could not be asked: {trouble})"),
        }
    }
    let Some(threshold) = threshold else {
        return Err(missing("lockout_threshold", "after how many wrong passwords it locks an account", &why));
    };
    if threshold != 0 && window.is_none() {
        return Err(missing("lockout_window", "during which time wrong passwords add up", &why));
    }
    if (1..=2).contains(&threshold) && !configured.waiver {
        return Err(HubError::Refused(format!(
            "This directory locks an account at {threshold} wrong password(s), which leaves no margin: one wrong \
             password through the hub may lock somebody out. Raise its threshold, or accept that with lockout_waiver."
        )));
    }
    Ok(())
}

fn missing(setting: &str, meaning: &str, why: &str) -> HubError {
    HubError::Refused(format!(
        "The directory does not show {meaning}{why}, so nothing is asked of it: set {setting}. 0 means that it never locks \
         (threshold) or never forgets (window)."
    ))
}
