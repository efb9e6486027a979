//! Stored passwords of other systems, against values that other programs made.

mod described;
mod known_answers;
mod properties;

use credential::{
    Password,
    legacy::{Hints, Unverifiable},
};
use secrecy::SecretString;

fn password(text: &str) -> Password {
    Password::accept(&SecretString::from(text)).expect("a password that may be typed")
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// Whether this is the password.
fn opens(stored: &str, typed: &str, hints: &Hints) -> Result<bool, Unverifiable> {
    let verdict = credential::legacy::verify(&secret(stored), &password(typed), hints)?;
    Ok(verdict == credential::Verdict::Right { needs_rehash: true })
}
