//! Every row of the decision table that can occur now, driven once through the pages of a running server against a
//! directory that speaks LDAP: which page, what changed in the database, and how many binds the directory saw.
//!
//! Not driven here, because an LDAP directory cannot lead there: D4 and D5 (imported verifiers), D6r, D6s, D6t and D12 (sources
//! that redirect), D18b (matching rules). `hub` tests their decision alone. D28 is in `break_glass`.

/// `rows_on_postgres_peers` has these tests as well, with another answer here.
const ON_POSTGRES: bool = false;

mod delegated;
pub mod directory_stub;
pub mod house;
mod outcome;
mod owned;
mod peers;
mod refusals;
mod several_hosts;
mod sql_peers;
mod unknown;
