//! Where a read goes on. A cursor comes back from the database, perhaps after a restart and under other settings, so it
//! names the kind and the settings it was made for, and whatever does not fit makes the read begin anew.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use connector::ReadCursor;
use directory::{ImmutableId, ObjectKind};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;
const SIZE_LIMIT: usize = 512 * 1024;
/// Objects that came to be while a read was under way, remembered one by one.
const YOUNG_LIMIT: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    version: u32,
    kind: ObjectKind,
    /// Digest of the settings that decide what is read.
    of: u64,
    pub(super) at: At,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum At {
    /// In the middle of reading everything: good only in this process, because a paging cookie belongs to its
    /// connection (RFC 2696, section 3).
    Pages(Turn),
    /// Where a delta begins.
    Since(Mark),
    /// In the middle of a delta; begun again from its mark if this process does not know it any more.
    Changes { since: Mark, turn: Turn },
}

/// One of the reads that this process has under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Turn {
    /// Told apart from other processes.
    pub(super) process: u64,
    pub(super) read: u64,
    pub(super) turn: u64,
}

/// What a delta needs to know of the read before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    pub(super) feed: Feed,
    /// Who was there, where the feed does not say who is gone.
    pub(super) census: Option<Census>,
}

/// How a directory tells what changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Feed {
    /// Content synchronisation (RFC 4533): OpenLDAP's change sequence numbers, one per provider.
    Sync { changes: String },
    /// Active Directory's DirSync control: its cookie, as hexadecimal digits.
    DirSync { cookie: String },
    /// Everything has a stamp: `uSNChanged` of one domain controller, or `modifyTimestamp` in microseconds.
    Stamps {
        /// The domain controller that counts.
        server: Option<String>,
        /// Objects with this stamp or a later one are told.
        since: i64,
        /// The newest stamp there was.
        newest: i64,
    },
}

/// Who was there after a read, small enough for a cursor: two sets of ids are the same if their counts and digests are.
/// Objects that came to be later than `created_until` are listed instead, so that newcomers do not disturb the digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Census {
    pub(super) created_until: i64,
    count: u64,
    digest: (u64, u64),
    pub(super) young: Vec<ImmutableId>,
}

/// A census that is being taken. Useless as soon as one object hides when it came to be.
#[derive(Debug, Default)]
pub(super) struct Counting {
    census: Census,
    spoiled: bool,
}

impl Counting {
    pub(super) fn new(created_until: i64) -> Self {
        Self { census: Census { created_until, ..Census::default() }, spoiled: false }
    }

    pub(super) fn note(&mut self, id: &ImmutableId, created: Option<i64>) {
        let census = &mut self.census;
        match created {
            None => self.spoiled = true,
            Some(created) if created <= census.created_until => {
                census.count += 1;
                census.digest.0 = census.digest.0.wrapping_add(digest(0, id));
                census.digest.1 = census.digest.1.wrapping_add(digest(1, id));
            }
            Some(_) if census.young.len() < YOUNG_LIMIT => census.young.push(id.clone()),
            Some(_) => self.spoiled = true,
        }
    }

    /// Whether the same old objects were there as before.
    pub(super) fn agrees_with(&self, before: &Census) -> bool {
        !self.spoiled
            && (self.census.created_until, self.census.count, self.census.digest)
                == (before.created_until, before.count, before.digest)
    }

    pub(super) fn done(self) -> Option<Census> {
        (!self.spoiled).then_some(self.census)
    }
}

fn digest(salt: u8, id: &ImmutableId) -> u64 {
    let mut hasher = DefaultHasher::new();
    (salt, id.as_str()).hash(&mut hasher);
    hasher.finish()
}

/// A digest of settings.
pub(super) fn fingerprint(parts: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

impl Position {
    pub(super) fn new(kind: ObjectKind, of: u64, at: At) -> Self {
        Self { version: VERSION, kind, of, at }
    }

    pub(super) fn encode(&self) -> ReadCursor {
        // Plain numbers, texts and lists always can be written.
        ReadCursor(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a cursor, or says why the read begins anew.
    pub(super) fn decode(cursor: &ReadCursor, kind: ObjectKind, of: u64) -> Result<Self, &'static str> {
        if cursor.0.len() > SIZE_LIMIT {
            return Err("the place to go on from cannot be understood");
        }
        let position: Self =
            serde_json::from_slice(&cursor.0).map_err(|_| "the place to go on from cannot be understood")?;
        if position.version != VERSION {
            Err("the place to go on from was written by another version")
        } else if position.kind != kind {
            Err("the place to go on from is one for other objects")
        } else if position.of != of {
            Err("the settings of the source have changed since")
        } else {
            Ok(position)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ImmutableId {
        ImmutableId(format!("{number:08}"))
    }

    fn census(until: i64, objects: &[(u32, i64)]) -> Counting {
        let mut counting = Counting::new(until);
        for (number, created) in objects {
            counting.note(&id(*number), Some(*created));
        }
        counting
    }

    #[test]
    fn a_census_notices_who_is_gone_whatever_else_came() {
        let before = census(10, &[(1, 1), (2, 5), (3, 10), (4, 11)]).done().unwrap();
        assert_eq!(before.young, [id(4)]);
        for (now, same) in [
            (vec![(3, 10), (1, 1), (2, 5), (4, 11)], true),
            (vec![(1, 1), (2, 5), (3, 10), (4, 11), (5, 20)], true),
            (vec![(1, 1), (2, 5), (4, 11)], false),
            // One gone and another in its place, of the same age.
            (vec![(1, 1), (2, 5), (7, 10), (4, 11)], false),
            (vec![(1, 1), (2, 5), (2, 5), (4, 11)], false),
            (vec![], false),
        ] {
            assert_eq!(census(10, &now).agrees_with(&before), same, "{now:?}");
        }
        let mut hidden = census(10, &[(1, 1), (2, 5), (3, 10)]);
        hidden.note(&id(9), None);
        assert!(!hidden.agrees_with(&before));
        assert_eq!(hidden.done(), None);
        let crowd: Vec<(u32, i64)> = (0..2_000).map(|number| (number, 11)).collect();
        assert_eq!(census(10, &crowd).done(), None);
    }

    #[test]
    fn a_cursor_is_good_for_what_it_was_made_for() {
        let feed = Feed::Stamps { server: None, since: 5, newest: 5 };
        let at = At::Since(Mark { feed, census: census(5, &[(1, 1)]).done() });
        let position = Position::new(ObjectKind::Group, 7, at);
        let cursor = position.encode();
        assert_eq!(Position::decode(&cursor, ObjectKind::Group, 7), Ok(position));
        assert!(Position::decode(&cursor, ObjectKind::Person, 7).is_err());
        assert!(Position::decode(&cursor, ObjectKind::Group, 8).is_err());
        for odd in [vec![], b"{}".to_vec(), vec![b'['; 100_000], [cursor.0.as_slice(), b"x"].concat()] {
            assert!(Position::decode(&ReadCursor(odd), ObjectKind::Group, 7).is_err());
        }
    }
}
