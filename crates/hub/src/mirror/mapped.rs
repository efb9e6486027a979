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
use crate::{HubError, kernel::vault::Vault};

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
            Ok(outcome) => fitting(source, *name, outcome),
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

/// What was computed, as it is stored; nothing if the person has no such attribute. Why it does not fit, without it.
fn fitting(source: &Source, name: AttributeName, outcome: Outcome) -> Result<Option<String>, String> {
    if let Some(name) = name.custom() {
        let definition = source.definition(name).ok_or("there is no such attribute (any more)")?;
        let texts = match outcome {
            Outcome::Nothing => Vec::new(),
            Outcome::Text(text) => vec![text],
            Outcome::Several(texts) => texts,
        };
        return match definition.stored(&texts) {
            Ok(None) if definition.required => Err("it is required, and the entry has nothing for it".to_owned()),
            Ok(stored) => Ok(stored),
            Err(misfit) => Err(misfit.to_string()),
        };
    }
    let text = match outcome {
        Outcome::Nothing => return Ok(None),
        Outcome::Text(text) => text,
        Outcome::Several(_) => return Err("it makes a list: take its first with .first()".to_owned()),
    };
    let value = clean(&text).ok_or("it makes text that cannot be stored: too long, or with control characters")?;
    if name == AttributeName::Email && EmailAddress::split(&value).is_none() {
        return Err("it makes no e-mail address".to_owned());
    }
    Ok(Some(value))
}

/// Which of the attributes that everybody must have this entry lacks, in words. Whoever is new waits for it.
pub(super) fn lacking(
    source: &Source,
    attributes: &BTreeMap<AttributeName, String>,
    faults: &BTreeMap<AttributeName, String>,
) -> Option<String> {
    let required = source.definitions.iter().filter(|definition| definition.required);
    let lacked: Vec<String> = required
        .filter(|definition| !attributes.contains_key(&definition.attribute()))
        .map(|definition| {
            let why = faults.get(&definition.attribute());
            let why = why.map_or("it is required, and this directory’s profile does not fill it", String::as_str);
            format!("{}: {why}", definition.name)
        })
        .collect();
    (!lacked.is_empty()).then(|| lacked.join("; "))
}

/// What the mapping makes of an entry, for whoever looks beforehand: values, and why others could not be computed.
pub(crate) type Mapped = (BTreeMap<AttributeName, String>, BTreeMap<AttributeName, String>);

/// See [`Mapped`].
pub(crate) fn mapped(vault: &Vault, source: &Source, entry: &SourceEntry) -> Mapped {
    let mut values = Values::of(vault, source, entry);
    values.conceal();
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
