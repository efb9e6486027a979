//! From text to a method and what it is to make: told by the beginning, and never guessed.

mod braces;
mod described;
mod frameworks;
mod modular;
mod servers;

use directory::{PasswordScheme, StoredScheme};

use super::{Check, Hints, Stored, Unverifiable, method::Method, wrapped};

/// `Ok(None)`: not a text of this family.
type Read = Result<Option<Stored>, Unverifiable>;

pub(super) fn any(text: &str, hints: &Hints) -> Result<Stored, Unverifiable> {
    if text.is_empty() {
        return Err(Unverifiable::None);
    }
    if let Some(format) = &hints.format
        && format.scheme != PasswordScheme::SelfDescribing
    {
        return described::as_told(text, format, hints);
    }
    if text.starts_with("{\"") {
        return json(text);
    }
    // Locked in /etc/shadow, unusable in Django.
    if text.starts_with(['!', '*']) && !servers::is_mysql(text) || text == "x" {
        return Err(Unverifiable::None);
    }
    for read in [braces::read, modular::read, frameworks::read] {
        if let Some(stored) = read(text)? {
            return Ok(stored);
        }
    }
    servers::read(text, hints)?.ok_or(Unverifiable::Unknown)
}

fn json(text: &str) -> Result<Stored, Unverifiable> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|_| Unverifiable::Malformed("not JSON"))?;
    let has = |name: &str| value.get(name).is_some();
    if has("wrapped") {
        wrapped::read(text)
    } else if has("format") {
        described::read(value)
    } else if has("credentialData") || has("algorithm") {
        frameworks::keycloak(&value)
    } else {
        Err(Unverifiable::Unknown)
    }
}

const fn direct(scheme: StoredScheme, method: Method, expected: Vec<u8>) -> Stored {
    Stored { scheme, check: Check::Direct { method, expected } }
}

/// A salt of bcrypt and the like.
fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Unverifiable> {
    bytes.try_into().map_err(|_| Unverifiable::Malformed("the salt has another length"))
}

/// Exactly so many parts.
fn parts<const N: usize>(text: &str, separator: char) -> Result<[&str; N], Unverifiable> {
    let parts: Vec<&str> = text.splitn(N + 1, separator).collect();
    parts.try_into().map_err(|_| Unverifiable::Malformed("it has more or fewer parts"))
}
