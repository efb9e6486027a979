//! One version of a file, and where in it a read goes on.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use connector::{FileRefused, ReadCursor, SourceFolder, Trouble, TroubleKind};
use directory::ObjectKind;
use serde::{Deserialize, Serialize};

use crate::{compiled::Compiled, format::Records};

/// Tells one state of a file from another. The time is that of the last change of any kind, which the kernel sets and
/// nobody can choose; a name that now stands for another file has another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    device: u64,
    number: u64,
    length: u64,
    changed: i64,
    changed_nanoseconds: i64,
}

/// Where a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    /// Counted from one; zero where it was not counted.
    pub(crate) line: u64,
}

impl Place {
    pub(crate) const BEGINNING: Self = Self { offset: 0, line: 1 };
}

/// A file that was opened.
pub(crate) struct Snapshot {
    file: File,
    kind: ObjectKind,
    pub(crate) version: Version,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    settings: u64,
    kind: ObjectKind,
    version: Version,
    /// Empty = the file was read to its end.
    place: Option<Place>,
}

impl Snapshot {
    /// Opens a file that has been left alone for a while.
    pub(crate) fn open(
        settings: &Compiled,
        folder: &SourceFolder,
        kind: ObjectKind,
        path: &str,
        now: SystemTime,
    ) -> Result<Self, Trouble> {
        let trouble = |kind, reason: String| Trouble { kind, endpoint: settings.name.clone(), reason };
        let file = folder.open(path).map_err(|refused| {
            let kind = match refused {
                // It may be away while it is replaced.
                FileRefused::NotOpened { .. } => TroubleKind::Unavailable,
                FileRefused::NotBelow { .. }
                | FileRefused::LeadsOut { .. }
                | FileRefused::NoFolder { .. }
                | FileRefused::NotAFile { .. } => TroubleKind::Misconfigured,
            };
            trouble(kind, refused.to_string())
        })?;
        let facts = file.metadata().map_err(|error| trouble(TroubleKind::Unavailable, format!("{path:?}: {error}")))?;
        let version = Version {
            device: facts.dev(),
            number: facts.ino(),
            length: facts.len(),
            changed: facts.ctime(),
            changed_nanoseconds: facts.ctime_nsec(),
        };
        let rested = now.duration_since(version.changed_at()).unwrap_or_default();
        if rested < settings.settle {
            return Err(trouble(
                TroubleKind::Unavailable,
                format!(
                    "{path:?} was changed {} seconds ago: it is read once it has been left alone for {}, because \
                     whoever writes it may not be done",
                    rested.as_secs(),
                    settings.settle.as_secs()
                ),
            ));
        }
        Ok(Self { file, kind, version })
    }

    /// Its records from a place on.
    pub(crate) fn records(&self, settings: &Compiled, place: Place) -> Result<Records, Trouble> {
        let trouble = |kind, reason: String| Trouble { kind, endpoint: settings.name.clone(), reason };
        let file =
            self.file.try_clone().map_err(|error| trouble(TroubleKind::Unavailable, format!("the file: {error}")))?;
        let path = settings.path_of(self.kind).unwrap_or_default();
        Records::open(settings, self.kind, file, place)
            .map_err(|why| trouble(TroubleKind::Misconfigured, format!("{path:?}: {why}")))
    }

    pub(crate) fn cursor(&self, settings: &Compiled, place: Option<Place>) -> ReadCursor {
        let kept = Kept { settings: settings.digest, kind: self.kind, version: self.version, place };
        ReadCursor(serde_json::to_vec(&kept).unwrap_or_default())
    }

    /// Where a read goes on; `None` = this version of the file was read to its end already. An error says why the
    /// cursor is no good.
    pub(crate) fn place(&self, settings: &Compiled, cursor: &ReadCursor) -> Result<Option<Place>, &'static str> {
        let kept: Kept = serde_json::from_slice(&cursor.0).map_err(|_| "the cursor is not one of a file")?;
        if kept.kind != self.kind || kept.settings != settings.digest {
            return Err("the settings of this source were changed");
        }
        if kept.version != self.version {
            return Err("the file was changed");
        }
        match kept.place {
            Some(place) if !self.begins_a_line(place.offset) => Err("the cursor is not one of this file"),
            place => Ok(place),
        }
    }

    fn begins_a_line(&self, offset: u64) -> bool {
        let Some(before) = offset.checked_sub(1) else { return true };
        let mut byte = [0];
        let read = (&self.file).seek(SeekFrom::Start(before)).and_then(|_| (&self.file).read_exact(&mut byte));
        read.is_ok() && matches!(byte, [b'\n' | b'\r'])
    }
}

impl Version {
    fn changed_at(&self) -> SystemTime {
        let seconds = u64::try_from(self.changed).unwrap_or_default();
        let nanoseconds = u32::try_from(self.changed_nanoseconds).unwrap_or_default();
        UNIX_EPOCH + Duration::new(seconds, nanoseconds.min(999_999_999))
    }
}
