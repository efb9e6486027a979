//! The same directory as an import reads it: whole or by what changed, page by page, with the troubles a test asks for.

use async_trait::async_trait;
use connector::{
    Abilities, Change, MembershipSide, Next, Read, ReadCursor, ReadFrom, ReadPage, Rejected, Trouble, TroubleKind,
};
use directory::{ImmutableId, ObjectKind, SourceDevice, SourceEntry, SourceGroupEntry};

use super::directory::{FakeConnector, FakeDirectory, State};

/// What an import is shown beside the people.
#[derive(Default)]
pub(super) struct Reading {
    /// It can be read at all.
    pub(super) on: bool,
    pub(super) delta: bool,
    pub(super) page_size: usize,
    pub(super) groups: Vec<SourceGroupEntry>,
    pub(super) devices: Vec<SourceDevice>,
    pub(super) rejected: Vec<Rejected>,
    /// What changed, in order.
    log: Vec<(ObjectKind, Change)>,
    /// Every place from before is no longer good.
    pub(super) forgot_before: usize,
    /// This many pages more, then the connection is lost.
    pub(super) pages_left: Option<usize>,
    pub(super) pages_read: usize,
    /// Pages read from the very beginning.
    pub(super) beginnings: usize,
}

/// A group as its source lists it.
pub fn group(name: &str, members: &[&str]) -> SourceGroupEntry {
    SourceGroupEntry {
        immutable_id: ImmutableId(format!("group-{name}")),
        name: name.to_owned(),
        description: None,
        locator: format!("cn={name},ou=groups,dc=example,dc=test"),
        members: members.iter().map(|id| ImmutableId((*id).to_owned())).collect(),
        members_complete: true,
        left: Vec::new(),
        partial: false,
    }
}

/// A laptop.
pub fn device(name: &str, owner: &str) -> SourceDevice {
    SourceDevice {
        immutable_id: ImmutableId(format!("device-{name}")),
        name: name.to_owned(),
        locator: format!("cn={name},ou=devices,dc=example,dc=test"),
        sid: None,
        serial_number: None,
        manufacturer: None,
        model: None,
        operating_system: Some("Debian".to_owned()),
        operating_system_version: None,
        enabled: true,
        owners: vec![ImmutableId(owner.to_owned())],
        last_seen_at: None,
    }
}

fn lost() -> Trouble {
    Trouble { kind: TroubleKind::Odd, endpoint: "fake:636".to_owned(), reason: "connection lost".to_owned() }
}

impl FakeDirectory {
    /// Imports can read it, in pages of this size, and can ask for what changed if `delta`.
    pub fn can_be_read(&self, page_size: usize, delta: bool) {
        let mut state = self.state();
        state.reading.on = true;
        state.reading.page_size = page_size;
        state.reading.delta = delta;
    }
    /// The entry reads like this, and the change is told.
    pub fn change(&self, entry: SourceEntry) {
        self.set(entry.clone());
        self.state().reading.log.push((ObjectKind::Person, Change::Person(Box::new(entry))));
    }
    /// Somebody leaves, and the source says so.
    pub fn leaves(&self, id: &ImmutableId) {
        self.remove(id);
        self.state().reading.log.push((ObjectKind::Person, Change::Removed(id.clone())));
    }
    pub fn set_group(&self, group: SourceGroupEntry) {
        let mut state = self.state();
        state.reading.groups.retain(|old| old.immutable_id != group.immutable_id);
        state.reading.groups.push(group.clone());
        state.reading.log.push((ObjectKind::Group, Change::Group(Box::new(group))));
    }
    pub fn remove_group(&self, id: &ImmutableId) {
        self.state().reading.groups.retain(|old| old.immutable_id != *id);
    }
    pub fn set_device(&self, device: SourceDevice) {
        let mut state = self.state();
        state.reading.devices.retain(|old| old.immutable_id != device.immutable_id);
        state.reading.devices.push(device.clone());
        state.reading.log.push((ObjectKind::Device, Change::Device(Box::new(device))));
    }
    /// A record that cannot be made out.
    pub fn rejects(&self, id: Option<&str>) {
        let rejected = Rejected {
            immutable_id: id.map(|id| ImmutableId(id.to_owned())),
            locator: "line 7".to_owned(),
            reason: "it is not UTF-8".to_owned(),
        };
        self.state().reading.rejected.push(rejected);
    }
    /// After this many more pages the connection is lost.
    pub fn breaks_off_in(&self, pages: Option<usize>) {
        self.state().reading.pages_left = pages;
    }
    /// Every place it gave before is too old.
    pub fn forgets_places(&self) {
        let mut state = self.state();
        state.reading.forgot_before = state.reading.log.len();
    }
    pub fn pages_read(&self) -> usize {
        self.state().reading.pages_read
    }
    pub fn beginnings(&self) -> usize {
        self.state().reading.beginnings
    }
}

fn all(state: &State, kind: ObjectKind) -> Vec<Change> {
    match kind {
        ObjectKind::Person => state.entries.iter().map(|e| Change::Person(Box::new(e.clone()))).collect(),
        ObjectKind::Group => state.reading.groups.iter().map(|g| Change::Group(Box::new(g.clone()))).collect(),
        ObjectKind::Device => state.reading.devices.iter().map(|d| Change::Device(Box::new(d.clone()))).collect(),
    }
}

/// `f OFFSET REVISION` within a complete read, `d REVISION` for what changed since.
fn place(cursor: &ReadCursor) -> (char, usize, usize) {
    let text = String::from_utf8(cursor.0.clone()).unwrap();
    let mut words = text.split(' ');
    let kind = words.next().unwrap().chars().next().unwrap();
    let first = words.next().unwrap().parse().unwrap();
    (kind, first, words.next().map_or(first, |word| word.parse().unwrap()))
}

#[async_trait]
impl Read for FakeConnector {
    fn abilities(&self) -> Abilities {
        let delta = self.state.lock().unwrap().reading.delta;
        Abilities { people: true, groups: true, devices: true, delta, membership: MembershipSide::Group }
    }

    async fn read(&self, kind: ObjectKind, from: ReadFrom) -> Result<ReadPage, Trouble> {
        let mut state = self.reach()?;
        if let Some(left) = state.reading.pages_left {
            state.reading.pages_left = Some(left.checked_sub(1).ok_or_else(lost)?);
        }
        state.reading.pages_read += 1;
        let now = state.reading.log.len();
        let (mode, offset, revision) = match &from {
            ReadFrom::Beginning => {
                state.reading.beginnings += 1;
                ('f', 0, now)
            }
            ReadFrom::Cursor(cursor) => place(cursor),
        };
        if !matches!(from, ReadFrom::Beginning) && revision < state.reading.forgot_before {
            let next = Next::StartOver { reason: "the place is too old".to_owned() };
            return Ok(ReadPage { changes: Vec::new(), rejected: Vec::new(), next });
        }
        let done = |at: usize| Next::Complete {
            delta: state.reading.delta.then(|| ReadCursor(format!("d {at}").into_bytes())),
        };
        if mode == 'd' {
            let changes =
                state.reading.log[offset..].iter().filter(|(k, _)| *k == kind).map(|(_, c)| c.clone()).collect();
            return Ok(ReadPage { changes, rejected: Vec::new(), next: done(now) });
        }
        let all = all(&state, kind);
        let size = state.reading.page_size.max(1);
        let changes: Vec<_> = all.iter().skip(offset).take(size).cloned().collect();
        let rejected = match kind {
            ObjectKind::Person if offset == 0 => state.reading.rejected.clone(),
            ObjectKind::Person | ObjectKind::Group | ObjectKind::Device => Vec::new(),
        };
        let next = if offset + size < all.len() {
            Next::More(ReadCursor(format!("f {} {revision}", offset + size).into_bytes()))
        } else {
            done(revision)
        };
        Ok(ReadPage { changes, rejected, next })
    }
}
