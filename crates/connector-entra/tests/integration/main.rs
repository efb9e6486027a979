//! The connector against npm's `oidc-provider` with a Graph beside it (`peers`), and against a provider that lies.

mod hostile;
mod peers;
mod support;
