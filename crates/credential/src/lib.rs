//! Passwords: what may be typed, and the hub's own verifiers (argon2id, RFC 9106).
//!
//! A [`Password`] exists only after [`Password::accept`]: normalised, not empty, not too long. Everything that sends a
//! password to a source or turns it into a verifier takes a [`Password`], so no path can forget the check. Verifiers
//! are PHC strings; schemes of old directories will be further kinds of verifier, checked here and never made.

pub mod legacy;
mod password;
mod rules;
mod verifier;

pub use password::{LONGEST, Password, PasswordRefused};
pub use rules::{Factors, Weakness, may_be_set};
pub use verifier::{Cost, Salt, UnreadableVerifier, Verdict, make, verify};
