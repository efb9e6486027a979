//! Every test here runs on both databases.

mod browser_sessions;
mod leases;
