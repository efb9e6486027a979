//! tower-sessions on the hub's own storage.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hub::{Hub, HubError};
use tower_sessions::{
    SessionStore,
    cookie::time::OffsetDateTime,
    session::{Id, Record},
    session_store::{Error, Result},
};

/// Browser sessions in the hub's database, found by the digest of their id.
#[derive(Clone)]
pub struct HubSessionStore {
    hub: Hub,
}

impl HubSessionStore {
    pub fn new(hub: Hub) -> Self {
        Self { hub }
    }
}

impl std::fmt::Debug for HubSessionStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HubSessionStore")
    }
}

#[async_trait]
impl SessionStore for HubSessionStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        loop {
            let (data, expires_at) = stored(record)?;
            if self.hub.create_browser_session(&record.id.to_string(), data, expires_at).await.map_err(failed)? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let (data, expires_at) = stored(record)?;
        self.hub.save_browser_session(&record.id.to_string(), data, expires_at).await.map_err(failed)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some((data, expires_at)) = self.hub.browser_session(&id.to_string()).await.map_err(failed)? else {
            return Ok(None);
        };
        Ok(Some(Record {
            id: *id,
            data: serde_json::from_value(data).map_err(|error| Error::Decode(error.to_string()))?,
            expiry_date: OffsetDateTime::from_unix_timestamp(expires_at.timestamp())
                .map_err(|error| Error::Decode(error.to_string()))?,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.hub.delete_browser_session(&id.to_string()).await.map_err(failed)
    }
}

fn stored(record: &Record) -> Result<(serde_json::Value, DateTime<Utc>)> {
    let data = serde_json::to_value(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
    let expires_at = DateTime::from_timestamp(record.expiry_date.unix_timestamp(), 0)
        .ok_or_else(|| Error::Encode("the expiry is not a time".to_owned()))?;
    Ok((data, expires_at))
}

/// tower-sessions carries words only: this one is recognised where the answer is made.
pub const DATABASE_AWAY: &str = "the database is away";

fn failed(error: impl Into<HubError>) -> Error {
    let error: HubError = error.into();
    if error.is_unavailable() {
        tracing::error!(%error, "the browser session cannot be reached");
        return Error::Backend(DATABASE_AWAY.to_owned());
    }
    Error::Backend(error.to_string())
}
