//! Files with people as a source: CSV, JSON lines and LDIF, read as a stream.
//!
//! Two rules decide its shape. A file that somebody is still writing is no list of everybody: it is read only once it
//! has been left alone, and a read of one that changed meanwhile begins anew. And an id that stands there twice is
//! nobody's: both records are put aside, because choosing one would be a guess.
//!
//! What a read keeps in memory is one page. Looking somebody up needs an index, made once for each version of a file:
//! sixteen bytes for each name.

mod compiled;
mod entry;
mod format;
mod index;
mod objects;
mod probe;
mod snapshot;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use async_trait::async_trait;
use connector::{
    Abilities, Change, Connector, Cursor, Found, MembershipSide, Next, Page, ProbeStep, Read, ReadCursor, ReadFrom,
    ReadPage, SourceFolder, Trouble, TroubleKind, Verification,
};
use directory::{AdapterResult, ImmutableId, LockoutReading, ObjectKind, Source, SourceEntry, fold};
use secrecy::SecretString;
use tokio::sync::Semaphore;

use crate::{
    compiled::Compiled,
    index::{Index, IndexOf},
    snapshot::{Place, Snapshot},
};

/// What the time is, for whether a file has been left alone.
pub type Now = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Longer than any name; passwords get typed into name fields too.
const NAME_LIMIT: usize = 256;

/// One source. Cheap to make; the file is opened when it is first asked.
#[derive(Clone)]
pub struct FileConnector(Arc<Parts>);

struct Parts {
    settings: Compiled,
    folder: Arc<SourceFolder>,
    now: Now,
    indexes: Mutex<HashMap<IndexOf, Arc<Index>>>,
    /// One index is made at a time.
    indexing: Semaphore,
}

impl FileConnector {
    /// A connector for this source, or what is wrong with its settings. Nothing is opened.
    pub fn new(source: &Source, folder: Arc<SourceFolder>) -> Result<Self, Trouble> {
        #[expect(clippy::disallowed_methods, reason = "the default clock; `with_clock` injects another")]
        let now: Now = Arc::new(SystemTime::now);
        Self::with_clock(source, folder, now)
    }

    /// The same with a clock of the caller's.
    pub fn with_clock(source: &Source, folder: Arc<SourceFolder>, now: Now) -> Result<Self, Trouble> {
        let settings = Compiled::new(source)?;
        let (indexes, indexing) = (Mutex::default(), Semaphore::new(1));
        Ok(Self(Arc::new(Parts { settings, folder, now, indexes, indexing })))
    }

    /// Runs on a thread that may wait for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Parts) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let parts = Arc::clone(&self.0);
        let endpoint = parts.settings.name.clone();
        tokio::task::spawn_blocking(move || work(&parts)).await.unwrap_or_else(|_| {
            let reason = "reading the file was interrupted".to_owned();
            Err(Trouble { kind: TroubleKind::Odd, endpoint, reason })
        })
    }

    /// Where records of a kind with a key are, in the file as it is now.
    async fn places(&self, of: IndexOf, key: String) -> Result<(Snapshot, Vec<Place>), Trouble> {
        let known = self.blocking(move |parts| {
            let snapshot = parts.snapshot(of.kind())?;
            Ok((parts.known_index(of, &snapshot), snapshot))
        });
        let (index, snapshot) = match known.await? {
            (Some(index), snapshot) => (index, snapshot),
            (None, _) => {
                let _turn = self.0.indexing.acquire().await;
                self.blocking(move |parts| {
                    let snapshot = parts.snapshot(of.kind())?;
                    Ok((parts.index(of, &snapshot)?, snapshot))
                })
                .await?
            }
        };
        Ok((snapshot, index.places(&key)))
    }

    /// The people of the file whose records bear a key, as the index has it.
    async fn people_with(&self, of: IndexOf, key: String) -> Result<Vec<SourceEntry>, Trouble> {
        let (snapshot, places) = self.places(of, key.clone()).await?;
        self.blocking(move |parts| {
            let mut found = Vec::new();
            for place in places {
                let mut records = snapshot.records(&parts.settings, place)?;
                let Some(Ok(record)) = records.next().map_err(|why| parts.odd(why))? else { continue };
                match parts.settings.person(&record) {
                    Ok(person) if of.keys(&parts.settings, &record).contains(&key) => found.push(person),
                    // Two keys with one digest.
                    Ok(_) => {}
                    Err(why) => return Err(parts.odd(format!("{}: {why}", parts.settings.at(record.line)))),
                }
            }
            Ok(found)
        })
        .await
    }
}

impl Parts {
    fn trouble(&self, kind: TroubleKind, reason: impl Into<String>) -> Trouble {
        Trouble { kind, endpoint: self.settings.name.clone(), reason: reason.into() }
    }

    fn odd(&self, reason: impl Into<String>) -> Trouble {
        self.trouble(TroubleKind::Odd, reason)
    }

    /// The file with objects of a kind as it is now, if it has been left alone.
    fn snapshot(&self, kind: ObjectKind) -> Result<Snapshot, Trouble> {
        let Some(path) = self.settings.path_of(kind) else {
            return Err(self.trouble(TroubleKind::Misconfigured, format!("this source has no file of {kind}s")));
        };
        Snapshot::open(&self.settings, &self.folder, kind, path, (self.now)())
    }

    fn known_index(&self, of: IndexOf, snapshot: &Snapshot) -> Option<Arc<Index>> {
        let indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        indexes.get(&of).filter(|index| index.version == snapshot.version).map(Arc::clone)
    }

    fn index(&self, of: IndexOf, snapshot: &Snapshot) -> Result<Arc<Index>, Trouble> {
        if let Some(known) = self.known_index(of, snapshot) {
            return Ok(known);
        }
        let made = Arc::new(Index::make(of, &self.settings, snapshot).map_err(|why| self.odd(why))?);
        self.indexes.lock().unwrap_or_else(PoisonError::into_inner).insert(of, Arc::clone(&made));
        Ok(made)
    }

    /// One page of objects of a kind.
    fn read(&self, kind: ObjectKind, from: &ReadFrom) -> Result<ReadPage, Trouble> {
        let snapshot = self.snapshot(kind)?;
        let start_over = |reason: &str| {
            let next = Next::StartOver { reason: reason.to_owned() };
            Ok(ReadPage { changes: Vec::new(), rejected: Vec::new(), next })
        };
        let place = match from {
            ReadFrom::Beginning => Place::BEGINNING,
            ReadFrom::Cursor(cursor) => match snapshot.place(&self.settings, cursor) {
                Ok(Some(place)) => place,
                // A delta of a file that nobody has touched: everybody is as they were.
                Ok(None) => {
                    let next = Next::Complete { delta: Some(cursor.clone()) };
                    return Ok(ReadPage { changes: Vec::new(), rejected: Vec::new(), next });
                }
                Err(why) => return start_over(why),
            },
        };
        let index = self.index(IndexOf::Ids(kind), &snapshot)?;
        let mut records = snapshot.records(&self.settings, place)?;
        let mut page = objects::page(&self.settings, kind, &index, &mut records).map_err(|why| self.odd(why))?;
        // What was read counts only if the file is still the one it was.
        if self.snapshot(kind)?.version != snapshot.version {
            return start_over("the file was changed while it was read");
        }
        // An empty file is a mistake of whoever writes it, and not the news that everybody left.
        if place == Place::BEGINNING && records.place().is_none() && page.changes.is_empty() && page.rejected.is_empty()
        {
            return Err(self.odd(format!("{:?} has no {kind} in it", self.settings.path_of(kind).unwrap_or_default())));
        }
        page.next = match records.place() {
            Some(place) => Next::More(snapshot.cursor(&self.settings, Some(place))),
            None => Next::Complete { delta: Some(snapshot.cursor(&self.settings, None)) },
        };
        Ok(page)
    }
}

#[async_trait]
impl Connector for FileConnector {
    async fn find(&self, typed_name: &str) -> Result<Found, Trouble> {
        if typed_name.trim().is_empty() || typed_name.chars().count() > NAME_LIMIT || typed_name.contains('\0') {
            return Ok(Found::Nobody);
        }
        let mut found = self.people_with(IndexOf::Names, fold(typed_name).as_str().to_owned()).await?;
        Ok(match (found.pop(), found.is_empty()) {
            (None, _) => Found::Nobody,
            (Some(one), true) => Found::One(Box::new(one)),
            (Some(_), false) => Found::Several,
        })
    }

    async fn fetch(&self, id: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        if id.as_str().is_empty() || id.as_str().len() > NAME_LIMIT {
            return Ok(None);
        }
        let mut found = self.people_with(IndexOf::Ids(ObjectKind::Person), id.as_str().to_owned()).await?;
        match (found.pop(), found.is_empty()) {
            (one, true) => Ok(one),
            (_, false) => Err(self.0.odd("two records have this id: neither is taken for the person")),
        }
    }

    /// A file checks no passwords (row D13b). What it holds of one is [`Connector::stored_password`].
    async fn verify(&self, entry: &SourceEntry, _password: &SecretString) -> Verification {
        Verification {
            result: AdapterResult::Unverifiable,
            sent: false,
            proves_password: false,
            endpoint: entry.server.clone(),
            reason: "a file checks no passwords".to_owned(),
            locked_until: None,
            trouble: None,
        }
    }

    async fn page(&self, cursor: Option<Cursor>) -> Result<Page, Trouble> {
        let from = cursor.map_or(ReadFrom::Beginning, |cursor| ReadFrom::Cursor(ReadCursor(cursor.0)));
        let read = self.blocking(move |parts| parts.read(ObjectKind::Person, &from)).await?;
        let next = match read.next {
            Next::More(ReadCursor(next)) => Some(Cursor(next)),
            Next::Complete { .. } => None,
            Next::StartOver { reason } => return Err(self.0.odd(reason)),
        };
        let people = read.changes.into_iter().filter_map(|change| match change {
            Change::Person(person) => Some(*person),
            Change::Group(_) | Change::Device(_) | Change::Removed(_) => None,
        });
        let rejected = read.rejected.into_iter().map(|rejected| (rejected.locator, rejected.reason)).collect();
        Ok(Page { entries: people.collect(), rejected, next })
    }

    /// It locks nobody: it is never asked.
    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        Ok(LockoutReading { threshold: Some(0), window_seconds: Some(0), ..LockoutReading::default() })
    }

    async fn probe(&self) -> Vec<ProbeStep> {
        self.blocking(|parts| Ok(probe::steps(parts))).await.unwrap_or_default()
    }

    fn reading(&self) -> Option<&dyn Read> {
        Some(self)
    }

    async fn stored_password(&self, entry: &SourceEntry) -> Result<Option<SecretString>, Trouble> {
        if self.0.settings.password.is_none() {
            return Ok(None);
        }
        let key = entry.immutable_id.as_str().to_owned();
        let (snapshot, places) = self.places(IndexOf::Ids(ObjectKind::Person), key.clone()).await?;
        self.blocking(move |parts| {
            let [place] = places.as_slice() else { return Ok(None) };
            let mut records = snapshot.records(&parts.settings, *place)?;
            let Some(Ok(record)) = records.next().map_err(|why| parts.odd(why))? else { return Ok(None) };
            let same = parts.settings.id_of(&record).is_ok_and(|id| id.as_str() == key);
            Ok(if same { parts.settings.stored_password(&record) } else { None })
        })
        .await
    }
}

#[async_trait]
impl Read for FileConnector {
    fn abilities(&self) -> Abilities {
        let settings = &self.0.settings;
        let (groups, devices) = (settings.groups_path.is_some(), settings.devices_path.is_some());
        let membership = if groups { MembershipSide::Group } else { MembershipSide::Person };
        Abilities { people: true, groups, devices, delta: true, membership }
    }

    async fn read(&self, kind: ObjectKind, from: ReadFrom) -> Result<ReadPage, Trouble> {
        self.blocking(move |parts| parts.read(kind, &from)).await
    }
}
