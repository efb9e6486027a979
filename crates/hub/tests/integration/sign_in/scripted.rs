//! Directories that answer as a test wrote it down, and count every password they are sent.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector::{
    Connector, Cursor, Found, Page, PasswordWritten, ProbeStep, Trouble, TroubleKind, Unlock, Verification,
    WriteAccount, WriteBack, WriteFailure, Writes, Written,
};
use directory::{AdapterResult, ImmutableId, LockoutReading, Source, SourceEntry, fold};
use hub::{
    ConnectorFactory,
    kernel::{Clock, FixedClock},
};
use secrecy::{ExposeSecret as _, SecretString};

/// All directories of one hub, by source name.
pub struct Directories {
    pub clock: Arc<FixedClock>,
    scripts: Mutex<HashMap<String, Arc<Mutex<Script>>>>,
}

/// One directory.
#[derive(Default)]
pub struct Script {
    pub entries: Vec<SourceEntry>,
    pub passwords: HashMap<ImmutableId, String>,
    /// Passwords it stores and shows to the hub.
    pub stored: HashMap<ImmutableId, String>,
    /// Instead of looking at the password.
    pub answers: HashMap<ImmutableId, Verification>,
    /// Every request fails like this.
    pub trouble: Option<TroubleKind>,
    /// Binds fail like this, though searches work.
    pub bind_trouble: Option<TroubleKind>,
    pub delay: Duration,
    /// How long reading somebody's groups takes.
    pub groups_take: Duration,
    /// Readings that waited for the groups.
    pub whole_readings: u32,
    /// Wrong passwords until it locks, and its sliding window.
    pub lockout: Option<(u32, TimeDelta)>,
    /// Whether entries show the count.
    pub shows_failures: bool,
    pub binds: HashMap<ImmutableId, u32>,
    pub passwords_seen: Vec<String>,
    /// Searches and reads.
    pub requests: u32,
    /// Every write it saw, in words.
    pub writes: Vec<String>,
    /// Instead of doing what it is told.
    pub write_answer: Option<Written>,
    /// The second account may not bind.
    pub refuses_writer: bool,
    failures: HashMap<ImmutableId, (u32, DateTime<Utc>)>,
    /// The largest count of wrong passwords it ever held.
    pub most_failures: u32,
}

impl Directories {
    pub fn new(clock: Arc<FixedClock>) -> Self {
        Self { clock, scripts: Mutex::default() }
    }

    pub fn script(&self, source: &str) -> Arc<Mutex<Script>> {
        Arc::clone(self.scripts.lock().unwrap().entry(source.to_owned()).or_default())
    }
}

impl ConnectorFactory for Directories {
    fn connect(&self, source: &Source, _secret: SecretString) -> Result<Arc<dyn Connector>, Trouble> {
        let (name, script) = (source.name.clone(), self.script(&source.name));
        Ok(Arc::new(Scripted { name, script, clock: Arc::clone(&self.clock), writes: None }))
    }

    fn connect_writing(
        &self,
        source: &Source,
        _secret: SecretString,
        account: WriteAccount,
    ) -> Result<Arc<dyn Connector>, Trouble> {
        let (name, script) = (source.name.clone(), self.script(&source.name));
        Ok(Arc::new(Scripted { name, script, clock: Arc::clone(&self.clock), writes: Some(account.writes) }))
    }
}

struct Scripted {
    name: String,
    script: Arc<Mutex<Script>>,
    clock: Arc<FixedClock>,
    writes: Option<Writes>,
}

impl Scripted {
    fn trouble(&self, kind: TroubleKind) -> Trouble {
        Trouble { kind, endpoint: format!("{}:636", self.name), reason: format!("as told: {kind:?}") }
    }

    async fn reach(&self) -> Result<MutexGuard<'_, Script>, Trouble> {
        let delay = self.script.lock().unwrap().delay;
        tokio::time::sleep(delay).await;
        let mut script = self.script.lock().unwrap();
        script.requests += 1;
        match script.trouble {
            Some(kind) => Err(self.trouble(kind)),
            None => Ok(script),
        }
    }
}

impl Script {
    /// As the service account reads it right now.
    fn read(&self, entry: &SourceEntry, now: DateTime<Utc>) -> SourceEntry {
        let mut entry = entry.clone();
        if let Some((threshold, window)) = self.lockout {
            entry.lockout.threshold = Some(threshold);
            entry.lockout.window_seconds = u64::try_from(window.num_seconds()).ok();
        }
        if self.shows_failures {
            entry.lockout.failures = Some(self.count(&entry.immutable_id, now));
        }
        entry
    }

    /// Wrong passwords in the sliding window, as Active Directory counts them.
    fn count(&self, id: &ImmutableId, now: DateTime<Utc>) -> u32 {
        let window = self.lockout.map_or(TimeDelta::zero(), |(_, window)| window);
        match self.failures.get(id) {
            Some((count, last)) if now - *last <= window => *count,
            _ => 0,
        }
    }

    fn fail(&mut self, id: &ImmutableId, now: DateTime<Utc>) {
        let count = self.count(id, now) + 1;
        self.failures.insert(id.clone(), (count, now));
        self.most_failures = self.most_failures.max(count);
    }
}

pub fn answer(result: AdapterResult, proves_password: bool) -> Verification {
    Verification {
        result,
        sent: true,
        proves_password,
        endpoint: "scripted:636".to_owned(),
        reason: "as told".to_owned(),
        locked_until: None,
        trouble: None,
    }
}

#[async_trait]
impl Connector for Scripted {
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble> {
        let script = self.reach().await?;
        let wanted = fold(typed_name);
        let mut found = script.entries.iter().filter(|e| e.names.iter().any(|name| fold(name) == wanted));
        Ok(match (found.next(), found.next()) {
            (None, _) => Found::Nobody,
            (Some(entry), None) => Found::One(Box::new(script.read(entry, self.clock.now()))),
            (Some(_), Some(_)) => Found::Several,
        })
    }

    async fn fetch_soon(&self, id: &ImmutableId, groups_within: Duration) -> Result<Option<SourceEntry>, Trouble> {
        let groups_take = self.script.lock().unwrap().groups_take;
        if groups_take <= groups_within {
            return self.fetch(id).await;
        }
        tokio::time::sleep(groups_within).await;
        let script = self.reach().await?;
        let entry = script.entries.iter().find(|e| e.immutable_id == *id);
        let half = |entry| SourceEntry {
            groups: Vec::new(),
            groups_complete: false,
            privileged: false,
            ..script.read(entry, self.clock.now())
        };
        Ok(entry.map(half))
    }

    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        let groups_take = self.script.lock().unwrap().groups_take;
        tokio::time::sleep(groups_take).await;
        let mut script = self.reach().await?;
        script.whole_readings += 1;
        let entry = script.entries.iter().find(|e| e.immutable_id == *id);
        Ok(entry.map(|entry| script.read(entry, self.clock.now())))
    }

    async fn verify(&self, entry: &SourceEntry, password: &SecretString) -> Verification {
        let mut script = match self.reach().await {
            Ok(script) => script,
            Err(trouble) => return Verification::not_sent(&trouble),
        };
        *script.binds.entry(entry.immutable_id.clone()).or_default() += 1;
        script.passwords_seen.push(password.expose_secret().to_owned());
        if let Some(kind) = script.bind_trouble {
            // The bytes left, and nothing came back.
            return Verification { sent: true, ..Verification::not_sent(&self.trouble(kind)) };
        }
        if let Some(told) = script.answers.get(&entry.immutable_id) {
            return told.clone();
        }
        if script.passwords.get(&entry.immutable_id).is_some_and(|p| p == password.expose_secret()) {
            script.failures.remove(&entry.immutable_id);
            return answer(AdapterResult::Ok, true);
        }
        let now = self.clock.now();
        script.fail(&entry.immutable_id, now);
        answer(AdapterResult::BadPassword, false)
    }

    async fn stored_password(&self, entry: &SourceEntry) -> Result<Option<SecretString>, Trouble> {
        let script = self.reach().await?;
        Ok(script.stored.get(&entry.immutable_id).map(|stored| SecretString::from(stored.as_str())))
    }

    async fn page(&self, _cursor: Option<Cursor>) -> Result<Page, Trouble> {
        let script = self.reach().await?;
        let entries = script.entries.iter().map(|e| script.read(e, self.clock.now())).collect();
        Ok(Page { entries, rejected: Vec::new(), next: None })
    }

    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        self.reach().await.map(|_| LockoutReading::default())
    }

    async fn probe(&self) -> Vec<ProbeStep> {
        Vec::new()
    }

    fn write_back(&self) -> Option<&dyn WriteBack> {
        self.writes.map(|_| self as &dyn WriteBack)
    }
}

#[async_trait]
impl WriteBack for Scripted {
    fn writes(&self) -> Writes {
        self.writes.unwrap_or_default()
    }

    async fn unlock(&self, entry: &SourceEntry) -> Unlock {
        let mut script = self.script.lock().unwrap();
        script.writes.push(format!("unlock {}", entry.immutable_id));
        let written = script.write_answer.clone().unwrap_or(Written::Done);
        if written == Written::Done {
            script.failures.remove(&entry.immutable_id);
            let locked = script.entries.iter_mut().find(|e| e.immutable_id == entry.immutable_id).unwrap();
            locked.lockout.locked_until = None;
            script.answers.remove(&entry.immutable_id);
        }
        let again = script.entries.iter().find(|e| e.immutable_id == entry.immutable_id);
        let again = again.map(|again| Box::new(script.read(again, self.clock.now())));
        Unlock { written, entry: again, endpoint: "scripted:636".to_owned(), reason: "as told".to_owned() }
    }

    async fn change_password(
        &self,
        entry: &SourceEntry,
        current: &SecretString,
        new: &SecretString,
    ) -> PasswordWritten {
        let now = self.clock.now();
        let mut script = self.script.lock().unwrap();
        script.writes.push(format!("change {}", entry.immutable_id));
        script.passwords_seen.push(current.expose_secret().to_owned());
        *script.binds.entry(entry.immutable_id.clone()).or_default() += 1;
        let right = script.passwords.get(&entry.immutable_id).is_some_and(|p| p == current.expose_secret());
        let told = |written, result, proves_password| PasswordWritten {
            written,
            result,
            sent: true,
            proves_password,
            endpoint: "scripted:636".to_owned(),
            reason: "as told".to_owned(),
            locked_until: None,
            trouble: None,
        };
        if !right {
            script.fail(&entry.immutable_id, now);
            return told(Written::Failed(WriteFailure::Odd), AdapterResult::BadPassword, false);
        }
        if let Some(written) = script.write_answer.clone() {
            return told(written, AdapterResult::MustChange, false);
        }
        script.passwords.insert(entry.immutable_id.clone(), new.expose_secret().to_owned());
        script.answers.remove(&entry.immutable_id);
        let changed = script.entries.iter_mut().find(|e| e.immutable_id == entry.immutable_id).unwrap();
        changed.password_set_at = Some(now);
        told(Written::Done, AdapterResult::Ok, true)
    }

    async fn probe_writer(&self) -> ProbeStep {
        let name = "Write account".to_owned();
        let passed = !self.script.lock().unwrap().refuses_writer;
        ProbeStep { name, passed, detail: "as told".to_owned(), remedy: None, milliseconds: 0 }
    }
}
