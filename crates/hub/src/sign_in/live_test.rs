//! The one bind of an administrator's live test. It takes a budget place like a sign-in does, so that trying a
//! directory never brings an account nearer to its lockout than signing in could. No trace, no counter, no capture.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use connector::{Connector, Verification};
use credential::{Password, Verdict};
use directory::{AdapterResult, ImmutableId, LockoutReading, Source, SourceEntry};

use super::budget::{self, Ending, Limit, SourceCount};
use crate::{Hub, HubError};

/// Wrong passwords of a service account that the wizard lets reach its directory in a quarter of an hour: what locks
/// such an account is not known yet.
const SERVICE_ACCOUNT: Limit = Limit { threshold: None, places: 2, window: Some(TimeDelta::minutes(15)) };

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
        let (limit, count) = self.limit_for_test(source, connector, entry, read_at).await?;
        let key = (source.id, &entry.immutable_id);
        let place: Option<uuid::Uuid> =
            storage::write!(self.database, |tx| { budget::take(tx, self, key, limit, count, false).await })?;
        let Some(place) = place else { return Ok(None) };
        self.verify_at(source, place, connector, entry, password).await.map(Some)
    }

    /// The same for a directory that is not registered yet, or registered already under another name: sign-ins there
    /// may have used their whole budget of T − 2, so only one place is left before T.
    pub(crate) async fn verify_before_registration(
        &self,
        source: &Source,
        connector: &dyn Connector,
        entry: &SourceEntry,
        read_at: DateTime<Utc>,
        password: &Password,
    ) -> Result<Option<Verification>, HubError> {
        let (limit, count) = self.limit_for_test(source, connector, entry, read_at).await?;
        if limit.threshold.is_some_and(|threshold| threshold <= 2) {
            return Err(HubError::Refused("the directory locks at one or two wrong passwords".to_owned()));
        }
        // What sign-ins used before a restore is forgotten: there may be no place left beside theirs.
        if limit.threshold.is_some_and(|threshold| limit.places < threshold - 2) {
            return Ok(None);
        }
        let key = (source.id, &entry.immutable_id);
        let place: Option<uuid::Uuid> = storage::write!(self.database, |tx| {
            if limit.threshold.is_some() && budget::is_any_taken(tx, self, key, limit, count).await? {
                return Ok(None);
            }
            budget::take(tx, self, key, limit, count, true).await
        })?;
        let Some(place) = place else { return Ok(None) };
        self.verify_at(source, place, connector, entry, password).await.map(Some)
    }

    async fn limit_for_test(
        &self,
        source: &Source,
        connector: &dyn Connector,
        entry: &SourceEntry,
        read_at: DateTime<Utc>,
    ) -> Result<(Limit, SourceCount), HubError> {
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
        Ok((limit, count))
    }

    async fn verify_at(
        &self,
        source: &Source,
        place: uuid::Uuid,
        connector: &dyn Connector,
        entry: &SourceEntry,
        password: &Password,
    ) -> Result<Verification, HubError> {
        let said = if source.connector.hands_passwords_over() {
            self.compare_for_test(connector, entry, password).await?
        } else {
            connector.verify(entry, password.secret()).await
        };
        let ending = match (said.sent, said.proves_password || said.result == AdapterResult::Ok) {
            (_, true) => Ending::Proven,
            (true, false) => Ending::Kept,
            (false, false) => Ending::NotSent,
        };
        let key = (source.id, &entry.immutable_id);
        let ended: Result<(), HubError> =
            storage::write!(self.database, |tx| { budget::end(tx, self, key, place, ending).await });
        ended?;
        Ok(said)
    }

    /// The hub compares with the stored password: what the page shows as the source's answer is ours.
    async fn compare_for_test(
        &self,
        connector: &dyn Connector,
        entry: &SourceEntry,
        password: &Password,
    ) -> Result<Verification, HubError> {
        let (result, reason) = match connector.stored_password(entry).await {
            Err(trouble) => return Ok(Verification::not_sent(&trouble)),
            Ok(None) => (AdapterResult::Unverifiable, "no stored password, or nobody says how it was made".to_owned()),
            Ok(Some(stored)) => match self.state.passwords.verify_stored(stored, password).await? {
                Ok(Verdict::Right { .. }) => (AdapterResult::Ok, "the stored password agrees".to_owned()),
                Ok(Verdict::Wrong) => (AdapterResult::BadPassword, "the stored password does not agree".to_owned()),
                Err(why) => (AdapterResult::Unverifiable, format!("the stored password cannot be verified: {why}")),
            },
        };
        Ok(Verification {
            result,
            // A comparison that failed counts like a bind that left, so that nobody tries out passwords here.
            sent: true,
            proves_password: result == AdapterResult::Ok,
            endpoint: entry.server.clone(),
            reason,
            locked_until: None,
            trouble: None,
        })
    }

    /// A place for one bind of the service account of a directory that is being connected. Empty = it was refused too
    /// often just now. Counted over all drafts: by addresses and account.
    pub(crate) async fn service_account_place(&self, source: &Source) -> Result<Option<uuid::Uuid>, HubError> {
        let account = self.service_account(source);
        let count = SourceCount { failures: None, read_at: self.clock.now() };
        storage::write!(self.database, |tx| {
            budget::take(tx, self, (source.id, &account), SERVICE_ACCOUNT, count, true).await
        })
    }

    /// Ends it: the password was accepted, or not, or nobody knows; empty = it never left.
    pub(crate) async fn end_service_account(
        &self,
        source: &Source,
        place: uuid::Uuid,
        accepted: Option<bool>,
    ) -> Result<(), HubError> {
        let account = self.service_account(source);
        let ending = match accepted {
            Some(true) => Ending::Proven,
            Some(false) => Ending::Kept,
            None => Ending::NotSent,
        };
        storage::write!(self.database, |tx| { budget::end(tx, self, (source.id, &account), place, ending).await })
    }

    fn service_account(&self, source: &Source) -> ImmutableId {
        let urls = source.connector.urls();
        let hosts: BTreeSet<String> = urls.iter().filter_map(|url| url.host_str().map(str::to_lowercase)).collect();
        let account = source.connector.service_account().to_lowercase();
        let text = format!("{account}\n{}", hosts.into_iter().collect::<Vec<_>>().join(","));
        let digest = self.vault.keyed_digest("service account", text.as_bytes());
        ImmutableId(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
