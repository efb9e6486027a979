//! The protocol rules, seen from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

mod authorization;
mod discovery;
mod keys;
mod logout;
mod redirect_uri;

use directory::{Client, ClientAuthentication, ClientId, ConsentPolicy};

/// A confidential client with PKCE, as an administrator registers one.
pub fn portal() -> Client {
    Client {
        id: ClientId("portal".into()),
        name: "Staff portal".into(),
        authentication: ClientAuthentication::SecretBasic,
        redirect_uris: vec![
            "https://app.example.org/callback".into(),
            "http://localhost:9000/callback".into(),
            "https://app.example.org/cb?tenant=1".into(),
        ],
        post_logout_redirect_uris: vec!["https://app.example.org/".into(), "https://app.example.org/bye?x=1".into()],
        require_pkce: true,
        consent: ConsentPolicy::Never,
        original_sources: Vec::new(),
        groups: Vec::new(),
        revision: 1,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}
