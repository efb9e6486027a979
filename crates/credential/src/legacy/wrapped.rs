//! A verifier that would be cheap to guess, kept as argon2id of what its scheme makes of the password.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use directory::StoredScheme;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    Check, Stored, Unverifiable,
    method::{Hash, Method},
};
use crate::{Cost, Password, Salt, Verdict};

/// What is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrappedText {
    wrapped: StoredScheme,
    method: Method,
    length: usize,
    phc: String,
}

/// The old scheme's result as a password of the new one: of one length, whatever the scheme's is.
fn inner(made: &[u8]) -> Result<Password, Unverifiable> {
    let text = SecretString::from(STANDARD_NO_PAD.encode(Hash::Sha256.of(made)));
    Password::accept(&text).map_err(|_| Unverifiable::Malformed("the digest has an impossible length"))
}

pub(super) fn wrap(
    scheme: StoredScheme,
    method: &Method,
    expected: &[u8],
    salt: &Salt,
    cost: Cost,
) -> Result<String, Unverifiable> {
    let phc = crate::make(&inner(expected)?, salt, cost)?;
    let text = WrappedText { wrapped: scheme, method: method.clone(), length: expected.len(), phc };
    serde_json::to_string(&text).map_err(|_| Unverifiable::Malformed("it cannot be written"))
}

pub(super) fn verify(method: &Method, length: usize, phc: &str, typed: &Password) -> Result<bool, Unverifiable> {
    let made = method.derive(typed.bytes(), length)?;
    Ok(matches!(crate::verify(phc, &inner(&made)?, Cost::STANDARD)?, Verdict::Right { .. }))
}

pub(super) fn read(text: &str) -> Result<Stored, Unverifiable> {
    let read: WrappedText = serde_json::from_str(text).map_err(|_| Unverifiable::Malformed("not a wrapped value"))?;
    let check = Check::Wrapped { method: read.method, length: read.length, phc: read.phc };
    Ok(Stored { scheme: read.wrapped, check })
}
