//! Entries of directories of which nobody was made yet: why, and what to do. Reads only.

use chrono::{DateTime, Utc};
use directory::{PersonId, SourceId, WaitingFor};
use serde_json::Value;
use storage::{
    matching::{HeldEntry, HeldFilter, HeldPlace, Matching},
    people::People,
    search::COUNT_LIMIT,
};

use super::Labels;
use crate::{Hub, HubError, kernel::capability::FindPeople};

/// People who may be it that a line names.
const NAMED: usize = 3;

/// Which page of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaitingAsk {
    pub source: Option<SourceId>,
    pub kind: Option<WaitingFor>,
    /// Where the page before ended.
    pub after: Option<String>,
    pub size: u32,
}

/// One page of entries that wait, the longest waiting first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingList {
    pub entries: Vec<WaitingEntry>,
    /// "1,204", "10,000+".
    pub count: String,
    pub next: Option<String>,
}

/// One entry that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingEntry {
    /// As its directory calls it.
    pub name: String,
    pub locator: String,
    pub source: String,
    pub kind: WaitingFor,
    pub why: String,
    pub what_to_do: &'static str,
    /// Who it may be: (person, name).
    pub may_be: Vec<(PersonId, String)>,
    pub since: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
}

fn place(entry: &HeldEntry) -> String {
    format!("{}~{}~{}", entry.opened_at.timestamp_micros(), entry.source, entry.immutable_id)
}

fn read_place(text: &str) -> Result<HeldPlace, HubError> {
    let wrong = || HubError::Invalid { field: "after", message: "Begin at the first page.".to_owned() };
    let mut parts = text.splitn(3, '~');
    let mut next = || parts.next().ok_or_else(wrong);
    let opened_at = next()?.parse().ok().and_then(DateTime::from_timestamp_micros).ok_or_else(wrong)?;
    let source = next()?.parse().map_err(|_| wrong())?;
    Ok(HeldPlace { opened_at, source, immutable_id: next()?.to_owned() })
}

/// What whoever looks can do about it.
#[must_use]
pub const fn what_to_do(kind: WaitingFor) -> &'static str {
    match kind {
        WaitingFor::Link => {
            "Look whether the two are one person. If rules like this may link by themselves, mark the rule as automatic; if \
             they are two people, correct the value they share in one of the directories."
        }
        WaitingFor::Review => {
            "Something speaks for one person and is not enough. Correct what differs in the directories, or trust them \
             with the value, if they are one; take the shared value away if they are two."
        }
        WaitingFor::Ambiguous => "Several people bear this value: give it to one of them only, in their directories.",
        WaitingFor::Taken => {
            "Who fits has another account in this directory. Close one of the two there, or tell them apart by their \
             values."
        }
        WaitingFor::Incomplete => "Enter what is missing in the directory, or mend the expression on its Profile page.",
    }
}

impl Hub {
    /// A page of the entries that wait. Each is looked at again whenever it is read.
    pub async fn waiting_entries(&self, _: &FindPeople, ask: &WaitingAsk) -> Result<WaitingList, HubError> {
        let labels = Labels::read(self).await?;
        let filter = HeldFilter { source: ask.source, kind: ask.kind };
        let after = ask.after.as_deref().map(read_place).transpose()?;
        let mut reader = self.database.reader();
        let mut held = Matching(&mut reader).held_page(filter, after.as_ref(), ask.size).await?;
        let more = held.len() > ask.size as usize;
        held.truncate(ask.size as usize);
        let next = held.last().filter(|_| more).map(place);
        let number = Matching(&mut reader).count_held(filter).await?;
        let count = if number > COUNT_LIMIT { format!("{COUNT_LIMIT}+") } else { number.to_string() };
        let mut entries = Vec::with_capacity(held.len());
        for entry in held {
            let mut may_be = Vec::new();
            for id in candidates(&entry.found).into_iter().take(NAMED) {
                if let Some(person) = People(&mut reader).survivor(id).await? {
                    may_be.push((person.id, person.display_name));
                }
            }
            entries.push(WaitingEntry {
                why: why(&entry),
                what_to_do: what_to_do(entry.kind),
                kind: entry.kind,
                source: labels.label(entry.source),
                name: if entry.display_name.is_empty() { entry.immutable_id.0 } else { entry.display_name },
                locator: entry.locator,
                may_be,
                since: entry.opened_at,
                seen_at: entry.seen_at,
            });
        }
        Ok(WaitingList { entries, count, next })
    }
}

fn candidates(found: &Value) -> Vec<PersonId> {
    let all = found.as_array().into_iter().flatten();
    all.filter_map(|one| one.get("person")?.as_str()?.parse().ok()).collect()
}

/// In words, without values.
fn why(entry: &HeldEntry) -> String {
    if let Some(reason) = &entry.reason {
        return format!("{reason}.");
    }
    let all: Vec<&Value> = entry.found.as_array().into_iter().flatten().collect();
    let words = |key: &str| -> Vec<&str> {
        let mut words: Vec<&str> =
            all.iter().filter_map(|one| one.get(key)?.as_array()).flatten().filter_map(Value::as_str).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    let rules = words("rules").join(", ");
    let people = match (all.len(), entry.kind) {
        (_, WaitingFor::Taken) => "who fits has an account in this directory already".to_owned(),
        (1, _) => "one person fits".to_owned(),
        (number, _) => format!("{number} people fit"),
    };
    let doubts = words("doubts").join("; ");
    let doubts = if doubts.is_empty() { String::new() } else { format!("; {doubts}") };
    format!("By {rules}: {people}{doubts}.")
}
