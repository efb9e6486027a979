//! Help desk ends a lock at the directory itself, where an administrator switched that on (semantics, section 4).

use chrono::{DateTime, TimeDelta, Utc};
use connector::{Unlock, WriteFailure, Written};
use directory::{Account, AccountStatus, PersonId, SourceEntry, SourceId};
use serde_json::json;
use storage::{
    Transaction, accounts::Accounts, budget::Budget, people::People, sources, throttle::Throttle, write_access::Unlocks,
};

use super::lookup::note_contact;
use crate::{
    Hub, HubError,
    connections::LiveSource,
    kernel::{
        Actor, AuditEvent,
        capability::{FindPeople, HelpPeople},
        record,
    },
    mirror,
};

/// Of one person in one day.
const A_DAY: i64 = 3;
const DAY: TimeDelta = TimeDelta::days(1);
/// Told within this time, or not at all.
const KEPT: TimeDelta = TimeDelta::days(90);

/// A directory where this person's account can be unlocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlockable {
    /// Its name, as a form sends it back.
    pub source: String,
    pub label: String,
    /// As last seen.
    pub locked: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlockedAtSource {
    /// It was locked there, and is no more.
    Unlocked,
    /// It was not locked there: nothing was sent, and the hub was cleared.
    WasNotLocked,
}

impl Hub {
    /// Where help desk may unlock this person. Nowhere for privileged people: somebody who can unlock an administrator
    /// of a directory can go on guessing that password.
    pub async fn unlockable_at(&self, _: &FindPeople, person: PersonId) -> Result<Vec<Unlockable>, HubError> {
        let live = self.sources_now().await?;
        let mut reader = self.database.reader();
        let Some(found) = People(&mut reader).by_id(person).await? else { return Ok(Vec::new()) };
        if found.privileged || found.holds_role {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let accounts = Accounts(&mut reader).of_person(person).await?;
        let at = |account: &Account| {
            let live = live.iter().find(|live| live.source.id == account.source_id)?;
            (live.writes().unlocks && account.status == AccountStatus::Active && !account.privileged).then(|| {
                Unlockable {
                    source: live.source.name.clone(),
                    label: live.source.label.clone(),
                    locked: account.locked_until.is_some_and(|until| until > now),
                }
            })
        };
        Ok(accounts.iter().filter_map(at).collect())
    }

    /// Ends the lock of this person's account at this directory, and then what the hub counted. Counted before it is
    /// sent, three per person and day, and sent once.
    pub async fn unlock_at_source(
        &self,
        helper: &HelpPeople,
        person: PersonId,
        source: &str,
    ) -> Result<UnlockedAtSource, HubError> {
        let live = self.sources_now().await?.iter().find(|live| live.source.name == source).cloned();
        let live = live.ok_or(HubError::NotFound("The directory"))?;
        let label = &live.source.label;
        if !live.writes().unlocks {
            return Err(HubError::Refused(format!("Nobody is unlocked at {label} from here: it is not switched on.")));
        }
        let accounts = Accounts(&mut self.database.reader()).of_person(person).await?;
        let account = accounts.into_iter().find(|a| a.source_id == live.source.id && a.status == AccountStatus::Active);
        let account = account.ok_or_else(|| HubError::Refused(format!("This person has no account at {label}.")))?;
        helper.check(&mut self.database.reader(), person).await?;
        self.refuse_privileged(&mut self.database.reader(), person, &account).await?;
        let connector = live.connector()?;
        let entry = self.read_for_unlock(&live, &account).await?;
        let now = self.clock.now();
        if entry.lockout.locked_until.is_none_or(|until| until <= now) {
            self.unlock_here(helper, person).await?;
            return Ok(UnlockedAtSource::WasNotLocked);
        }
        let id = self.random.id(now);
        storage::write!(self.database, |tx| {
            helper.check(tx, person).await?;
            self.refuse_privileged(tx, person, &account).await?;
            let mut unlocks = Unlocks { queries: tx, person };
            if unlocks.since(now - DAY).await? >= A_DAY {
                return Err(HubError::Refused(
                    "This person was unlocked at a directory three times within a day. That is the most: find out \
                     first who types the wrong passwords."
                        .to_owned(),
                ));
            }
            unlocks.insert(id, live.source.id, now).await?;
            self.audit_unlock(tx, helper, (person, live.source.id), "person.unlock-at-source-sent", None).await
        })?;
        let Some(writer) = connector.write_back() else {
            return Err(HubError::Internal("the source's connector cannot write".to_owned()));
        };
        let unlock = writer.unlock(&entry).await;
        self.finish_unlock(helper, &live, (person, &account), id, unlock).await
    }

    /// Never for privileged people (semantics, section 1).
    async fn refuse_privileged(
        &self,
        queries: &mut impl storage::Queries,
        person: PersonId,
        account: &Account,
    ) -> Result<(), HubError> {
        let found = People(queries).by_id(person).await?.ok_or(HubError::NotFound("The person"))?;
        if found.privileged || found.holds_role || account.privileged {
            return Err(HubError::Refused(
                "This person has special rights: they are unlocked by the directory's own administrators only."
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Whole: its groups may make it privileged.
    async fn read_for_unlock(&self, live: &LiveSource, account: &Account) -> Result<SourceEntry, HubError> {
        let label = &live.source.label;
        let read = live.connector()?.fetch(&account.immutable_id).await;
        note_contact(self, live, read.as_ref().err().map(|trouble| trouble.kind));
        let entry = read?.ok_or_else(|| HubError::Refused(format!("{label} does not return this account.")))?;
        if entry.privileged {
            return Err(HubError::Refused(format!(
                "This account has special rights at {label}: its own administrators unlock it."
            )));
        }
        if entry.status != AccountStatus::Active {
            return Err(HubError::Refused(format!("{label} shows this account as {}.", entry.status)));
        }
        Ok(entry)
    }

    async fn finish_unlock(
        &self,
        helper: &HelpPeople,
        live: &LiveSource,
        (person, account): (PersonId, &Account),
        id: uuid::Uuid,
        unlock: Unlock,
    ) -> Result<UnlockedAtSource, HubError> {
        let about = (person, live.source.id);
        let note = format!("{}: {}", unlock.endpoint, unlock.reason);
        let label = &live.source.label;
        let refused = match unlock.written {
            Written::Done => {
                storage::write!(self.database, |tx| {
                    Unlocks { queries: tx, person }.done(id).await?;
                    self.clear_after_unlock(tx, live, account, unlock.entry.as_deref()).await?;
                    self.audit_unlock(tx, helper, about, "person.unlocked-at-source", Some(&note)).await
                })?;
                return Ok(UnlockedAtSource::Unlocked);
            }
            Written::Unknown => format!(
                "{label} did not answer: it is not known whether the account is unlocked there. It was not sent \
                 again. Look there, or wait for the next sign-in."
            ),
            Written::Failed(WriteFailure::NotAllowed) => format!(
                "{label} does not let the hub unlock this account: the write account is refused or lacks the right. \
                 Ask an administrator to test the directory."
            ),
            Written::Failed(WriteFailure::Unavailable) => {
                format!("{label} cannot be reached right now: nothing was unlocked.")
            }
            Written::Failed(WriteFailure::Policy(_) | WriteFailure::Odd) => {
                format!("{label} refused: nothing was unlocked.")
            }
        };
        let action = match unlock.written {
            Written::Unknown => "person.unlock-at-source-unknown",
            Written::Done | Written::Failed(_) => "person.unlock-at-source-failed",
        };
        storage::write!(self.database, |tx| { self.audit_unlock(tx, helper, about, action, Some(&note)).await })?;
        Err(HubError::Refused(refused))
    }

    /// An unlock at the source clears the hub. Places of the budget return if the source shows that it forgot the wrong
    /// passwords; where that cannot be seen, they return by time.
    async fn clear_after_unlock(
        &self,
        tx: &mut Transaction,
        live: &LiveSource,
        account: &Account,
        entry: Option<&SourceEntry>,
    ) -> Result<(), HubError> {
        let now = self.clock.now();
        Throttle(tx).clear_all(account.person_id).await?;
        Accounts(tx).set_unlocked(account.id, now).await?;
        mirror::note_locked(tx, account, None).await?;
        if entry.is_some_and(|entry| entry.lockout.failures == Some(0)) {
            let (source, immutable_id) = (live.source.id, &account.immutable_id);
            Budget { queries: tx, source, immutable_id }.give_back_all().await?;
        }
        Ok(())
    }

    async fn audit_unlock(
        &self,
        tx: &mut Transaction,
        helper: &HelpPeople,
        (person, source): (PersonId, SourceId),
        action: &'static str,
        note: Option<&str>,
    ) -> Result<(), HubError> {
        let event = AuditEvent::new(helper.actor(), action).person(person).source(source);
        Ok(record(tx, &*self.clock, &*self.random, event.details(json!({ "answer": note }))).await?)
    }

    /// What somebody who signs in is told: that their account was unlocked for them. They read it once.
    pub(super) async fn told_of_unlocks(
        &self,
        tx: &mut Transaction,
        person: PersonId,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, HubError> {
        let untold = Unlocks { queries: tx, person }.untold().await?;
        let Some((source, at)) = untold.first().copied() else { return Ok(None) };
        Unlocks { queries: tx, person }.told(now).await?;
        let label = sources::by_id(tx, source).await?.map_or_else(String::new, |stored| stored.source.label);
        let event = AuditEvent::new(Actor::Person(person), "person.told-of-unlock").person(person).source(source);
        record(tx, &*self.clock, &*self.random, event).await?;
        Ok(Some(format!(
            "Your account at {label} had been locked by wrong passwords. Help desk unlocked it on {}. If you did not \
             ask for that, or did not type them, tell help desk.",
            at.format("%-d %B %Y at %H:%M UTC")
        )))
    }

    pub(super) async fn forget_unlocks(&self, tx: &mut Transaction, now: DateTime<Utc>) -> Result<u64, HubError> {
        Ok(storage::write_access::forget_unlocks(tx, now - KEPT).await?)
    }
}
