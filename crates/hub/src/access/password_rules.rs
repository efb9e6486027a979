//! What a password set at the hub must be (NIST SP 800-63B-4, 3.1.1.2): long, and not one that everybody tries. No
//! rules about kinds of characters, no forced change.

use std::collections::HashSet;

use credential::Password;
use directory::fold;
use secrecy::{ExposeSecret as _, SecretString};

use crate::HubError;

/// Code points: the password is the only factor.
pub const SHORTEST: usize = 15;
/// Distinct characters below which a password is a pattern.
const FEWEST_CHARACTERS: usize = 5;
/// What must be left once the words everybody knows about this person are taken away.
const SHORTEST_REST: usize = 8;

const COMMON: &str = include_str!("common_passwords.txt");

fn invalid(message: impl Into<String>) -> HubError {
    HubError::Invalid { field: "password", message: message.into() }
}

/// The password, if it may be set. `known` are words that others know about the person: names, e-mail address.
pub(super) fn check(typed: &SecretString, known: &[String]) -> Result<Password, HubError> {
    let password = Password::accept(typed).map_err(|refused| invalid(refused.to_string()))?;
    let text = password.secret().expose_secret();
    let length = text.chars().count();
    if length < SHORTEST {
        return Err(invalid(format!(
            "use at least {SHORTEST} characters, such as four random words; this has {length}"
        )));
    }
    let folded = fold(text).as_str().to_owned();
    if COMMON.lines().any(|common| common == folded) {
        return Err(invalid("this is one of the passwords that are tried first: choose another"));
    }
    if folded.chars().collect::<HashSet<_>>().len() < FEWEST_CHARACTERS {
        return Err(invalid("this repeats few characters: choose another"));
    }
    if without_known(&folded, known).chars().count() < SHORTEST_REST {
        return Err(invalid("this is little more than your name or the name of this product: choose another"));
    }
    Ok(password)
}

/// The password without words that are known about the person or the product.
fn without_known(folded: &str, known: &[String]) -> String {
    let mut words: Vec<String> = known
        .iter()
        .map(|word| fold(word).as_str().to_owned())
        .flat_map(|word| {
            let parts: Vec<String> = word.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
            std::iter::once(word).chain(parts)
        })
        .chain(["isthmus", "password", "passw0rd", "administrator", "admin"].map(str::to_owned))
        .filter(|word| word.chars().count() >= 3)
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.iter().fold(folded.to_owned(), |rest, word| rest.replace(word.as_str(), ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepted(text: &str) -> bool {
        check(
            &SecretString::from(text.to_owned()),
            &["ada.lovelace@example.test".to_owned(), "Ada Lovelace".to_owned()],
        )
        .is_ok()
    }

    #[test]
    fn short_common_repeated_and_known_ones_are_refused() {
        for bad in [
            "",
            "fourteen chars",
            "PasswordPassword",
            "correct horse battery staple",
            "aaaaaaaaaaaaaaaaaaaa",
            "isthmusisthmusisthmus",
            "ada.lovelace@example.test",
            "AdaLovelaceIsthmus1",
            "nul\0inside the text",
        ] {
            assert!(!accepted(bad), "{bad:?}");
        }
        assert!(!accepted(&"long ".repeat(60)));
        assert!(accepted("four unusual harbour lanterns"));
        assert!(accepted("пятнадцать букв здесь"));
        assert!(accepted(&"Straße und Gäßchen ".repeat(13)));
    }

    proptest! {
        #[test]
        fn long_random_text_is_accepted_without_further_rules(text in "[a-zA-Z0-9 ]{40,256}") {
            let distinct = text.to_lowercase().chars().collect::<HashSet<_>>().len();
            prop_assume!(distinct >= FEWEST_CHARACTERS && text.trim().len() > 20);
            prop_assert!(accepted(&text));
        }
    }
}
