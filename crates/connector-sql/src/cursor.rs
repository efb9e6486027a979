//! Where a read goes on. It comes back from the hub's database, perhaps after a restart and under other settings, so
//! nothing in it is believed that is not bound as a value.

use connector::ReadCursor;
use directory::ObjectKind;
use serde::{Deserialize, Serialize};

/// Raised when the meaning of a position changes.
const VERSION: u8 = 1;
/// Longest cursor that can be one of ours.
const LONGEST: usize = 16 * 1024;
/// Ids are summed up by what remains of them: sums stay small in every database.
pub(crate) const MODULUS: i64 = 1_000_003;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    version: u8,
    fingerprint: u64,
    kind: ObjectKind,
    /// The id handed over last.
    pub(crate) after: Option<String>,
    /// In a delta: what stood in its column of changes.
    pub(crate) at: Option<String>,
    /// How many were handed over in this read.
    pub(crate) seen: u64,
    /// What the table looked like when this read began.
    pub(crate) now: Snapshot,
    /// What it looked like when the read before began, of which this one is the delta.
    pub(crate) before: Option<Snapshot>,
    /// In a delta, those that were not there before, as far as ids tell: how many, and the sum of their ids.
    pub(crate) fresh: Fresh,
}

/// A table in one sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snapshot {
    pub(crate) rows: i64,
    /// Of whole-number ids: their sum, each modulo [`MODULUS`].
    pub(crate) sum: Option<i64>,
    pub(crate) largest: Option<i64>,
    /// The last change.
    pub(crate) changed: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fresh {
    pub(crate) rows: i64,
    pub(crate) sum: i64,
}

impl Position {
    pub(crate) fn beginning(fingerprint: u64, kind: ObjectKind, now: Snapshot) -> Self {
        let fresh = Fresh::default();
        Self { version: VERSION, fingerprint, kind, after: None, at: None, seen: 0, now, before: None, fresh }
    }

    /// Where the next delta begins after this read.
    pub(crate) fn delta(&self) -> Option<Self> {
        self.now.changed.as_ref()?;
        let before = Some(self.now.clone());
        Some(Self { before, ..Self::beginning(self.fingerprint, self.kind, Snapshot::default()) })
    }

    /// A delta of which no page was read yet.
    pub(crate) fn is_new_delta(&self) -> bool {
        self.before.is_some() && self.after.is_none()
    }

    pub(crate) fn write(&self) -> ReadCursor {
        ReadCursor(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Empty, with the reason, if it is none of ours or of other settings.
    pub(crate) fn read(cursor: &ReadCursor, fingerprint: u64, kind: ObjectKind) -> Result<Self, &'static str> {
        if cursor.0.len() > LONGEST {
            return Err("the stored place of the read is not one");
        }
        let position: Self =
            serde_json::from_slice(&cursor.0).map_err(|_| "the stored place of the read cannot be understood")?;
        if position.version != VERSION || position.kind != kind {
            return Err("the stored place belongs to another kind of read");
        }
        if position.fingerprint != fingerprint {
            return Err("the settings of the source were changed since");
        }
        Ok(position)
    }

    /// Counts a row of a delta that is new as far as ids tell: they only grow, and it was there at its beginning.
    pub(crate) fn count(&mut self, id: &str) {
        self.seen += 1;
        let (Some(before), Ok(id)) = (&self.before, id.parse::<i64>()) else { return };
        let bounds = before.largest.zip(self.now.largest);
        if bounds.is_some_and(|(old, new)| id > old && id <= new) {
            self.fresh.rows += 1;
            self.fresh.sum += id % MODULUS;
        }
    }

    /// Why somebody must be gone, which no delta of a table tells: then everything is read again. Where ids are no
    /// numbers, those who go while as many come are found by the next complete read.
    pub(crate) fn somebody_is_gone(&self) -> Option<&'static str> {
        let before = self.before.as_ref()?;
        if self.now.rows < before.rows {
            return Some("there are fewer rows than before: some are gone, and only reading everything tells which");
        }
        let (Some(old), Some(new)) = (before.sum, self.now.sum) else { return None };
        let explained = self.now.rows - before.rows == self.fresh.rows && new - old == self.fresh.sum;
        (!explained).then_some("rows came and went: only reading everything tells which")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: &[i64]) -> Snapshot {
        Snapshot {
            rows: i64::try_from(ids.len()).unwrap(),
            sum: Some(ids.iter().map(|id| id % MODULUS).sum()),
            largest: ids.iter().max().copied(),
            changed: Some("2024-01-01T00:00:00Z".to_owned()),
        }
    }

    fn delta(before: &[i64], now: &[i64], told: &[i64]) -> Position {
        let first = Position::beginning(7, ObjectKind::Person, of(before));
        let mut delta = first.delta().unwrap();
        delta.now = of(now);
        told.iter().for_each(|id| delta.count(&id.to_string()));
        delta
    }

    #[test]
    fn who_is_gone_is_noticed_also_when_as_many_came() {
        assert_eq!(delta(&[1, 2, 3], &[1, 2, 3], &[2]).somebody_is_gone(), None);
        assert_eq!(delta(&[1, 2, 3], &[1, 2, 3, 4, 5], &[2, 4, 5]).somebody_is_gone(), None);
        assert!(delta(&[1, 2, 3], &[1, 3], &[]).somebody_is_gone().is_some());
        assert!(delta(&[1, 2, 3], &[1, 3, 4], &[4]).somebody_is_gone().is_some());
        assert!(delta(&[1, 2, 3], &[1, 3, 4, 5], &[4, 5]).somebody_is_gone().is_some());
        assert!(delta(&[1, 2, 5_000_000], &[1, 2, 9_000_000], &[9_000_000]).somebody_is_gone().is_some());
        // Came after the look at the table: the next delta tells again.
        assert_eq!(delta(&[1, 2, 3], &[1, 2, 3, 4], &[4, 5]).somebody_is_gone(), None);
    }

    #[test]
    fn a_cursor_of_other_settings_or_of_nobody_is_refused() {
        let cursor = Position::beginning(7, ObjectKind::Person, of(&[1])).write();
        assert!(Position::read(&cursor, 7, ObjectKind::Person).is_ok());
        assert!(Position::read(&cursor, 8, ObjectKind::Person).is_err());
        assert!(Position::read(&cursor, 7, ObjectKind::Group).is_err());
        for odd in [&b""[..], b"{}", b"[[[[[", &[0xff; 64], &[b'['; 20_000]] {
            assert!(Position::read(&ReadCursor(odd.to_vec()), 7, ObjectKind::Person).is_err());
        }
    }
}
