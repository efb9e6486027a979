//! What `isthmus doctor` asks of the database: facts about the installation, never about people.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use connector::ProbeStep;
use directory::{Role, Source, SourceMode};
use storage::{access, audit, audit_chain};

use crate::{Hub, HubError, connections::LiveSource, observe::LAST_BACKUP};

/// A key that signs tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyAge {
    pub id: String,
    pub algorithm: String,
    pub created_at: DateTime<Utc>,
    /// It signs; a retired one is only published.
    pub signs: bool,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Inspection {
    pub now: DateTime<Utc>,
    /// What the machine of the database says, where that is another one.
    pub database_now: Option<DateTime<Utc>>,
    pub signing_keys: Vec<SigningKeyAge>,
    /// `isthmus backup` made one then.
    pub last_backup: Option<DateTime<Utc>>,
    /// The newest line of the audit log.
    pub newest_event: Option<DateTime<Utc>>,
    /// The oldest event of the audit log that no server has sealed.
    pub oldest_unsealed: Option<DateTime<Utc>>,
    /// The last checkpoint that was signed: up to which event, and when.
    pub last_checkpoint: Option<(i64, DateTime<Utc>)>,
    pub administrators: usize,
    pub sources: Vec<Arc<LiveSource>>,
}

impl Hub {
    /// Reads it; writes nothing.
    pub async fn inspect(&self) -> Result<Inspection, HubError> {
        let mut reader = self.database.reader();
        let keys = self.signing_key_lines().await?;
        let backup = storage::settings::get(&mut reader, LAST_BACKUP).await?;
        let newest = audit::recent(&mut reader, 1).await?;
        let database_now = self.database.now_there().await?;
        Ok(Inspection {
            now: self.clock.now(),
            database_now,
            signing_keys: keys
                .into_iter()
                .map(|line| SigningKeyAge {
                    signs: line.stage == oidc::KeyStage::Current,
                    id: line.kid,
                    algorithm: line.algorithm,
                    created_at: line.published_at,
                })
                .collect(),
            last_backup: backup.and_then(|s| s.value.as_i64()).and_then(|at| DateTime::from_timestamp(at, 0)),
            newest_event: newest.first().map(|line| line.at),
            oldest_unsealed: audit_chain::waiting_since(&mut reader).await?,
            last_checkpoint: audit_chain::last_checkpoint(&mut reader).await?.map(|last| (last.sequence, last.at)),
            administrators: access::holders_of(&mut reader, Role::Administrator).await?.len(),
            sources: self.sources_now().await?.to_vec(),
        })
    }

    /// Tries a registered directory live, one step after the other, with the service account only. A wrong service
    /// password is sent once per host, as by the console's test.
    pub async fn probe_source(&self, live: &LiveSource) -> Vec<ProbeStep> {
        match live.connector_for_test() {
            Ok(connector) => connector.probe().await,
            Err(trouble) => vec![ProbeStep {
                name: "Settings".to_owned(),
                passed: false,
                detail: trouble.reason,
                remedy: Some("Open the directory in the console and enter what is missing.".to_owned()),
                milliseconds: 0,
            }],
        }
    }
}

/// Whether sign-ins ask the directory in this mode.
#[must_use]
pub const fn is_asked(source: &Source) -> bool {
    match source.mode {
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Observe => true,
        SourceMode::Paused | SourceMode::Retired => false,
    }
}
