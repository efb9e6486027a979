//! The demo's directory, asked by an LDAP client that was not written for it.

mod directory;
