//! The hub: what the areas share, and the way into each.

use std::sync::Arc;

use connector::{Connector, Discovery, Trouble, TroubleKind, WriteAccount};
use directory::{Policy, Source};
use secrecy::SecretString;
use storage::Database;

use crate::{
    audit::AuditMemory,
    connections::Connections,
    kernel::{Clock, Random, passwords::VerificationPool, vault::Vault},
    overview::OverviewMemory,
    provider, sign_in, standing,
};

/// Makes the connector of a source; the wiring owns the one `match` on its kind.
pub trait ConnectorFactory: Send + Sync {
    /// Checks the settings and prepares a connector. Does not dial.
    fn connect(&self, source: &Source, secret: SecretString) -> Result<Arc<dyn Connector>, Trouble>;

    /// The same with a second account that may write there, for kinds of sources that can be written to.
    fn connect_writing(
        &self,
        source: &Source,
        secret: SecretString,
        account: WriteAccount,
    ) -> Result<Arc<dyn Connector>, Trouble> {
        drop(account);
        self.connect(source, secret)
    }

    /// Something to look at a directory with before it is registered; its settings may be incomplete. Empty where this
    /// process, or this kind of directory, has none.
    fn discover(&self, source: &Source, secret: Option<SecretString>) -> Option<Arc<dyn Discovery>> {
        let _ = (source, secret);
        None
    }
}

/// A factory for commands and tests that need no source.
#[derive(Debug, Clone, Copy)]
pub struct NoConnectors;

impl ConnectorFactory for NoConnectors {
    fn connect(&self, source: &Source, _secret: SecretString) -> Result<Arc<dyn Connector>, Trouble> {
        Err(Trouble {
            kind: TroubleKind::Unavailable,
            endpoint: source.name.clone(),
            reason: "this process does not connect to sources".to_owned(),
        })
    }
}

/// What a hub is made of.
pub struct HubParts {
    pub database: Database,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub vault: Vault,
    pub connectors: Arc<dyn ConnectorFactory>,
    /// The policy this process started with; [`Hub::policy_now`] is the one in force.
    pub policy: Policy,
    /// The issuer: scheme, host and port that browsers see, without a trailing slash.
    pub public_url: url::Url,
}

/// What a hub remembers between calls: caches and counters of this process, never facts.
#[derive(Default)]
pub(crate) struct HubState {
    pub(crate) connections: Connections,
    pub(crate) passwords: VerificationPool,
    pub(crate) sign_in: sign_in::Memory,
    /// When this database came back from a backup, if it ever did: read once.
    pub(crate) restored_at: tokio::sync::OnceCell<Option<chrono::DateTime<chrono::Utc>>>,
    pub(crate) observed: crate::observe::Observed,
    /// Readings that go on after the sign-in they began with.
    pub(crate) finishing: std::sync::Mutex<standing::Unfinished>,
    pub(crate) audit: AuditMemory,
    pub(crate) overview: OverviewMemory,
    /// Imports under way that the console started.
    pub(crate) imports: crate::imports::Started,
    /// The provider's keys, opened once.
    pub(crate) signing_keys: provider::SigningKeys,
}

/// The hub. Cheap to clone; every area is a set of methods on it or on a capability made from it.
#[derive(Clone)]
pub struct Hub {
    parts: Arc<HubParts>,
    pub(crate) state: Arc<HubState>,
}

impl Hub {
    #[must_use]
    pub fn new(parts: HubParts) -> Self {
        Self { parts: Arc::new(parts), state: Arc::default() }
    }
}

impl std::ops::Deref for Hub {
    type Target = HubParts;
    fn deref(&self) -> &HubParts {
        &self.parts
    }
}
