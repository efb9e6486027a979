//! What a source's expressions make of an entry: the one place, for sign-ins, imports and previews alike.

use std::collections::BTreeMap;

use directory::{AttributeName, EmailAddress, Source, SourceEntry};
use profile::{Expression, Input, Outcome};
use storage::{
    Transaction,
    attribute_history::AttributeHistory,
    attributes::{Attributes, StoredAttribute},
};

use super::values::{Values, clean};
use crate::HubError;

/// How expressions call the name people type.
const USERNAME: &str = "username";

/// Computes every expression by itself over what the plain mapping read. What cannot be computed is left out and said
/// why, without a value: whoever writes keeps what was there (see [`Values::hold`]).
pub(super) fn apply(
    source: &Source,
    entry: &SourceEntry,
    username: Option<&str>,
    attributes: &mut BTreeMap<AttributeName, String>,
) -> BTreeMap<AttributeName, String> {
    let mut faults = BTreeMap::new();
    if source.profile.expressions.is_empty() {
        return faults;
    }
    let input = input(entry, username, attributes);
    for (name, text) in &source.profile.expressions {
        let computed = match Expression::evaluate_text(text, &input) {
            Ok(Outcome::Nothing) => Ok(None),
            Ok(Outcome::Text(text)) => fitting(*name, &text).map(Some),
            Err(fault) => Err(fault.to_string()),
        };
        match computed {
            Ok(Some(value)) => drop(attributes.insert(*name, value)),
            Ok(None) => drop(attributes.remove(name)),
            Err(why) => {
                attributes.remove(name);
                faults.insert(*name, why);
            }
        }
    }
    faults
}

/// What an expression sees: the source's own attributes that it names, and the hub's as the plain mapping reads them.
fn input(entry: &SourceEntry, username: Option<&str>, attributes: &BTreeMap<AttributeName, String>) -> Input {
    let mut input: Input = entry.raw.iter().map(|(name, values)| (name.clone(), values.clone())).collect();
    for (name, value) in attributes {
        input.insert(name.as_str().to_owned(), vec![value.clone()]);
    }
    if let Some(username) = username {
        input.insert(USERNAME.to_owned(), vec![username.to_owned()]);
    }
    input
}

fn fitting(name: AttributeName, text: &str) -> Result<String, String> {
    let value = clean(text).ok_or("it makes text that cannot be stored: too long, or with control characters")?;
    if name == AttributeName::Email && EmailAddress::split(&value).is_none() {
        return Err("it makes no e-mail address".to_owned());
    }
    Ok(value)
}

/// What the mapping makes of an entry, for whoever looks beforehand: values, and why others could not be computed.
pub(crate) type Mapped = (BTreeMap<AttributeName, String>, BTreeMap<AttributeName, String>);

/// See [`Mapped`].
pub(crate) fn mapped(source: &Source, entry: &SourceEntry) -> Mapped {
    let values = Values::of(source, entry);
    (values.attributes, values.faults)
}

impl Values {
    /// What could not be computed stays as this account said it last. A fault is no removal.
    pub(super) async fn hold(
        &mut self,
        tx: &mut Transaction,
        person: directory::PersonId,
        account: directory::AccountId,
    ) -> Result<(), HubError> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let stored = Attributes(tx).of_person(person).await?;
        let offers = AttributeHistory(tx).offers(person).await?;
        for name in self.faults.keys() {
            let owned = |a: &&StoredAttribute| a.name == *name && a.origin == Some(account) && a.authority.is_some();
            let owned = stored.iter().find(owned).map(|a| &a.value);
            let offered = || offers.iter().find(|o| o.name == *name && o.account == account).map(|o| &o.value);
            if let Some(value) = owned.or_else(offered) {
                self.attributes.insert(*name, value.clone());
            }
        }
        self.name_anew();
        Ok(())
    }

    /// "department: …; title: …": for the audit log and the results of an import. Without values.
    pub(super) fn faults_in_words(&self) -> Option<String> {
        let words: Vec<String> = self.faults.iter().map(|(name, why)| format!("{name} not computed: {why}")).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }
}
