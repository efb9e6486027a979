//! OpenLDAP and Active Directory as a source: one connector over ldap3, which finds and reads people with a service
//! account and lets the directory check their passwords by a bind (RFC 4513).
//!
//! Three rules decide its shape. A password goes to one server, once: bind connections are exclusive, known to be alive
//! beforehand, and dropped after any doubt. Nothing a directory sends is trusted before [`gate`] has seen it. And no
//! connection leaves without the address guard of [`connector::AllowedNetworks`].

mod bind;
mod cache;
mod certificate;
mod connection;
mod discovery;
mod dn;
mod fault;
mod gate;
mod groups;
mod lockout;
mod paging;
mod pool;
mod probe;
mod reader;
mod search;
mod settings;
mod times;

use std::sync::Arc;

use async_trait::async_trait;
use connector::{AllowedNetworks, Connector, Cursor, Found, Page, ProbeStep, Trouble, TroubleKind, Verification};
use directory::{AdapterResult, ImmutableId, LockoutReading, Source, SourceEntry, TypedName};
pub use discovery::LdapDiscovery;
use ldap3::Scope;
pub use reader::Now;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::{
    dn::within,
    fault::Fault,
    paging::Reads,
    pool::{Lease, Pools},
    reader::{Reader, is_guid, is_uuid},
    search::{Answer, Entry, Search, equals, equals_bytes, judge, no_references},
    settings::Compiled,
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
            pools: Pools::new(settings.clone(), networks.clone()),
            reader: Reader::new(settings.clone(), now),
            reads: Reads::default(),
            settings,
            networks,
        })
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

    /// At most two entries that a filter finds below the base, and the connection they came over. A kept connection
    /// that turns out to be dead is replaced once: nothing but a question was on it.
    async fn look_up(&self, filter: &str) -> Result<(Vec<Entry>, Lease), Fault> {
        let mut lease = self.pools.searching().await?;
        let mut answer = lease.connection.search(&self.settings, self.two(filter)).await;
        if lease.kept && answer.as_ref().is_err_and(Fault::is_transport) {
            lease = self.pools.searching_afresh(lease).await?;
            answer = lease.connection.search(&self.settings, self.two(filter)).await;
        }
        let Answer { entries, result } = answer?;
        // Size limit exceeded is what "more than one" looks like.
        if !(result.rc == 4 && entries.len() > 1)
            && let Err(fault) = judge(&self.settings, &lease.connection.endpoint.label, &result)
        {
            lease.give_back();
            return Err(fault);
        }
        Ok((entries, lease))
    }

    fn two<'a>(&'a self, filter: &'a str) -> Search<'a> {
        Search {
            base: &self.settings.base_dn,
            scope: Scope::Subtree,
            filter,
            attributes: &self.settings.attributes,
            at_most: 2,
            controls: vec![no_references(&self.settings)],
            inside: Some(&self.settings.base),
        }
    }

    /// The one person of a look-up.
    async fn person(&self, entry: Entry, mut lease: Lease) -> Result<SourceEntry, Fault> {
        let read = self.reader.complete(&mut lease.connection, entry).await?;
        let label = lease.connection.endpoint.label.clone();
        lease.give_back();
        read.map_err(|why| Fault::odd(&label, format!("the entry is no person: {why}")))
    }

    /// Binds as the person. From the moment the bind is handed to the connection on, the password counts as sent.
    async fn bind(&self, entry: &SourceEntry, password: &SecretString) -> Result<Verification, Fault> {
        let mut lease = self.pools.binding().await?;
        let endpoint = lease.connection.endpoint.label.clone();
        let controls = if self.settings.active_directory { Vec::new() } else { vec![bind::password_policy_request()] };
        let limit = self.settings.operation_timeout;
        let bound = lease.connection.bind(&entry.locator, password.expose_secret(), controls, limit).await;
        match bound {
            Ok(result) => {
                let judged = bind::judge(self.settings.active_directory, entry, &result);
                if judged.keeps_connection() {
                    lease.give_back();
                }
                Ok(judged.into_verification(&endpoint))
            }
            Err(fault) => {
                drop(lease);
                Ok(Verification { sent: true, ..Verification::not_sent(&fault.into()) })
            }
        }
    }
}

/// A password that must not leave the hub: without one a bind succeeds as nobody (RFC 4513 5.1.2), and some servers
/// end it at a NUL.
fn refuse_unsendable(entry: &SourceEntry, password: &SecretString, settings: &Compiled) -> Option<Verification> {
    let password = password.expose_secret();
    let (result, trouble, reason) = if password.is_empty() || password.contains('\0') {
        (AdapterResult::BadPassword, None, "an empty password or one with NUL is never sent")
    } else if entry.locator.trim().is_empty() || !within(&entry.locator, &settings.base) {
        (AdapterResult::Unavailable, Some(TroubleKind::Odd), "the entry is not below the base")
    } else {
        return None;
    };
    Some(Verification {
        result,
        sent: false,
        proves_password: false,
        endpoint: settings.name.clone(),
        reason: reason.to_owned(),
        locked_until: None,
        trouble,
    })
}

#[async_trait]
impl Connector for LdapConnector {
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble> {
        let Some(filter) = self.filter_for(typed_name) else { return Ok(Found::Nobody) };
        let (mut entries, lease) = self.look_up(&filter).await?;
        match (entries.pop(), entries.len()) {
            (None, _) => {
                lease.give_back();
                Ok(Found::Nobody)
            }
            (Some(entry), 0) => Ok(Found::One(Box::new(self.person(entry, lease).await?))),
            (Some(_), _) => {
                lease.give_back();
                Ok(Found::Several)
            }
        }
    }

    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        let Some(filter) = self.filter_by_id(id) else { return Ok(None) };
        let (mut entries, lease) = self.look_up(&filter).await?;
        let Some(entry) = entries.pop() else {
            lease.give_back();
            return Ok(None);
        };
        let label = lease.connection.endpoint.label.clone();
        if !entries.is_empty() {
            return Err(Fault::odd(&label, "two entries have one immutable id").into());
        }
        let person = self.person(entry, lease).await?;
        if person.immutable_id != *id && is_uuid_like(&self.settings.id_attribute) {
            return Err(Fault::odd(&label, "the directory answered with another entry").into());
        }
        Ok(Some(person))
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
        Ok(paging::page(&self.reads, &self.pools, &self.reader, cursor).await?)
    }

    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        let mut lease = self.pools.searching().await?;
        let facts = self.reader.facts(&mut lease.connection).await;
        let facts = match facts {
            Err(fault) if lease.kept && fault.is_transport() => {
                lease = self.pools.searching_afresh(lease).await?;
                self.reader.facts(&mut lease.connection).await?
            }
            other => other?,
        };
        let policy = self.reader.default_policy(&mut lease.connection, &facts).await?;
        lease.give_back();
        Ok(policy.reading())
    }

    async fn probe(&self) -> Vec<ProbeStep> {
        probe::probe(&self.reader, &self.networks).await
    }
}

fn is_uuid_like(attribute: &str) -> bool {
    is_guid(attribute) || is_uuid(attribute)
}
