//! The demo's directory, asked by an LDAP client that was not written for it.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up fails there")]

mod directory;
