//! Signing in by redirect (semantics, section 2.8): the browser goes to the source's provider and comes back with a
//! code. **The person is whoever (issuer, tenant, `oid` or `sub`) says, never the typed name.**
//!
//! What travels in the browser's address is a random state; nonce and PKCE verifier are made from it with a key of the
//! hub's, so that the database holds nothing that could finish a sign-in. The state belongs to one browser (a cookie),
//! one source (its own address to come back to, against mix-up, RFC 9700 4.4) and is used once.

mod begin;
mod finish;
mod offer;

use std::net::IpAddr;

use directory::{AuthorizationId, ClientId};
use secrecy::SecretString;
use url::Url;

pub use offer::{PasswordOfferAnswer, PasswordOfferChoice};

use super::{Refusal, SignInAnswer, SignInAttempt};
use crate::Hub;

/// What the request itself says of the caller.
#[derive(Debug, Clone)]
pub struct RedirectCaller {
    /// As trusted proxies name it.
    pub address: IpAddr,
    pub device_cookie: Option<String>,
    /// What the browser calls itself, in a few words.
    pub browser: Option<String>,
    pub request_id: String,
}

/// "Continue with …" was pressed.
#[derive(Debug, Clone)]
pub struct RedirectBeginning {
    /// The source's name.
    pub source: String,
    pub authorization: Option<AuthorizationId>,
    /// The application; empty for the console.
    pub client: Option<ClientId>,
    pub return_to: Option<String>,
    /// What was typed as a name before, if anything was.
    pub identifier: Option<String>,
    /// What this browser holds from an earlier redirect.
    pub browser: Option<String>,
    pub caller: RedirectCaller,
}

/// Where the browser goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedirectBegun {
    Go {
        to: Url,
        /// To be kept by the browser until it is back.
        browser: String,
    },
    /// The provider cannot be reached.
    Refused(Refusal),
}

/// A browser came back.
#[derive(Debug, Clone)]
pub struct RedirectBack {
    /// The source's name, as the address says it.
    pub source: String,
    pub state: String,
    /// The code, or the provider's `error`.
    pub outcome: Result<SecretString, String>,
    /// RFC 9207.
    pub issuer: Option<String>,
    pub browser: Option<String>,
    pub caller: RedirectCaller,
}

/// What came of it, and what it was for.
#[derive(Debug)]
pub struct RedirectFinished {
    pub authorization: Option<AuthorizationId>,
    pub return_to: Option<String>,
    pub answer: RedirectAnswer,
}

/// How it ended.
#[derive(Debug)]
pub enum RedirectAnswer {
    Decided(SignInAnswer),
    /// The person said no over there: back to the page, and nothing is counted.
    BackToThePage,
}

/// Everything of a browser that comes back is checked against this.
struct Secrets {
    nonce: String,
    code_verifier: SecretString,
}

impl Hub {
    /// Where a provider sends browsers back to; registered there for this source alone.
    #[must_use]
    pub fn redirect_uri(&self, source: &str) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(&format!("/sign-in/callback/{source}"));
        url.set_query(None);
        url.set_fragment(None);
        url
    }

    fn redirect_secrets(&self, state: &str) -> Secrets {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let made = |purpose: &str| URL_SAFE_NO_PAD.encode(self.vault.keyed_digest(purpose, state.as_bytes()));
        Secrets { nonce: made("redirect nonce"), code_verifier: made("redirect code verifier").into() }
    }
}

/// As an attempt, for those parts of the broker that it shares with a typed password. There is none.
fn attempt_of(caller: &RedirectCaller, client: Option<ClientId>, source: &str, identifier: String) -> SignInAttempt {
    SignInAttempt {
        client,
        identifier,
        password: SecretString::default(),
        directory: Some(source.to_owned()),
        address: caller.address,
        device_cookie: caller.device_cookie.clone(),
        browser: caller.browser.clone(),
        request_id: caller.request_id.clone(),
    }
}
