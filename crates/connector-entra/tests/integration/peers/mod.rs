//! Against npm's `oidc-provider` and the Graph beside it.

mod graph;
mod sign_in;
