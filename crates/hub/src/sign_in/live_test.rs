//! The one bind of an administrator's live test. It takes a budget place like a sign-in does, so that trying a
//! directory never brings an account nearer to its lockout than signing in could. No trace, no counter, no capture.

use chrono::{DateTime, Utc};
use connector::{Connector, Verification};
use credential::Password;
use directory::{AdapterResult, LockoutReading, Source, SourceEntry};

use super::budget::{self, Ending, Limit, SourceCount};
use crate::{Hub, HubError};

impl Hub {
    /// Asks the source about a password for `entry`, read at `read_at`. Empty = no place is left and nothing was sent.
    pub(crate) async fn verify_within_budget(
        &self,
        source: &Source,
        connector: &dyn Connector,
        entry: &SourceEntry,
        read_at: DateTime<Utc>,
        password: &Password,
    ) -> Result<Option<Verification>, HubError> {
        let policy = self.policy_now().await?;
        let mut shown = entry.lockout;
        if shown.threshold.or(source.lockout.threshold).is_none()
            || shown.window_seconds.or(source.lockout.window_seconds).is_none()
        {
            // What the source does not say stays unknown, and `Limit::of` says which setting is missing.
            let general = connector.default_lockout().await.unwrap_or(LockoutReading::default());
            shown.threshold = shown.threshold.or(source.lockout.threshold).or(general.threshold);
            shown.window_seconds = shown.window_seconds.or(source.lockout.window_seconds).or(general.window_seconds);
        }
        let limit = Limit::of(shown, source.lockout, &policy)
            .map_err(|missing| HubError::Refused(format!("No password was sent: {}.", missing.words())))?;
        let count = SourceCount { failures: shown.failures, read_at };
        let limit = limit.after_restore(self.restored_at().await?, self.clock.now(), count);
        let key = (source.id, &entry.immutable_id);
        let place: Option<uuid::Uuid> =
            storage::write!(self.database, |tx| { budget::take(tx, self, key, limit, count, false).await })?;
        let Some(place) = place else { return Ok(None) };
        let said = connector.verify(entry, password.secret()).await;
        let ending = match (said.sent, said.proves_password || said.result == AdapterResult::Ok) {
            (_, true) => Ending::Proven,
            (true, false) => Ending::Kept,
            (false, false) => Ending::NotSent,
        };
        let ended: Result<(), HubError> =
            storage::write!(self.database, |tx| { budget::end(tx, self, key, place, ending).await });
        ended?;
        Ok(Some(said))
    }
}
