//! From an entry to what may be written: cleaned values, the names people may type, the words they are found by.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use directory::{AttributeName, EmailAddress, Source, SourceEntry, TypedName, fold, search_words};
use storage::attributes::StoredAttribute;

use super::{mapped, private};
use crate::kernel::vault::Vault;

/// Longer values are not data but mistakes or attacks; they are left out.
const VALUE_LENGTH: usize = 1_000;
/// Names of one account that count.
const NAMES: usize = 20;
/// Words of one person that count.
const SEARCH_WORDS: usize = 40;
/// Digits of a phone number that people read out, without the country's code.
const LOCAL_PHONE_DIGITS: usize = 8;

/// An entry as it may be written.
pub(super) struct Values {
    pub(super) username: Option<String>,
    /// Empty if the entry has nothing to call the person by.
    pub(super) display_name: Option<String>,
    pub(super) attributes: BTreeMap<AttributeName, String>,
    /// Folded, in this source's namespace.
    pub(super) aliases: BTreeSet<String>,
    /// What could not be computed, and why. No value is missing because of it: see [`Values::hold`].
    pub(super) faults: BTreeMap<AttributeName, String>,
    /// Which required attributes it lacks, and why.
    lacking: Option<String>,
}

impl Values {
    pub(super) fn of(vault: &Vault, source: &Source, entry: &SourceEntry) -> Self {
        let username = entry.username.as_deref().and_then(clean);
        let mut attributes: BTreeMap<_, _> =
            entry.attributes.iter().filter_map(|(name, value)| clean(value).map(|value| (*name, value))).collect();
        let plain = (!source.profile.expressions.is_empty()).then(|| attributes.clone());
        let mut faults = mapped::apply(source, entry, username.as_deref(), &mut attributes);
        private::settle(vault, &mut attributes, &mut faults);
        let aliases = aliases(source, entry, username.as_deref(), &[Some(&attributes), plain.as_ref()]);
        let lacking = mapped::lacking(source, &attributes, &faults);
        let mut values = Self { username, display_name: None, attributes, aliases, faults, lacking };
        values.name_anew();
        values
    }

    /// What the person is called follows from the attributes.
    pub(super) fn name_anew(&mut self) {
        self.display_name = display_name(&self.attributes).or_else(|| self.username.clone());
    }

    /// Takes out what nobody is to see, for whoever looks at an entry beforehand.
    pub(super) fn conceal(&mut self) {
        if let Some(number) = self.attributes.get_mut(&AttributeName::NationalNumber) {
            private::KEPT_AS_DIGEST.clone_into(number);
        }
    }

    /// What a person cannot be without: the reason is for the audit log and help desk.
    pub(super) fn missing(&self) -> Option<String> {
        match (&self.username, &self.display_name) {
            (None, _) => Some("the entry has no username".to_owned()),
            (_, None) => Some("the entry has no name".to_owned()),
            (Some(_), Some(_)) => self.lacking.clone(),
        }
    }
}

/// Text both databases can store. Control characters (PostgreSQL refuses NUL) and over-long values are left out
/// rather than let one entry stop a run.
pub(super) fn clean(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= VALUE_LENGTH;
    (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// A name of a group or a DN, which is shown but never looked up: control characters become spaces.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(VALUE_LENGTH).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn display_name(attributes: &BTreeMap<AttributeName, String>) -> Option<String> {
    if let Some(name) = attributes.get(&AttributeName::DisplayName) {
        return Some(name.clone());
    }
    let parts: Vec<&str> = [AttributeName::GivenName, AttributeName::FamilyName]
        .iter()
        .filter_map(|name| attributes.get(name).map(String::as_str))
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// The names of this account, in its source's namespace: username, UPN, `DOMAIN\name`, and e-mail addresses of the
/// domains the source is declared to own. A value that people write themselves is none (semantics, section 1).
fn aliases(
    source: &Source,
    entry: &SourceEntry,
    username: Option<&str>,
    read: &[Option<&BTreeMap<AttributeName, String>>],
) -> BTreeSet<String> {
    let own = username.map(fold);
    // As the plain mapping has it, and as it was computed.
    let all = |name: &AttributeName| -> Vec<_> {
        read.iter().flatten().filter_map(|attributes| attributes.get(name)).map(|value| fold(value)).collect()
    };
    let self_written: BTreeSet<_> = source.self_written.iter().flat_map(all).collect();
    let mail_is_self_written = source.self_written.contains(&AttributeName::Email);
    let emails: BTreeSet<_> = all(&AttributeName::Email).into_iter().collect();
    let mut names = BTreeSet::new();
    for name in username.into_iter().chain(entry.names.iter().map(String::as_str)) {
        let Some(name) = clean(name) else { continue };
        let folded = fold(&name);
        let is_username = Some(&folded) == own.as_ref();
        let allowed = match TypedName::parse(&name) {
            // An address that is not declared may still be a UPN, but the mapped e-mail address is not one.
            TypedName::AtDomain(address) => {
                is_username || (!mail_is_self_written && (owns(source, &address) || !emails.contains(&folded)))
            }
            TypedName::Down { .. } | TypedName::Bare(_) => true,
        };
        if allowed && (is_username || !self_written.contains(&folded)) && names.len() < NAMES {
            names.insert(folded.as_str().to_owned());
        }
    }
    names
}

/// Whether the source is declared to own the address's domain.
pub(super) fn owns(source: &Source, address: &EmailAddress) -> bool {
    source.domains.iter().any(|domain| fold(domain).as_str() == address.domain)
}

/// The words a person is found by: names, usernames, e-mail address, employee number, phone number.
pub(super) fn words(display_name: &str, attributes: &[StoredAttribute], names: &[String]) -> Vec<String> {
    let mut words = BTreeSet::new();
    words.extend(search_words(display_name));
    words.extend(names.iter().flat_map(|name| search_words(name)));
    for attribute in attributes {
        match attribute.name {
            AttributeName::GivenName | AttributeName::FamilyName | AttributeName::EmployeeNumber => {
                words.extend(search_words(&attribute.value));
            }
            AttributeName::Email => words.extend(search_words(&attribute.value)),
            AttributeName::Phone => words.extend(phone_words(&attribute.value)),
            AttributeName::DisplayName
            | AttributeName::Title
            | AttributeName::Department
            | AttributeName::Locale
            // Nobody is looked for by what is private.
            | AttributeName::BirthDate
            | AttributeName::NationalNumber
            | AttributeName::Custom(_) => {}
        }
    }
    words.into_iter().take(SEARCH_WORDS).collect()
}

/// A phone number as digits, whole and without what may be the country's code.
fn phone_words(text: &str) -> Vec<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    if digits.len() < 3 {
        return Vec::new();
    }
    let local = &digits[digits.len().saturating_sub(LOCAL_PHONE_DIGITS)..];
    vec![digits.to_owned(), local.to_owned()]
}

/// What an entry reads like under these settings. Counts of wrong passwords come and go and are left out.
pub(crate) fn digest_of(vault: &Vault, source: &Source, entry: &SourceEntry) -> Vec<u8> {
    let mut still = entry.clone();
    still.lockout.failures = None;
    // Serialising plain data cannot fail; if it did, an empty text would only make the entry be written again.
    let text = serde_json::to_vec(&(source.revision, &still)).unwrap_or_default();
    let read = digest(&SHA256, &text);
    // Whoever has the database and knows the rest of the entry must not find a national number by trying all of them.
    if private::is_read(source) { vault.keyed_digest("entry", read.as_ref()) } else { read.as_ref().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_values_are_left_out_and_never_stop_a_run() {
        assert_eq!(clean(" Ada "), Some("Ada".to_owned()));
        assert_eq!(clean("Ada\0"), None);
        assert_eq!(clean("  "), None);
        assert_eq!(clean(&"x".repeat(VALUE_LENGTH + 1)), None);
    }

    #[test]
    fn a_phone_number_is_found_with_and_without_its_country() {
        assert_eq!(phone_words("+47 21 09 44 61"), ["4721094461", "21094461"]);
        assert_eq!(phone_words("0047 2109 4461"), ["4721094461", "21094461"]);
        assert!(phone_words("-").is_empty());
    }
}
