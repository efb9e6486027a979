//! An application that signs people in by OpenID Connect: authorization code with PKCE, refresh, sign-out at the
//! provider. It is a relying party like any other and knows nothing of the hub but its issuer.

mod http_client;
mod pages;
mod relying_party;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use openidconnect::CsrfToken;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use relying_party::{Pending, RelyingParty, SignedIn};

/// Its sessions; the name differs from the hub's, since cookies on loopback do not know ports.
const COOKIE: &str = "sample-application";

/// More sessions than this, and the oldest are forgotten: this is a demo in one process.
const SESSIONS: usize = 1_000;

/// How the application knows its provider.
#[derive(Clone)]
pub struct SampleApplicationSettings {
    pub issuer: Url,
    pub client_id: String,
    pub client_secret: String,
    pub listen: SocketAddr,
}

/// A running application. Dropping it stops it.
pub struct SampleApplication {
    url: Url,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Application {
    relying_party: RelyingParty,
    sessions: Mutex<Sessions>,
    /// Where forms may lead: here, and to the provider's sign-out.
    content_security_policy: HeaderValue,
}

#[derive(Default)]
struct Sessions {
    by_id: HashMap<String, Session>,
    order: std::collections::VecDeque<String>,
}

#[derive(Clone)]
enum Session {
    Pending(Pending),
    SignedIn(Box<SignedIn>),
}

impl SampleApplication {
    /// Where an application that listens there will be: register [`redirect_uri`](Self::redirect_uri) of it first.
    pub async fn start(settings: SampleApplicationSettings) -> anyhow::Result<Self> {
        let listen = crate::loopback_only(settings.listen)?;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("the sample application cannot listen on {listen}"))?;
        let url = Self::url_of(listener.local_addr()?)?;
        let form_targets = settings.issuer.origin().ascii_serialization();
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' {form_targets}"
        );
        let application = Arc::new(Application {
            relying_party: RelyingParty::new(&settings, &url)?,
            sessions: Mutex::default(),
            content_security_policy: HeaderValue::from_str(&policy)?,
        });
        let routes = Router::new()
            .route("/", get(home))
            .route("/style.css", get(crate::html::stylesheet))
            .route("/sign-in", get(sign_in))
            .route("/callback", get(callback))
            .route("/refresh", post(refresh))
            .route("/sign-out", post(sign_out))
            .with_state(application);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move { axum::serve(listener, routes).with_graceful_shutdown(stopped).await });
        tasks.close();
        Ok(Self { url, stop, tasks })
    }

    /// The application's address, for a listening address with its port known: `http://localhost:PORT/`.
    pub fn url_of(listen: SocketAddr) -> anyhow::Result<Url> {
        let host = if listen.is_ipv4() && listen.ip() == std::net::Ipv4Addr::LOCALHOST {
            "localhost".to_owned()
        } else {
            listen.ip().to_string()
        };
        Ok(Url::parse(&format!("http://{host}:{}/", listen.port()))?)
    }

    /// The redirect URI to register for an application at this address.
    pub fn redirect_uri_of(listen: SocketAddr) -> anyhow::Result<Url> {
        Ok(Self::url_of(listen)?.join("callback")?)
    }

    /// The home page, which is also where the provider sends people after sign-out.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The redirect URI to register at the provider.
    pub fn redirect_uri(&self) -> anyhow::Result<Url> {
        Ok(self.url.join("callback")?)
    }

    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for SampleApplication {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Application {
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self, jar: &CookieJar) -> Option<Session> {
        self.sessions().by_id.get(jar.get(COOKIE)?.value()).cloned()
    }

    fn signed_in(&self, jar: &CookieJar) -> Option<Box<SignedIn>> {
        match self.session(jar)? {
            Session::SignedIn(person) => Some(person),
            Session::Pending(_) => None,
        }
    }

    /// A fresh session id, never one that the browser brought: a planted cookie must not become a signed-in one.
    fn open(&self, jar: CookieJar, session: Session) -> CookieJar {
        let id = CsrfToken::new_random_len(32).into_secret();
        let mut sessions = self.sessions();
        if let Some(old) = jar.get(COOKIE) {
            sessions.by_id.remove(old.value());
        }
        sessions.by_id.insert(id.clone(), session);
        sessions.order.push_back(id.clone());
        if sessions.order.len() > SESSIONS {
            let oldest = sessions.order.pop_front();
            oldest.map(|oldest| sessions.by_id.remove(&oldest));
        }
        jar.add(Cookie::build((COOKIE, id)).http_only(true).same_site(SameSite::Lax).path("/"))
    }

    fn close(&self, jar: CookieJar) -> CookieJar {
        if let Some(old) = jar.get(COOKIE) {
            self.sessions().by_id.remove(old.value());
        }
        jar.remove(Cookie::build((COOKIE, "")).path("/"))
    }

    fn page(&self, status: StatusCode, html: String) -> Response {
        let headers = [
            (header::CONTENT_SECURITY_POLICY, self.content_security_policy.clone()),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        (status, headers, Html(html)).into_response()
    }

    fn failed(&self, what: &str, error: &anyhow::Error) -> Response {
        self.page(StatusCode::BAD_GATEWAY, pages::failed(what, &format!("{error:#}")))
    }
}

type App = State<Arc<Application>>;

async fn home(State(app): App, jar: CookieJar) -> Response {
    let html = match app.signed_in(&jar) {
        Some(person) => pages::signed_in(&person),
        None => pages::signed_out(app.relying_party.issuer()),
    };
    app.page(StatusCode::OK, html)
}

async fn sign_in(State(app): App, jar: CookieJar) -> Response {
    match app.relying_party.begin().await {
        Ok((to, pending)) => {
            let jar = app.open(jar, Session::Pending(pending));
            (jar, Redirect::to(to.as_str())).into_response()
        }
        Err(error) => app.failed("The provider could not be reached.", &error),
    }
}

/// What the provider sends the browser back with (RFC 6749 section 4.1.2, RFC 9207).
#[derive(Deserialize)]
struct Callback {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

async fn callback(State(app): App, jar: CookieJar, Query(back): Query<Callback>) -> Response {
    let Some(Session::Pending(pending)) = app.session(&jar) else {
        let error = anyhow::anyhow!("no sign-in was begun in this browser, or it was finished already");
        return app.failed("This sign-in cannot be continued.", &error);
    };
    if let Some(error) = back.error {
        let error = anyhow::anyhow!("{error}: {}", back.error_description.unwrap_or_default());
        return app.failed("The provider said no.", &error);
    }
    let (code, state) = (back.code.unwrap_or_default(), back.state.unwrap_or_default());
    match app.relying_party.finish(pending, code, &state, back.iss.as_deref()).await {
        Ok(person) => {
            let jar = app.open(jar, Session::SignedIn(Box::new(person)));
            (jar, Redirect::to("/")).into_response()
        }
        Err(error) => app.failed("The sign-in could not be finished.", &error),
    }
}

async fn refresh(State(app): App, jar: CookieJar) -> Response {
    let Some(person) = app.signed_in(&jar) else { return Redirect::to("/").into_response() };
    match app.relying_party.refresh(*person).await {
        Ok(person) => {
            if let Some(id) = jar.get(COOKIE) {
                app.sessions().by_id.insert(id.value().to_owned(), Session::SignedIn(Box::new(person)));
            }
            Redirect::to("/").into_response()
        }
        Err(error) => (app.close(jar), app.failed("Your sign-in has ended.", &error)).into_response(),
    }
}

async fn sign_out(State(app): App, jar: CookieJar) -> Response {
    let person = app.signed_in(&jar);
    let jar = app.close(jar);
    let Some(person) = person else { return (jar, Redirect::to("/")).into_response() };
    match app.relying_party.sign_out(&person).await {
        Ok(to) => (jar, Redirect::to(to.as_str())).into_response(),
        Err(error) => (jar, app.failed("Signed out here, but not at the provider.", &error)).into_response(),
    }
}
