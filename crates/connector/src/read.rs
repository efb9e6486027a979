//! Handing over what a source holds, page by page: everything, or what changed since.

use async_trait::async_trait;
use directory::{ImmutableId, ObjectKind, SourceDevice, SourceEntry, SourceGroupEntry};

/// What a source can hand over, apart from its sign-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    pub people: bool,
    pub groups: bool,
    pub devices: bool,
    /// After a complete read, only what changed can be asked for.
    pub delta: bool,
    /// Which side says who is in a group.
    pub membership: MembershipSide,
}

impl Abilities {
    /// People with their groups, always whole.
    pub const PEOPLE: Self =
        Self { people: true, groups: false, devices: false, delta: false, membership: MembershipSide::Person };

    /// Whether objects of this kind can be read.
    #[must_use]
    pub const fn has(self, kind: ObjectKind) -> bool {
        match kind {
            ObjectKind::Person => self.people,
            ObjectKind::Group => self.groups,
            ObjectKind::Device => self.devices,
        }
    }
}

/// Which side of a membership a source shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipSide {
    /// [`SourceEntry::groups`], nested ones included.
    Person,
    /// [`SourceGroupEntry::members`], direct ones only.
    Group,
}

/// Where a read goes on. Opaque to everybody but the connector that made it, which must not trust it either: it comes
/// back from the database, perhaps after a restart and under other settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadCursor(pub Vec<u8>);

/// One page of a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadPage {
    pub changes: Vec<Change>,
    pub rejected: Vec<Rejected>,
    pub next: Next,
}

/// One thing a source handed over. The same object may come again within one read; the last one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Person(Box<SourceEntry>),
    Group(Box<SourceGroupEntry>),
    Device(Box<SourceDevice>),
    /// The source says itself that it is gone, which only a delta does.
    Removed(ImmutableId),
}

/// A record that could not be read. It never stops a run, and is never taken for one that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its immutable id, if that could be read: a broken record is present all the same.
    pub immutable_id: Option<ImmutableId>,
    /// Where it is: a DN, a line number.
    pub locator: String,
    /// Why, in words. No values.
    pub reason: String,
}

/// What follows a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// More of the same read.
    More(ReadCursor),
    /// The read is complete, and a delta may begin there.
    Complete { delta: Option<ReadCursor> },
    /// The cursor is too old, of other settings or of another server: the reader begins anew. Says why, in words.
    StartOver { reason: String },
}

/// What a read starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadFrom {
    /// Everything, from the beginning.
    Beginning,
    /// After a [`Next::More`], or, as a delta, after the cursor of a [`Next::Complete`]. One that is no
    /// longer good is answered with [`Next::StartOver`], which is no trouble.
    Cursor(ReadCursor),
}

/// A connector whose source can be read for an import. Every method is safe to cancel by dropping its future.
#[async_trait]
pub trait Read: Send + Sync {
    fn abilities(&self) -> Abilities;

    /// One page. A page may be empty and not the last.
    async fn read(&self, kind: ObjectKind, from: ReadFrom) -> Result<ReadPage, crate::Trouble>;
}
