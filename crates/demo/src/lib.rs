//! What `isthmus demo` puts around the hub: a legacy LDAP directory with a few hundred people, and an application that
//! signs people in by OpenID Connect. Both live in the process and listen on loopback only.
//!
//! Nothing here knows the hub: the directory speaks LDAP over TLS, the application is a relying party like any other.

pub mod application;
pub mod directory;

pub use application::{SampleApplication, SampleApplicationSettings};
pub use directory::{DemoPerson, Directory, Organisation};

use std::net::SocketAddr;

/// Refuses to listen anywhere but on loopback: passwords of the demo are printed on the screen.
fn loopback_only(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    anyhow::ensure!(listen.ip().is_loopback(), "the demo listens on loopback addresses only, not on {listen}");
    Ok(listen)
}
