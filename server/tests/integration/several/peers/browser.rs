//! A browser behind a round-robin balancer: every request goes to the next server.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::fleet::{Fleet, PUBLIC_URL};
use crate::support::location;

pub const CLIENT: &str = "portal";
pub const CALLBACK: &str = "http://localhost:9000/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Takes turns. A server that does not take the connection is passed over, as every balancer does; a request that was
/// under way when its server died is not sent again.
pub struct Balancer<'a> {
    fleet: &'a Fleet,
    next: AtomicUsize,
    client: reqwest::Client,
}

/// Why a sign-in did not come to its end.
#[derive(Debug)]
pub enum Trouble {
    /// The connection broke while the request was at this server.
    Lost { server: usize, began: Instant, ended: Instant },
    /// The page that says to try again in a moment.
    NotNow,
    /// The page of every refusal.
    Refused,
    /// Anything else: never right.
    Odd(String),
}

/// Somebody who signed in, as their browser and the application know it.
#[derive(Debug)]
pub struct SignedIn {
    /// What the browser sends along.
    pub cookie: String,
    pub id_token: String,
}

impl<'a> Balancer<'a> {
    pub fn of(fleet: &'a Fleet) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(40))
            .build()
            .unwrap();
        Self { fleet, next: AtomicUsize::new(0), client }
    }

    async fn send(&self, build: impl Fn(&reqwest::Client, &str) -> RequestBuilder) -> Result<Response, Trouble> {
        for _ in 0..1_000 {
            let server = self.next.fetch_add(1, Ordering::Relaxed) % self.fleet.servers.len();
            let began = Instant::now();
            let base = format!("http://{}", self.fleet.servers[server].address);
            match build(&self.client, &base).header(header::ORIGIN, PUBLIC_URL).send().await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_connect() => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(_) => return Err(Trouble::Lost { server, began, ended: Instant::now() }),
            }
        }
        Err(Trouble::Odd("nobody listens".to_owned()))
    }

    /// An application sends the browser here; where it is sent on to.
    async fn authorize(&self, cookie: &str) -> Result<String, Trouble> {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", CLIENT),
                ("redirect_uri", CALLBACK),
                ("response_type", "code"),
                ("scope", "openid profile"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let path = format!("/oauth2/authorize?{query}");
        // Nobody minds a question asked twice: browsers repeat a GET by themselves.
        for _ in 0..20 {
            let asked = |client: &reqwest::Client, base: &str| {
                client.get(format!("{base}{path}")).header(header::COOKIE, cookie)
            };
            match self.send(asked).await {
                Ok(answer) if answer.status() == StatusCode::SEE_OTHER => return Ok(location(&answer).to_owned()),
                Ok(answer) => return Err(unexpected(answer).await),
                Err(Trouble::Lost { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Err(Trouble::Odd("lost twenty times".to_owned()))
    }

    async fn transaction(&self) -> Result<String, Trouble> {
        let to = self.authorize("").await?;
        let (_, transaction) =
            to.split_once("/sign-in?transaction=").ok_or_else(|| Trouble::Odd(format!("sent to {to}")))?;
        Ok(transaction.to_owned())
    }

    async fn press(&self, name: &str, password: &str) -> Result<Response, Trouble> {
        let transaction = self.transaction().await?;
        let form = [("transaction", transaction.as_str()), ("identifier", name), ("password", password)];
        self.send(|client, base| client.post(format!("{base}/sign-in")).form(&form)).await
    }

    /// The whole way of one person, each step at another server.
    pub async fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn, Trouble> {
        let answer = self.press(name, password).await?;
        if answer.status() != StatusCode::SEE_OTHER {
            return Err(unexpected(answer).await);
        }
        let cookies: BTreeMap<String, String> = answer.cookies().map(|c| (c.name().into(), c.value().into())).collect();
        let cookie = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let url = Url::parse(location(&answer)).map_err(|error| Trouble::Odd(error.to_string()))?;
        let code = url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        let code = code.ok_or_else(|| Trouble::Odd(format!("no code in {url}")))?;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let answer = self.send(|client, base| client.post(format!("{base}/oauth2/token")).form(&form)).await?;
        if answer.status() != StatusCode::OK {
            return Err(unexpected(answer).await);
        }
        let tokens: Value = answer.json().await.map_err(|error| Trouble::Odd(error.to_string()))?;
        let id_token = tokens["id_token"].as_str().unwrap_or_default().to_owned();
        Ok(SignedIn { cookie, id_token })
    }

    /// Types a wrong password; true if the answer was a refusal.
    pub async fn guess(&self, name: &str, password: &str) -> Result<(), Trouble> {
        let answer = self.press(name, password).await?;
        match unexpected(answer).await {
            Trouble::Refused => Ok(()),
            other => Err(other),
        }
    }

    /// Whether the browser is signed in, wherever it is asked.
    pub async fn is_signed_in(&self, signed_in: &SignedIn) -> bool {
        self.authorize(&signed_in.cookie).await.is_ok_and(|to| to.starts_with(CALLBACK) && to.contains("code="))
    }

    /// What one server answers to a plain GET.
    pub async fn look(&self, server: usize, path: &str) -> (StatusCode, String) {
        let url = format!("http://{}{path}", self.fleet.servers[server].address);
        let answer = self.client.request(Method::GET, url).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

async fn unexpected(answer: Response) -> Trouble {
    let (status, retry_after) = (answer.status(), answer.headers().contains_key(header::RETRY_AFTER));
    let body = answer.text().await.unwrap_or_default();
    if status == StatusCode::SERVICE_UNAVAILABLE && retry_after && says_not_now(&body) {
        return Trouble::NotNow;
    }
    if status == StatusCode::OK && body.contains("That name and password do not match.") {
        return Trouble::Refused;
    }
    Trouble::Odd(format!("{status}: {body}"))
}

/// The words people and applications read while the database is away.
fn says_not_now(body: &str) -> bool {
    const WORDS: [&str; 4] = [
        "The database of this server cannot be reached",
        "The database of this server went away",
        "The server is busy",
        "lacks its database",
    ];
    WORDS.iter().any(|words| body.contains(words))
}
