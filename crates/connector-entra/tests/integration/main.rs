//! The connector against npm's `oidc-provider` with a Graph beside it (`peers`), and against a provider that lies.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod hostile;
mod peers;
mod support;
