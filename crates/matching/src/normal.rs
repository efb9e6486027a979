//! Comparing values. The foldings form a chain: each is made from the result of the one before it, so whatever is
//! equal under one is equal under all that follow, and one stored key (the last of the chain) finds every match of
//! every rule without a scan.

use directory::{Folding, fold};
use unicode_normalization::UnicodeNormalization as _;

/// The value under this folding; empty if nothing is left that could tell people apart.
#[must_use]
pub fn normalised(text: &str, folding: Folding) -> Option<String> {
    let key = folded(text, Folding::Zeros);
    if is_placeholder(text, &key) {
        return None;
    }
    // An import folds every value of everybody: never twice.
    Some(if folding == Folding::Zeros { key } else { folded(text, folding) })
}

/// The key a value is stored and looked up by: the coarsest of the foldings.
#[must_use]
pub fn look_up_key(text: &str) -> Option<String> {
    normalised(text, Folding::Zeros)
}

/// Whether the two are equal. Values that say nothing equal nothing.
#[must_use]
pub fn same(one: &str, other: &str, folding: Folding) -> bool {
    normalised(one, folding).is_some_and(|one| normalised(other, folding) == Some(one))
}

fn folded(text: &str, folding: Folding) -> String {
    match folding {
        Folding::Exact => text.trim().nfc().collect(),
        // Trims and composes first.
        Folding::Case => fold(text).as_str().to_owned(),
        Folding::Form => form(fold(text).as_str()),
        Folding::Zeros => form(fold(text).as_str()).trim_start_matches('0').to_owned(),
    }
}

/// Letters and digits only, in their compatibility form (Unicode 3.13, D146: fold, decompose, fold again).
fn form(text: &str) -> String {
    if text.is_ascii() {
        // It is folded, and has no other form.
        return text.chars().filter(char::is_ascii_alphanumeric).collect();
    }
    let wide: String = text.nfkc().collect();
    fold(&wide).as_str().nfkc().filter(|c| c.is_alphanumeric()).collect()
}

/// Texts that people write where there is nothing to write. Two records that both say "n/a" are not one person.
const PLACEHOLDERS: &[&str] = &[
    "na",
    "none",
    "null",
    "nil",
    "nan",
    "unknown",
    "undefined",
    "unset",
    "notset",
    "notapplicable",
    "notavailable",
    "tbd",
    "tba",
    "todo",
    "test",
    "dummy",
    "default",
    "empty",
    "blank",
    "missing",
    "keine",
    "leer",
    "unbekannt",
    "aucun",
    "inconnu",
    "ninguno",
    "desconocido",
    "noreply",
    "nomail",
    "noemail",
];

/// Whether a value names nobody: empty, only punctuation or zeros, one character over and over, a listed word.
/// `key` is its coarsest folding.
fn is_placeholder(text: &str, key: &str) -> bool {
    let mut characters = key.chars();
    let Some(first) = characters.next() else { return true };
    let repeated = key.chars().count() > 2 && characters.all(|c| c == first);
    // Of an address, what stands before the @ decides.
    let local = text.rsplit_once('@').map(|(local, _)| folded(local, Folding::Zeros));
    let listed = |key: &str| PLACEHOLDERS.contains(&key);
    repeated || listed(key) || local.is_some_and(|local| local.is_empty() || listed(&local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_unicode_differences_are_no_differences() {
        assert!(same("Jose\u{301}", "JOSÉ", Folding::Case));
        assert!(!same("Jose\u{301}", "JOSÉ", Folding::Exact));
        assert!(same("Jose\u{301}", "José", Folding::Exact));
        assert!(same("STRASSE-7", "straße 7", Folding::Form));
        assert!(same("Ｅ１００", "e100", Folding::Form));
        assert!(!same("Ｅ１００", "e100", Folding::Case));
        assert!(same("00042", "42", Folding::Zeros));
        assert!(!same("00042", "42", Folding::Form));
        assert!(!same("jose", "josé", Folding::Zeros), "an accent is a letter of its own");
    }

    #[test]
    fn look_alikes_are_not_alike() {
        // Cyrillic а, Greek ο, Turkish dotless ı: the classic ways to look like somebody else.
        for (theirs, ours) in [("аdmin", "admin"), ("jοhn", "john"), ("\u{131}da", "ida")] {
            assert!(!same(theirs, ours, Folding::Zeros), "{theirs}");
        }
    }

    #[test]
    fn values_that_say_nothing_equal_nothing() {
        for text in
            ["", " ", "-", "0", "0000", "n/a", "N/A", "none", "xxxx", "1111", "unknown", "noreply@corp.test", "@"]
        {
            assert!(!same(text, text, Folding::Exact), "{text:?}");
            assert_eq!(look_up_key(text), None, "{text:?}");
        }
        assert!(same("7", "7", Folding::Exact));
        assert!(same("nadia@corp.test", "Nadia@Corp.test", Folding::Case));
    }
}
