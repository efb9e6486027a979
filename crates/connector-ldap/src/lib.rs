//! OpenLDAP and Active Directory as a source: one connector over ldap3, which finds and reads people with a service
//! account and lets the directory check their passwords by a bind (RFC 4513).
//!
//! Three rules decide its shape. A password goes to one server, once: bind connections are exclusive, known to be alive
//! beforehand, and dropped after any doubt; what may be asked of a second server stands in [`hosts`]. Nothing a
//! directory sends is trusted before [`gate`] has seen it. And no connection leaves without the address guard of
//! [`connector::AllowedNetworks`].

mod ask;
mod bind;
mod cache;
mod certificate;
mod connection;
mod discovery;
mod dn;
mod fault;
mod gate;
mod groups;
mod handover;
mod hosts;
mod lockout;
mod paging;
mod pool;
mod probe;
mod reader;
mod search;
mod settings;
mod times;
mod verify;
mod write_back;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use connector::{
    AllowedNetworks, Connector, Cursor, Found, HostHealth, Page, ProbeStep, Trouble, Verification, WriteAccount,
    WriteBack as _,
};
use directory::{ImmutableId, LockoutReading, Source, SourceEntry, TypedName};
pub use discovery::LdapDiscovery;
use futures::future::join_all;
pub use reader::Now;
use secrecy::SecretString;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    ask::{DefaultLockout, LookUp, Looked, ask, check},
    fault::{Fault, Stage},
    hosts::Attempt,
    paging::Reads,
    pool::Pools,
    reader::{Reader, is_guid, is_uuid},
    search::{equals, equals_bytes},
    settings::Compiled,
    verify::refuse_unsendable,
};

/// Longer than any name; passwords get typed into name fields too.
const NAME_LIMIT: usize = 256;

/// One source. Cheap to make; it connects when it is first asked.
pub struct LdapConnector {
    settings: Arc<Compiled>,
    networks: Arc<AllowedNetworks>,
    pools: Pools,
    reader: Reader,
    reads: Reads,
    handovers: handover::Handovers,
    /// The second account, where writing is switched on.
    writer: Option<write_back::Writer>,
}

impl LdapConnector {
    /// A connector for this source, or what is wrong with its settings. Nothing is dialled.
    pub fn new(source: &Source, secret: SecretString, networks: Arc<AllowedNetworks>) -> Result<Self, Trouble> {
        #[expect(clippy::disallowed_methods, reason = "the default clock; `with_clock` injects another")]
        let now: Now = Arc::new(|| std::time::SystemTime::now().into());
        Self::with_clock(source, secret, networks, now)
    }

    /// The same with a clock of the caller's, for what depends on the time: windows of lockouts, expiry of accounts.
    pub fn with_clock(
        source: &Source,
        secret: SecretString,
        networks: Arc<AllowedNetworks>,
        now: Now,
    ) -> Result<Self, Trouble> {
        let settings = Arc::new(Compiled::new(source, secret)?);
        Ok(Self {
            pools: Pools::new(settings.clone(), networks.clone(), now.clone()),
            reader: Reader::new(settings.clone(), now),
            reads: Reads::default(),
            handovers: handover::Handovers::default(),
            writer: None,
            settings,
            networks,
        })
    }

    /// The same, with a second account that may write.
    #[must_use]
    pub fn writing_as(mut self, account: WriteAccount) -> Self {
        self.writer = Some(write_back::Writer::new(account));
        self
    }

    /// The filter for a typed name; empty if no entry can bear it.
    fn filter_for(&self, typed_name: &str) -> Option<String> {
        if typed_name.trim().is_empty() || typed_name.chars().count() > NAME_LIMIT {
            return None;
        }
        let settings = &self.settings;
        let down_level = match TypedName::parse(typed_name) {
            TypedName::Down { domain, name } if settings.active_directory => Some((domain, name)),
            TypedName::Down { .. } | TypedName::AtDomain(_) | TypedName::Bare(_) => None,
        };
        let names = match down_level {
            Some((domain, name)) => {
                let ours = settings.netbios_domain.as_ref().is_some_and(|ours| ours.eq_ignore_ascii_case(&domain));
                ours.then(|| equals(&settings.username_attribute, &name))?
            }
            None => {
                let all: String = settings.name_attributes.iter().map(|name| equals(name, typed_name)).collect();
                if settings.name_attributes.len() == 1 { all } else { format!("(|{all})") }
            }
        };
        Some(format!("(&{}{names})", settings.person_filter))
    }

    /// The filter for an immutable id; empty if it cannot be one of this source's.
    fn filter_by_id(&self, id: &ImmutableId) -> Option<String> {
        let (attribute, text) = (&self.settings.id_attribute, id.as_str());
        let by_id = if is_guid(attribute) {
            equals_bytes(attribute, &Uuid::parse_str(text).ok()?.to_bytes_le())
        } else if is_uuid(attribute) {
            equals(attribute, &Uuid::parse_str(text).ok()?.to_string())
        } else if text.is_empty() || text.len() > NAME_LIMIT {
            return None;
        } else {
            equals(attribute, text)
        };
        Some(format!("(&{}{by_id})", self.settings.person_filter))
    }

    fn attempt(&self) -> Attempt {
        Attempt::new(self.pools.hosts.clone(), self.settings.patience)
    }

    async fn look_up(&self, filter: &str, groups_within: Option<Duration>) -> Result<(Looked, usize), Fault> {
        ask(&self.pools, &self.reader, &LookUp { filter, groups_within }, self.attempt()).await
    }

    async fn by_id(&self, id: &ImmutableId, groups_within: Option<Duration>) -> Result<Option<SourceEntry>, Fault> {
        let Some(filter) = self.filter_by_id(id) else { return Ok(None) };
        let (mut looked, mut host) = self.look_up(&filter, groups_within).await?;
        if matches!(looked, Looked::Nobody)
            && let Some((confirmed, other)) = self.confirm_absence(&filter, groups_within, host).await
        {
            (looked, host) = (confirmed, other);
        }
        let label = &self.settings.hosts[host].label;
        let person = match looked {
            Looked::Nobody => return Ok(None),
            Looked::Several => return Err(Fault::odd(label, "two entries have one immutable id")),
            Looked::One(read) => read.map_err(|why| not_a_person(label, &why))?,
        };
        if person.immutable_id != *id && is_uuid_like(&self.settings.id_attribute) {
            return Err(Fault::odd(label, "the directory answered with another entry"));
        }
        Ok(Some(person))
    }

    /// Rule 4 of [`hosts`]: what a second healthy server says of an id that the first does not return. Empty if there
    /// is none, or it does not answer.
    async fn confirm_absence(
        &self,
        filter: &str,
        groups_within: Option<Duration>,
        first: usize,
    ) -> Option<(Looked, usize)> {
        let others = self.pools.hosts.usable_besides(first).into_iter().take(1).collect::<Vec<_>>();
        if others.is_empty() {
            return None;
        }
        let attempt =
            Attempt::among(self.pools.hosts.clone(), others, tokio::time::Instant::now() + self.settings.patience / 2);
        let second = ask(&self.pools, &self.reader, &LookUp { filter, groups_within }, attempt).await.ok()?;
        match second {
            (Looked::Nobody, _) => None,
            found => {
                tracing::warn!(
                    source = %self.settings.name, host = %self.settings.hosts[first].label,
                    "a server does not return an entry that another has: it lags behind, or lacks a part"
                );
                Some(found)
            }
        }
    }

    async fn check_one(&self, host: usize) -> bool {
        let would_recover = self.pools.hosts.would_recover(host);
        let label = &self.settings.hosts[host].label;
        match timeout(self.settings.patience, check(&self.pools, &self.reader, host)).await {
            Ok(Ok(took)) => {
                self.pools.hosts.answered(host, Some(took));
                if would_recover {
                    tracing::info!(source = %self.settings.name, host = %label, "a directory server answers again");
                }
                would_recover
            }
            Ok(Err(fault)) => {
                self.pools.hosts.failed(host, &fault, false);
                false
            }
            Err(_) => {
                let fault = Fault::timed_out(Stage::Read, label, self.settings.patience);
                self.pools.hosts.failed(host, &fault, false);
                false
            }
        }
    }
}

fn not_a_person(label: &str, why: &str) -> Fault {
    Fault::odd(label, format!("the entry is no person: {why}"))
}

#[async_trait]
impl Connector for LdapConnector {
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble> {
        let Some(filter) = self.filter_for(typed_name) else { return Ok(Found::Nobody) };
        let (looked, host) = self.look_up(&filter, None).await?;
        Ok(match looked {
            Looked::Nobody => Found::Nobody,
            Looked::Several => Found::Several,
            Looked::One(read) => {
                Found::One(Box::new(read.map_err(|why| not_a_person(&self.settings.hosts[host].label, &why))?))
            }
        })
    }

    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        Ok(self.by_id(id, None).await?)
    }

    async fn fetch_soon(&self, id: &ImmutableId, groups_within: Duration) -> Result<Option<SourceEntry>, Trouble> {
        Ok(self.by_id(id, Some(groups_within)).await?)
    }

    async fn verify(&self, entry: &SourceEntry, password: &SecretString) -> Verification {
        if let Some(refused) = refuse_unsendable(entry, password, &self.settings) {
            return refused;
        }
        match self.bind(entry, password).await {
            Ok(verification) => verification,
            Err(fault) => Verification::not_sent(&fault.into()),
        }
    }

    async fn page(&self, cursor: Option<Cursor>) -> Result<Page, Trouble> {
        Ok(paging::page(&self.reads, &self.pools, &self.reader, cursor, self.attempt()).await?)
    }

    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        Ok(ask(&self.pools, &self.reader, &DefaultLockout, self.attempt()).await?.0)
    }

    async fn probe(&self) -> Vec<ProbeStep> {
        let mut steps = probe::probe(&self.reader, &self.networks).await;
        if self.writer.is_some() && steps.iter().all(|step| step.passed) {
            steps.push(self.probe_writer().await);
        }
        steps
    }

    fn write_back(&self) -> Option<&dyn connector::WriteBack> {
        self.writer.as_ref().map(|_| self as &dyn connector::WriteBack)
    }

    fn reading(&self) -> Option<&dyn connector::Read> {
        Some(self)
    }

    fn hosts(&self) -> Vec<HostHealth> {
        self.pools.hosts.health()
    }

    async fn check_hosts(&self) -> bool {
        let due = self.pools.hosts.due();
        let checked = join_all(due.into_iter().map(|host| self.check_one(host))).await;
        checked.contains(&true)
    }
}

fn is_uuid_like(attribute: &str) -> bool {
    is_guid(attribute) || is_uuid(attribute)
}
