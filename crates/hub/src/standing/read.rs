//! Reading the one linked entry of one person.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use connector::Trouble;
use directory::{Account, AccountId, LinkKind, Person, Policy, SourceEntry, SourceId};
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
        if self.read_account(&live, &account, policy).await? == Reading::Half {
            self.finish_reading(live, account);
        }
        let read = People(&mut self.database.reader()).by_id(person.id).await?;
        Ok(read.unwrap_or(person))
    }

    /// Reads the entry of one account for somebody who waits, and writes what it says.
    async fn read_account(&self, live: &LiveSource, account: &Account, policy: &Policy) -> Result<Reading, HubError> {
        let patience = Duration::from_millis(policy.profile_patience_ms);
        let asked = match live.connector() {
            Ok(connector) => connector.fetch_soon(&account.immutable_id, patience).await,
            Err(trouble) => Err(trouble),
        };
        self.write_reading(live, account, policy, asked).await
    }

    /// A source that could not be asked changes nothing.
    async fn write_reading(
        &self,
        live: &LiveSource,
        account: &Account,
        policy: &Policy,
        asked: Result<Option<SourceEntry>, Trouble>,
    ) -> Result<Reading, HubError> {
        match asked {
            Ok(Some(entry)) => {
                storage::write!(self.database, |tx| {
                    mirror::refresh(tx, self, &live.source, &entry, account, mirror::Cause::Reading).await
                })?;
                Ok(if entry.groups_complete { Reading::Whole } else { Reading::Half })
            }
            Ok(None) => {
                storage::write!(self.database, |tx| {
                    mirror::note_missing(tx, self, policy, &live.source, account).await
                })?;
                Ok(Reading::Whole)
            }
            Err(trouble) => {
                tracing::info!(source = %live.source.name, reason = %trouble.reason, "standing could not be read");
                Ok(Reading::None)
            }
        }
    }

    /// Reads the rest of an entry after the sign-in that could not wait for it. One at a time for each account, and
    /// not many together: what is left out, the next sweep brings.
    pub(crate) fn finish_reading(&self, live: Arc<LiveSource>, account: Account) {
        if !lock(&self.state.finishing).begin(account.id) {
            return;
        }
        let hub = self.clone();
        tokio::spawn(async move {
            let _ends = Finishing { hub: &hub, account: account.id };
            if let Err(error) = hub.finish(&live, account.id).await {
                tracing::warn!(source = %live.source.name, %error, "the rest of an entry could not be read");
            }
        });
    }

    async fn finish(&self, live: &LiveSource, id: AccountId) -> Result<(), HubError> {
        let policy = self.policy_now().await?;
        // As it is after the sign-in.
        let Some(account) = Accounts(&mut self.database.reader()).by_id(id).await? else { return Ok(()) };
        let asked = match live.connector() {
            Ok(connector) => connector.fetch(&account.immutable_id).await,
            Err(trouble) => Err(trouble),
        };
        self.write_reading(live, &account, &policy, asked).await.map(|_| ())
    }
}

/// How much of an entry was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Whole,
    /// Groups took too long.
    Half,
    None,
}

/// Accounts whose reading is being finished.
#[derive(Debug, Default)]
pub(crate) struct Unfinished(HashSet<AccountId>);

const AT_ONCE: usize = 16;

impl Unfinished {
    fn begin(&mut self, account: AccountId) -> bool {
        self.0.len() < AT_ONCE && self.0.insert(account)
    }
}

struct Finishing<'a> {
    hub: &'a Hub,
    account: AccountId,
}

impl Drop for Finishing<'_> {
    fn drop(&mut self) {
        lock(&self.hub.state.finishing).0.remove(&self.account);
    }
}

fn lock(unfinished: &Mutex<Unfinished>) -> MutexGuard<'_, Unfinished> {
    unfinished.lock().unwrap_or_else(PoisonError::into_inner)
}
