//! Directories: register, change, switch the mode, and try them live without changing anything.

mod live_test;
mod profile_preview;
pub mod wizard;

pub use connector::{HostHealth, HostState, ProbeStep};
use directory::{Source, SourceDraft, SourceId, SourceMode};
pub use live_test::{ConnectionTest, PersonFound, PersonTest, PersonVerdict, WouldBecome};
pub use profile_preview::{MappedEntry, MappedValue};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use storage::sources::StoredSource;

use crate::{
    Hub, HubError,
    connections::SourceHealth,
    kernel::capability::{ManageSources, ReadConfiguration},
    registry::{PreparedSource, Proposal, insert_source, open_proposals, update_source},
};

/// A source as the console lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceOverview {
    pub source: Source,
    /// How many people have an account there.
    pub people: i64,
    /// A sign-in would find it down right now.
    pub down: bool,
    /// Why it cannot be asked, where the hub knows without dialling.
    pub trouble: Option<String>,
    pub health: SourceHealth,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceChange {
    pub source: Source,
    /// The part of the change that waits for a second person.
    pub proposal: Option<Proposal>,
}

impl Hub {
    /// Every directory, by name.
    pub async fn sources(&self, _: &ReadConfiguration) -> Result<Vec<SourceOverview>, HubError> {
        let mut overviews = Vec::new();
        for live in self.sources_now().await?.iter() {
            overviews.push(self.overview(live).await?);
        }
        Ok(overviews)
    }

    /// One directory.
    pub async fn source_by_name(&self, _: &ReadConfiguration, name: &str) -> Result<SourceOverview, HubError> {
        let sources = self.sources_now().await?;
        let live = sources.iter().find(|s| s.source.name == name).ok_or(HubError::NotFound("The directory"))?;
        self.overview(live).await
    }

    async fn overview(&self, live: &crate::connections::LiveSource) -> Result<SourceOverview, HubError> {
        Ok(SourceOverview {
            people: storage::sources::count_people(&mut self.database.reader(), live.source.id).await?,
            down: live.is_down(),
            trouble: live.connector().err().map(|t| t.reason),
            health: live.health(),
            source: live.source.clone(),
        })
    }

    /// Registers a directory.
    pub async fn register_source(
        &self,
        by: &ManageSources,
        draft: SourceDraft,
        secret: SecretString,
    ) -> Result<Source, HubError> {
        let prepared = self.prepare_new_source(draft, &secret).await?;
        storage::write!(self.database, |tx| { insert_source(tx, self, by.actor(), &prepared).await })?;
        self.state.connections.forget();
        Ok(prepared.source)
    }

    /// Changes a directory. The secret is needed again if its address or TLS settings change.
    pub async fn update_source(
        &self,
        by: &ManageSources,
        id: SourceId,
        revision: i64,
        draft: SourceDraft,
        secret: Option<SecretString>,
    ) -> Result<SourceChange, HubError> {
        let stored = self.source_at(id, revision).await?;
        let prepared = self.prepare_changed_source(&stored, draft, secret.as_ref()).await?;
        self.write_source(by, &stored, &prepared).await
    }

    /// Switches the mode of a directory.
    pub async fn set_source_mode(
        &self,
        by: &ManageSources,
        id: SourceId,
        revision: i64,
        mode: SourceMode,
    ) -> Result<SourceChange, HubError> {
        let stored = self.source_at(id, revision).await?;
        let draft = SourceDraft { mode, ..SourceDraft::from(&stored.source) };
        let prepared = self.prepare_changed_source(&stored, draft, None).await?;
        self.write_source(by, &stored, &prepared).await
    }

    /// Changes that wait for a second person, oldest first.
    pub async fn proposals(&self, _: &ReadConfiguration) -> Result<Vec<Proposal>, HubError> {
        open_proposals(self).await
    }

    async fn write_source(
        &self,
        by: &ManageSources,
        stored: &StoredSource,
        prepared: &PreparedSource,
    ) -> Result<SourceChange, HubError> {
        let outcome: crate::registry::SourceOutcome = storage::write!(self.database, |tx| {
            update_source(tx, self, by.actor(), &stored.source, prepared).await
        })?;
        self.state.connections.forget();
        Ok(SourceChange { source: outcome.source, proposal: outcome.proposal })
    }

    async fn stored_source(&self, id: SourceId) -> Result<StoredSource, HubError> {
        let found = storage::sources::by_id(&mut self.database.reader(), id).await?;
        found.ok_or(HubError::NotFound("The directory"))
    }

    async fn source_at(&self, id: SourceId, revision: i64) -> Result<StoredSource, HubError> {
        let stored = self.stored_source(id).await?;
        if stored.source.revision != revision {
            return Err(storage::StorageError::Stale { what: "This directory" }.into());
        }
        Ok(stored)
    }
}
