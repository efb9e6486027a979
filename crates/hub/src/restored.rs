//! A database that came back from a backup: what was ended, used up or counted since then is unknown, so whatever could
//! be a right is taken back, and whatever could be a count is taken to be full.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use storage::{copy, provider::Provider};

use crate::{
    Hub, HubError,
    connections::secret_place,
    kernel::{Actor, AuditEvent, record, vault::Place},
};

pub use storage::copy::Forgotten;

/// Name of the setting: when the database was restored last.
const RESTORED_AT: &str = "restored-at";

impl Hub {
    /// Ends every session, grant, code and link, and notes when that was, for the lockout budget. No server may run on
    /// the database meanwhile.
    pub async fn after_restore(&self, made_at: Option<DateTime<Utc>>) -> Result<Forgotten, HubError> {
        let now = self.clock.now();
        storage::write!(self.database, |tx| {
            let forgotten = copy::forget_credentials(tx, now).await?;
            storage::settings::put(tx, RESTORED_AT, Value::from(now.timestamp_micros())).await?;
            let details = json!({
                "backup_made_at": made_at,
                "sessions_ended": forgotten.sessions,
                "grants_ended": forgotten.grants,
            });
            let event = AuditEvent::new(Actor::CommandLine, "database.restored").details(details);
            record(tx, &*self.clock, &*self.random, event).await?;
            Ok::<_, HubError>(forgotten)
        })
    }

    /// When the database came back from a backup, if it ever did.
    pub(crate) async fn restored_at(&self) -> Result<Option<DateTime<Utc>>, HubError> {
        let read = || async {
            let setting = storage::settings::get(&mut self.database.reader(), RESTORED_AT).await?;
            Ok::<_, HubError>(setting.and_then(|s| s.value.as_i64()).and_then(DateTime::from_timestamp_micros))
        };
        self.state.restored_at.get_or_try_init(read).await.copied()
    }

    /// Opens everything that is sealed, and says how many secrets there are. The error names the first that does not
    /// open; no secret is in it.
    pub async fn open_every_secret(&self) -> Result<usize, HubError> {
        let mut reader = self.database.reader();
        let sources = storage::sources::all(&mut reader).await?;
        for stored in &sources {
            self.vault.open(secret_place(&stored.source.id.to_string()), &stored.secret.sealed)?;
        }
        let keys = Provider::new(&mut reader).signing_keys().await?;
        for key in &keys {
            // The private half of a key that no longer signs is gone.
            if key.sealed_private_key.is_empty() {
                continue;
            }
            let place = Place { table: "signing_key", column: "sealed_private_key", row: &key.id };
            self.vault.open(place, &key.sealed_private_key)?;
        }
        Ok(sources.len() + keys.len())
    }
}
