//! By what an entry may meet another: the names and identifiers it takes, and the values it is found by. Who rolls
//! back what was written (a dry run) finds by this which of the others it has to know of.

use std::collections::HashMap;

use directory::{AttributeName, ImmutableId, Source, SourceEntry, fold};
use storage::{Queries, Transaction, accounts::Accounts, aliases::Aliases, attributes::Attributes, matching::Matching};

use super::{matched::keys, values::Values};
use crate::{HubError, kernel::vault::Vault};

fn of(kind: &str, value: &str) -> String {
    format!("{kind} {value}")
}

/// What the entry would take or be found by.
pub(crate) fn met_by(vault: &Vault, source: &Source, entry: &SourceEntry) -> Vec<String> {
    let values = Values::of(vault, source, entry);
    let mut met: Vec<String> = values.aliases.iter().map(|name| of("alias", name)).collect();
    for name in [AttributeName::Email, AttributeName::EmployeeNumber] {
        if let Some(value) = values.attributes.get(&name) {
            met.push(of(name.as_str(), fold(value).as_str()));
        }
    }
    met.extend(keys(source, entry, &values).iter().map(|key| of(key.attribute.as_str(), &key.folded)));
    met.sort_unstable();
    met.dedup();
    met
}

/// What these entries were found by until now: they may give that up.
pub(crate) async fn found_by_before(
    tx: &mut Transaction,
    source: &Source,
    entries: &[&SourceEntry],
) -> Result<HashMap<String, Vec<String>>, HubError> {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.immutable_id.as_str()).collect();
    let mut before: HashMap<String, Vec<String>> = HashMap::new();
    for (id, attribute, folded) in Matching(tx).keys_of_all(source.id, &ids).await? {
        before.entry(id).or_default().push(of(&attribute, &folded));
    }
    Ok(before)
}

/// The names and identifiers that its account had until now: it may give them up.
pub(crate) async fn held_before(
    queries: &mut impl Queries,
    source: &Source,
    id: &ImmutableId,
) -> Result<Vec<String>, HubError> {
    let mut met: Vec<String> = Vec::new();
    if let Some(account) = Accounts(queries).by_immutable_id(source.id, id).await? {
        met.extend(Aliases(queries).of_account(account.id).await?.iter().map(|alias| of("alias", &alias.folded)));
        for attribute in Attributes(queries).of_person(account.person_id).await? {
            if let Some(value) = &attribute.folded
                && attribute.origin == Some(account.id)
            {
                met.push(of(attribute.name.as_str(), value.as_str()));
            }
        }
    }
    Ok(met)
}
