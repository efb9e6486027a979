//! One source and the connector to it.

use std::sync::Arc;

use connector::{BreakerState, Connector, Trouble, TroubleKind, WriteAccount, Writes};
use directory::{Source, SourceMode};
use storage::{sources::StoredSource, write_access::StoredWriteAccess};

use super::{entered_for, secret_place, write_secret_place};
use crate::{Hub, registry::is_same_account};

/// A registered source with its connector, or with the reason why there is none.
pub struct LiveSource {
    pub source: Source,
    connector: Result<Arc<dyn Connector>, Trouble>,
    /// What of writing there is switched on and possible.
    writes: Writes,
    /// Why nothing can be written although it is switched on.
    write_trouble: Option<String>,
    write_revision: i64,
}

impl LiveSource {
    /// Prepares the connector. Does not dial; whatever fails is kept as words for the administrator.
    pub(crate) fn connect(hub: &Hub, stored: StoredSource, writer: Option<StoredWriteAccess>) -> Self {
        let StoredSource { source, secret } = stored;
        let write_revision = writer.as_ref().map_or(0, |writer| writer.revision);
        let (account, write_trouble) = match writer.map(|writer| write_account(hub, &source, &writer)) {
            Some(Ok(account)) => (account, None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, None),
        };
        let writes = account.as_ref().map_or_else(Writes::default, |account| account.writes);
        let connector = if entered_for(&hub.vault, &source.connector) == secret.entered_for {
            let row = source.id.to_string();
            match hub.vault.open(secret_place(&row), &secret.sealed) {
                Ok(secret) => match account {
                    Some(account) => hub.connectors.connect_writing(&source, secret, account),
                    None => hub.connectors.connect(&source, secret),
                },
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
        if let Some(reason) = &write_trouble {
            tracing::warn!(source = %source.name, reason = %reason, "nothing can be written at this directory");
        }
        Self { source, connector, writes, write_trouble, write_revision }
    }

    /// Whether it was made from these settings.
    pub(super) fn is_still(&self, stored: &StoredSource, writer: Option<&StoredWriteAccess>) -> bool {
        self.source.id == stored.source.id
            && self.source.revision == stored.source.revision
            // The installation's own attributes change beside the source.
            && self.source.definitions == stored.source.definitions
            && self.write_revision == writer.map_or(0, |writer| writer.revision)
    }

    /// What may be written there now. Nothing, unless somebody switched it on.
    #[must_use]
    pub const fn writes(&self) -> Writes {
        self.writes
    }

    /// Why nothing can be written there although it is switched on.
    #[must_use]
    pub fn write_trouble(&self) -> Option<&str> {
        self.write_trouble.as_deref()
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

/// The second account, or in words why it is not used; empty where nothing is switched on.
pub(crate) fn write_account(
    hub: &Hub,
    source: &Source,
    writer: &StoredWriteAccess,
) -> Result<Option<WriteAccount>, String> {
    let access = &writer.access;
    let writes = Writes { unlocks: access.unlock_at_source, changes_passwords: access.password_write_back };
    if access.bind_dn.is_empty() || writes == Writes::default() {
        return Ok(None);
    }
    if source.connector.is_plain() {
        return Err("nothing is written over a connection without TLS".to_owned());
    }
    if entered_for(&hub.vault, &source.connector) != writer.secret.entered_for {
        return Err("the write account's password was entered for another host or other TLS settings: enter it again"
            .to_owned());
    }
    if source.connector.ldap().is_some_and(|ldap| is_same_account(&ldap.bind_dn, &access.bind_dn)) {
        return Err("the write account is the one that reads: name a second one".to_owned());
    }
    let secret = hub.vault.open(write_secret_place(&source.id.to_string()), &writer.secret.sealed);
    let secret = secret.map_err(|error| error.to_string())?;
    Ok(Some(WriteAccount { bind_dn: access.bind_dn.clone(), secret, writes }))
}

fn misconfigured(source: &Source, reason: String) -> Trouble {
    Trouble { kind: TroubleKind::Misconfigured, endpoint: source.name.clone(), reason }
}

fn unavailable(source: &Source, reason: &str) -> Trouble {
    Trouble { kind: TroubleKind::Unavailable, endpoint: source.name.clone(), reason: reason.to_owned() }
}
