//! The registered sources as this process sees them right now: settings, and a connector or the reason why there is
//! none. Read from the database at most once a second, so a change made by anybody is in force within two.

mod health;
mod live_source;
mod policy;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use directory::{ConnectorSettings, Policy, SourceId};
pub use health::{SourceCondition, SourceHealth};
pub use live_source::LiveSource;
pub(crate) use live_source::write_account;
pub(crate) use policy::SETTING as POLICY_SETTING;
use tokio::sync::Mutex;

use crate::{
    Hub, HubError,
    kernel::vault::{Place, Vault},
};

/// How old the view may grow before the database is asked whether anything changed.
const VIEW_AGE: TimeDelta = TimeDelta::seconds(1);

/// The view, and the lock that lets one caller refresh it while the others go on with the old one.
#[derive(Default)]
pub(crate) struct Connections {
    view: std::sync::RwLock<View>,
    refreshing: Mutex<()>,
}

#[derive(Default, Clone)]
struct View {
    /// Empty before the first reading and after [`Connections::forget`].
    read_at: Option<DateTime<Utc>>,
    /// Raised by [`Connections::forget`]: a reading that began before it does not count as fresh after it.
    generation: u64,
    revision: i64,
    policy_revision: i64,
    sources: Arc<Vec<Arc<LiveSource>>>,
    policy: Option<Arc<Policy>>,
}

impl View {
    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        // A clock that went back makes the age negative: read again rather than trust it.
        self.read_at.is_some_and(|at| now >= at && now - at < VIEW_AGE)
    }
}

impl Connections {
    fn view(&self) -> View {
        self.view.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn replace(&self, mut view: View) {
        let mut current = self.view.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if current.generation != view.generation {
            view.generation = current.generation;
            view.read_at = None;
        }
        *current = view;
    }

    /// Makes the next caller ask the database: this process has just changed something itself.
    pub(crate) fn forget(&self) {
        let mut current = self.view.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        current.generation += 1;
        current.read_at = None;
    }
}

impl Hub {
    /// Every registered source, by name.
    pub async fn sources_now(&self) -> Result<Arc<Vec<Arc<LiveSource>>>, HubError> {
        Ok(self.view_now().await?.sources)
    }

    /// One registered source.
    pub async fn live_source(&self, id: SourceId) -> Result<Arc<LiveSource>, HubError> {
        let sources = self.sources_now().await?;
        sources.iter().find(|s| s.source.id == id).cloned().ok_or(HubError::NotFound("The directory"))
    }

    /// The policy in force: the stored one if an administrator changed it, else the one the process started with.
    pub async fn policy_now(&self) -> Result<Arc<Policy>, HubError> {
        let view = self.view_now().await?;
        Ok(view.policy.unwrap_or_else(|| Arc::new(self.policy.clone())))
    }

    async fn view_now(&self) -> Result<View, HubError> {
        let connections = &self.state.connections;
        let view = connections.view();
        if view.is_fresh(self.clock.now()) {
            return Ok(view);
        }
        // Whoever comes while another reads goes on with the last view, unless there is none.
        let _turn = match connections.refreshing.try_lock() {
            Ok(turn) => turn,
            Err(_) if view.read_at.is_some() => return Ok(view),
            Err(_) => connections.refreshing.lock().await,
        };
        let before = connections.view();
        if before.is_fresh(self.clock.now()) {
            return Ok(before);
        }
        let view = self.read_view(before).await?;
        connections.replace(view.clone());
        Ok(view)
    }

    async fn read_view(&self, before: View) -> Result<View, HubError> {
        // Read before the rows: a change in between makes the next check read again.
        let read_at = Some(self.clock.now());
        let mut reader = self.database.reader();
        let revision = storage::sources::revision(&mut reader).await?;
        let policy_revision = storage::settings::revision(&mut reader, policy::SETTING).await?;
        let first = before.policy.is_none();
        let policy = if first || policy_revision != before.policy_revision {
            Some(Arc::new(policy::read(&mut reader, &self.policy).await?))
        } else {
            before.policy.clone()
        };
        let sources = if first || revision != before.revision {
            let stored = storage::sources::all(&mut reader).await?;
            let mut writers = storage::write_access::all(&mut reader).await?;
            let sources = stored.into_iter().map(|stored| {
                let at = writers.iter().position(|writer| writer.source == stored.source.id);
                let writer = at.map(|at| writers.swap_remove(at));
                let known = before.sources.iter().find(|s| s.is_still(&stored, writer.as_ref()));
                known.map_or_else(|| Arc::new(LiveSource::connect(self, stored, writer)), Arc::clone)
            });
            Arc::new(sources.collect())
        } else {
            before.sources
        };
        Ok(View { read_at, generation: before.generation, revision, policy_revision, sources, policy })
    }
}

/// Where a source's secret lives, for sealing it.
pub(crate) fn secret_place(row: &str) -> Place<'_> {
    Place { table: "source", column: "secret", row }
}

/// The same for the account that may write there.
pub(crate) fn write_secret_place(row: &str) -> Place<'_> {
    Place { table: "source_write_access", column: "secret", row }
}

/// Keyed digest of what a bind secret was entered for: hosts, transport and trusted authority. Whoever can write to
/// the database but does not hold the key cannot make the hub send the secret elsewhere.
pub(crate) fn entered_for(vault: &Vault, connector: &ConnectorSettings) -> Vec<u8> {
    let mut text = String::from(connector.ldap().map_or("", |ldap| ldap.transport.as_str()));
    if connector.ldap().is_none() && connector.is_plain() {
        text.push_str("plain");
    }
    let authority = connector.ca_pem().unwrap_or("system");
    for part in connector.urls().into_iter().map(url::Url::as_str).chain([authority]) {
        text.push('\n');
        text.push_str(part);
    }
    // Typed passwords go there: whoever redirects them has to know the source's secret. A file has none.
    if let ConnectorSettings::Sql(sql) = connector
        && !sql.is_file()
        && let Some(call_out) = sql.password.as_ref().and_then(|password| password.call_out.as_ref())
    {
        text.push_str(&format!("\ncall-out\n{}\n{}", call_out.url, call_out.ca_pem.as_deref().unwrap_or("system")));
    }
    vault.keyed_digest("source transport", text.as_bytes())
}
