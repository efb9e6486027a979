//! Names people type and the keys they are looked up by.

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::SourceId;

/// A look-up key: NFC, default case folding, trimmed. Comparison is by bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Folded(String);

impl Folded {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Folds a name, e-mail address or number to the key it is stored and looked up by (Unicode 3.13, default caseless
/// matching over NFC). Passwords are never folded.
#[must_use]
pub fn fold(text: &str) -> Folded {
    // What most directories hold is composed already and folds letter by letter.
    if text.is_ascii() {
        return Folded(text.trim().to_ascii_lowercase());
    }
    let composed: String = text.trim().nfc().collect();
    Folded(caseless::default_case_fold_str(&composed).nfc().collect())
}

/// The words somebody is searched by: folded, without diacritics, so that "jose" finds "José". Never for sign-in.
#[must_use]
pub fn search_words(text: &str) -> Vec<String> {
    let folded = fold(text);
    if folded.as_str().is_ascii() {
        return folded.as_str().split_whitespace().map(str::to_owned).collect();
    }
    let plain: String = folded.as_str().nfd().filter(|c| !is_combining_mark(*c)).nfc().collect();
    plain.split_whitespace().map(str::to_owned).collect()
}

/// Where an alias lives: names of two directories never meet, and no directory can claim a name of the hub's
/// (semantics, section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Namespace {
    Source(SourceId),
    Hub,
}

impl std::fmt::Display for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Source(id) => id.fmt(f),
            Self::Hub => f.write_str("hub"),
        }
    }
}

impl std::str::FromStr for Namespace {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "hub" { Ok(Self::Hub) } else { text.parse().map(Self::Source) }
    }
}

impl TryFrom<String> for Namespace {
    type Error = uuid::Error;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> Self {
        namespace.to_string()
    }
}

/// A domain of an e-mail address or UPN, and the rest of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAddress {
    pub local: String,
    /// Folded.
    pub domain: String,
}

impl EmailAddress {
    /// Splits at the last `@`; empty if either side is.
    #[must_use]
    pub fn split(text: &str) -> Option<Self> {
        let (local, domain) = text.trim().rsplit_once('@')?;
        (!local.is_empty() && !domain.is_empty())
            .then(|| Self { local: local.to_owned(), domain: fold(domain).as_str().to_owned() })
    }
}

/// What somebody typed into the identifier field (semantics, section 2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypedName {
    /// `name@domain`: an e-mail address or UPN.
    AtDomain(EmailAddress),
    /// `DOMAIN\name`.
    Down { domain: String, name: String },
    /// Anything else.
    Bare(String),
}

impl TypedName {
    /// Total: every text is one of the three.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Some((domain, name)) = text.split_once('\\')
            && !domain.is_empty()
            && !name.is_empty()
        {
            return Self::Down { domain: domain.to_owned(), name: name.to_owned() };
        }
        EmailAddress::split(text).map_or_else(|| Self::Bare(text.to_owned()), Self::AtDomain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_ignores_case_and_composition_but_not_letters() {
        assert_eq!(fold(" JOSE\u{301} "), fold("josé"));
        assert_eq!(fold("Straße"), fold("STRASSE"));
        assert_ne!(fold("jose"), fold("josé"));
    }

    #[test]
    fn typed_names_are_told_apart() {
        assert!(matches!(TypedName::parse("ADEX\\jsmith"), TypedName::Down { .. }));
        assert!(matches!(TypedName::parse("a@Example.TEST"), TypedName::AtDomain(a) if a.domain == "example.test"));
        assert_eq!(TypedName::parse(" jsmith "), TypedName::Bare("jsmith".into()));
        assert_eq!(TypedName::parse("@x"), TypedName::Bare("@x".into()));
    }
}
