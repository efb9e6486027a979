//! What `isthmus demo` puts around the hub: three legacy directories (LDAP, the table of an old portal, a cloud directory)
//! with their people, and an application that signs people in by OpenID Connect. They live in the process and listen on
//! loopback only; the table is a file.
//!
//! Nothing here knows the hub: the directory speaks LDAP over TLS, the cloud directory is an OpenID provider and the
//! application a relying party like any other.

pub mod application;
pub mod cloud;
pub mod directory;
mod html;
pub mod portal;

pub use application::{SampleApplication, SampleApplicationSettings};
pub use cloud::{CloudClient, CloudDirectory};
pub use directory::{DemoPerson, Directory, Organisation};
pub use portal::OldPortal;

use std::net::SocketAddr;

/// Refuses to listen anywhere but on loopback: passwords of the demo are printed on the screen.
fn loopback_only(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    anyhow::ensure!(listen.ip().is_loopback(), "the demo listens on loopback addresses only, not on {listen}");
    Ok(listen)
}
