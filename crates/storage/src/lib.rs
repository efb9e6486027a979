//! SQLite and PostgreSQL behind one SQL text.
//!
//! [`Database`] and [`Transaction`] are two-armed enums with five methods each; everything else is a repository: a
//! concrete struct borrowed from one of them, one module per area, holding the SQL of that area as constants. Ids
//! travel as `uuid`/`blob`, times come from the caller's clock truncated to microseconds, integers are `bigint`, JSON
//! is a value and never queried inside. See `docs/architecture.md`.

pub mod access;
pub mod accounts;
pub mod aliases;
pub mod attribute_definitions;
pub mod attribute_history;
pub mod attributes;
pub mod audit;
pub mod audit_chain;
pub mod break_glass;
pub mod browse;
pub mod browser_sessions;
pub mod budget;
pub mod bulk;
pub mod cases;
pub mod census;
pub mod clients;
pub mod copy;
mod database;
pub mod devices;
pub mod directory_devices;
mod error;
mod group_commit;
pub mod group_members;
pub mod groups;
pub mod import_schedule;
pub mod imports;
pub mod kept_answers;
pub mod keys;
pub mod lease;
mod lists;
pub mod matching;
mod meter;
mod migrate;
pub mod overview;
pub mod people;
pub mod proposals;
pub mod provider;
pub mod redirects;
mod row;
pub mod search;
pub mod sessions;
pub mod set_aside;
pub mod settings;
pub mod source_drafts;
pub mod sources;
pub mod stored_passwords;
pub mod throttle;
pub mod trace;
mod turnstile;
pub mod verifiers;
pub mod write_access;

pub use database::{
    Database, DatabaseKind, Gate, MaybeRetry, Queries, Reader, Transaction, WRITE_ATTEMPTS, before_retry, gate,
};
pub use error::StorageError;
pub use meter::WriteMeter;
pub use migrate::highest_known as schema_version_known;
pub use row::{Row, no_parameters, page_limit, to_microseconds};
