//! Handing over what a directory holds: everything, page by page, or what changed since.
//!
//! A whole read is a paged search. Before it begins, the directory is asked for a mark, from which a later delta starts;
//! what changes while the read is under way is told again by that delta. Three ways of telling changes are known, the
//! best that the server and the service account's rights allow is taken:
//!
//! 1. OpenLDAP with syncprov: content synchronisation (RFC 4533), which names what was deleted as long as the
//!    provider's session log goes back far enough.
//! 2. Active Directory with the right "Replicating Directory Changes": the DirSync control, which names what was deleted.
//! 3. Any: each object's `uSNChanged` (of one domain controller) or `modifyTimestamp`, with a sweep over the ids of all
//!    objects. It names nobody who is gone, but notices that somebody is ([`cursor::Census`]).
//!
//! Where a delta cannot name who is gone, the read starts over, and a complete read shows it: nobody is deleted on a
//! doubt.

mod changes;
mod cursor;
mod dirsync;
mod members;
mod objects;
mod pages;
mod sweep;
mod sync;

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use connector::{Abilities, Change, MembershipSide, Next, Read, ReadCursor, ReadFrom, ReadPage, Rejected, Trouble};
use directory::ObjectKind;
use tokio::time::Instant;

pub(crate) use self::dirsync::DIR_SYNC;
use self::{
    changes::Pending,
    cursor::{At, Mark, Position, Turn},
    pages::Pages,
};
use crate::{
    LdapConnector,
    dn::Dn,
    fault::Fault,
    paging::ABANDONED_AFTER,
    pool::Lease,
    reader::{Facts, is_guid, is_uuid},
};

/// Reads under way at a time: one per kind, and as many that somebody gave up.
const READS_LIMIT: usize = 6;

/// Which objects are read, and what of them.
#[derive(Debug, Clone)]
struct Plan {
    kind: ObjectKind,
    base: String,
    inside: Dn,
    filter: String,
    attributes: Vec<String>,
}

/// Reads that this process has under way.
pub(crate) struct Handovers {
    process: u64,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    reads: HashMap<u64, UnderWay>,
}

struct UnderWay {
    kind: ObjectKind,
    turn: u64,
    used_at: Instant,
    body: Body,
}

enum Body {
    Pages(Box<Pages>),
    Changes(Box<Pending>),
}

/// What a read begins with.
enum Start {
    Whole,
    Since(Mark),
}

/// What became of beginning.
enum Started {
    Under(Body),
    StartOver(String),
}

impl Default for Handovers {
    fn default() -> Self {
        Self { process: RandomState::new().hash_one("process"), open: Mutex::default() }
    }
}

impl Handovers {
    fn lock(&self) -> MutexGuard<'_, Open> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.reads.retain(|_, read| read.used_at.elapsed() < ABANDONED_AFTER);
        open
    }

    /// The read that this cursor goes on with; each cursor is good once.
    fn take(&self, kind: ObjectKind, turn: Turn) -> Option<Body> {
        let mut open = self.lock();
        let fits = |read: &UnderWay| read.kind == kind && read.turn == turn.turn;
        if turn.process != self.process || !open.reads.get(&turn.read).is_some_and(fits) {
            return None;
        }
        open.reads.remove(&turn.read).map(|read| read.body)
    }

    fn keep(&self, kind: ObjectKind, before: Option<Turn>, body: Body) -> Turn {
        let mut open = self.lock();
        if open.reads.len() >= READS_LIMIT
            && let Some(oldest) = open.reads.iter().min_by_key(|(_, read)| read.used_at).map(|(id, _)| *id)
        {
            open.reads.remove(&oldest);
        }
        open.next += 1;
        let next = open.next;
        let read = before.map_or(next, |before| before.read);
        let turn = before.map_or(1, |before| before.turn + 1);
        open.reads.insert(read, UnderWay { kind, turn, used_at: Instant::now(), body });
        Turn { process: self.process, read, turn }
    }
}

#[async_trait]
impl Read for LdapConnector {
    fn abilities(&self) -> Abilities {
        let groups = self.settings.groups.filter.is_some();
        Abilities {
            people: true,
            groups,
            devices: self.settings.devices.filter.is_some(),
            delta: true,
            membership: if groups { MembershipSide::Group } else { MembershipSide::Person },
        }
    }

    async fn read(&self, kind: ObjectKind, from: ReadFrom) -> Result<ReadPage, Trouble> {
        if !self.abilities().has(kind) {
            return Err(Fault::odd(&self.settings.name, "these objects are not read here").into());
        }
        Ok(match from {
            ReadFrom::Beginning => self.begin(kind, Start::Whole).await?,
            ReadFrom::Cursor(cursor) => self.go_on(kind, &cursor).await?,
        })
    }
}

impl LdapConnector {
    async fn go_on(&self, kind: ObjectKind, cursor: &ReadCursor) -> Result<ReadPage, Fault> {
        let position = match Position::decode(cursor, kind, self.settings_of(kind)) {
            Ok(position) => position,
            Err(reason) => return Ok(start_over(reason)),
        };
        match position.at {
            At::Since(mark) => self.begin(kind, Start::Since(mark)).await,
            At::Pages(turn) => match self.handovers.take(kind, turn) {
                Some(body) => self.next_page(kind, body, Some(turn)).await,
                None => Ok(start_over(
                    "the connection over which the directory was read has ended, and its pages are good on that one only",
                )),
            },
            At::Changes { since, turn } => match self.handovers.take(kind, turn) {
                Some(body) => self.next_page(kind, body, Some(turn)).await,
                None => self.begin(kind, Start::Since(since)).await,
            },
        }
    }

    /// Begins at the first server that will.
    async fn begin(&self, kind: ObjectKind, start: Start) -> Result<ReadPage, Fault> {
        let mut attempt = self.attempt();
        while let Some((host, _)) = attempt.next() {
            match self.begin_at(kind, &start, host).await {
                Ok(Started::Under(body)) => {
                    self.pools.hosts.answered(host, None);
                    return self.next_page(kind, body, None).await;
                }
                Ok(Started::StartOver(reason)) => return Ok(start_over(reason)),
                Err(fault) if fault.kind.counts_for_breaker() => attempt.fault(host, fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(attempt.over(&self.settings.name))
    }

    async fn begin_at(&self, kind: ObjectKind, start: &Start, host: usize) -> Result<Started, Fault> {
        let lease = self.pools.searching(host).await?;
        let kept = lease.kept;
        match self.begin_over(kind, start, lease).await {
            // A kept connection that turns out to be dead is replaced once: nothing but questions were on it.
            Err(fault) if kept && fault.is_transport() && !fault.clean => {
                let lease = self.pools.searching_afresh(self.pools.searching(host).await?).await?;
                self.begin_over(kind, start, lease).await
            }
            other => other,
        }
    }

    async fn begin_over(&self, kind: ObjectKind, start: &Start, mut lease: Lease) -> Result<Started, Fault> {
        let facts = self.reader.facts(&mut lease.connection).await?;
        let plan = self.plan(&facts, kind)?;
        match start {
            Start::Whole => {
                let counting = self.mark(&mut lease, &facts, &plan).await?;
                Ok(Started::Under(Body::Pages(Box::new(Pages::new(lease, facts, plan, counting)))))
            }
            Start::Since(mark) => self.changes_since(lease, facts, plan, mark).await,
        }
    }

    async fn next_page(&self, kind: ObjectKind, body: Body, before: Option<Turn>) -> Result<ReadPage, Fault> {
        let (handed, end) = match body {
            Body::Pages(pages) => self.next_of_everything(*pages).await?,
            Body::Changes(pending) => self.next_of_changes(*pending).await?,
        };
        let of = self.settings_of(kind);
        let next = match end {
            End::More(body) => {
                let since = if let Body::Changes(pending) = &body { Some(pending.since.clone()) } else { None };
                let turn = self.handovers.keep(kind, before, body);
                let at = match since {
                    Some(since) => At::Changes { since, turn },
                    None => At::Pages(turn),
                };
                Next::More(Position::new(kind, of, at).encode())
            }
            End::Complete(mark) => {
                Next::Complete { delta: mark.map(|mark| Position::new(kind, of, At::Since(mark)).encode()) }
            }
        };
        Ok(ReadPage { changes: handed.changes, rejected: handed.rejected, next })
    }

    fn plan(&self, facts: &Facts, kind: ObjectKind) -> Result<Plan, Fault> {
        let settings = &self.settings;
        let (objects, attributes) = match kind {
            ObjectKind::Person => {
                let mut attributes = settings.attributes.clone();
                attributes.extend(self.stamps().map(str::to_owned));
                return Ok(Plan {
                    kind,
                    base: settings.base_dn.clone(),
                    inside: settings.base.clone(),
                    filter: settings.person_filter.clone(),
                    attributes,
                });
            }
            ObjectKind::Group => (&settings.groups, objects::OF_GROUPS),
            ObjectKind::Device => (&settings.devices, objects::OF_DEVICES),
        };
        let base = match &objects.base {
            Some((base, _)) => base.clone(),
            None => facts.context.clone(),
        };
        let odd = || Fault::odd(&settings.name, "the directory names its tree in a way that is no name");
        let inside = Dn::parse(&base).ok_or_else(odd)?;
        let mut names = vec![settings.id_attribute.as_str()];
        names.extend(attributes);
        names.extend(self.stamps());
        let filter = objects.filter.clone().unwrap_or_default();
        Ok(Plan { kind, base, inside, filter, attributes: names.into_iter().map(str::to_owned).collect() })
    }

    /// The attributes that say when an object changed and when it came to be.
    fn stamps(&self) -> [&'static str; 2] {
        if self.settings.active_directory {
            ["uSNChanged", "uSNCreated"]
        } else {
            ["modifyTimestamp", "createTimestamp"]
        }
    }

    /// A digest of the settings that decide which objects of this kind are read and what their ids are.
    fn settings_of(&self, kind: ObjectKind) -> u64 {
        let settings = &self.settings;
        let objects = match kind {
            ObjectKind::Person => None,
            ObjectKind::Group => Some(&settings.groups),
            ObjectKind::Device => Some(&settings.devices),
        };
        let (base, filter) = match objects {
            Some(objects) => (
                objects.base.as_ref().map_or("", |(base, _)| base.as_str()),
                objects.filter.as_deref().unwrap_or_default(),
            ),
            None => ("", settings.person_filter.as_str()),
        };
        let ad = if settings.active_directory { "ad" } else { "ldap" };
        let servers: Vec<&str> = settings.hosts.iter().map(|host| host.label.as_str()).collect();
        cursor::fingerprint(&[ad, &settings.base_dn, &settings.id_attribute, base, filter, &servers.join(" ")])
    }

    /// Whether an id can be made of what a feed says of an object that is gone.
    fn ids_are_the_directorys(&self) -> bool {
        let attribute = &self.settings.id_attribute;
        if self.settings.active_directory { is_guid(attribute) } else { is_uuid(attribute) }
    }
}

/// What a page brings.
#[derive(Default)]
struct Handed {
    changes: Vec<Change>,
    rejected: Vec<Rejected>,
}

/// How a page ends.
enum End {
    More(Body),
    Complete(Option<Mark>),
}

fn start_over(reason: impl Into<String>) -> ReadPage {
    ReadPage { changes: Vec::new(), rejected: Vec::new(), next: Next::StartOver { reason: reason.into() } }
}
