//! The door of a hub with scripted directories: `door.types("jsmith", "right").await` and what came of it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use chrono::{DateTime, TimeDelta};
use directory::{ClientId, Folded, ImmutableId, Person, PersonId, Policy, Source, SourceDraft, SourceEntry, fold};
use hub::{
    Hub, HubParts,
    kernel::{FixedClock, SystemRandom, vault::Vault},
    sign_in::{Refusal, RefusalPage, SignInAnswer, SignInAttempt, SignInTrace},
};
use secrecy::SecretSlice;
use storage::{Database, aliases::Aliases, people::People};

use super::scripted::{Directories, Script};
use crate::support::{FakeDirectory, Powers, TestHub, client_draft, entry, source_draft};

pub const RIGHT: &str = "right password";
pub const WRONG: &str = "wrong password";

/// A hub, its directories, an administrator, and a browser.
pub struct Door {
    pub test: TestHub,
    pub directories: Arc<Directories>,
    pub administrator: Powers,
    attempts: AtomicU32,
}

/// What came of one attempt.
pub struct Outcome {
    pub answer: SignInAnswer,
    pub trace: SignInTrace,
    /// Passwords all directories saw meanwhile.
    pub binds: u32,
    /// Rows more or fewer, by table; tables that did not change are left out.
    pub difference: BTreeMap<String, i64>,
}

/// One door per database.
pub async fn doors() -> Vec<Door> {
    doors_with(quick()).await
}

pub async fn doors_with(policy: Policy) -> Vec<Door> {
    let mut doors = Vec::new();
    for database in testkit::databases().await {
        doors.push(Door::on(database, policy.clone()).await);
    }
    doors
}

/// Refusals on a grid of a millisecond: what the grid does is tested with paused time.
pub fn quick() -> Policy {
    Policy { refusal_grid_ms: 1, ..Policy::default() }
}

/// A person who can have a password in a directory.
pub fn person(name: &str) -> SourceEntry {
    entry(name)
}

pub fn id(name: &str) -> ImmutableId {
    ImmutableId(format!("id-{name}"))
}

fn server(database: Database, clock: &Arc<FixedClock>, directories: &Arc<Directories>, policy: Policy) -> Hub {
    Hub::new(HubParts {
        database,
        clock: Arc::<FixedClock>::clone(clock),
        random: Arc::new(SystemRandom),
        vault: Vault::new(&SecretSlice::from(vec![7; 32])).unwrap(),
        connectors: Arc::<Directories>::clone(directories),
        policy,
        public_url: "https://hub.example.test".parse().unwrap(),
    })
}

impl Door {
    pub async fn on(database: testkit::TestDatabase, policy: Policy) -> Self {
        let opened = Database::open(&database.url()).await.unwrap();
        opened.upgrade().await.unwrap();
        let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
        let directories = Arc::new(Directories::new(Arc::clone(&clock)));
        let hub = server(opened, &clock, &directories, policy);
        let test = TestHub { hub, clock, directory: Arc::new(FakeDirectory::default()), database };
        let administrator = test.administrator("ada").await;
        Self { test, directories, administrator, attempts: AtomicU32::new(0) }
    }

    pub fn hub(&self) -> &Hub {
        &self.test.hub
    }

    /// A second server on the same database, which remembers nothing of the first one's requests.
    pub fn another_server(&self) -> Hub {
        let database = self.hub().database.clone();
        server(database, &self.test.clock, &self.directories, self.hub().policy.clone())
    }

    /// Registers a directory as the test wants it.
    pub async fn source(&self, name: &str, change: impl FnOnce(&mut SourceDraft)) -> Source {
        let mut draft = source_draft(name);
        change(&mut draft);
        let source = self.hub().register_source(&self.administrator.sources, draft, "secret".into()).await.unwrap();
        self.wait(2);
        source
    }

    /// Changes a registered directory, as an administrator would.
    pub async fn change(&self, source: &Source, change: impl FnOnce(&mut Source)) {
        let stored = storage::sources::by_id(&mut self.hub().database.reader(), source.id).await.unwrap().unwrap();
        let mut changed = stored.source;
        change(&mut changed);
        let written: Result<(), storage::StorageError> =
            storage::write!(self.hub().database, |tx| { storage::sources::update(tx, &changed, None).await });
        written.unwrap();
        self.wait(2);
    }

    /// Registers an application whose people come from these directories.
    pub async fn client(&self, name: &str, originals: &[&Source]) -> ClientId {
        let mut draft = client_draft(name);
        draft.original_sources = originals.iter().map(|source| source.id).collect();
        let registered = self.hub().register_client(&self.administrator.apps, draft).await.unwrap();
        registered.client.id
    }

    pub fn script(&self, source: &str) -> Arc<Mutex<Script>> {
        self.directories.script(source)
    }

    /// Tells a directory something.
    pub fn tell(&self, source: &str, what: impl FnOnce(&mut Script)) {
        what(&mut self.script(source).lock().unwrap());
    }

    /// Puts somebody into a directory, with [`RIGHT`] as their password.
    pub fn has(&self, source: &str, entry: SourceEntry) {
        self.tell(source, |script| {
            script.passwords.insert(entry.immutable_id.clone(), RIGHT.to_owned());
            script.entries.push(entry);
        });
    }

    /// Changes an entry.
    pub fn edit(&self, source: &str, name: &str, change: impl FnOnce(&mut SourceEntry)) {
        self.tell(source, |script| {
            change(script.entries.iter_mut().find(|e| e.immutable_id == id(name)).unwrap());
        });
    }

    pub fn wait(&self, seconds: i64) {
        self.test.clock.advance(TimeDelta::seconds(seconds));
    }

    pub fn attempt(&self, name: &str, password: &str) -> SignInAttempt {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed);
        SignInAttempt {
            client: None,
            identifier: name.to_owned(),
            password: password.into(),
            directory: None,
            address: "192.0.2.7".parse().unwrap(),
            device_cookie: None,
            browser: Some("Firefox on Linux".to_owned()),
            request_id: format!("request-{number}"),
        }
    }

    /// Types a name and a password into the sign-in page of the console.
    pub async fn types(&self, name: &str, password: &str) -> Outcome {
        self.sends(self.attempt(name, password)).await
    }

    /// The same at an application.
    pub async fn types_at(&self, client: &ClientId, name: &str, password: &str) -> Outcome {
        self.sends(SignInAttempt { client: Some(client.clone()), ..self.attempt(name, password) }).await
    }

    /// The same with a device cookie.
    pub async fn types_with(&self, cookie: &str, name: &str, password: &str) -> Outcome {
        self.sends(SignInAttempt { device_cookie: Some(cookie.to_owned()), ..self.attempt(name, password) }).await
    }

    pub async fn sends(&self, attempt: SignInAttempt) -> Outcome {
        self.wait(1);
        let (before, binds) = (self.census().await, self.binds());
        let answer = self.hub().sign_in(attempt).await.unwrap();
        let after = self.census().await;
        let difference = after
            .into_iter()
            .map(|(table, rows)| (table.clone(), rows - before.get(&table).copied().unwrap_or(0)))
            .filter(|(_, change)| *change != 0)
            .collect();
        let trace = self.trace_of(&answer).await;
        Outcome { answer, trace, binds: self.binds() - binds, difference }
    }

    async fn trace_of(&self, answer: &SignInAnswer) -> SignInTrace {
        let help_desk = self.administrator.find;
        match answer {
            SignInAnswer::Refused(refusal) => {
                self.hub().trace_by_code(&help_desk, &refusal.code).await.unwrap().unwrap()
            }
            SignInAnswer::SignedIn { session, .. } => {
                self.hub().traces_of(&help_desk, session.person, 1).await.unwrap().remove(0)
            }
            SignInAnswer::CodeNeeded(_) => panic!("nobody breaks glass at this door"),
            SignInAnswer::PasswordOffered(_) => panic!("nobody comes back by redirect at this door"),
            SignInAnswer::ChangeNeeded(_) => panic!("ask the hub itself about changes"),
        }
    }

    async fn census(&self) -> BTreeMap<String, i64> {
        storage::census::census(&mut self.hub().database.reader()).await.unwrap()
    }

    /// Passwords all directories saw.
    pub fn binds(&self) -> u32 {
        ["corp", "other"].iter().map(|name| self.script(name).lock().unwrap().binds.values().sum::<u32>()).sum()
    }

    /// Whoever bears the name in that directory.
    pub async fn person_named(&self, source: &Source, name: &str) -> Option<Person> {
        let mut reader = self.hub().database.reader();
        let name: Folded = fold(name);
        let alias = Aliases(&mut reader).find(directory::Namespace::Source(source.id), &name).await.unwrap()?;
        People(&mut reader).by_id(alias.person_id).await.unwrap()
    }

    pub async fn person(&self, id: PersonId) -> Person {
        People(&mut self.hub().database.reader()).by_id(id).await.unwrap().unwrap()
    }
}

/// A known person of a fresh directory "corp": signed in once, a minute ago.
pub async fn known(door: &Door, name: &str, change: impl FnOnce(&mut SourceDraft)) -> (Source, Person) {
    let source = door.source("corp", change).await;
    door.has("corp", person(name));
    let first = door.types(name, RIGHT).await;
    let person = door.person(first.signed_in().person).await;
    door.wait(60);
    (source, person)
}

impl Outcome {
    #[track_caller]
    pub fn signed_in(&self) -> hub::session::Session {
        match &self.answer {
            SignInAnswer::SignedIn { session, .. } => session.clone(),
            SignInAnswer::Refused(refusal) => panic!("refused: {refusal:?} {:#?}", self.trace),
            SignInAnswer::CodeNeeded(_) => panic!("a code is asked for: {:#?}", self.trace),
            SignInAnswer::PasswordOffered(_) => panic!("a password is offered: {:#?}", self.trace),
            SignInAnswer::ChangeNeeded(_) => panic!("a change is wanted: {:#?}", self.trace),
        }
    }

    #[track_caller]
    pub fn refused(&self) -> Refusal {
        match &self.answer {
            SignInAnswer::Refused(refusal) => refusal.clone(),
            SignInAnswer::SignedIn { .. }
            | SignInAnswer::CodeNeeded(_)
            | SignInAnswer::PasswordOffered(_)
            | SignInAnswer::ChangeNeeded(_) => {
                panic!("signed in: {:#?}", self.trace)
            }
        }
    }

    pub fn cookie(&self) -> Option<String> {
        match &self.answer {
            SignInAnswer::SignedIn { new_device_cookie, .. } => new_device_cookie.clone(),
            SignInAnswer::Refused(_)
            | SignInAnswer::CodeNeeded(_)
            | SignInAnswer::PasswordOffered(_)
            | SignInAnswer::ChangeNeeded(_) => None,
        }
    }

    /// Let in by this row, after this many binds.
    #[track_caller]
    pub fn let_in_by(&self, row: &str, binds: u32) -> &Self {
        self.signed_in();
        assert_eq!((self.trace.row.as_str(), self.binds), (row, binds), "{:#?}", self.trace);
        assert!(self.trace.signed_in);
        self
    }

    /// Refused by this row with this page, after this many binds.
    #[track_caller]
    pub fn refused_by(&self, row: &str, page: RefusalPage, binds: u32) -> &Self {
        let refusal = self.refused();
        let seen = (self.trace.row.as_str(), refusal.page, self.binds);
        assert_eq!(seen, (row, page, binds), "{:#?}", self.trace);
        assert!(!self.trace.signed_in && !self.trace.say.is_empty());
        self
    }

    /// Exactly these rows came and went, beside the trace.
    #[track_caller]
    pub fn wrote(&self, expected: &[(&str, i64)]) -> &Self {
        let mut difference = self.difference.clone();
        assert_eq!(difference.remove("sign_in_attempt"), Some(1), "one trace per attempt");
        let expected: BTreeMap<String, i64> = expected.iter().map(|(table, n)| ((*table).to_owned(), *n)).collect();
        assert_eq!(difference, expected, "{:#?}", self.trace);
        self
    }
}
