//! An application that asks the hub to sign people in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{ClientId, SourceId, words::words};

words! {
    /// How a client proves itself at the token endpoint (OpenID Connect Core, section 9).
    ClientAuthentication, "client authentication" {
        SecretBasic = "client_secret_basic",
        SecretPost = "client_secret_post",
        /// A public client.
        None = "none",
    }
}

words! {
    /// When a person is asked whether the client may have their data.
    ConsentPolicy, "consent policy" {
        /// An administrator registered the client and answers for it.
        Never = "never",
        /// Once, at the first sign-in, and again when it asks for more.
        FirstTime = "first-time",
    }
}

/// A group that a client's tokens may name, as its source calls it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PublishedGroup {
    pub source: SourceId,
    pub name: String,
}

/// One registered application. Its secret is kept as a digest and is not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    pub id: ClientId,
    /// What people read on the consent page.
    pub name: String,
    pub authentication: ClientAuthentication,
    /// Compared as exact text (RFC 9700, section 2.1).
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    /// False only for a confidential client.
    pub require_pkce: bool,
    pub consent: ConsentPolicy,
    /// The directories its people came from, in order (semantics, section 2.4).
    pub original_sources: Vec<SourceId>,
    /// The groups its tokens may name; no others, whatever a person is a member of.
    pub groups: Vec<PublishedGroup>,
    /// Raised by every change; a stale form is refused.
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
