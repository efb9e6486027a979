//! Passwords that other systems stored: verified here and never made (semantics, section 9).
//!
//! [`parse`] reads a stored value and says what it is, or in a typed error why it cannot be verified. Nothing costly
//! happens before [`Stored::verify`], and nothing happens at all above the ceilings of `method.rs`. A value that would be cheap to
//! guess is wrapped when it is taken over: argon2id of what the old scheme made of the password, so that the copy here is not the
//! weakest one. At the first success the caller makes a native verifier and deletes this one.

mod bytes;
mod crypt;
mod method;
mod parse;
mod template;
mod wrapped;

use directory::{DescribedPassword, PasswordFormat, PasswordScheme, StoredScheme};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use crate::{Cost, Password, Salt, UnreadableVerifier, Verdict};
use method::Method;

/// The longest stored value that is looked at, in bytes.
pub const LONGEST_STORED: usize = 8 * 1024;

/// What the stored value does not say itself.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    pub format: Option<PasswordFormat>,
    pub salt: Option<String>,
    /// The owner's name there, which some schemes use as salt.
    pub username: Option<String>,
}

/// Why a stored value cannot be verified. Holds none of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverifiable {
    #[error("there is no password")]
    None,
    #[error("its scheme is not known; say how it was made in the source's settings")]
    Unknown,
    #[error("{0} is too weak to be accepted")]
    Refused(&'static str),
    #[error("it does not hold to its scheme: {0}")]
    Malformed(&'static str),
    #[error("it asks for more time or memory than is allowed")]
    TooCostly,
    #[error("it points to another place that would have to be asked")]
    Delegated,
    #[error("its scheme needs the {0}, which is not there")]
    Needs(&'static str),
    #[error("only the application that made it can verify it")]
    CallOut,
}

impl Unverifiable {
    /// The word that coverage counts it under.
    #[must_use]
    pub const fn scheme(self) -> StoredScheme {
        match self {
            Self::None => StoredScheme::None,
            Self::Unknown => StoredScheme::Unknown,
            Self::Refused(_) => StoredScheme::Refused,
            Self::Malformed(_) | Self::Needs(_) => StoredScheme::Malformed,
            Self::TooCostly => StoredScheme::TooCostly,
            Self::Delegated => StoredScheme::Delegated,
            Self::CallOut => StoredScheme::CallOut,
        }
    }
}

/// A stored value that was understood. Its `Debug` shows the scheme only.
#[derive(Clone)]
pub struct Stored {
    scheme: StoredScheme,
    check: Check,
}

#[derive(Clone)]
enum Check {
    /// What the method makes of the right password.
    Direct { method: Method, expected: Vec<u8> },
    /// argon2id of what the method makes of it.
    Wrapped { method: Method, length: usize, phc: String },
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

/// Reads a stored value, at no cost.
pub fn parse(stored: &SecretString, hints: &Hints) -> Result<Stored, Unverifiable> {
    let text = stored.expose_secret();
    if text.len() > LONGEST_STORED {
        return Err(Unverifiable::Malformed("it is too long"));
    }
    let stored = parse::any(text, hints)?;
    match &stored.check {
        Check::Direct { method, expected } => method.check(expected.len())?,
        Check::Wrapped { method, length, .. } => method.check(*length)?,
    }
    Ok(stored)
}

/// What coverage counts this value under.
#[must_use]
pub fn scheme_of(stored: &SecretString, hints: &Hints) -> StoredScheme {
    parse(stored, hints).map_or_else(Unverifiable::scheme, |stored| stored.scheme())
}

/// Whether this is the password of the stored value. May take a second and 256 MiB: callers run it on a bounded pool.
/// Right always asks for a native verifier.
pub fn verify(stored: &SecretString, typed: &Password, hints: &Hints) -> Result<Verdict, Unverifiable> {
    parse(stored, hints)?.verify(typed)
}

impl Stored {
    #[must_use]
    pub const fn scheme(&self) -> StoredScheme {
        self.scheme
    }

    /// Whether this is the password. The comparison takes constant time.
    pub fn verify(&self, typed: &Password) -> Result<Verdict, Unverifiable> {
        let right = match &self.check {
            Check::Direct { method, expected } => {
                let made = method.derive(typed.bytes(), expected.len())?;
                bool::from(made.ct_eq(expected))
            }
            Check::Wrapped { method, length, phc } => wrapped::verify(method, *length, phc, typed)?,
        };
        Ok(if right { Verdict::Right { needs_rehash: true } } else { Verdict::Wrong })
    }

    /// Whether a stolen copy would be guessed quickly, so that it is wrapped before it is stored.
    #[must_use]
    pub fn needs_wrap(&self) -> bool {
        matches!(&self.check, Check::Direct { method, .. } if method.is_fast())
    }

    /// The text to store: argon2id of what the old scheme made of the password. The value itself is not in it.
    pub fn wrap(&self, salt: &Salt, cost: Cost) -> Result<String, Unverifiable> {
        match &self.check {
            Check::Direct { method, expected } => wrapped::wrap(self.scheme, method, expected, salt, cost),
            Check::Wrapped { .. } => Err(Unverifiable::Malformed("it is wrapped already")),
        }
    }
}

/// The text an imported verifier is kept as: it says everything, and is not cheap to guess.
pub fn keep(stored: &SecretString, hints: &Hints, salt: &Salt, cost: Cost) -> Result<String, Unverifiable> {
    let parsed = parse(stored, hints)?;
    if parsed.needs_wrap() {
        return parsed.wrap(salt, cost);
    }
    let format = hints.format.clone().unwrap_or_default();
    if format.scheme == PasswordScheme::SelfDescribing && hints.username.is_none() && hints.salt.is_none() {
        return Ok(stored.expose_secret().to_owned());
    }
    Ok(format.describe(stored.expose_secret(), hints.salt.as_deref(), hints.username.as_deref()))
}

impl From<DescribedPassword> for Hints {
    fn from(described: DescribedPassword) -> Self {
        Self { format: Some(described.format), salt: described.salt, username: described.username }
    }
}

impl From<UnreadableVerifier> for Unverifiable {
    fn from(error: UnreadableVerifier) -> Self {
        match error {
            UnreadableVerifier::Malformed => Self::Malformed("not a PHC string"),
            UnreadableVerifier::UnknownScheme => Self::Unknown,
            UnreadableVerifier::TooCostly => Self::TooCostly,
        }
    }
}
