//! The connector against a real SCIM service, and against ones that misbehave.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hostile;
mod peers;
mod support;
