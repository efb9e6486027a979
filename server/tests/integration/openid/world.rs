//! A provider with a few clients and people, and a browser that carries whatever session a test gives it.

use std::sync::{Arc, LazyLock};

use ::oidc::{SigningAlgorithm, SigningKey, generate_key};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::FromRef,
    http::{HeaderMap, Request, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta};
use directory::{
    AttributeName, Client, ClientAuthentication, ClientId, ConnectorSettings, ConsentPolicy, CredentialAuthority,
    LdapSettings, LockoutSettings, Namespace, Person, PersonId, Policy, PublishedGroup, SessionId, Source, SourceId,
    SourceKind, SourceMode,
};
use hub::{
    Hub, HubParts, NoConnectors,
    kernel::{
        FixedClock, Random as _, SystemRandom,
        vault::{Place, Vault},
    },
    session::{self, NewSession, ProvenBy, Reach, Session},
};
use secrecy::SecretString;
use serde_json::Value;
use server::http::oidc::{self, Browser, ErrorPage};
use storage::{
    aliases::{Alias, Aliases},
    attributes::{Attributes, StoredAttribute},
    groups::{Group, Groups, Origin},
    people::{self, People},
    provider::{Provider, SigningKeyRow},
    sources::SealedSecret,
};
use testkit::TestDatabase;
use tower::ServiceExt as _;
use url::{Url, form_urlencoded};

pub const ISSUER: &str = "https://id.example.org";
pub const CALLBACK: &str = "https://app.example.org/callback";
pub const SECRET: &str = "portal secret: 50% more";
/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub struct World {
    pub hub: Hub,
    pub clock: Arc<FixedClock>,
    pub router: Router,
    pub alice: PersonId,
    pub bob: PersonId,
    pub corp: SourceId,
    _database: TestDatabase,
}

#[derive(Clone)]
struct TestState {
    hub: Hub,
    browser: Arc<dyn Browser>,
}

impl FromRef<TestState> for Hub {
    fn from_ref(state: &TestState) -> Self {
        state.hub.clone()
    }
}

impl FromRef<TestState> for Arc<dyn Browser> {
    fn from_ref(state: &TestState) -> Self {
        Arc::clone(&state.browser)
    }
}

/// Carries its session in a header.
struct HeaderBrowser;

#[async_trait::async_trait]
impl Browser for HeaderBrowser {
    async fn session(&self, request: &Parts) -> Option<SessionId> {
        request.headers.get("x-session")?.to_str().ok()?.parse().ok()
    }
    async fn forget(&self, _request: &Parts) {}
    async fn error_page(&self, _request: &Parts, page: ErrorPage) -> Response {
        (page.status, format!("error page: {}", page.detail)).into_response()
    }
    async fn confirm_sign_out(
        &self,
        _request: &Parts,
        client_name: Option<String>,
        hidden: Vec<(&'static str, String)>,
    ) -> Response {
        format!("sign out? {client_name:?} {hidden:?}").into_response()
    }
    async fn signed_out(&self, _request: &Parts) -> Response {
        "signed out".into_response()
    }
}

/// What an endpoint answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// Where the browser is sent, always with 303.
    #[track_caller]
    pub fn location(&self) -> Url {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{self:?}");
        let location = self.headers[header::LOCATION].to_str().unwrap();
        Url::parse(ISSUER).unwrap().join(location).unwrap()
    }

    /// A parameter of the address the browser is sent to.
    #[track_caller]
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.location().query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    #[track_caller]
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }

    /// A page of the provider, and no redirect.
    #[track_caller]
    pub fn assert_error_page(&self) {
        assert_eq!(self.status, StatusCode::BAD_REQUEST, "{self:?}");
        assert!(self.headers.get(header::LOCATION).is_none() && self.body.starts_with("error page"), "{self:?}");
    }
}

/// The claims of a token, unverified: the tests of the `oidc` crate verify.
pub fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

pub fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub fn basic(id: &str, secret: &str) -> String {
    let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", escape(id), escape(secret))))
}

impl World {
    /// One world per database.
    pub async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for database in testkit::databases().await {
            all.push(Self::on(database).await);
        }
        all
    }

    async fn on(test_database: TestDatabase) -> Self {
        let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
        let hub = hub_with(&test_database, clock.clone()).await;
        let router = oidc::router().with_state(TestState { hub: hub.clone(), browser: Arc::new(HeaderBrowser) });
        let id = || SystemRandom.id(DateTime::UNIX_EPOCH);
        let (alice, bob, corp) = (id().into(), id().into(), id().into());
        let world = Self { hub, clock, router, alice, bob, corp, _database: test_database };
        world.fill().await;
        world.give_signing_keys().await;
        world
    }

    async fn fill(&self) {
        let now = DateTime::from_timestamp(1_799_000_000, 0).unwrap();
        let person = |id, subject: &str, name: &str| Person {
            credential_authority: CredentialAuthority::Hub,
            ..people::fresh(id, subject.to_owned(), name.to_owned(), now)
        };
        let alice = person(self.alice, "subject-of-alice", "Alice Liddell");
        let bob = person(self.bob, "subject-of-bob", "Bob Dodgson");
        let group = |name: &str| Group {
            id: SystemRandom.id(now).into(),
            source_id: Some(self.corp),
            immutable_id: name.to_owned().into(),
            name: name.to_owned(),
        };
        let (published, private) = (group("rowing"), group("payroll"));
        let attributes = [
            (AttributeName::DisplayName, "Alice Liddell"),
            (AttributeName::GivenName, "Alice"),
            (AttributeName::FamilyName, "Liddell"),
            (AttributeName::Email, "alice@example.test"),
            (AttributeName::Phone, "+44 1865 276000"),
            (AttributeName::EmployeeNumber, "1862"),
        ];
        storage::write!(self.hub.database, |tx| {
            let secret = SealedSecret { sealed: vec![0], entered_for: vec![0] };
            storage::sources::insert(tx, &source(self.corp), secret).await?;
            People(tx).insert(&alice).await?;
            People(tx).insert(&bob).await?;
            let name = Alias { namespace: Namespace::Hub, folded: "bob".into(), person_id: self.bob, account_id: None };
            Aliases(tx).insert(&name).await?;
            for (name, value) in attributes {
                let attribute = StoredAttribute {
                    person_id: self.alice,
                    name,
                    value: value.to_owned(),
                    folded: None,
                    authority: None,
                    origin: None,
                    self_written: false,
                    verified: name == AttributeName::Email,
                    updated_at: now,
                    cause: None,
                };
                Attributes(tx).put(&attribute).await?;
            }
            for group in [&published, &private] {
                Groups(tx).put(group).await?;
                Groups(tx).join(group.id, self.alice, Origin::Hub).await?;
            }
            let portal = Client {
                groups: vec![PublishedGroup { source: self.corp, name: published.name.clone() }],
                ..client("portal")
            };
            for client in [portal, client("other"), without_pkce(), asking(), self.clinic()] {
                let digest = self.hub.vault.client_secret_digest(&client.id, &SECRET.into());
                storage::clients::insert(tx, &client, Some(digest)).await?;
            }
            let phone = Client { authentication: ClientAuthentication::None, ..client("phone") };
            storage::clients::insert(tx, &phone, None).await?;
            Ok::<_, storage::StorageError>(())
        })
        .unwrap();
    }

    /// The keys of one process, sealed for this world: making an RSA key takes longer than the test.
    async fn give_signing_keys(&self) {
        static KEYS: LazyLock<[(SigningAlgorithm, SecretString); 2]> =
            LazyLock::new(|| SigningAlgorithm::ALL.map(|algorithm| (algorithm, generate_key(algorithm).unwrap())));
        for (algorithm, pem) in &*KEYS {
            let key = SigningKey::from_pem(*algorithm, pem).unwrap();
            let place = Place { table: "signing_key", column: "sealed_private_key", row: &key.kid };
            let row = SigningKeyRow {
                sealed_private_key: self.hub.vault.seal(self.hub.random.as_ref(), place, pem).unwrap(),
                public_key: key.public_jwk().unwrap(),
                id: key.kid.clone(),
                algorithm: algorithm.as_str().to_owned(),
                created_at: DateTime::UNIX_EPOCH,
                signs_from: DateTime::UNIX_EPOCH,
                leaves_at: None,
            };
            storage::write!(self.hub.database, |tx| { Provider::new(tx).insert_signing_key(&row).await }).unwrap();
        }
    }

    /// Its people come from the old directory.
    fn clinic(&self) -> Client {
        Client { original_sources: vec![self.corp], ..client("clinic") }
    }

    /// One more server on the same database, by the same clock.
    pub async fn another_server(&self) -> Hub {
        hub_with(&self._database, self.clock.clone()).await
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// Opens a session as the broker does.
    pub async fn sign_in(&self, person: PersonId) -> Session {
        self.sign_in_with(person, ProvenBy::Hub, Reach::Everywhere, false).await
    }

    pub async fn sign_in_with(&self, person: PersonId, proven_by: ProvenBy, reach: Reach, offline: bool) -> Session {
        let hub = &self.hub;
        let new = NewSession { person, proven_by, amr: vec!["pwd".into()], offline, reach };
        storage::write!(hub.database, |tx| {
            session::open(tx, hub.clock.as_ref(), hub.random.as_ref(), &hub.policy, new.clone()).await
        })
        .unwrap()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub async fn get(&self, path: &str, session: Option<&Session>) -> Answer {
        let mut request = Request::get(path);
        if let Some(session) = session {
            request = request.header("x-session", session.id.to_string());
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// An authorization request that is right, with changes: an empty value takes the parameter out.
    pub fn request(changes: &[(&str, &str)]) -> String {
        let mut pairs = vec![
            ("client_id", "portal"),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        pairs.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        form(&pairs)
    }

    pub async fn authorize(&self, session: Option<&Session>, changes: &[(&str, &str)]) -> Answer {
        self.get(&format!("/oauth2/authorize?{}", Self::request(changes)), session).await
    }

    /// A code for the session.
    pub async fn code(&self, session: &Session, changes: &[(&str, &str)]) -> String {
        let answer = self.authorize(Some(session), changes).await;
        answer.parameter("code").unwrap_or_else(|| panic!("no code: {answer:?}"))
    }

    pub async fn post_token(&self, authorization: Option<&str>, pairs: &[(&str, &str)]) -> Answer {
        let mut request = Request::post("/oauth2/token").header("content-type", "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        self.send(request.body(Body::from(form(pairs))).unwrap()).await
    }

    pub async fn redeem(&self, code: &str) -> Answer {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post_token(Some(&basic("portal", SECRET)), &pairs).await
    }

    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.post_token(Some(&basic("portal", SECRET)), &pairs).await
    }

    /// The tokens of a whole round.
    pub async fn tokens(&self, session: &Session, changes: &[(&str, &str)]) -> Value {
        let code = self.code(session, changes).await;
        let answer = self.redeem(&code).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()
    }

    pub async fn user_info(&self, access_token: &str) -> Answer {
        let request = Request::get("/oauth2/userinfo").header("authorization", format!("Bearer {access_token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Disables the person as an administrator does, but for the end of the sessions: what is left must hold alone.
    pub async fn disable_quietly(&self, person: PersonId) {
        storage::write!(self.hub.database, |tx| {
            let mut row = People(tx).by_id(person).await?.unwrap();
            row.disabled_by_hub = Some("left".into());
            People(tx).update(&row).await
        })
        .unwrap();
    }
}

/// One more server on the database.
pub async fn hub_on(database: &TestDatabase) -> Hub {
    hub_with(database, Arc::new(FixedClock::at(DateTime::UNIX_EPOCH))).await
}

async fn hub_with(database: &TestDatabase, clock: Arc<FixedClock>) -> Hub {
    let database = storage::Database::open(&database.url()).await.unwrap();
    database.upgrade().await.unwrap();
    Hub::new(HubParts {
        database,
        clock,
        random: Arc::new(SystemRandom),
        vault: Vault::new(&secrecy::SecretSlice::from(vec![7; 32])).unwrap(),
        connectors: Arc::new(NoConnectors),
        policy: Policy::default(),
        public_url: Url::parse(ISSUER).unwrap(),
    })
}

fn client(id: &str) -> Client {
    let now = DateTime::from_timestamp(1_799_000_000, 0).unwrap();
    Client {
        id: ClientId(id.into()),
        name: format!("The {id}"),
        authentication: ClientAuthentication::SecretBasic,
        redirect_uris: vec![CALLBACK.into(), "https://app.example.org/cb?tenant=1".into()],
        post_logout_redirect_uris: vec!["https://app.example.org/bye".into()],
        require_pkce: true,
        consent: ConsentPolicy::Never,
        original_sources: Vec::new(),
        groups: Vec::new(),
        revision: 1,
        created_at: now,
        updated_at: now,
    }
}

fn without_pkce() -> Client {
    Client { require_pkce: false, ..client("elderly") }
}

fn asking() -> Client {
    Client { consent: ConsentPolicy::FirstTime, ..client("survey") }
}

fn source(id: SourceId) -> Source {
    let now = DateTime::from_timestamp(1_799_000_000, 0).unwrap();
    Source {
        id,
        name: "corp-ldap".into(),
        label: "Corporate LDAP".into(),
        kind: SourceKind::Ldap,
        mode: SourceMode::Active,
        just_in_time: true,
        domains: vec!["example.test".into()],
        connector: ConnectorSettings::Ldap(LdapSettings::preset(SourceKind::Ldap)),
        lockout: LockoutSettings::default(),
        capture_settle_seconds: 0,
        shadow: false,
        outage_sign_in: false,
        just_in_time_activation: false,
        self_written: Vec::new(),
        protected_groups: Vec::new(),
        profile: directory::ProfileSettings::default(),
        definitions: Default::default(),
        revision: 1,
        created_at: now,
        updated_at: now,
    }
}
