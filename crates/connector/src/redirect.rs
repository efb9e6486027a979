//! Signing in elsewhere: a source that people are sent to with their browser, instead of typing a password here.

use async_trait::async_trait;
use directory::SourceEntry;
use secrecy::SecretString;
use url::Url;

use crate::Trouble;

/// A browser on its way there.
#[derive(Debug, Clone)]
pub struct RedirectStart {
    /// Where the browser comes back to, as it is registered there.
    pub redirect_uri: Url,
    /// Comes back unchanged (RFC 6749, 10.12).
    pub state: String,
    /// Stands in the ID token (OpenID Connect Core, 3.1.2.1).
    pub nonce: String,
    /// RFC 7636; the challenge that is sent is made from it.
    pub code_verifier: SecretString,
    /// What the person calls themselves, if it may be told.
    pub login_hint: Option<String>,
}

/// A browser that came back with a code.
#[derive(Debug, Clone)]
pub struct RedirectReturn {
    pub redirect_uri: Url,
    pub code: SecretString,
    /// `iss` of the answer (RFC 9207).
    pub issuer: Option<String>,
    pub nonce: String,
    pub code_verifier: SecretString,
}

/// Who signed in there. The entry's immutable id is what the provider's signed word says, never what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectProof {
    pub entry: SourceEntry,
    /// Authentication methods, as the provider names them (RFC 8176); empty if it does not.
    pub methods: Vec<String>,
    /// They show more than one factor.
    pub second_factor: bool,
    /// Where it was answered, for the trace.
    pub endpoint: String,
}

/// Why nobody is proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFailure {
    /// The provider could not be asked, or refuses the hub itself.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// What came back does not hold: wrong issuer, tenant, nonce or signature, a code that is no good. Says nothing
    /// about the provider's health, and never counts for the breaker: whoever can press links can cause it.
    #[error("{endpoint}: {reason}")]
    Refused { endpoint: String, reason: String },
}

/// A source that people sign in at by redirect.
#[async_trait]
pub trait Redirect: Send + Sync {
    /// Where to send the browser. No person's secret is anywhere near.
    async fn begin(&self, start: &RedirectStart) -> Result<Url, Trouble>;

    /// Exchanges the code, once, and verifies what came back.
    async fn finish(&self, back: &RedirectReturn) -> Result<RedirectProof, RedirectFailure>;
}
