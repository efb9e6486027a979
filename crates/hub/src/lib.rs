//! The use cases of Isthmus. A handler or server function turns its session into a capability, makes one call here,
//! and presents the answer.
//!
//! `kernel` (clock, random, audit, vault, capability) ← `connections`, `mirror`, `standing`, `session`, `password` and
//! `registry` ← the areas (`sign_in`, `provider`, `people`, `sources`, `clients`, `access`, `apply`, `audit`, `overview`, `imports`).
//! Areas never import each other; `cargo xtask check` holds them to it. [`mirror`] is the only writer of people, accounts, links, attributes and
//! memberships; [`registry`] of sources and clients.

pub mod access;
pub mod apply;
pub mod audit;
pub mod clients;
pub mod connections;
pub mod imports;
pub mod inspect;
pub mod kernel;
pub mod mirror;
pub mod observe;
pub mod overview;
pub mod password;
pub mod people;
pub mod provider;
pub mod registry;
pub mod restored;
pub mod session;
pub mod sign_in;
pub mod sources;
pub mod standing;
pub mod stored_passwords;

mod error;
mod hub;

pub use error::HubError;
pub use storage::StorageError;

pub use hub::{ConnectorFactory, Hub, HubParts, NoConnectors};
pub use storage::lease::Lease;
