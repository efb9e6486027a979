//! What was typed into a password field, once it may be used (semantics, section 2.1).

use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroize as _;

/// The longest password, in code points after normalisation.
pub const LONGEST: usize = 256;

/// A password in Unicode normalisation form C: the same bytes go to a source and into a verifier. Never trimmed, and
/// neither case nor width is mapped.
#[derive(Debug, Clone)]
pub struct Password(SecretString);

/// Why a typed password is not even tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// A directory answers a simple bind without a password with success, as anonymous (RFC 4513, section 5.1.2).
    #[error("the password is empty")]
    Empty,
    /// Some directories read a password up to the first NUL only.
    #[error("the password contains a NUL character")]
    Nul,
    #[error("the password is longer than {LONGEST} characters")]
    TooLong,
}

impl Password {
    /// Normalises what was typed, or refuses it.
    pub fn accept(typed: &SecretString) -> Result<Self, PasswordRefused> {
        let typed = typed.expose_secret();
        if typed.is_empty() {
            return Err(PasswordRefused::Empty);
        }
        if typed.contains('\0') {
            return Err(PasswordRefused::Nul);
        }
        // Composition never lengthens by more than a constant factor: refuse a megabyte before working on it.
        if typed.len() > LONGEST * 16 {
            return Err(PasswordRefused::TooLong);
        }
        let mut composed = String::with_capacity(typed.len());
        composed.extend(typed.nfc());
        if composed.chars().count() > LONGEST {
            composed.zeroize();
            return Err(PasswordRefused::TooLong);
        }
        Ok(Self(SecretString::from(composed)))
    }

    /// For the one bind of a sign-in.
    #[must_use]
    pub const fn secret(&self) -> &SecretString {
        &self.0
    }

    /// The bytes that are sent and verified.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    /// Length in code points.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.expose_secret().chars().count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_nul_and_endless_passwords_are_refused() {
        let accept = |text: &str| Password::accept(&SecretString::from(text)).map(|p| p.length());
        assert_eq!(accept(""), Err(PasswordRefused::Empty));
        assert_eq!(accept("\0"), Err(PasswordRefused::Nul));
        assert_eq!(accept("right\0wrong"), Err(PasswordRefused::Nul));
        assert_eq!(accept(&"x".repeat(257)), Err(PasswordRefused::TooLong));
        assert_eq!(accept(&"x".repeat(1_000_000)), Err(PasswordRefused::TooLong));
        assert_eq!(accept(&"🗝".repeat(256)), Ok(256));
        assert_eq!(accept(" "), Ok(1), "blanks are a password like any other");
    }

    #[test]
    fn both_spellings_of_a_letter_are_the_same_password() {
        let bytes = |text: &str| Password::accept(&SecretString::from(text)).unwrap().bytes().to_vec();
        assert_eq!(bytes("cafe\u{301}"), bytes("café"));
        assert_ne!(bytes("Café"), bytes("café"));
        assert_ne!(bytes("ｃafé"), bytes("café"), "width is not mapped");
        assert_ne!(bytes(" café"), bytes("café"), "blanks are kept");
    }

    #[test]
    fn a_password_is_not_printed() {
        let password = Password::accept(&SecretString::from("canary")).unwrap();
        assert!(!format!("{password:?}").contains("canary"));
    }

    proptest! {
        #[test]
        fn accepting_twice_changes_nothing(typed in any::<String>()) {
            if let Ok(once) = Password::accept(&SecretString::from(typed)) {
                let twice = Password::accept(once.secret()).unwrap();
                prop_assert_eq!(once.bytes(), twice.bytes());
                prop_assert!(!once.bytes().is_empty() && !once.bytes().contains(&0));
            }
        }
    }
}
