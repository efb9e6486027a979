//! A directory that answers as told and remembers what it was sent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use connector::{
    Connector, Count, Cursor, Discovery, DiscoveryStage, DiscoveryStep, Failure, FailureKind, Found, Greeting,
    Introduction, LockoutFound, Page, ProbeStep, Proposal, ServerGreeting, Survey, Trouble, TroubleKind, Vendor,
    Verification,
};
use directory::{AccountStatus, AdapterResult, AttributeName, ImmutableId, LockoutReading, Source, SourceEntry};
use hub::ConnectorFactory;
use secrecy::{ExposeSecret as _, SecretString};

/// The password every entry has here.
pub const DIRECTORY_PASSWORD: &str = "Passw0rd-1";

/// What all connectors of one hub share.
#[derive(Default)]
pub struct FakeDirectory {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) entries: Vec<SourceEntry>,
    lockout: LockoutReading,
    unreachable: bool,
    /// (host, bind secret) of every connector that was made.
    connected: Vec<(String, String)>,
    passwords_seen: usize,
    fetches: usize,
    searches: usize,
    page_size: Option<usize>,
    hidden: Option<ImmutableId>,
    breaks_off_after: Option<usize>,
    pub(super) reading: super::reading::Reading,
}

/// An entry with names and the attributes a person needs.
pub fn entry(name: &str) -> SourceEntry {
    SourceEntry {
        immutable_id: ImmutableId(format!("id-{name}")),
        locator: format!("uid={name},ou=people,dc=example,dc=test"),
        username: Some(name.to_owned()),
        names: vec![name.to_owned()],
        attributes: BTreeMap::from([
            (AttributeName::DisplayName, format!("Test {name}")),
            (AttributeName::FamilyName, name.to_owned()),
        ]),
        groups: Vec::new(),
        groups_complete: true,
        status: AccountStatus::Active,
        password_set_at: None,
        lockout: LockoutReading::default(),
        privileged: false,
        raw: BTreeMap::new(),
        anchors: directory::Anchors::default(),
        server: String::new(),
    }
}

impl FakeDirectory {
    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
    pub fn add(&self, entry: SourceEntry) {
        self.state().entries.push(entry);
    }
    /// The entry now reads like this.
    pub fn set(&self, entry: SourceEntry) {
        let mut state = self.state();
        state.entries.retain(|old| old.immutable_id != entry.immutable_id);
        state.entries.push(entry);
    }
    /// The entry is no longer there.
    pub fn remove(&self, id: &ImmutableId) {
        self.state().entries.retain(|old| old.immutable_id != *id);
    }
    /// Pages of a paged read; one with everything unless told otherwise.
    pub fn page_size(&self, size: usize) {
        self.state().page_size = Some(size);
    }
    /// Pages leave this entry out; asked for by its id, it is there.
    pub fn hides_from_pages(&self, id: &ImmutableId) {
        self.state().hidden = Some(id.clone());
    }
    /// A paged read breaks off after this many pages.
    pub fn breaks_off_after(&self, pages: usize) {
        self.state().breaks_off_after = Some(pages);
    }
    pub fn fetches(&self) -> usize {
        self.state().fetches
    }
    /// Names that were looked for.
    pub fn searches(&self) -> usize {
        self.state().searches
    }
    pub fn shows_lockout(&self, threshold: Option<u32>, window_seconds: Option<u64>) {
        self.state().lockout = LockoutReading { threshold, window_seconds, ..LockoutReading::default() };
    }
    pub fn is_unreachable(&self, unreachable: bool) {
        self.state().unreachable = unreachable;
    }
    /// (host, bind secret) of every connector that was made.
    pub fn connected(&self) -> Vec<(String, String)> {
        self.state().connected.clone()
    }
    pub fn passwords_seen(&self) -> usize {
        self.state().passwords_seen
    }
}

impl ConnectorFactory for FakeDirectory {
    fn connect(&self, source: &Source, secret: SecretString) -> Result<Arc<dyn Connector>, Trouble> {
        let ldap = source.connector.ldap().unwrap();
        if ldap.person_filter.contains("(&)") {
            return Err(Trouble {
                kind: TroubleKind::Misconfigured,
                endpoint: source.name.clone(),
                reason: "person_filter cannot be read".to_owned(),
            });
        }
        let host = ldap.urls[0].host_str().unwrap().to_owned();
        self.state().connected.push((host, secret.expose_secret().to_owned()));
        Ok(Arc::new(FakeConnector { state: Arc::clone(&self.state) }))
    }

    fn discover(&self, source: &Source, secret: Option<SecretString>) -> Option<Arc<dyn Discovery>> {
        let ldap = source.connector.ldap().unwrap();
        let secret = secret.map(|secret| secret.expose_secret().to_owned());
        let host = ldap.urls.first().and_then(|url| url.host_str()).unwrap_or_default().to_owned();
        Some(Arc::new(FakeDiscovery { state: Arc::clone(&self.state), host, secret }))
    }
}

/// Looks at the same directory. The service account's password is [`SERVICE_PASSWORD`].
struct FakeDiscovery {
    state: Arc<Mutex<State>>,
    host: String,
    secret: Option<String>,
}

/// What the service account of a directory that is looked at signs in with.
pub const SERVICE_PASSWORD: &str = "canary-service-secret";

fn told(stage: DiscoveryStage, outcome: Result<&str, FailureKind>) -> DiscoveryStep {
    let failure = |kind| Failure { kind, endpoint: "fake:636".to_owned(), detail: "as told".to_owned() };
    DiscoveryStep { stage, outcome: outcome.map(str::to_owned).map_err(failure), milliseconds: 1 }
}

#[async_trait]
impl Discovery for FakeDiscovery {
    async fn greet(&self) -> Greeting {
        assert!(self.secret.is_none(), "a greeting needs no secret");
        let down = self.state.lock().unwrap().unreachable;
        let mut steps = vec![told(DiscoveryStage::Resolve, Ok("it is there"))];
        if down {
            steps.push(told(DiscoveryStage::Connect, Err(FailureKind::PortClosed)));
        } else {
            steps.push(told(DiscoveryStage::Connect, Ok("it answers")));
            steps.push(told(DiscoveryStage::Tls, Ok("encrypted")));
        }
        let server = ServerGreeting { server: self.host.clone(), steps, certificates: Vec::new() };
        Greeting { servers: vec![server], introduction: (!down).then(introduction) }
    }

    async fn survey(&self) -> Result<Survey, Failure> {
        let secret = self.secret.clone().unwrap_or_default();
        let mut state = self.state.lock().unwrap();
        state.connected.push((self.host.clone(), secret.clone()));
        if secret != SERVICE_PASSWORD {
            return Err(Failure {
                kind: FailureKind::AccountRefused,
                endpoint: "fake:636".to_owned(),
                detail: "no".to_owned(),
            });
        }
        Ok(Survey {
            endpoint: "fake:636".to_owned(),
            introduction: introduction(),
            filters: vec![("(objectClass=inetOrgPerson)".to_owned(), Count { entries: 3, at_least: false })],
            bases: vec![("ou=people,dc=example,dc=test".to_owned(), Count { entries: 3, at_least: false })],
            sample: 0,
            attributes: Vec::new(),
            classes: Vec::new(),
            domains: vec![("example.test".to_owned(), 3)],
            netbios_domain: None,
            lockout: LockoutFound {
                read_at: state.lockout.threshold.map(|_| "cn=policy".to_owned()),
                threshold: state.lockout.threshold,
                window_seconds: state.lockout.window_seconds,
                read_at_sign_in: true,
                unreadable: vec!["it cannot be read".to_owned()],
                ..LockoutFound::default()
            },
            proposal: Proposal {
                base_dn: "ou=people,dc=example,dc=test".to_owned(),
                person_filter: "(objectClass=inetOrgPerson)".to_owned(),
                name_attributes: vec!["uid".to_owned()],
                id_attribute: "entryUUID".to_owned(),
                username_attribute: "uid".to_owned(),
                mapping: BTreeMap::from([(AttributeName::Email, "mail".to_owned())]),
            },
            remarks: Vec::new(),
        })
    }

    async fn inspect(&self) -> Vec<DiscoveryStep> {
        vec![told(DiscoveryStage::Base, Ok("there")), told(DiscoveryStage::People, Ok("3"))]
    }
}

fn introduction() -> Introduction {
    Introduction {
        vendor: Vendor::OpenLdap,
        product: "OpenLDAP".to_owned(),
        naming_contexts: vec!["dc=example,dc=test".to_owned()],
        default_context: None,
        schema_at: None,
        controls: Vec::new(),
        extensions: Vec::new(),
        sasl_mechanisms: Vec::new(),
    }
}

pub(super) struct FakeConnector {
    pub(super) state: Arc<Mutex<State>>,
}

impl FakeConnector {
    pub(super) fn reach(&self) -> Result<std::sync::MutexGuard<'_, State>, Trouble> {
        let state = self.state.lock().unwrap();
        if state.unreachable {
            return Err(Trouble {
                kind: TroubleKind::Unavailable,
                endpoint: "fake:636".to_owned(),
                reason: "connection refused".to_owned(),
            });
        }
        Ok(state)
    }
}

#[async_trait]
impl Connector for FakeConnector {
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble> {
        let mut state = self.reach()?;
        state.searches += 1;
        let mut found = state.entries.iter().filter(|e| e.names.iter().any(|n| n == typed_name));
        Ok(match (found.next(), found.next()) {
            (None, _) => Found::Nobody,
            (Some(entry), None) => Found::One(Box::new(entry.clone())),
            (Some(_), Some(_)) => Found::Several,
        })
    }

    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        let mut state = self.reach()?;
        state.fetches += 1;
        Ok(state.entries.iter().find(|e| e.immutable_id == *id).cloned())
    }

    async fn verify(&self, _entry: &SourceEntry, password: &SecretString) -> Verification {
        let mut state = self.reach().unwrap();
        state.passwords_seen += 1;
        let right = password.expose_secret() == DIRECTORY_PASSWORD;
        Verification {
            result: if right { AdapterResult::Ok } else { AdapterResult::BadPassword },
            sent: true,
            proves_password: right,
            endpoint: "fake:636".to_owned(),
            reason: "as told".to_owned(),
            locked_until: None,
            trouble: None,
        }
    }

    async fn page(&self, cursor: Option<Cursor>) -> Result<Page, Trouble> {
        let state = self.reach()?;
        let page = cursor.map_or(0, |cursor| usize::from(cursor.0[0]));
        if state.breaks_off_after.is_some_and(|pages| page >= pages) {
            return Err(Trouble {
                kind: TroubleKind::Unavailable,
                endpoint: "fake:636".to_owned(),
                reason: "connection lost".to_owned(),
            });
        }
        let size = state.page_size.unwrap_or(state.entries.len()).max(1);
        let shown = state.entries.iter().skip(page * size).take(size);
        let entries: Vec<_> = shown.filter(|e| state.hidden.as_ref() != Some(&e.immutable_id)).cloned().collect();
        let more = (page + 1) * size < state.entries.len();
        let next = more.then(|| Cursor(vec![u8::try_from(page + 1).unwrap()]));
        Ok(Page { entries, rejected: Vec::new(), next })
    }

    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        Ok(self.reach()?.lockout)
    }

    fn reading(&self) -> Option<&dyn connector::Read> {
        self.state.lock().unwrap().reading.on.then_some(self as &dyn connector::Read)
    }

    async fn probe(&self) -> Vec<ProbeStep> {
        let (passed, detail) = match self.reach() {
            Ok(_) => (true, "reached".to_owned()),
            Err(trouble) => (false, trouble.reason),
        };
        vec![ProbeStep { name: "Connect".to_owned(), passed, detail, remedy: None, milliseconds: 1 }]
    }
}
