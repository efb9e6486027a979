//! What integration tests stand on: fresh databases, real directories and hostile ones, certificates, a bad network.
//! Development only; everything starts from the system's own packages in temporary folders and ends with the test.

mod certificates;
mod cloud;
mod databases;
mod fault_proxy;
mod keeper;
mod legacy_settings;
mod legacy_sql;
mod old_application;
mod people;
mod postgres;
mod raw_rows;
mod samba;
mod scim;
mod slapd;
mod stub_ldap;

pub use certificates::{Authority, ServerCertificate};
pub use cloud::{Cloud, CloudSetup};
pub use databases::{TestDatabase, databases, postgres, sqlite};
pub use fault_proxy::{Fault, FaultProxy};
pub use legacy_sql::{LegacyKind, LegacySql};
pub use old_application::{Asked, OldApplication};
pub use postgres::Postgres;
pub use raw_rows::RawRows;
pub use samba::SambaAd;
pub use scim::ScimServer;
pub use slapd::{Slapd, SlapdSetup};
pub use stub_ldap::{BindAnswer, SearchAnswer, StartTlsAnswer, StubBind, StubEntry, StubLdap, StubScript, StubSearch};
