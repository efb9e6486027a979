//! "Why did this change?": what a value was, what it became, who said so and when.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use directory::{Account, AccountId, AttributeName, ChangeReason, PersonId};
use storage::{
    Queries,
    attribute_history::{AttributeChange, AttributeHistory, AttributeOffer, Said},
    attributes::Cause,
};

use super::{Labels, own_attributes::OwnAttributes, sentence};
use crate::HubError;

/// Changes on the page.
const SHOWN: u32 = 50;

/// One change of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeLine {
    pub name: AttributeName,
    /// What people call one of the installation's own.
    pub label: Option<String>,
    pub at: DateTime<Utc>,
    pub before: String,
    /// Empty = the person has no such attribute since then.
    pub after: Option<String>,
    /// Who said so, on what occasion.
    pub why: String,
}

/// Everything the page says of how values came about.
pub(super) struct Story {
    pub(super) changes: Vec<ChangeLine>,
    offers: Vec<AttributeOffer>,
    /// The label of each account's directory.
    directories: HashMap<AccountId, String>,
}

impl Story {
    pub(super) async fn read(
        queries: &mut impl Queries,
        person: PersonId,
        accounts: &[Account],
        (labels, own): (&Labels, &OwnAttributes),
    ) -> Result<Self, HubError> {
        let mut history = AttributeHistory(queries);
        let changes = history.of_person(person, SHOWN).await?;
        let changes = changes.into_iter().map(|change| line(change, labels, own)).collect();
        let mut offers = history.offers(person).await?;
        for offer in &mut offers {
            offer.value = own.shown(offer.name, std::mem::take(&mut offer.value));
        }
        let directories = accounts.iter().map(|account| (account.id, labels.label(account.source_id))).collect();
        Ok(Self { changes, offers, directories })
    }

    /// What others say of this attribute, who do not own it: (directory, value).
    pub(super) fn others(&self, name: AttributeName) -> Vec<(String, String)> {
        let of = |offer: &AttributeOffer| Some((self.directories.get(&offer.account)?.clone(), offer.value.clone()));
        self.offers.iter().filter(|offer| offer.name == name).filter_map(of).collect()
    }
}

fn who(said: &Said, labels: &Labels) -> String {
    said.source.map_or_else(|| "Isthmus".to_owned(), |id| labels.label(id))
}

/// "at a sign-in", "by the import of 23 November 2026".
pub(super) fn occasion(cause: Option<Cause>) -> &'static str {
    match cause {
        Some(Cause::SignIn) => "seen at a sign-in",
        Some(Cause::Reading) => "seen when the hub looked there",
        Some(Cause::Import(_)) => "read by an import",
        Some(Cause::Hub) => "done here",
        None => "from before this was recorded",
    }
}

fn line(change: AttributeChange, labels: &Labels, own: &OwnAttributes) -> ChangeLine {
    let before = who(&change.former, labels);
    let now = change.now.as_ref().map(|now| who(now, labels)).unwrap_or_default();
    let run = change.cause.and_then(Cause::run).map(|run| format!(" {run}")).unwrap_or_default();
    let seen = format!("{}{run}", occasion(change.cause));
    let why = match change.reason {
        ChangeReason::Said => format!("{now} says so now, {seen}."),
        ChangeReason::NoLongerSaid => format!("{before} no longer says anything, {seen}."),
        ChangeReason::Preferred => format!("{now} comes before {before} for this attribute, {seen}."),
        ChangeReason::FellBack => {
            format!("{before} says nothing any more or the account there is gone, and {now} is next, {seen}.")
        }
        ChangeReason::Claimed => format!("Somebody else is the one it belongs to, {seen}."),
        ChangeReason::Retired => format!("{before} was retired: the value is Isthmus's own since then."),
    };
    ChangeLine {
        label: own.label(change.name),
        at: change.changed_at,
        before: own.shown(change.name, change.former.value),
        after: change.now.map(|now| own.shown(change.name, now.value)),
        name: change.name,
        why,
    }
}

/// Where a value comes from and since when, for whoever asks about one that never changed.
pub(super) fn since(updated_at: DateTime<Utc>, cause: Option<Cause>) -> String {
    format!("since {}, {}", sentence::moment(updated_at), occasion(cause))
}
