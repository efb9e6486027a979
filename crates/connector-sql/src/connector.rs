//! The connector: what the hub asks, answered with rows.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use connector::{
    Abilities, AllowedNetworks, Catalogue, Connector, Cursor, Found, HostHealth, HostState, HostTrouble,
    MembershipSide, Next, Page, ProbeStep, Read, ReadFrom, ReadPage, SourceFolder, Trouble, TroubleKind, Verification,
};
use directory::{AdapterResult, ImmutableId, LockoutReading, ObjectKind, Source, SourceEntry};
use secrecy::SecretString;
use tokio::time::Instant;

use crate::{
    fault::Fault,
    introspect,
    link::Question,
    people::{PeopleTable, bears},
    pool::Pool,
    probe, reader,
    settings::Compiled,
    things,
    value::Value,
};

/// How long the tables are taken to be as they were found.
const TABLES_KEPT: Duration = Duration::from_secs(300);
/// Consecutive failures after which it counts as down rather than doubtful.
const FAILURES_OF_DOWN: u32 = 3;

/// A database with people in it.
pub struct SqlConnector {
    inner: Inner,
}

pub(crate) struct Inner {
    pub(crate) compiled: Compiled,
    pub(crate) pool: Pool,
    tables: Mutex<Option<(Instant, Arc<Tables>)>>,
    health: Mutex<Health>,
    now: Box<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

/// What was looked up in the database once.
pub(crate) struct Tables {
    pub(crate) people: PeopleTable,
}

#[derive(Debug, Clone, Default)]
struct Health {
    connect_ms: Option<u64>,
    search_ms: Option<u64>,
    last_success: Option<DateTime<Utc>>,
    last_trouble: Option<HostTrouble>,
    failures: u32,
    refusing: bool,
}

impl SqlConnector {
    /// Prepares it; does not dial.
    pub fn new(
        source: &Source,
        secret: SecretString,
        networks: Arc<AllowedNetworks>,
        folder: Arc<SourceFolder>,
    ) -> Result<Self, Trouble> {
        let compiled = Compiled::new(source, secret, networks, folder).map_err(|fault| fault.at(&source.name))?;
        let pool = Pool::new(compiled.connections);
        #[expect(
            clippy::disallowed_methods,
            reason = "when a server was met is told to people; nothing is decided by it"
        )]
        let now = Box::new(|| std::time::SystemTime::now().into());
        Ok(Self { inner: Inner { compiled, pool, tables: Mutex::new(None), health: Mutex::default(), now } })
    }

    fn trouble(&self, fault: Fault) -> Trouble {
        fault.at(&self.inner.compiled.endpoint)
    }

    async fn find_now(&self, typed: &str) -> Result<Found, Fault> {
        let tables = self.inner.tables().await?;
        let Some(question) = tables.people.by_name(&self.inner.compiled, typed) else { return Ok(Found::Nobody) };
        let rows = self.inner.rows(&question).await?;
        let mut found: Vec<SourceEntry> = Vec::new();
        for row in &rows {
            if let Ok(entry) = tables.people.entry(&self.inner.compiled, row)
                && bears(&entry, typed)
                && found.iter().all(|other| other.immutable_id != entry.immutable_id)
            {
                found.push(entry);
            }
        }
        if found.len() > 1 {
            return Ok(Found::Several);
        }
        tables.people.add_groups(&self.inner.pool, &self.inner.compiled, &mut found).await?;
        Ok(found.pop().map_or(Found::Nobody, |entry| Found::One(Box::new(entry))))
    }

    async fn fetch_now(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Fault> {
        let tables = self.inner.tables().await?;
        let Some(question) = tables.people.by_id(&self.inner.compiled, id) else { return Ok(None) };
        let rows = self.inner.rows(&question).await?;
        let entries = rows.iter().filter_map(|row| tables.people.entry(&self.inner.compiled, row).ok());
        let mut found: Vec<SourceEntry> = entries.filter(|entry| entry.immutable_id == *id).collect();
        if found.len() > 1 {
            return Err(Fault::odd(format!("several rows have one id: {} is not unique", tables.people.id.name)));
        }
        tables.people.add_groups(&self.inner.pool, &self.inner.compiled, &mut found).await?;
        Ok(found.pop())
    }

    async fn stored_now(&self, entry: &SourceEntry) -> Result<Option<SecretString>, Fault> {
        let tables = self.inner.tables().await?;
        let id = &entry.immutable_id;
        let Some(question) = tables.people.password_of(&self.inner.compiled, id) else { return Ok(None) };
        let rows = self.inner.rows(&question).await?;
        Ok(tables.people.password_in(&self.inner.compiled.settings, id, &rows))
    }

    async fn page_now(&self, cursor: Option<Cursor>) -> Result<Page, Fault> {
        let from = cursor.map_or(ReadFrom::Beginning, |Cursor(bytes)| ReadFrom::Cursor(connector::ReadCursor(bytes)));
        let page = reader::people(&self.inner, from, reader::Groups::OfPeople).await?;
        let mut entries = Vec::new();
        for change in page.changes {
            if let connector::Change::Person(entry) = change {
                entries.push(*entry);
            }
        }
        let rejected = page.rejected.into_iter().map(|rejected| (rejected.locator, rejected.reason)).collect();
        let next = match page.next {
            Next::More(cursor) => Some(Cursor(cursor.0)),
            Next::Complete { .. } => None,
            Next::StartOver { reason } => return Err(Fault::odd(reason)),
        };
        Ok(Page { entries, rejected, next })
    }
}

impl Inner {
    /// The tables with their columns, looked up anew now and then, and after anything did not fit.
    pub(crate) async fn tables(&self) -> Result<Arc<Tables>, Fault> {
        let kept = self.tables.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, tables)) = kept
            && at.elapsed() < TABLES_KEPT
        {
            return Ok(tables);
        }
        let found = PeopleTable::look_up(&self.pool, &self.compiled).await;
        if let Err(fault) = &found {
            self.failed(fault);
        }
        let tables = Arc::new(Tables { people: found? });
        *self.tables.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&tables)));
        Ok(tables)
    }

    pub(crate) async fn rows(&self, question: &Question) -> Result<Vec<Vec<Value>>, Fault> {
        match self.pool.rows(&self.compiled, question).await {
            Ok((rows, took)) => {
                let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
                let smooth = |before: Option<u64>, took: Duration| {
                    let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                    Some(before.map_or(took, |before| (before * 7 + took) / 8))
                };
                if let Some(connect) = took.connect {
                    health.connect_ms = smooth(health.connect_ms, connect);
                }
                health.search_ms = smooth(health.search_ms, took.ask);
                health.connect_ms = health.connect_ms.or(Some(0));
                (health.failures, health.refusing, health.last_success) = (0, false, Some((self.now)()));
                Ok(rows)
            }
            Err(fault) => {
                self.failed(&fault);
                // Somebody may have changed the table.
                *self.tables.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Err(fault)
            }
        }
    }

    fn failed(&self, fault: &Fault) {
        if !fault.kind.counts_for_breaker() {
            return;
        }
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.failures = health.failures.saturating_add(1);
        health.refusing = fault.kind == TroubleKind::Misconfigured;
        health.last_trouble = Some(HostTrouble { at: (self.now)(), reason: fault.reason.clone() });
    }

    /// Whether the table of groups, which is always read whole, says who is in them. The people's column of changes
    /// does not move when somebody enters a group, so with a delta of people the groups have to say it.
    pub(crate) fn groups_say_members(&self) -> bool {
        self.compiled.settings.groups.is_some() && self.compiled.settings.changed_column.is_some()
    }

    fn health(&self) -> HostHealth {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let state = match health.failures {
            _ if health.refusing => HostState::Refusing,
            0 if health.last_success.is_none() => HostState::Untried,
            0 => HostState::Healthy,
            1..FAILURES_OF_DOWN => HostState::Doubtful,
            _ => HostState::Down,
        };
        HostHealth {
            host: self.compiled.endpoint.clone(),
            state,
            in_use: state.is_usable(),
            connect_ms: health.connect_ms,
            search_ms: health.search_ms,
            last_success: health.last_success,
            last_trouble: health.last_trouble,
            failures: health.failures,
        }
    }
}

#[async_trait]
impl Connector for SqlConnector {
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble> {
        self.find_now(typed_name).await.map_err(|fault| self.trouble(fault))
    }

    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        self.fetch_now(id).await.map_err(|fault| self.trouble(fault))
    }

    /// The hub compares passwords of such a source itself, and nothing is ever sent to the database. Only for those that
    /// the old application alone can check does the hub ask, and then that application answers.
    async fn verify(&self, entry: &SourceEntry, password: &SecretString) -> Verification {
        if let Some(call_out) = &self.inner.compiled.call_out {
            return call_out.ask(entry, password).await;
        }
        Verification {
            result: AdapterResult::Unverifiable,
            sent: false,
            proves_password: false,
            endpoint: self.inner.compiled.endpoint.clone(),
            reason: "a database is never asked whether a password is right".to_owned(),
            locked_until: None,
            trouble: None,
        }
    }

    async fn page(&self, cursor: Option<Cursor>) -> Result<Page, Trouble> {
        self.page_now(cursor).await.map_err(|fault| self.trouble(fault))
    }

    /// It sees no attempt, so it never locks anybody.
    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        Ok(LockoutReading { threshold: Some(0), window_seconds: Some(0), ..LockoutReading::default() })
    }

    async fn probe(&self) -> Vec<ProbeStep> {
        probe::probe(&self.inner).await
    }

    async fn catalogue(&self) -> Result<Option<Catalogue>, Trouble> {
        introspect::catalogue(&self.inner).await.map(Some).map_err(|fault| self.trouble(fault))
    }

    fn reading(&self) -> Option<&dyn Read> {
        Some(self)
    }

    async fn stored_password(&self, entry: &SourceEntry) -> Result<Option<SecretString>, Trouble> {
        self.stored_now(entry).await.map_err(|fault| self.trouble(fault))
    }

    fn hosts(&self) -> Vec<HostHealth> {
        vec![self.inner.health()]
    }

    async fn check_hosts(&self) -> bool {
        let troubled = matches!(self.inner.health().state, HostState::Doubtful | HostState::Down | HostState::Refusing);
        if !troubled {
            return false;
        }
        let question =
            Question { sql: "select 1".to_owned(), bound: Vec::new(), kinds: vec![crate::value::Kind::Integer] };
        // The tables too: an account without rights greets like any other.
        self.inner.tables().await.is_ok() && self.inner.rows(&question).await.is_ok()
    }
}

#[async_trait]
impl Read for SqlConnector {
    fn abilities(&self) -> Abilities {
        let settings = &self.inner.compiled.settings;
        Abilities {
            people: true,
            groups: settings.groups.is_some(),
            devices: settings.devices.is_some(),
            delta: settings.changed_column.is_some(),
            membership: if self.inner.groups_say_members() { MembershipSide::Group } else { MembershipSide::Person },
        }
    }

    async fn read(&self, kind: ObjectKind, from: ReadFrom) -> Result<ReadPage, Trouble> {
        let page = match kind {
            ObjectKind::Person => {
                let groups =
                    if self.inner.groups_say_members() { reader::Groups::Elsewhere } else { reader::Groups::OfPeople };
                reader::people(&self.inner, from, groups).await
            }
            ObjectKind::Group => things::groups(&self.inner, from).await,
            ObjectKind::Device => things::devices(&self.inner, from).await,
        };
        page.map_err(|fault| self.trouble(fault))
    }
}
