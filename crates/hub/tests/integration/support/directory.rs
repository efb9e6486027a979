//! A directory that answers as told and remembers what it was sent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use connector::{Connector, Cursor, Found, Page, ProbeStep, Trouble, TroubleKind, Verification};
use directory::{
    AccountStatus, AdapterResult, AttributeName, ConnectorSettings, ImmutableId, LockoutReading, Source, SourceEntry,
};
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
struct State {
    entries: Vec<SourceEntry>,
    lockout: LockoutReading,
    unreachable: bool,
    /// (host, bind secret) of every connector that was made.
    connected: Vec<(String, String)>,
    passwords_seen: usize,
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
    }
}

impl FakeDirectory {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
    pub fn add(&self, entry: SourceEntry) {
        self.state().entries.push(entry);
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
        let ConnectorSettings::Ldap(ldap) = &source.connector;
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
}

struct FakeConnector {
    state: Arc<Mutex<State>>,
}

impl FakeConnector {
    fn reach(&self) -> Result<std::sync::MutexGuard<'_, State>, Trouble> {
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
        let state = self.reach()?;
        let mut found = state.entries.iter().filter(|e| e.names.iter().any(|n| n == typed_name));
        Ok(match (found.next(), found.next()) {
            (None, _) => Found::Nobody,
            (Some(entry), None) => Found::One(Box::new(entry.clone())),
            (Some(_), Some(_)) => Found::Several,
        })
    }

    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        Ok(self.reach()?.entries.iter().find(|e| e.immutable_id == *id).cloned())
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

    async fn page(&self, _cursor: Option<Cursor>) -> Result<Page, Trouble> {
        Ok(Page { entries: self.reach()?.entries.clone(), rejected: Vec::new(), next: None })
    }

    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        Ok(self.reach()?.lockout)
    }

    async fn probe(&self) -> Vec<ProbeStep> {
        let (passed, detail) = match self.reach() {
            Ok(_) => (true, "reached".to_owned()),
            Err(trouble) => (false, trouble.reason),
        };
        vec![ProbeStep { name: "Connect".to_owned(), passed, detail, remedy: None, milliseconds: 1 }]
    }
}
