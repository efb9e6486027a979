//! A cloud directory in the process: an OpenID provider as small as it can be (authorization code with PKCE S256, one
//! client, ES256), with a page to sign in on. It listens on loopback, without TLS, because browsers know no certificate
//! of ours.

mod pages;
mod token;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Context;
use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use openidconnect::CsrfToken;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use crate::directory::{DemoPerson, Organisation, hire};
use token::Signer;

/// Sign-ins on their way; more than these, and the oldest are forgotten.
const WAITING: usize = 1_000;
/// How long a code or a page is good for.
const SECONDS: i64 = 600;

/// Seconds since 1970. The demo has no clock of its own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The one client of the provider.
#[derive(Debug, Clone)]
pub struct CloudClient {
    pub id: String,
    pub secret: String,
    pub redirect_uri: Url,
}

/// A running provider. Dropping it stops it.
pub struct CloudDirectory {
    provider: Arc<Provider>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Provider {
    issuer: String,
    client: CloudClient,
    people: Vec<DemoPerson>,
    domain: String,
    signer: Signer,
    clock: Clock,
    waiting: Mutex<Waiting>,
}

/// By a random name each: pages that wait for a password, and codes that wait to be exchanged.
#[derive(Default)]
struct Waiting {
    by_name: HashMap<String, Step>,
    order: std::collections::VecDeque<String>,
}

#[derive(Clone)]
struct Asked {
    state: String,
    nonce: Option<String>,
    challenge: String,
    at: i64,
}

#[derive(Clone)]
enum Step {
    Page(Asked),
    Code(Asked, usize),
}

impl CloudDirectory {
    /// Starts it on a loopback address; port 0 picks a free one.
    pub async fn start(listen: SocketAddr, client: CloudClient, clock: Clock) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(crate::loopback_only(listen)?)
            .await
            .with_context(|| format!("the demo's cloud directory cannot listen on {listen}"))?;
        let organisation = Organisation::cloud();
        let provider = Arc::new(Provider {
            issuer: format!("http://{}", listener.local_addr()?),
            client,
            people: hire(&organisation),
            domain: organisation.domain,
            signer: Signer::make()?,
            clock,
            waiting: Mutex::default(),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize).post(sign_in))
            .route("/token", post(exchange))
            .route("/style.css", get(crate::html::stylesheet))
            .with_state(Arc::clone(&provider));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move { axum::serve(listener, routes).with_graceful_shutdown(stopped).await });
        tasks.close();
        Ok(Self { provider, stop, tasks })
    }

    /// As its tokens name it: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.provider.issuer
    }

    /// The mail domain of its people.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.provider.domain
    }

    /// Everybody in it, with their passwords.
    #[must_use]
    pub fn people(&self) -> &[DemoPerson] {
        &self.provider.people
    }

    /// Two people to try.
    #[must_use]
    pub fn logins_to_try(&self) -> &[DemoPerson] {
        &self.provider.people[..2]
    }

    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for CloudDirectory {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Provider {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, step: Step) -> String {
        let name = CsrfToken::new_random_len(32).into_secret();
        let mut waiting = self.waiting();
        waiting.by_name.insert(name.clone(), step);
        waiting.order.push_back(name.clone());
        if waiting.order.len() > WAITING {
            let oldest = waiting.order.pop_front();
            oldest.map(|oldest| waiting.by_name.remove(&oldest));
        }
        name
    }

    fn in_time(&self, asked: &Asked) -> bool {
        (self.clock)() - asked.at < SECONDS
    }

    /// Somebody by username or e-mail, with their password.
    fn person(&self, name: &str, password: &str) -> Option<usize> {
        let name = name.trim().to_lowercase();
        self.people.iter().position(|person| {
            (person.username == name || person.email == name) && !password.is_empty() && person.password == password
        })
    }

    /// Back to the client, with `state` and the issuer (RFC 9207).
    fn back(&self, state: &str, what: (&str, &str)) -> Response {
        let mut to = self.client.redirect_uri.clone();
        to.query_pairs_mut().append_pair(what.0, what.1).append_pair("state", state).append_pair("iss", &self.issuer);
        Redirect::to(to.as_str()).into_response()
    }
}

type Cloud = State<Arc<Provider>>;

async fn describe(State(cloud): Cloud) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", cloud.issuer);
    Json(json!({
        "issuer": cloud.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(cloud): Cloud) -> Json<Value> {
    Json(json!({ "keys": [cloud.signer.public()] }))
}

#[derive(Deserialize)]
struct AuthorizationQuery {
    response_type: Option<String>,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    login_hint: Option<String>,
}

async fn authorize(State(cloud): Cloud, Query(query): Query<AuthorizationQuery>) -> Response {
    let ours = query.client_id.as_deref() == Some(cloud.client.id.as_str())
        && query.redirect_uri.as_deref() == Some(cloud.client.redirect_uri.as_str());
    if !ours {
        return page(StatusCode::BAD_REQUEST, pages::refused("This application is not known here."));
    }
    let state = query.state.unwrap_or_default();
    let (Some("code"), Some(challenge), Some("S256")) =
        (query.response_type.as_deref(), query.code_challenge, query.code_challenge_method.as_deref())
    else {
        return cloud.back(&state, ("error", "invalid_request"));
    };
    let asked = Asked { state, nonce: query.nonce, challenge, at: (cloud.clock)() };
    let ticket = cloud.keep(Step::Page(asked));
    let hint = query.login_hint.unwrap_or_default();
    page(StatusCode::OK, pages::sign_in(&cloud.domain, &ticket, &hint, None))
}

/// No `Debug`: it holds a password.
#[derive(Deserialize)]
struct SignInForm {
    ticket: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    decision: Option<String>,
}

async fn sign_in(State(cloud): Cloud, Form(form): Form<SignInForm>) -> Response {
    let waiting = cloud.waiting().by_name.get(&form.ticket).cloned();
    let Some(Step::Page(asked)) = waiting.filter(|step| matches!(step, Step::Page(asked) if cloud.in_time(asked)))
    else {
        return page(StatusCode::BAD_REQUEST, pages::refused("This sign-in has ended. Go back to the application."));
    };
    if form.decision.as_deref() == Some("cancel") {
        cloud.waiting().by_name.remove(&form.ticket);
        return cloud.back(&asked.state, ("error", "access_denied"));
    }
    let Some(person) = cloud.person(&form.name, &form.password) else {
        let wrong = "This name and password do not belong together.";
        return page(StatusCode::OK, pages::sign_in(&cloud.domain, &form.ticket, &form.name, Some(wrong)));
    };
    cloud.waiting().by_name.remove(&form.ticket);
    let state = asked.state.clone();
    let code = cloud.keep(Step::Code(asked, person));
    cloud.back(&state, ("code", &code))
}

#[derive(Deserialize)]
struct TokenForm {
    grant_type: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
}

async fn exchange(State(cloud): Cloud, headers: HeaderMap, Form(form): Form<TokenForm>) -> Response {
    let refuse = |status: StatusCode, error: &str| (status, Json(json!({ "error": error }))).into_response();
    if !token::is_client(&headers, &cloud.client) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if form.grant_type.as_deref() != Some("authorization_code") {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    // Taken out whatever comes of it: a code is used once.
    let taken = cloud.waiting().by_name.remove(&form.code.unwrap_or_default());
    let Some(Step::Code(asked, person)) = taken else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let same_place = form.redirect_uri.as_deref() == Some(cloud.client.redirect_uri.as_str());
    let proven = token::proves(&asked.challenge, &form.code_verifier.unwrap_or_default());
    if !same_place || !proven || !cloud.in_time(&asked) {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    let (now, person) = ((cloud.clock)(), &cloud.people[person]);
    let claims = json!({
        "iss": cloud.issuer, "aud": cloud.client.id, "sub": person.entry_uuid.to_string(),
        "iat": now, "auth_time": now, "exp": now + SECONDS, "nonce": asked.nonce, "amr": ["pwd"],
        "name": person.display_name(), "given_name": person.given_name, "family_name": person.family_name,
        "preferred_username": person.email, "email": person.email, "email_verified": true, "locale": person.language,
    });
    match cloud.signer.sign(&claims) {
        Ok(id_token) => {
            let access_token = CsrfToken::new_random_len(32).into_secret();
            let tokens = json!({
                "id_token": id_token, "access_token": access_token, "token_type": "Bearer", "expires_in": SECONDS,
            });
            ([(header::CACHE_CONTROL, "no-store")], Json(tokens)).into_response()
        }
        Err(error) => {
            tracing::debug!(%error, "demo cloud directory: no token");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "server_error")
        }
    }
}

/// Without `form-action`: browsers hold a form's redirects against it, and this form leads back to the hub and on.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'";

fn page(status: StatusCode, html: String) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, Html(html)).into_response()
}
