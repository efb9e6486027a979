//! The connector at real databases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod peers;
