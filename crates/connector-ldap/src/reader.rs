//! From what the directory sent to what the hub understands.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use directory::{AccountStatus, Anchors, ImmutableId, SourceEntry};
use ldap3::Scope;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    cache::Cache,
    connection::Connection,
    fault::Fault,
    groups::{Group, Groups},
    lockout::{self, LOCKED_FOR_GOOD, LockoutPolicy},
    search::{Entry, Search, judge},
    settings::Compiled,
    times::{from_filetime, from_generalized},
};

/// Tells the time, so that tests can say what time it is.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

pub(crate) struct Reader {
    pub(crate) settings: Arc<Compiled>,
    pub(crate) now: Now,
    pub(crate) policies: Cache<LockoutPolicy>,
    pub(crate) groups: Cache<Option<Arc<Group>>>,
    facts: Cache<Arc<Facts>>,
    /// Who bears a name, for members of groups.
    pub(crate) named: Cache<Option<ImmutableId>>,
}

/// What a directory says about itself.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The tree that groups and policies are looked for in: the base of people may be narrower.
    pub(crate) context: String,
    /// Whether entries say themselves which groups they are in.
    pub(crate) member_of: bool,
    /// Whether there are groups that list their members by `uid` (RFC 2307).
    pub(crate) posix_groups: bool,
}

/// An entry, or why it is no person of ours.
pub(crate) type Read = Result<SourceEntry, String>;

const UF_ACCOUNTDISABLE: i64 = 2;
const SECONDS_OF_A_DAY: i64 = 86_400;
/// Further reads for one attribute that came in parts.
const RANGE_LIMIT: usize = 1_000;

impl Reader {
    pub(crate) fn new(settings: Arc<Compiled>, now: Now) -> Self {
        Self { settings, now, policies: Cache::new(), groups: Cache::new(), facts: Cache::new(), named: Cache::new() }
    }

    /// Reads one entry by its name; empty if it is not there or may not be read.
    pub(crate) async fn read(
        &self,
        connection: &mut Connection,
        dn: &str,
        attributes: &[String],
    ) -> Result<Option<Entry>, Fault> {
        let search = Search {
            base: dn,
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attributes,
            at_most: 1,
            controls: Vec::new(),
            inside: None,
        };
        let answer = connection.search(&self.settings, search).await?;
        match answer.result.rc {
            0 => {}
            3 | 51 | 52 => judge(&self.settings, &connection.endpoint.label, &answer.result)?,
            _ => return Ok(None),
        }
        let Some(mut entry) = answer.entries.into_iter().next() else { return Ok(None) };
        self.complete_ranges(connection, &mut entry).await?;
        Ok(Some(entry))
    }

    /// Fetches the rest of attributes that came in parts (`memberOf;range=0-1499`).
    pub(crate) async fn complete_ranges(&self, connection: &mut Connection, entry: &mut Entry) -> Result<(), Fault> {
        for _ in 0..RANGE_LIMIT {
            if entry.ranges.is_empty() {
                return Ok(());
            }
            let parts: Vec<String> = entry.ranges.iter().map(|(name, from)| format!("{name};range={from}-*")).collect();
            let search = Search {
                base: &entry.dn,
                scope: Scope::Base,
                filter: "(objectClass=*)",
                attributes: &parts,
                at_most: 1,
                controls: Vec::new(),
                inside: None,
            };
            let answer = connection.search(&self.settings, search).await?;
            match answer.entries.into_iter().next() {
                Some(more) => entry.extend(more),
                None => entry.ranges.clear(),
            }
        }
        Err(Fault::odd(&connection.endpoint.label, "an attribute has no end"))
    }

    pub(crate) async fn facts(&self, connection: &mut Connection) -> Result<Arc<Facts>, Fault> {
        if let Some(facts) = self.facts.get("") {
            return Ok(facts);
        }
        let names = ["defaultNamingContext", "namingContexts"].map(str::to_owned);
        let root = self.read(connection, "", &names).await?.unwrap_or_default();
        let holds = |context: &&str| {
            crate::dn::Dn::parse(context).is_some_and(|context| self.settings.base.is_within(&context))
        };
        let context = root
            .text("defaultNamingContext")
            .or_else(|| root.texts("namingContexts").find(holds))
            .unwrap_or(&self.settings.base_dn)
            .to_owned();
        let active_directory = self.settings.active_directory;
        let member_of = active_directory || self.holds(connection, &context, "(memberOf=*)").await?;
        let posix_groups = !active_directory && self.holds(connection, &context, "(objectClass=posixGroup)").await?;
        let facts = Arc::new(Facts { context, member_of, posix_groups });
        self.facts.put("", facts.clone());
        Ok(facts)
    }

    /// Whether there is at least one entry of this kind.
    async fn holds(&self, connection: &mut Connection, context: &str, filter: &str) -> Result<bool, Fault> {
        let nothing = ["1.1".to_owned()];
        let search = Search {
            base: context,
            scope: Scope::Subtree,
            filter,
            attributes: &nothing,
            at_most: 1,
            controls: vec![crate::search::no_references(&self.settings)],
            inside: None,
        };
        Ok(!connection.search(&self.settings, search).await?.entries.is_empty())
    }

    /// Makes a person of an entry, with groups and lockout.
    /// `groups_within` bounds what the groups may take; a person without them is told from one who has none.
    pub(crate) async fn complete(
        &self,
        connection: &mut Connection,
        mut entry: Entry,
        groups_within: Option<Duration>,
    ) -> Result<Read, Fault> {
        self.complete_ranges(connection, &mut entry).await?;
        let Some(immutable_id) = immutable_id(&entry, &self.settings.id_attribute) else {
            return Ok(Err(format!("it has no single {}", self.settings.id_attribute)));
        };
        let facts = self.facts(connection).await?;
        let policy = self.policy_of(connection, &facts, &entry).await?;
        let groups = self.groups_in_time(connection, &facts, &entry, groups_within).await?;
        let now = (self.now)();
        let active_directory = self.settings.active_directory;
        let lockout = if active_directory {
            lockout::of_active_directory(&entry, policy, now)
        } else {
            lockout::of_openldap(&entry, policy, now)
        };
        let password_set_at = if active_directory {
            entry.number("pwdLastSet").and_then(from_filetime)
        } else {
            entry.text("pwdChangedTime").and_then(from_generalized)
        };
        Ok(Ok(SourceEntry {
            raw: self.raw(&entry),
            immutable_id,
            username: entry.text(&self.settings.username_attribute).map(str::to_owned),
            names: self.names(&entry),
            attributes: self
                .settings
                .mapping
                .iter()
                .filter_map(|(ours, theirs)| Some((*ours, entry.text(theirs)?.to_owned())))
                .collect::<BTreeMap<_, _>>(),
            status: if active_directory { status_of_ad(&entry, now) } else { status_of_openldap(&entry, now) },
            password_set_at,
            lockout,
            privileged: groups.protected || entry.number("adminCount") == Some(1),
            groups: groups.list,
            groups_complete: groups.complete,
            anchors: if active_directory { anchors(&entry) } else { Anchors::default() },
            server: connection.endpoint.server(),
            locator: entry.dn,
        }))
    }

    async fn groups_in_time(
        &self,
        connection: &mut Connection,
        facts: &Facts,
        entry: &Entry,
        within: Option<Duration>,
    ) -> Result<Groups, Fault> {
        let Some(within) = within else { return self.groups_of(connection, facts, entry).await };
        if within.is_zero() {
            return Ok(Groups::default());
        }
        match timeout(within, self.groups_of(connection, facts, entry)).await {
            Ok(groups) => groups,
            Err(_) => {
                connection.spoiled = true;
                Ok(Groups::default())
            }
        }
    }

    /// What expressions read, as text. An attribute that is no text is not there.
    fn raw(&self, entry: &Entry) -> BTreeMap<String, Vec<String>> {
        let texts = |name: &String| entry.texts(name).map(str::to_owned).collect::<Vec<_>>();
        let read = self.settings.reads.iter().map(|name| (name.clone(), texts(name)));
        read.filter(|(_, texts)| !texts.is_empty()).collect()
    }

    /// Every name the source accepts for the entry, each once.
    fn names(&self, entry: &Entry) -> Vec<String> {
        let username = entry.text(&self.settings.username_attribute).map(str::to_owned);
        let down_level = match (&self.settings.netbios_domain, &username) {
            (Some(domain), Some(name)) => Some(format!("{domain}\\{name}")),
            (None, _) | (_, None) => None,
        };
        let others = self.settings.name_attributes.iter().flat_map(|name| entry.texts(name)).map(str::to_owned);
        let mut seen = HashSet::new();
        username
            .into_iter()
            .chain(down_level)
            .chain(others)
            .filter(|name| name.len() <= 256 && seen.insert(name.to_lowercase()))
            .take(50)
            .collect()
    }
}

/// The canonical text of the immutable id; empty unless there is exactly one.
pub(crate) fn immutable_id(entry: &Entry, attribute: &str) -> Option<ImmutableId> {
    let [value] = entry.bytes(attribute) else { return None };
    let text = if is_guid(attribute) {
        // [MS-DTYP] 2.3.4: the first three parts are little-endian.
        Uuid::from_bytes_le(value.as_slice().try_into().ok()?).to_string()
    } else {
        let text = std::str::from_utf8(value).ok()?;
        if is_uuid(attribute) { Uuid::parse_str(text).ok()?.to_string() } else { text.to_owned() }
    };
    (!text.is_empty() && text.len() <= 256).then_some(ImmutableId(text))
}

pub(crate) fn is_guid(attribute: &str) -> bool {
    attribute.eq_ignore_ascii_case("objectGUID")
}

pub(crate) fn is_uuid(attribute: &str) -> bool {
    attribute.eq_ignore_ascii_case("entryUUID")
}

/// What synchronised directories know the entry by.
fn anchors(entry: &Entry) -> Anchors {
    let guid = match entry.bytes("mS-DS-ConsistencyGuid") {
        [bytes] => bytes.as_slice().try_into().ok().map(|bytes| Uuid::from_bytes_le(bytes).to_string()),
        _ => None,
    };
    Anchors { guid, sid: sid(entry) }
}

/// A security identifier in its usual spelling ([MS-DTYP] 2.4.2.1): `S-1-5-21-…`.
pub(crate) fn sid(entry: &Entry) -> Option<String> {
    let [bytes] = entry.bytes("objectSid") else { return None };
    let [revision, count, authority @ ..] = bytes.as_slice() else { return None };
    let (authority, parts) = authority.split_at_checked(6)?;
    if *revision != 1 || parts.len() != usize::from(*count) * 4 {
        return None;
    }
    let authority = authority.iter().fold(0_u64, |sum, &digit| sum << 8 | u64::from(digit));
    let parts =
        parts.chunks_exact(4).map(|part| format!("-{}", u32::from_le_bytes([part[0], part[1], part[2], part[3]])));
    Some(format!("S-1-{authority}{}", parts.collect::<String>()))
}

pub(crate) fn status_of_ad(entry: &Entry, now: DateTime<Utc>) -> AccountStatus {
    let flags = entry.number("userAccountControl").unwrap_or(0);
    let expires = entry.number("accountExpires").and_then(from_filetime);
    if flags & UF_ACCOUNTDISABLE != 0 {
        AccountStatus::Disabled
    } else if expires.is_some_and(|at| at <= now) {
        AccountStatus::Expired
    } else {
        AccountStatus::Active
    }
}

/// OpenLDAP has no attribute of its own for it; these are what its directories use.
fn status_of_openldap(entry: &Entry, now: DateTime<Utc>) -> AccountStatus {
    let locked_for_good = entry.text("pwdAccountLockedTime") == Some(LOCKED_FOR_GOOD);
    let locked = entry.text("nsAccountLock").is_some_and(|word| word.eq_ignore_ascii_case("true"));
    let ended = entry.text("pwdEndTime").and_then(from_generalized).is_some_and(|at| at <= now);
    // shadow(5): days since 1970, from which on the account is disabled; 0 and less mean nothing.
    let day = now.timestamp() / SECONDS_OF_A_DAY;
    let shadow = entry.number("shadowExpire").is_some_and(|days| days > 0 && days <= day);
    if locked_for_good || locked {
        AccountStatus::Disabled
    } else if ended || shadow {
        AccountStatus::Expired
    } else {
        AccountStatus::Active
    }
}
