//! The provider's signing keys and their life: published ahead of use, signing, published until the last token has
//! expired, gone. All of it is times in rows, so that any number of servers agree without talking to each other.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, TimeDelta, Utc};
use oidc::{KeyError, KeySet, KeyStage, SigningAlgorithm, SigningKey};
use serde_json::{Value, json};
use storage::{
    Transaction,
    keys::SealedColumn,
    provider::{Provider, SigningKeyRow},
};
use tokio::sync::Mutex;

use crate::{
    Hub, HubError,
    kernel::{Actor, AuditEvent, record, sealing, seconds, vault::Place},
};

/// How old the view of the keys may grow before the database is asked again: a server notices within two seconds.
const VIEW_AGE: TimeDelta = TimeDelta::seconds(1);
/// The soonest that a published key may sign: every server has published it by then.
const SOONEST: TimeDelta = TimeDelta::seconds(5);
/// Clocks of servers and applications differ: a key leaves this much after its last token.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

/// The opened keys of this process.
#[derive(Default)]
pub(crate) struct SigningKeys {
    view: RwLock<Option<View>>,
    refreshing: Mutex<()>,
}

#[derive(Clone)]
struct View {
    read_at: DateTime<Utc>,
    keys: Arc<KeySet>,
    /// No token may live longer: the key that signs it leaves then.
    last_expiry: Option<DateTime<Utc>>,
    /// Opened once: an RSA key takes its time. By id, and whether the private half is there.
    opened: HashMap<(String, bool), Arc<SigningKey>>,
}

/// A signing key, as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyLine {
    pub kid: String,
    pub algorithm: String,
    pub stage: KeyStage,
    pub published_at: DateTime<Utc>,
    pub signs_from: DateTime<Utc>,
    pub leaves_at: Option<DateTime<Utc>>,
}

/// When a rotation takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotateWhen {
    /// After the time that the policy gives applications to see the new keys.
    Ahead,
    /// As soon as every server has published them.
    Now,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyRotation {
    pub kids: Vec<String>,
    pub signs_from: DateTime<Utc>,
    /// When the old keys leave.
    pub old_leave_at: Option<DateTime<Utc>>,
    /// The new keys had been published before.
    pub published_before: bool,
}

fn place(kid: &str) -> Place<'_> {
    let (table, column) = SealedColumn::SigningKey.place();
    Place { table, column, row: kid }
}

fn unusable(error: &KeyError) -> HubError {
    HubError::Internal(error.to_string())
}

/// The stage of each key at this time; `rows` are as storage gives them, the latest of an algorithm first.
fn stages(rows: &[SigningKeyRow], now: DateTime<Utc>) -> Vec<KeyStage> {
    let mut signing: Vec<&str> = Vec::new();
    let mut stages = Vec::with_capacity(rows.len());
    for row in rows {
        stages.push(if row.signs_from > now {
            KeyStage::Next
        } else if !signing.contains(&row.algorithm.as_str()) {
            signing.push(&row.algorithm);
            KeyStage::Current
        } else if row.leaves_at.is_none_or(|at| now < at) {
            KeyStage::Previous
        } else {
            KeyStage::Gone
        });
    }
    stages
}

impl Hub {
    /// The JWKS document.
    pub async fn jwks(&self) -> Result<Value, HubError> {
        self.signing_keys().await?.public_document().map_err(|error| unusable(&error))
    }

    /// Makes the keys if this installation has none, so that the first person who signs in does not wait for it.
    pub async fn prepare_signing_keys(&self) -> Result<(), HubError> {
        self.signing_keys().await.map(|_| ())
    }

    pub(super) async fn signing_keys(&self) -> Result<Arc<KeySet>, HubError> {
        Ok(self.signing_view().await?.keys)
    }

    /// The keys, and the time that no token signed with them now may outlive.
    pub(super) async fn keys_to_sign(&self) -> Result<(Arc<KeySet>, Option<DateTime<Utc>>), HubError> {
        let view = self.signing_view().await?;
        Ok((view.keys, view.last_expiry))
    }

    async fn signing_view(&self) -> Result<View, HubError> {
        let state = &self.state.signing_keys;
        let known = || state.view.read().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.clock.now();
        let fresh = |view: &View| now >= view.read_at && now - view.read_at < VIEW_AGE;
        let before = known();
        if let Some(view) = before.as_ref().filter(|view| fresh(view)) {
            return Ok(view.clone());
        }
        // Whoever comes while another reads goes on with the last view, unless there is none.
        let _turn = match (state.refreshing.try_lock(), before) {
            (Ok(turn), _) => turn,
            (Err(_), Some(view)) => return Ok(view),
            (Err(_), None) => state.refreshing.lock().await,
        };
        let before = known();
        if let Some(view) = before.as_ref().filter(|view| fresh(view)) {
            return Ok(view.clone());
        }
        let view = self.read_signing_keys(before).await?;
        *state.view.write().unwrap_or_else(PoisonError::into_inner) = Some(view.clone());
        Ok(view)
    }

    async fn read_signing_keys(&self, before: Option<View>) -> Result<View, HubError> {
        let now = self.clock.now();
        let mut rows = Provider::new(&mut self.database.reader()).signing_keys().await?;
        if rows.is_empty() {
            self.make_first_keys().await?;
            rows = Provider::new(&mut self.database.reader()).signing_keys().await?;
        }
        let known = before.map(|view| view.opened).unwrap_or_default();
        let (mut keys, mut opened, mut last_expiry) = (Vec::new(), HashMap::new(), None);
        for (row, stage) in rows.iter().zip(stages(&rows, now)) {
            let signs = matches!(stage, KeyStage::Current | KeyStage::Next);
            let key = match known.get(&(row.id.clone(), signs)) {
                Some(key) => Arc::clone(key),
                None => Arc::new(self.open_signing_key(row, signs)?),
            };
            if stage == KeyStage::Current {
                last_expiry = [last_expiry, row.leaves_at.map(|at| at - MARGIN)].into_iter().flatten().min();
            }
            opened.insert((row.id.clone(), signs), Arc::clone(&key));
            keys.push((stage, key));
        }
        Ok(View { read_at: now, keys: Arc::new(KeySet::new(keys)), last_expiry, opened })
    }

    /// Several servers may do this at once: the first one's keys stay.
    async fn make_first_keys(&self) -> Result<(), HubError> {
        let now = self.clock.now();
        // No other key signs, so these do at once: also for whoever read the time a moment before, or has a slower clock.
        let rows = self.new_keys(now, now - MARGIN).await?;
        storage::write!(self.database, |tx| {
            if Provider::new(tx).signing_keys().await?.is_empty() {
                self.insert_keys(tx, &rows).await?;
            }
            Ok(())
        })
    }

    async fn insert_keys(&self, tx: &mut Transaction, rows: &[SigningKeyRow]) -> Result<(), HubError> {
        for row in rows {
            sealing::still_current(tx, &row.sealed_private_key).await?;
            Provider::new(tx).insert_signing_key(row).await?;
        }
        Ok(())
    }

    /// One key per algorithm, sealed.
    async fn new_keys(&self, now: DateTime<Utc>, signs_from: DateTime<Utc>) -> Result<Vec<SigningKeyRow>, HubError> {
        let mut rows = Vec::new();
        for algorithm in SigningAlgorithm::ALL {
            let pem = tokio::task::spawn_blocking(move || oidc::generate_key(algorithm))
                .await
                .map_err(|error| HubError::Internal(error.to_string()))?
                .map_err(|error| unusable(&error))?;
            let key = SigningKey::from_pem(algorithm, &pem).map_err(|error| unusable(&error))?;
            rows.push(SigningKeyRow {
                sealed_private_key: self.vault.seal(self.random.as_ref(), place(&key.kid), &pem)?,
                public_key: key.public_jwk().map_err(|error| unusable(&error))?,
                id: key.kid,
                algorithm: algorithm.as_str().to_owned(),
                created_at: now,
                signs_from,
                leaves_at: None,
            });
        }
        Ok(rows)
    }

    fn open_signing_key(&self, row: &SigningKeyRow, signs: bool) -> Result<SigningKey, HubError> {
        let algorithm = SigningAlgorithm::from_stored(&row.algorithm)
            .ok_or_else(|| HubError::Internal(format!("signing key {} has an unknown algorithm", row.id)))?;
        if signs {
            let pem = self.vault.open(place(&row.id), &row.sealed_private_key)?;
            SigningKey::from_pem(algorithm, &pem)
        } else {
            SigningKey::from_public_jwk(algorithm, row.public_key.clone())
        }
        .map_err(|error| unusable(&error))
    }

    /// Every signing key that is remembered, with its times.
    pub async fn signing_key_lines(&self) -> Result<Vec<SigningKeyLine>, HubError> {
        let rows = Provider::new(&mut self.database.reader()).signing_keys().await?;
        let stages = stages(&rows, self.clock.now());
        let line = |(row, stage): (SigningKeyRow, KeyStage)| SigningKeyLine {
            kid: row.id,
            algorithm: row.algorithm,
            stage,
            published_at: row.created_at,
            signs_from: row.signs_from,
            leaves_at: row.leaves_at,
        };
        Ok(rows.into_iter().zip(stages).map(line).collect())
    }

    /// Publishes a new pair of keys that is to follow the present one. If one is published already, `Now` brings it
    /// forward and `Ahead` leaves it as it is: two successors at once would only be confusing.
    pub async fn rotate_signing_keys(&self, actor: Actor, when: RotateWhen) -> Result<SigningKeyRotation, HubError> {
        let policy = self.policy_now().await?;
        self.prepare_signing_keys().await?;
        let now = storage::to_microseconds(self.clock.now());
        let signs_from = match when {
            RotateWhen::Ahead => now + seconds(policy.signing_key_ahead).max(SOONEST),
            RotateWhen::Now => now + SOONEST,
        };
        let fresh = self.new_keys(now, signs_from).await?;
        let old_leave_at = signs_from + seconds(policy.access_token) + MARGIN;
        storage::write!(self.database, |tx| {
            let rows = Provider::new(tx).signing_keys().await?;
            let staged = || rows.iter().zip(stages(&rows, now));
            let next: Vec<&SigningKeyRow> =
                staged().filter(|(_, stage)| *stage == KeyStage::Next).map(|(row, _)| row).collect();
            let rotation = |new: &[&SigningKeyRow], signs_from, old_leave_at| SigningKeyRotation {
                kids: new.iter().map(|row| row.id.clone()).collect(),
                signs_from,
                old_leave_at,
                published_before: !next.is_empty(),
            };
            if let (RotateWhen::Ahead, Some(waiting)) = (when, next.first()) {
                let leave = staged().find(|(_, stage)| *stage == KeyStage::Current).and_then(|(row, _)| row.leaves_at);
                return Ok(rotation(&next, waiting.signs_from, leave));
            }
            let successors: Vec<&SigningKeyRow> = if next.is_empty() { fresh.iter().collect() } else { next.clone() };
            if next.is_empty() {
                self.insert_keys(tx, &fresh).await?;
            } else {
                for row in &next {
                    Provider::new(tx).schedule_signing_key(&row.id, signs_from.min(row.signs_from), None).await?;
                }
            }
            for (row, _) in staged().filter(|(_, stage)| *stage == KeyStage::Current) {
                Provider::new(tx).schedule_signing_key(&row.id, row.signs_from, Some(old_leave_at)).await?;
            }
            let done = rotation(&successors, signs_from, Some(old_leave_at));
            let details = json!({ "kids": done.kids, "signs_from": signs_from, "old_leave_at": old_leave_at });
            let event = AuditEvent::new(actor, "signing-key.published").details(details);
            record(tx, &*self.clock, &*self.random, event).await?;
            Ok::<_, HubError>(done)
        })
    }

    /// Rotates the keys if their time has come, destroys private halves that no longer sign, and forgets keys that
    /// nobody asks for. For the background; whether anything was done.
    pub async fn tend_signing_keys(&self) -> Result<bool, HubError> {
        let policy = self.policy_now().await?;
        let now = storage::to_microseconds(self.clock.now());
        let rows = Provider::new(&mut self.database.reader()).signing_keys().await?;
        let staged: Vec<(&SigningKeyRow, KeyStage)> = rows.iter().zip(stages(&rows, now)).collect();
        let follows = staged.iter().any(|(_, stage)| *stage == KeyStage::Next);
        let (period, ahead) = (seconds(policy.signing_key_period), seconds(policy.signing_key_ahead));
        let due = |row: &SigningKeyRow| row.signs_from + period <= now + ahead;
        let mut done = false;
        if policy.signing_key_period > 0
            && !follows
            && staged.iter().any(|(row, stage)| *stage == KeyStage::Current && due(row))
        {
            self.rotate_signing_keys(Actor::System, RotateWhen::Ahead).await?;
            done = true;
        }
        // A hint may come back as long as a grant may live (RP-Initiated Logout 2).
        let hints = seconds(policy.offline_access.max(policy.session));
        for (row, stage) in staged {
            let successor = rows.iter().filter(|r| r.algorithm == row.algorithm && r.signs_from > row.signs_from);
            let follows_at = successor.map(|r| r.signs_from).min();
            let over = |since: Option<DateTime<Utc>>, after: TimeDelta| since.is_some_and(|at| at + after <= now);
            if stage == KeyStage::Gone && over(row.leaves_at, hints) {
                storage::write!(self.database, |tx| {
                    Ok::<_, HubError>(Provider::new(tx).delete_signing_key(&row.id).await?)
                })?;
                done = true;
            } else if stage >= KeyStage::Previous && !row.sealed_private_key.is_empty() && over(follows_at, MARGIN) {
                // Every server has long noticed that it no longer signs.
                storage::write!(self.database, |tx| {
                    Provider::new(tx).empty_signing_key(&row.id).await?;
                    let event =
                        AuditEvent::new(Actor::System, "signing-key.destroyed").details(json!({ "kid": row.id }));
                    Ok::<_, HubError>(record(tx, &*self.clock, &*self.random, event).await?)
                })?;
                done = true;
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, signs_from: i64, leaves_at: Option<i64>) -> SigningKeyRow {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        SigningKeyRow {
            id: id.to_owned(),
            algorithm: "ES256".to_owned(),
            public_key: Value::Null,
            sealed_private_key: Vec::new(),
            created_at: at(0),
            signs_from: at(signs_from),
            leaves_at: leaves_at.map(at),
        }
    }

    #[test]
    fn a_key_is_next_then_current_then_previous_then_gone() {
        let rows = [row("b", 100, None), row("a", 0, Some(200))];
        let at = |seconds| stages(&rows, DateTime::from_timestamp(seconds, 0).unwrap());
        assert_eq!(at(99), [KeyStage::Next, KeyStage::Current]);
        assert_eq!(at(100), [KeyStage::Current, KeyStage::Previous]);
        assert_eq!(at(200), [KeyStage::Current, KeyStage::Gone]);
        // However late the successor, there is always one that signs.
        assert_eq!(stages(&rows[1..], DateTime::from_timestamp(500, 0).unwrap()), [KeyStage::Current]);
    }
}
