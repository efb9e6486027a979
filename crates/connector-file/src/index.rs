//! Where in a file each id, or each name, stands. Sixteen bytes for each.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use directory::{ObjectKind, fold};

use crate::{
    compiled::Compiled,
    entry::one_id,
    format::Record,
    snapshot::{Place, Snapshot, Version},
};

/// What an index is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum IndexOf {
    Ids(ObjectKind),
    /// Of people, folded.
    Names,
}

impl IndexOf {
    pub(crate) const fn kind(self) -> ObjectKind {
        match self {
            Self::Ids(kind) => kind,
            Self::Names => ObjectKind::Person,
        }
    }

    /// The keys of a record; none if they cannot be read.
    pub(crate) fn keys(self, settings: &Compiled, record: &Record) -> Vec<String> {
        match self {
            Self::Ids(ObjectKind::Person) => {
                let id = settings.is_person(record).then(|| settings.id_of(record).ok()).flatten();
                id.into_iter().map(|id| id.0).collect()
            }
            Self::Ids(ObjectKind::Group | ObjectKind::Device) => {
                one_id(record, "id").into_iter().map(|id| id.0).collect()
            }
            Self::Names if settings.is_person(record) => {
                let names = settings.names_of(record).unwrap_or_default();
                let folded: HashSet<String> = names.iter().map(|name| fold(name).as_str().to_owned()).collect();
                folded.into_iter().collect()
            }
            Self::Names => Vec::new(),
        }
    }
}

/// An index of one version of a file.
pub(crate) struct Index {
    pub(crate) version: Version,
    /// (digest of the key, offset of its record), in order.
    places: Vec<(u64, u64)>,
    /// Digests that are there more than once.
    several: HashSet<u64>,
}

impl Index {
    pub(crate) fn make(of: IndexOf, settings: &Compiled, snapshot: &Snapshot) -> Result<Self, String> {
        let mut records = snapshot.records(settings, Place::BEGINNING).map_err(|trouble| trouble.reason)?;
        let mut places = Vec::new();
        while let Some(record) = records.next()? {
            let Ok(record) = record else { continue };
            places.extend(of.keys(settings, &record).iter().map(|key| (digest(key), record.offset)));
        }
        places.sort_unstable();
        let several = places.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0).collect();
        Ok(Self { version: snapshot.version, places, several })
    }

    /// Where records that may bear a key are.
    pub(crate) fn places(&self, key: &str) -> Vec<Place> {
        let digest = digest(key);
        let from = self.places.partition_point(|(known, _)| *known < digest);
        let bearing = self.places[from..].iter().take_while(|(known, _)| *known == digest);
        // Whoever asks needs to know whether there is one, or two: not all of a thousand.
        bearing.take(16).map(|(_, offset)| Place { offset: *offset, line: 0 }).collect()
    }

    /// How many there are, twins included.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether two records bear this key.
    pub(crate) fn has_several(&self, key: &str) -> bool {
        self.several.contains(&digest(key))
    }
}

fn digest(key: &str) -> u64 {
    let mut digest = DefaultHasher::new();
    key.hash(&mut digest);
    digest.finish()
}
