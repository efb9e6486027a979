//! A hub on a fresh database, with a clock that stands still and directories that answer as told.

mod directory;
mod powers;
mod reading;
mod rules;

use std::sync::Arc;

use ::directory::{
    ClientAuthentication, ClientDraft, LockoutSettings, PersonId, Policy, Role, SessionId, SourceDraft, SourceKind,
    SourceMode,
};
use chrono::{DateTime, TimeDelta};
pub use directory::{FakeDirectory, SERVICE_PASSWORD, entry};
use hub::{
    Hub, HubParts,
    kernel::{FixedClock, SystemRandom, capability::Administer, vault::Vault},
    mirror::NewHubPerson,
    session::{self, NewSession, ProvenBy, Reach},
};
pub use powers::Powers;
pub use reading::{device, group};
pub use rules::by_number_then_address;
use secrecy::{SecretSlice, SecretString};
use storage::Database;

/// The password of every hub person here.
pub const PASSWORD: &str = "four unusual harbour lanterns";

/// A hub and what it stands on.
pub struct TestHub {
    pub hub: Hub,
    pub clock: Arc<FixedClock>,
    pub directory: Arc<FakeDirectory>,
    /// Keeps the database alive.
    pub database: testkit::TestDatabase,
}

/// One hub per database.
pub async fn hubs() -> Vec<TestHub> {
    let mut hubs = Vec::new();
    for database in testkit::databases().await {
        hubs.push(TestHub::on(database).await);
    }
    hubs
}

impl TestHub {
    pub async fn on(database: testkit::TestDatabase) -> Self {
        let opened = Database::open(&database.url()).await.unwrap();
        opened.upgrade().await.unwrap();
        Self::open(database, opened)
    }

    /// Another process on the same database, with a clock of its own.
    pub async fn second_process(&self) -> Self {
        Self::open(self.database.clone(), Database::open(&self.database.url()).await.unwrap())
    }

    fn open(database: testkit::TestDatabase, opened: Database) -> Self {
        let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
        let directory = Arc::new(FakeDirectory::default());
        let hub = Hub::new(HubParts {
            database: opened,
            clock: Arc::<FixedClock>::clone(&clock),
            random: Arc::new(SystemRandom),
            vault: Vault::new(&SecretSlice::from(vec![7; 32])).unwrap(),
            connectors: Arc::<FakeDirectory>::clone(&directory),
            policy: Policy::default(),
            public_url: "https://hub.example.test".parse().unwrap(),
        });
        Self { hub, clock, directory, database }
    }

    pub fn wait(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
    }

    /// An administrator with a password, signed in at the hub.
    pub async fn administrator(&self, username: &str) -> Powers {
        let (_, session) = self.console_person(username, Role::Administrator).await;
        self.hub.permit::<Administer>(Some(session)).await.unwrap().into()
    }

    /// Somebody with a role and a password, signed in at the hub.
    pub async fn console_person(&self, username: &str, role: Role) -> (PersonId, SessionId) {
        let person = match role {
            Role::Administrator => self.hub.create_administrator(username, None, false).await.unwrap(),
            Role::HelpDesk | Role::Operator | Role::Reviewer | Role::Auditor => {
                let administrator = Box::pin(self.administrator(&format!("{username}-boss"))).await;
                let new =
                    NewHubPerson { username: username.to_owned(), display_name: username.to_owned(), email: None };
                self.hub.invite_console_person(&administrator.roles, new, role).await.unwrap()
            }
        };
        let token = token_of(&person.link);
        self.hub.set_up_password(&token, &PASSWORD.into()).await.unwrap();
        (person.person, self.session(person.person, ProvenBy::Hub).await)
    }

    /// A session as the broker would open it.
    pub async fn session(&self, person: PersonId, proven_by: ProvenBy) -> SessionId {
        let policy = self.hub.policy_now().await.unwrap();
        let opened: Result<_, hub::HubError> = storage::write!(self.hub.database, |tx| {
            let new =
                NewSession { person, proven_by, amr: vec!["pwd".to_owned()], offline: false, reach: Reach::Everywhere };
            session::open(tx, &*self.hub.clock, &*self.hub.random, &policy, new).await
        });
        opened.unwrap().id
    }

    /// Links one person to a source, as just-in-time sign-in does.
    pub async fn provision(&self, source: &::directory::Source, name: &str) -> PersonId {
        self.provision_entry(source, &entry(name)).await
    }

    /// The same for an entry with more to it.
    pub async fn provision_entry(&self, source: &::directory::Source, entry: &::directory::SourceEntry) -> PersonId {
        let made: Result<_, hub::HubError> =
            storage::write!(self.hub.database, |tx| { hub::mirror::create(tx, &self.hub, source, entry).await });
        match made.unwrap() {
            hub::mirror::Provisioned::Created { person, .. } => person.id,
            other => panic!("{other:?}"),
        }
    }

    /// The newest audit actions, oldest first, and the details as text.
    pub async fn audit(&self) -> Vec<(String, String)> {
        let mut lines = storage::audit::recent(&mut self.hub.database.reader(), 500).await.unwrap();
        lines.reverse();
        lines.into_iter().map(|l| (l.action, l.details.to_string())).collect()
    }
}

/// The token in a set-up link.
pub fn token_of(link: &SecretString) -> SecretString {
    use secrecy::ExposeSecret as _;
    let url = url::Url::parse(link.expose_secret()).unwrap();
    let token = url.query_pairs().find(|(name, _)| name == "token").unwrap().1.into_owned();
    SecretString::from(token)
}

/// A source that can be registered as it is.
pub fn source_draft(name: &str) -> SourceDraft {
    let mut draft = SourceDraft {
        name: name.to_owned(),
        label: "Corporate directory".to_owned(),
        mode: SourceMode::Active,
        domains: vec![format!("{name}.test")],
        lockout: LockoutSettings { threshold: Some(5), window_seconds: Some(900), waiver: false },
        ..SourceDraft::preset(SourceKind::Ldap)
    };
    let ldap = draft.connector.ldap_mut().unwrap();
    ldap.urls = vec![format!("ldaps://{name}.example.test").parse().unwrap()];
    ldap.bind_dn = "cn=reader,dc=example,dc=test".to_owned();
    ldap.base_dn = "dc=example,dc=test".to_owned();
    draft
}

/// A client that can be registered as it is.
pub fn client_draft(id: &str) -> ClientDraft {
    ClientDraft {
        id: id.to_owned().into(),
        name: "Portal".to_owned(),
        authentication: ClientAuthentication::SecretBasic,
        redirect_uris: vec!["https://portal.example.test/callback".to_owned()],
        ..ClientDraft::preset()
    }
}
