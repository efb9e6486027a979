//! Every row of the decision table that can occur now, driven once through the pages of a running server against a
//! directory that speaks LDAP: which page, what changed in the database, and how many binds the directory saw.
//!
//! Not driven here, because an LDAP directory cannot lead there: D4 and D5 (imported verifiers), D12 (password relay to a
//! provider), D18b (matching rules). `hub` tests their decision alone. D6r, D6s and D6t are in `redirect_peers`, D28 in
//! `break_glass`.

/// `rows_on_postgres_peers` has these tests as well, with another answer here.
const ON_POSTGRES: bool = false;

mod call_out_peers;
mod delegated;
pub mod directory_stub;
pub mod house;
mod outcome;
mod owned;
mod peers;
mod redirect_peers;
mod refusals;
mod several_hosts;
mod sql_peers;
mod unknown;
mod write_back_peers;
