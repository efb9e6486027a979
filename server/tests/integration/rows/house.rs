//! A running server with directories, applications, and a browser that fills in its forms.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use chrono::TimeDelta;
use directory::{
    ClientAuthentication, ClientDraft, ClientId, ConnectorSettings, LdapSettings, LockoutSettings, Person, PersonId,
    Policy, SessionId, Source, SourceDraft, SourceId, SourceKind, SourceMode, TransportSecurity,
};
use hub::{
    Hub,
    kernel::capability::{Administer, FindPeople, HelpPeople},
    session::ProvenBy,
};
use reqwest::{Method, Response, header};
use serde_json::Value;
use storage::{
    accounts::Accounts,
    people::People,
    sessions::{SessionRow, Sessions},
};
use testkit::{StubEntry, StubLdap};
use url::form_urlencoded;

use super::{
    directory_stub::{BASE, Changes as _, READER, READER_PASSWORD, RIGHT, directory, person},
    outcome::Outcome,
};
use crate::support::{TestServer, location, pair, set_cookie};

pub const CALLBACK: &str = "http://localhost:9000/callback";
/// The application that tests sign in to unless they say otherwise.
pub const PORTAL: &str = "portal";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub struct House {
    pub server: TestServer,
    pub administrator: Administer,
    stubs: BTreeMap<String, StubLdap>,
    attempts: AtomicU32,
}

/// What somebody types where.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// Empty = the console.
    pub client: Option<&'a str>,
    pub name: &'a str,
    pub password: &'a str,
    pub directory: Option<&'a str>,
    /// Cookies the browser brings.
    pub cookies: &'a str,
}

/// Where a source is and how it is asked, before it is registered.
pub struct Place<'a> {
    pub kind: SourceKind,
    pub url: &'a str,
    pub ca_pem: &'a str,
    pub base_dn: &'a str,
    pub reader_dn: &'a str,
    pub reader_password: &'a str,
}

/// Refusals without the grid: what the grid does is tested with paused time.
pub fn quick() -> Policy {
    Policy { refusal_grid_ms: 1, ..Policy::default() }
}

impl House {
    pub async fn open() -> Self {
        Self::open_with(quick()).await
    }

    pub async fn open_with(policy: Policy) -> Self {
        let server = if super::ON_POSTGRES { TestServer::start_on_postgres().await } else { TestServer::start().await };
        let value = serde_json::to_value(policy).unwrap();
        let hub = &server.running.hub;
        storage::write!(hub.database, |tx| { storage::settings::put(tx, "policy", value.clone()).await }).unwrap();
        let ada = server.administrator("ada").await;
        let session = server.session(ada, ProvenBy::Hub).await;
        let administrator = hub.permit(Some(session)).await.unwrap();
        Self { server, administrator, stubs: BTreeMap::new(), attempts: AtomicU32::new(0) }
    }

    /// A house with the directory "corp" of this kind, in which these people are, and the application "portal" of it.
    pub async fn with(
        kind: SourceKind,
        people: Vec<StubEntry>,
        change: impl FnOnce(&mut SourceDraft),
    ) -> (Self, Source) {
        let mut house = Self::open().await;
        let corp = house.stub_source("corp", kind, people, change).await;
        house.client(PORTAL, &[&corp]).await;
        (house, corp)
    }

    /// A house whose directory "corp" has jsmith, who signed in once.
    pub async fn known(change: impl FnOnce(&mut SourceDraft)) -> (Self, Source, Person) {
        let (house, corp) = Self::with(SourceKind::Ldap, vec![person("jsmith")], change).await;
        let first = house.types("jsmith", RIGHT).await;
        first.let_in_by("D18", 1);
        let jsmith = house.person(first.person()).await;
        (house, corp, jsmith)
    }

    pub fn hub(&self) -> &Hub {
        &self.server.running.hub
    }

    pub fn finder(&self) -> FindPeople {
        FindPeople::from(&self.administrator)
    }

    pub fn helper(&self) -> HelpPeople {
        HelpPeople::from(&self.administrator)
    }

    pub fn stub(&self, name: &str) -> &StubLdap {
        &self.stubs[name]
    }

    /// Starts a stub and registers it.
    pub async fn stub_source(
        &mut self,
        name: &str,
        kind: SourceKind,
        people: Vec<StubEntry>,
        change: impl FnOnce(&mut SourceDraft),
    ) -> Source {
        let stub = StubLdap::start(directory()).await;
        people.into_iter().for_each(|person| stub.add(person));
        let url = stub.ldaps_url();
        let place = Place {
            kind,
            url: &url,
            ca_pem: stub.ca_pem(),
            base_dn: BASE,
            reader_dn: READER,
            reader_password: READER_PASSWORD,
        };
        let source = self.source(name, &place, change).await;
        self.stubs.insert(name.to_owned(), stub);
        source
    }

    /// Registers a directory. The server's own sweep keeps away from it, so that what a test sees is its own doing.
    pub async fn source(&self, name: &str, place: &Place<'_>, change: impl FnOnce(&mut SourceDraft)) -> Source {
        let (source, mode) = self.register(name, place, change).await;
        // A paused source is not swept; from here on another server seems to do it.
        assert!(self.hub().take_lease(&sweep_of(source.id), "the test", TimeDelta::days(1)).await.unwrap().is_some());
        self.change(&source, |draft| draft.mode = mode).await
    }

    /// Registers a directory that the server sweeps as it does outside of tests.
    pub async fn swept_source(&self, name: &str, place: &Place<'_>, change: impl FnOnce(&mut SourceDraft)) -> Source {
        let (source, mode) = self.register(name, place, change).await;
        self.change(&source, |draft| draft.mode = mode).await
    }

    /// Paused, and the mode it shall have.
    async fn register(
        &self,
        name: &str,
        place: &Place<'_>,
        change: impl FnOnce(&mut SourceDraft),
    ) -> (Source, SourceMode) {
        let ldap = LdapSettings {
            urls: vec![place.url.parse().unwrap()],
            transport: TransportSecurity::Tls,
            ca_pem: Some(place.ca_pem.to_owned()),
            bind_dn: place.reader_dn.to_owned(),
            base_dn: place.base_dn.to_owned(),
            ..LdapSettings::preset(place.kind)
        };
        let mut draft = SourceDraft {
            name: name.to_owned(),
            label: format!("Directory {name}"),
            mode: SourceMode::Active,
            connector: ConnectorSettings::Ldap(ldap),
            lockout: LockoutSettings { threshold: Some(5), window_seconds: Some(900), waiver: false },
            ..SourceDraft::preset(place.kind)
        };
        change(&mut draft);
        let mode = std::mem::replace(&mut draft.mode, SourceMode::Paused);
        let secret = place.reader_password.to_owned().into();
        (self.hub().register_source(&(&self.administrator).into(), draft, secret).await.unwrap(), mode)
    }

    /// Changes a directory, as an administrator would.
    pub async fn change(&self, source: &Source, change: impl FnOnce(&mut SourceDraft)) -> Source {
        let stored =
            storage::sources::by_id(&mut self.hub().database.reader(), source.id).await.unwrap().unwrap().source;
        let mut draft = SourceDraft::from(&stored);
        change(&mut draft);
        let (id, revision) = (stored.id, stored.revision);
        let changed = self.hub().update_source(&(&self.administrator).into(), id, revision, draft, None).await.unwrap();
        assert!(changed.proposal.is_none());
        changed.source
    }

    /// Registers an application whose people come from these directories.
    pub async fn client(&self, id: &str, originals: &[&Source]) {
        let draft = ClientDraft {
            id: ClientId(id.to_owned()),
            name: format!("The {id}"),
            authentication: ClientAuthentication::None,
            redirect_uris: vec![CALLBACK.to_owned()],
            original_sources: originals.iter().map(|source| source.id).collect(),
            ..ClientDraft::preset()
        };
        self.hub().register_client(&(&self.administrator).into(), draft).await.unwrap();
    }

    // ---- the browser -----------------------------------------------------------------------------------------

    /// Types a name and a password at the portal.
    pub async fn types(&self, name: &str, password: &str) -> Outcome {
        self.sends(Self::attempt(name, password)).await
    }

    /// The same in a browser that brings cookies.
    pub async fn types_with(&self, cookies: &str, name: &str, password: &str) -> Outcome {
        self.sends(Attempt { cookies, ..Self::attempt(name, password) }).await
    }

    /// The same at another application.
    pub async fn types_at(&self, client: &str, name: &str, password: &str) -> Outcome {
        self.sends(Attempt { client: Some(client), ..Self::attempt(name, password) }).await
    }

    pub fn attempt<'a>(name: &'a str, password: &'a str) -> Attempt<'a> {
        Attempt { client: Some(PORTAL), name, password, directory: None, cookies: "" }
    }

    /// One whole attempt, and what came of it.
    pub async fn sends(&self, attempt: Attempt<'_>) -> Outcome {
        let (before, binds) = (self.census().await, self.binds());
        let answer = self.press(attempt).await;
        let difference = self.census().await.into_iter().filter_map(|(table, rows)| {
            let change = rows - before.get(&table).copied().unwrap_or(0);
            (change != 0).then_some((table, change))
        });
        let difference: BTreeMap<String, i64> = difference.collect();
        let binds = self.binds() - binds;
        Outcome::read(self, answer, binds, difference).await
    }

    /// From the application to the answer of the password form.
    pub async fn press(&self, attempt: Attempt<'_>) -> Response {
        let transaction = match attempt.client {
            Some(client) => Some(self.transaction(client, attempt.cookies).await),
            None => None,
        };
        let start =
            transaction.as_ref().map_or_else(|| "/sign-in".to_owned(), |id| format!("/sign-in?transaction={id}"));
        let page = self.server.get(&start, Some(attempt.cookies)).await;
        assert_eq!(page.status(), 200, "{start}");
        assert!(page.text().await.unwrap().contains("E-mail or username"));
        let form = Self::form(&attempt, transaction.as_deref());
        let page = self.server.post("/sign-in", &form, Some(attempt.cookies)).await;
        assert!(page.text().await.unwrap().contains("Enter your password"));
        self.submit(attempt, transaction.as_deref()).await
    }

    /// The last form alone.
    pub async fn submit(&self, attempt: Attempt<'_>, transaction: Option<&str>) -> Response {
        let mut form = Self::form(&attempt, transaction);
        form.push(("password", attempt.password));
        self.server.post("/sign-in", &form, Some(attempt.cookies)).await
    }

    /// Presses the button of the page that a sign-in without the directory ends with; where it leads.
    pub async fn go_on(&self, outcome: &Outcome) -> String {
        let form = [("transaction", outcome.transaction())];
        let answer = self.server.post("/sign-in/continue", &form, outcome.cookie.as_deref()).await;
        assert_eq!(answer.status(), 303);
        location(&answer).to_owned()
    }

    fn form<'a>(attempt: &Attempt<'a>, transaction: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
        let mut form = vec![("identifier", attempt.name)];
        form.extend(transaction.map(|id| ("transaction", id)));
        form.extend(attempt.directory.map(|name| ("directory", name)));
        form
    }

    /// What the page of an application's sign-in belongs to.
    pub async fn transaction(&self, client: &str, cookies: &str) -> String {
        let answer = self.authorize(client, cookies).await;
        let (_, id) = location(&answer).split_once("/sign-in?transaction=").unwrap();
        id.to_owned()
    }

    /// An application sends the browser here.
    pub async fn authorize(&self, client: &str, cookies: &str) -> Response {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed);
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", client),
                ("redirect_uri", CALLBACK),
                ("response_type", "code"),
                ("scope", "openid profile email"),
                ("state", &format!("state-{number}")),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let answer = self.server.get(&format!("/oauth2/authorize?{query}"), Some(cookies)).await;
        assert_eq!(answer.status(), 303);
        answer
    }

    /// What the application learns of somebody who signed in.
    pub async fn claims(&self, client: &str, code: &str) -> Value {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let tokens: Value = self.server.post("/oauth2/token", &form, None).await.json().await.unwrap();
        let token = tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
        let request = self.server.request(Method::GET, "/oauth2/userinfo");
        let answer = request.header(header::AUTHORIZATION, format!("Bearer {token}")).send().await.unwrap();
        answer.json().await.unwrap()
    }

    // ---- the database ----------------------------------------------------------------------------------------

    async fn census(&self) -> BTreeMap<String, i64> {
        storage::census::census(&mut self.hub().database.reader()).await.unwrap()
    }

    /// Passwords that all stubs saw.
    fn binds(&self) -> usize {
        self.stubs.values().map(|stub| stub.binds().iter().filter(|bind| bind.dn != READER).count()).sum()
    }

    pub async fn person(&self, id: PersonId) -> Person {
        People(&mut self.hub().database.reader()).by_id(id).await.unwrap().unwrap()
    }

    /// Changes a person behind the hub's back: as if time had passed, or as an import would have made them.
    pub async fn edit(&self, id: PersonId, change: impl FnOnce(&mut Person)) {
        let mut person = self.person(id).await;
        change(&mut person);
        storage::write!(self.hub().database, |tx| { People(tx).update(&person).await }).unwrap();
    }

    /// As if the standing authority had last been readable this many hours ago.
    pub async fn age_standing(&self, id: PersonId, hours: i64) {
        let then = storage::to_microseconds(self.hub().clock.now() - TimeDelta::hours(hours));
        self.edit(id, |person| person.standing_read_at = Some(then)).await;
    }

    pub async fn account(&self, id: PersonId) -> directory::Account {
        Accounts(&mut self.hub().database.reader()).of_person(id).await.unwrap().remove(0)
    }

    /// The session that the browser of this answer holds.
    pub async fn session_in(&self, answer: &Response) -> Option<SessionRow> {
        let cookie = pair(&set_cookie(answer, "isthmus")?);
        let id = cookie.split_once('=').unwrap().1;
        let (data, _) = self.hub().browser_session(id).await.unwrap()?;
        let session: SessionId = data["session"].as_str()?.parse().unwrap();
        Sessions::new(&mut self.hub().database.reader()).by_id(session).await.unwrap()
    }

    /// Whether a session is over.
    pub async fn has_ended(&self, session: &SessionRow) -> bool {
        let row = Sessions::new(&mut self.hub().database.reader()).by_id(session.id.into()).await.unwrap();
        row.unwrap().ended_at.is_some()
    }

    /// How often a row decided at a source.
    pub async fn tally(&self, source: &Source, row: &str) -> i64 {
        let mut reader = self.hub().database.reader();
        storage::trace::Traces(&mut reader).tally(source.id, row, chrono::DateTime::UNIX_EPOCH).await.unwrap()
    }

    pub async fn close(self) {
        self.server.stop().await;
    }
}

fn sweep_of(source: SourceId) -> String {
    format!("sweep:{source}")
}
