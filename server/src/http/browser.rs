//! What a browser brings and keeps: a session cookie, the mark of a known device, the directory it chose last.

mod store;
mod words;

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{header::USER_AGENT, request::Parts},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use directory::SessionId;
use hub::Hub;
use tower_sessions::{Expiry, Session, SessionManagerLayer, cookie::time::Duration};

pub use self::store::DATABASE_AWAY;
use self::store::HubSessionStore;
use super::{Failure, Site};

/// The only thing a browser session says: which session of a person it is.
const SESSION: &str = "session";
/// The browser keeps the marks of devices and the chosen directory this long.
const YEAR: Duration = Duration::days(365);
/// Longest life of a browser session. The person's session within it ends by its own rules, and sooner.
const BROWSER_SESSION: Duration = Duration::days(2);

/// The layer that reads and writes the session cookie. It holds nothing until somebody signs in.
pub fn session_layer(hub: &Hub, site: &Site) -> SessionManagerLayer<HubSessionStore> {
    SessionManagerLayer::new(HubSessionStore::new(hub.clone()))
        .with_name(site.cookie_name(""))
        .with_secure(site.secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(BROWSER_SESSION))
}

/// The browser of this request.
pub struct Browser {
    session: Session,
    jar: CookieJar,
    user_agent: Option<String>,
    site: Arc<Site>,
}

impl<S> FromRequestParts<S> for Browser
where
    S: Send + Sync,
    Arc<Site>: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let session = Session::from_request_parts(parts, state)
            .await
            .map_err(|(_, message)| Failure::internal(&format!("the session layer is missing: {message}")))?;
        let Ok(jar): Result<CookieJar, Infallible> = CookieJar::from_request_parts(parts, state).await;
        let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Self { session, jar, user_agent, site: Arc::from_ref(state) })
    }
}

impl Browser {
    /// The session of the person who signed in here, whether or not it is still alive: the hub knows.
    pub async fn session_id(&self) -> Result<Option<SessionId>, Failure> {
        self.session.get(SESSION).await.map_err(store_failed)
    }

    /// Somebody signed in: a new cookie value, never one that was there before the proof (session fixation).
    pub async fn signed_in(&self, id: SessionId) -> Result<(), Failure> {
        self.session.cycle_id().await.map_err(store_failed)?;
        self.session.insert(SESSION, id).await.map_err(store_failed)
    }

    /// Forgets the session here and in the browser.
    pub async fn signed_out(&self) -> Result<(), Failure> {
        if self.session.is_empty().await {
            return Ok(());
        }
        self.session.flush().await.map_err(store_failed)
    }

    /// What the browser calls itself, in a few words.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        self.user_agent.as_deref().and_then(words::of)
    }

    /// The mark by which a person's own browser is known.
    #[must_use]
    pub fn device(&self) -> Option<String> {
        self.kept("-device")
    }

    /// The directory chosen at the last sign-in in this browser.
    #[must_use]
    pub fn directory(&self) -> Option<String> {
        self.kept("-directory")
    }

    /// Cookies for the answer: the mark of the device, if there is a new one, and the directory that was chosen.
    pub fn keep(&self, device: Option<String>, directory: Option<String>) -> CookieJar {
        // Only what is new travels: the jar of the request is not sent back.
        let mut jar = CookieJar::new();
        for (suffix, value) in [("-device", device), ("-directory", directory)] {
            let Some(value) = value else { continue };
            let cookie = Cookie::build((self.site.cookie_name(suffix), value))
                .path("/")
                .http_only(true)
                .secure(self.site.secure)
                .same_site(SameSite::Lax)
                .max_age(YEAR);
            jar = jar.add(cookie);
        }
        jar
    }

    /// What this browser holds from an earlier way to a provider.
    #[must_use]
    pub fn redirect(&self) -> Option<String> {
        self.kept("-redirect")
    }

    /// The cookie that ties a way to a provider to this browser. `Lax`: it has to come along when the provider sends the
    /// browser back.
    pub fn keep_redirect(&self, value: String) -> CookieJar {
        let cookie = Cookie::build((self.site.cookie_name("-redirect"), value))
            .path("/")
            .http_only(true)
            .secure(self.site.secure)
            .same_site(SameSite::Lax)
            .max_age(Duration::hours(1));
        CookieJar::new().add(cookie)
    }

    /// What this browser holds of a change of password under way.
    #[must_use]
    pub fn change(&self) -> Option<String> {
        self.kept("-change")
    }

    /// The cookie that ties the page which asks for a new password to this browser.
    pub fn keep_change(&self, value: String) -> CookieJar {
        let cookie = Cookie::build((self.site.cookie_name("-change"), value))
            .path("/")
            .http_only(true)
            .secure(self.site.secure)
            .same_site(SameSite::Strict)
            .max_age(Duration::minutes(15));
        CookieJar::new().add(cookie)
    }

    fn kept(&self, suffix: &str) -> Option<String> {
        let value = self.jar.get(&self.site.cookie_name(suffix))?.value();
        // Longer than anything we set: not ours.
        (value.len() <= 512).then(|| value.to_owned())
    }
}

impl Site {
    /// `__Host-isthmus…` on https: bound to this host and never sent in the clear. Browsers refuse the prefix
    /// elsewhere, so the loopback name is plain.
    #[must_use]
    pub fn cookie_name(&self, suffix: &str) -> String {
        format!("{}isthmus{suffix}", if self.secure { "__Host-" } else { "" })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of map_err")]
fn store_failed(error: tower_sessions::session::Error) -> Failure {
    Failure::of_session_store(&error)
}
