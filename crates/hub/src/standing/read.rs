//! Reading the one linked entry of one person.

use directory::{Account, LinkKind, Person, Policy, SourceId};
use storage::{accounts::Accounts, people::People};

use crate::{Hub, HubError, connections::LiveSource, mirror};

impl Hub {
    /// The person as they are after asking their standing authority; as they were, if it cannot be asked.
    pub(super) async fn read_standing(
        &self,
        person: Person,
        source: SourceId,
        policy: &Policy,
    ) -> Result<Person, HubError> {
        let live = self.live_source(source).await?;
        let accounts = Accounts(&mut self.database.reader()).of_person(person.id).await?;
        let linked = accounts.into_iter().find(|a| a.source_id == source && a.kind == LinkKind::Primary);
        let Some(account) = linked else { return Ok(person) };
        self.read_account(&live, &account, policy).await?;
        let read = People(&mut self.database.reader()).by_id(person.id).await?;
        Ok(read.unwrap_or(person))
    }

    /// Reads the entry of one account and writes what it says. False if the source could not be asked, which changes
    /// nothing.
    pub(super) async fn read_account(
        &self,
        live: &LiveSource,
        account: &Account,
        policy: &Policy,
    ) -> Result<bool, HubError> {
        let asked = match live.connector() {
            Ok(connector) => connector.fetch(&account.immutable_id).await,
            Err(trouble) => Err(trouble),
        };
        match asked {
            Ok(Some(entry)) => {
                storage::write!(self.database, |tx| {
                    mirror::refresh(tx, self, &live.source, &entry, account).await
                })?;
                Ok(true)
            }
            Ok(None) => {
                storage::write!(self.database, |tx| {
                    mirror::note_missing(tx, self, policy, &live.source, account).await
                })?;
                Ok(true)
            }
            Err(trouble) => {
                tracing::info!(source = %live.source.name, reason = %trouble.reason, "standing could not be read");
                Ok(false)
            }
        }
    }
}
