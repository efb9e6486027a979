//! Whose value an attribute has, when several accounts of one person say something.
//!
//! The source with the lowest number owns it; between equals, whoever has it keeps it; an account that is gone comes
//! last. What the others say is kept as an offer, so that the next one takes over in the same transaction in which the
//! owner falls silent. What the hub owns is nobody's to change.

use std::collections::{BTreeMap, BTreeSet};

use directory::{Account, AccountId, AccountStatus, AttributeName, ChangeReason, Person, Source, SourceMode};
use profile::Claimant;
use storage::{
    Transaction,
    accounts::Accounts,
    attribute_history::{AttributeHistory, AttributeOffer},
    attributes::{Attributes, Cause, StoredAttribute},
};

use super::{
    Written,
    refresh::{Birth, Writing, find_by},
};
use crate::{HubError, HubParts};

/// An account with what it says.
struct Word {
    rank: Claimant,
    source: Source,
    account: Account,
    value: String,
}

impl Writing<'_> {
    /// Decides about one attribute. `reading` is the account that is just being read, with what it says.
    pub(super) async fn contested(
        &mut self,
        tx: &mut Transaction,
        reading: Option<(&Account, Option<&String>)>,
        name: AttributeName,
        old: Option<&StoredAttribute>,
        offers: &[AttributeOffer],
    ) -> Result<(), HubError> {
        let mut said: BTreeMap<AccountId, String> =
            offers.iter().filter(|o| o.name == name).map(|o| (o.account, o.value.clone())).collect();
        if let Some(old) = old
            && let Some(owner) = old.origin
        {
            said.insert(owner, old.value.clone());
        }
        if let Some((account, value)) = reading {
            match value {
                Some(value) => said.insert(account.id, value.clone()),
                None => said.remove(&account.id),
            };
        }
        let read = reading.map(|(account, _)| account.id);
        let mut words = self.words(tx, name, old.and_then(|old| old.origin), said).await?;
        words.sort_by(|a, b| a.rank.cmp(&b.rank));
        let mut winner = None;
        for word in &words {
            let owns = old.is_some_and(|old| old.origin == Some(word.account.id));
            if owns && read != Some(word.account.id) {
                // Nobody before the owner may have it, and the owner says what it said.
                winner = Some((word.account.id, None));
                break;
            }
            if let Some(new) = self.admitted(tx, (&word.source, &word.account), name, &word.value).await? {
                winner = Some((word.account.id, Some(new)));
                break;
            }
        }
        let owner = winner.as_ref().map(|(account, _)| *account);
        self.keep_offers(tx, name, owner, &words, offers).await?;
        match winner {
            Some((_, None)) => Ok(()),
            Some((account, Some(new))) => {
                let before = old.and_then(|old| old.origin);
                let reason = if before == Some(account) {
                    ChangeReason::Said
                } else if words.iter().any(|word| Some(word.account.id) == before && !word.rank.gone) {
                    ChangeReason::Preferred
                } else {
                    ChangeReason::FellBack
                };
                self.replace(tx, name, old, Some(new), reason).await
            }
            None => self.replace(tx, name, old, None, ChangeReason::NoLongerSaid).await,
        }
    }

    /// Everybody who says something, with the settings of their source as they are now.
    async fn words(
        &self,
        tx: &mut Transaction,
        name: AttributeName,
        owner: Option<AccountId>,
        said: BTreeMap<AccountId, String>,
    ) -> Result<Vec<Word>, HubError> {
        let mut words = Vec::with_capacity(said.len());
        for (id, value) in said {
            let Some(account) = Accounts(tx).by_id(id).await? else { continue };
            if account.person_id != self.person_id {
                continue;
            }
            let source = if account.source_id == self.source.id {
                self.source.clone()
            } else {
                match storage::sources::by_id(tx, account.source_id).await? {
                    Some(stored) if stored.source.mode != SourceMode::Retired => stored.source,
                    Some(_) | None => continue,
                }
            };
            let gone = account.status == AccountStatus::Missing;
            let tie = (source.name.clone(), id.to_string());
            let rank = Claimant::new(source.profile.priority_of(name), gone, owner == Some(id), tie);
            words.push(Word { rank, source, account, value });
        }
        Ok(words)
    }

    /// What everybody but the owner says, for the day it is wanted.
    async fn keep_offers(
        &self,
        tx: &mut Transaction,
        name: AttributeName,
        owner: Option<AccountId>,
        words: &[Word],
        stored: &[AttributeOffer],
    ) -> Result<(), HubError> {
        let stored: BTreeMap<AccountId, &AttributeOffer> =
            stored.iter().filter(|offer| offer.name == name).map(|offer| (offer.account, offer)).collect();
        for word in words.iter().filter(|word| Some(word.account.id) != owner) {
            let offer = AttributeOffer { name, account: word.account.id, value: word.value.clone() };
            if stored.get(&offer.account).is_none_or(|before| **before != offer) {
                AttributeHistory(tx).offer(self.person_id, &offer).await?;
            }
        }
        for account in stored.keys() {
            let silent = !words.iter().any(|word| word.account.id == *account);
            if silent || owner == Some(*account) {
                AttributeHistory(tx).withdraw(self.person_id, name, *account).await?;
            }
        }
        Ok(())
    }
}

/// An account is gone: what it owns passes on to the next who says something. With nobody there, everything stays.
pub(super) async fn settle_authority(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    person: &mut Person,
    cause: Cause,
) -> Result<(), HubError> {
    let offers = AttributeHistory(tx).offers(person.id).await?;
    if offers.is_empty() {
        return Ok(());
    }
    let stored = Attributes(tx).of_person(person.id).await?;
    let mut writing =
        Writing { hub, source, person_id: person.id, birth: Birth::No, cause, written: Written::default() };
    let names: BTreeSet<AttributeName> = offers.iter().map(|offer| offer.name).collect();
    for name in names {
        let old = stored.iter().find(|old| old.name == name);
        if old.is_none_or(|old| old.authority.is_some()) {
            writing.contested(tx, None, name, old, &offers).await?;
        }
    }
    if writing.written.changed.is_empty() {
        return Ok(());
    }
    let attributes = Attributes(tx).of_person(person.id).await?;
    if let Some(name) = attributes.iter().find(|a| a.name == AttributeName::DisplayName) {
        person.display_name.clone_from(&name.value);
    }
    person.updated_at = hub.clock.now();
    storage::people::People(tx).update(person).await?;
    find_by(tx, person, &attributes).await
}
