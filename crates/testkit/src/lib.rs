//! What integration tests stand on: fresh databases, real directories and hostile ones, certificates, a bad network.
//! Development only; everything starts from the system's own packages in temporary folders and ends with the test.

mod certificates;
mod databases;
mod keeper;
mod people;
mod postgres;
mod slapd;

pub use certificates::{Authority, ServerCertificate};
pub use databases::{TestDatabase, databases, postgres, sqlite};
pub use postgres::Postgres;
pub use slapd::{Slapd, SlapdSetup};
