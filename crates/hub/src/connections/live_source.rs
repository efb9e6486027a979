//! One source and the connector to it.

use std::sync::Arc;

use connector::{BreakerState, Connector, Trouble, TroubleKind};
use directory::{Source, SourceMode};
use storage::sources::StoredSource;

use super::{entered_for, secret_place};
use crate::Hub;

/// A registered source with its connector, or with the reason why there is none.
pub struct LiveSource {
    pub source: Source,
    connector: Result<Arc<dyn Connector>, Trouble>,
}

impl LiveSource {
    /// Prepares the connector. Does not dial; whatever fails is kept as words for the administrator.
    pub(crate) fn connect(hub: &Hub, stored: StoredSource) -> Self {
        let StoredSource { source, secret } = stored;
        let connector = if entered_for(&hub.vault, &source.connector) == secret.entered_for {
            let row = source.id.to_string();
            match hub.vault.open(secret_place(&row), &secret.sealed) {
                Ok(secret) => hub.connectors.connect(&source, secret),
                Err(error) => Err(misconfigured(&source, error.to_string())),
            }
        } else {
            Err(misconfigured(
                &source,
                "the bind password was entered for another host or other TLS settings: enter it again".to_owned(),
            ))
        };
        if let Err(trouble) = &connector {
            tracing::warn!(source = %source.name, reason = %trouble.reason, "this directory cannot be used");
        }
        Self { source, connector }
    }

    /// The connector, or why the source cannot be asked. A paused source is treated as down, never as "not found".
    pub fn connector(&self) -> Result<Arc<dyn Connector>, Trouble> {
        match self.source.mode {
            SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Observe => {
                self.connector.clone()
            }
            SourceMode::Paused => Err(unavailable(&self.source, "this directory is paused")),
            SourceMode::Retired => Err(unavailable(&self.source, "this directory is retired")),
        }
    }

    /// The connector whatever the mode, for an administrator's live test.
    pub(crate) fn connector_for_test(&self) -> Result<Arc<dyn Connector>, Trouble> {
        self.connector.clone()
    }

    /// Whether a sign-in would find it down, answered without dialling: paused, breaker open, or misconfigured.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.connector().map_or(true, |c| c.breaker() == BreakerState::Open)
    }
}

impl std::fmt::Debug for LiveSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveSource").field("source", &self.source.name).finish_non_exhaustive()
    }
}

fn misconfigured(source: &Source, reason: String) -> Trouble {
    Trouble { kind: TroubleKind::Misconfigured, endpoint: source.name.clone(), reason }
}

fn unavailable(source: &Source, reason: &str) -> Trouble {
    Trouble { kind: TroubleKind::Unavailable, endpoint: source.name.clone(), reason: reason.to_owned() }
}
