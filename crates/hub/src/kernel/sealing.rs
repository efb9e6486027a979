//! The sealing keys of an installation: which one is in use is a fact of the database, so that all servers agree, and
//! moving to another one goes on while they run.
//!
//! The order is what makes it safe: the new key is put where every running server finds it; only when all of them say
//! that they hold it does the database name it as the one that seals; then every sealed value is wrapped anew, in
//! batches; only when none is left under the old key, and every server seals with the new one, is the old key taken
//! away. Each step can be repeated, so a command that was killed is started again.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde_json::json;
use storage::{
    Database, Queries, Transaction,
    keys::{self, KeyHolder, SealedColumn},
};

use super::{
    Actor, AuditEvent, Random, record,
    vault::{self, KeyId, KeyPlace, Place, Vault},
};
use crate::{Hub, HubError};

/// Name of the setting that says which key seals.
const CURRENT: &str = "sealing-key";
/// The installation's secret behind keyed digests.
const DIGEST_KEY: &str = "digests";
/// A server that has been silent for longer is not running.
const SILENT: TimeDelta = TimeDelta::seconds(60);

fn digest_place() -> Place<'static> {
    let (table, column) = SealedColumn::Installation.place();
    Place { table, column, row: DIGEST_KEY }
}

/// Which key seals in this database, as text; none if it has sealed nothing yet.
pub async fn current_key(queries: &mut impl Queries) -> Result<Option<String>, HubError> {
    let setting = storage::settings::get(queries, CURRENT).await?;
    Ok(setting.and_then(|setting| setting.value["current"].as_str().map(str::to_owned)))
}

/// Opens the vault of a database. A new database takes the first key of the place; any other needs the key it was
/// sealed with.
pub async fn open_vault(place: Arc<dyn KeyPlace>, database: &Database, random: &dyn Random) -> Result<Vault, HubError> {
    let held: Vec<KeyId> = place.read().map_err(HubError::Vault)?.iter().map(vault::key_id).collect();
    let current = match current_key(&mut database.reader()).await? {
        Some(current) => *held.iter().find(|id| id.to_string() == current).ok_or_else(|| {
            let held: Vec<String> = held.iter().map(ToString::to_string).collect();
            HubError::Vault(format!(
                "the sealing key is not this database's: the secrets in {} are sealed with the key {current}, and {} holds {}. Put the right key there (from \
                 your backup, or from another server of this database), or name its file with --sealing-key",
                database.place(),
                place.describe(),
                held.join(" and ")
            ))
        })?,
        None => *held.first().ok_or_else(|| HubError::Vault(format!("{} holds no key", place.describe())))?,
    };
    let mut fresh = SecretString::from(random.token());
    // Under a vault whose digests mean nothing yet.
    let opening = Vault::with(Arc::clone(&place), current, &SecretSlice::from(Vec::new()))?;
    let known = keys::installation_secret(&mut database.reader(), DIGEST_KEY).await?;
    let digest_key = match known {
        Some(sealed) => opening.open(digest_place(), &sealed)?,
        None => {
            let sealed = opening.seal(random, digest_place(), &fresh)?;
            // Several servers may open a new database at once: the first one's key stays.
            let kept: Result<Vec<u8>, HubError> = storage::write!(database, |tx| {
                if let Some(known) = keys::installation_secret(tx, DIGEST_KEY).await? {
                    return Ok(known);
                }
                keys::insert_installation_secret(tx, DIGEST_KEY, sealed.clone()).await?;
                put_current(tx, current).await?;
                Ok(sealed.clone())
            });
            opening.open(digest_place(), &kept?)?
        }
    };
    zeroize::Zeroize::zeroize(&mut fresh);
    let bytes = SecretSlice::from(digest_key.expose_secret().as_bytes().to_vec());
    Vault::with(place, current, &bytes)
}

async fn put_current(tx: &mut Transaction, key: KeyId) -> Result<(), HubError> {
    Ok(storage::settings::put(tx, CURRENT, json!({ "current": key.to_string() })).await?)
}

/// A server that does not hold what is needed, as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lagging {
    pub host: String,
    pub seen_at: DateTime<Utc>,
}

/// What every running server must have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Holds the key: could open what it seals.
    Holds,
    /// Seals with it.
    SealsWith,
}

impl Hub {
    /// Looks whether keys were added or taken away, and which one seals now. For the background of every second.
    pub async fn refresh_sealing_keys(&self) -> Result<(), HubError> {
        let Some(current) = current_key(&mut self.database.reader()).await? else { return Ok(()) };
        // A key that was taken out of its place leaves memory too.
        let known = self.vault.held().into_iter().find(|id| id.to_string() == current);
        let id = match known {
            Some(id) => id,
            None => self.vault.find(&current)?.ok_or_else(|| {
                HubError::Vault(format!(
                    "secrets are now sealed with the key {current}, which {} does not hold: copy it there from the \
                     server that rotated it",
                    self.vault.place()
                ))
            })?,
        };
        if self.vault.refresh(id)? {
            return Ok(());
        }
        Err(HubError::Vault(format!(
            "{} no longer holds the key {current}, which seals: put it back before this server is started again",
            self.vault.place()
        )))
    }

    /// Tells the others which keys this server holds.
    pub async fn note_keys_held(&self, server: &str, host: &str) -> Result<(), HubError> {
        let held: Vec<String> = self.vault.held().iter().map(ToString::to_string).collect();
        let seen_at = self.clock.now();
        storage::write!(self.database, |tx| {
            let holder = KeyHolder { server: server.to_owned(), host: host.to_owned(), held: held.join(" "), seen_at };
            Ok::<_, HubError>(keys::note_holder(tx, holder).await?)
        })
    }

    /// This server stops.
    pub async fn forget_keys_held(&self, server: &str) -> Result<(), HubError> {
        let before = self.clock.now() - TimeDelta::days(1);
        storage::write!(self.database, |tx| { Ok::<_, HubError>(keys::forget_holder(tx, server, before).await?) })
    }

    /// Running servers that are not ready for this key.
    pub async fn lagging(&self, key: KeyId, readiness: Readiness) -> Result<Vec<Lagging>, HubError> {
        let key = key.to_string();
        let since = self.clock.now() - SILENT;
        let holders = keys::holders(&mut self.database.reader(), since).await?;
        let ready = |holder: &KeyHolder| {
            let mut held = holder.held.split(' ');
            match readiness {
                Readiness::Holds => held.any(|id| id == key),
                Readiness::SealsWith => held.next() == Some(&key),
            }
        };
        let lagging = holders.into_iter().filter(|holder| !ready(holder));
        Ok(lagging.map(|holder| Lagging { host: holder.host, seen_at: holder.seen_at }).collect())
    }

    /// From now on this key seals. The place of this process must hold it.
    pub async fn seal_with(&self, actor: Actor, key: KeyId) -> Result<(), HubError> {
        if !self.vault.refresh(key)? {
            return Err(HubError::Vault(format!("{} does not hold the key {key}", self.vault.place())));
        }
        storage::write!(self.database, |tx| {
            let before = current_key(tx).await?;
            if before.as_deref() == Some(&key.to_string()) {
                return Ok(());
            }
            put_current(tx, key).await?;
            let details = json!({ "from": before, "to": key.to_string() });
            let event = AuditEvent::new(actor, "sealing-key.changed").details(details);
            Ok::<_, HubError>(record(tx, &*self.clock, &*self.random, event).await?)
        })
    }

    /// Wraps the next values that another key than the present one sealed, in one transaction; how many. 0 = all are
    /// done.
    pub async fn rewrap_some(&self, limit: u32) -> Result<u64, HubError> {
        let current = self.vault.current_id()?;
        for column in SealedColumn::ALL {
            let (table, name) = column.place();
            let done: Result<u64, HubError> = storage::write!(self.database, |tx| {
                let mut done = 0;
                for old in column.sealed_by_other(tx, current.bytes(), limit).await? {
                    let place = Place { table, column: name, row: &old.row };
                    if let Some(new) = self.vault.rewrap(&*self.random, place, &old.sealed)? {
                        done += u64::from(column.replace(tx, &old, new).await?);
                    }
                }
                Ok(done)
            });
            match done? {
                0 => {}
                done => return Ok(done),
            }
        }
        Ok(0)
    }

    /// How many values other keys than the present one sealed.
    pub async fn sealed_by_others(&self) -> Result<i64, HubError> {
        let current = self.vault.current_id()?;
        let mut reader = self.database.reader();
        let mut number = 0;
        for column in SealedColumn::ALL {
            number += column.count_sealed_by_other(&mut reader, current.bytes()).await?;
        }
        Ok(number)
    }

    /// The old key can be destroyed.
    pub async fn note_sealing_key_rotated(&self, actor: Actor, values: u64) -> Result<(), HubError> {
        let current = self.vault.current_id()?;
        storage::write!(self.database, |tx| {
            keys::drop_answers_sealed_by_other(tx, current.bytes()).await?;
            let details = json!({ "key": current.to_string(), "values": values });
            let event = AuditEvent::new(actor, "sealing-key.rotated").details(details);
            Ok::<_, HubError>(record(tx, &*self.clock, &*self.random, event).await?)
        })
    }
}

/// Refuses a value that was sealed just before the sealing key changed: written, it would be lost with the old key.
/// Asked in the transaction that writes it.
pub async fn still_current(tx: &mut Transaction, sealed: &[u8]) -> Result<(), HubError> {
    let current = current_key(tx).await?;
    let by = vault::sealed_by(sealed).map(|id| id.to_string());
    if current.is_none() || current == by {
        Ok(())
    } else {
        Err(HubError::Refused("The sealing key is just being changed. Try again in a few seconds.".to_owned()))
    }
}
