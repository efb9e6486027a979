//! What every connector must do whose source can be read for an import: hand over everything once, go on after a
//! restart or say that it cannot, tell what changed, and never take a doubt for the end of a read. A read that is
//! falsely complete makes the hub believe that people are gone: most of these tests are about that.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use directory::{ImmutableId, ObjectKind};
use tokio::time::{Instant, timeout};

use super::PATIENCE;
use crate::{Change, Connector, MembershipSide, Next, Read, ReadCursor, ReadFrom, ReadPage, Rejected};

/// Every kind, in the order an import reads them.
pub const KINDS: [ObjectKind; 3] = [ObjectKind::Person, ObjectKind::Group, ObjectKind::Device];
/// Pages after which a read is taken for endless.
const PAGES_LIMIT: usize = 20_000;
/// A page of a real source must be there by then.
const PAGE_PATIENCE: Duration = Duration::from_secs(60);
/// How long a source may take to show a change in its delta (some publish with a delay).
const SETTLE: Duration = Duration::from_secs(10);

/// A healthy source that can be read, and what it holds. Make its pages small: there must be several of people.
pub struct ReadingSubject<'a> {
    /// Makes the connector, each time anew, as after a restart of the hub.
    pub connect: &'a (dyn Fn() -> Arc<dyn Connector> + Sync),
    /// How many there are of each kind; 0 where the source hands none over.
    pub people: usize,
    pub groups: usize,
    pub devices: usize,
    /// Some memberships there are: (name of the group, username of the person or name of the group that is in it).
    /// Where the persons say it ([`MembershipSide::Person`]), only persons count.
    pub members: &'a [(&'a str, &'a str)],
    /// Records of people that cannot be read.
    pub rejected: usize,
}

impl ReadingSubject<'_> {
    fn expected(&self, kind: ObjectKind) -> usize {
        match kind {
            ObjectKind::Person => self.people,
            ObjectKind::Group => self.groups,
            ObjectKind::Device => self.devices,
        }
    }
}

/// Somebody who changes the source behind the connector's back. Each answers false if this source cannot be made to.
#[async_trait]
pub trait Hands: Sync {
    /// Adds an object with this username (people) or name.
    async fn add(&self, kind: ObjectKind, name: &str) -> bool;
    /// Changes something that is read of it, but not its name.
    async fn change(&self, kind: ObjectKind, name: &str) -> bool;
    /// Deletes it.
    async fn remove(&self, kind: ObjectKind, name: &str) -> bool;
    /// Puts a person into a group, or takes it out again. Both are there already.
    async fn put_into(&self, group: &str, username: &str, inside: bool) -> bool {
        let _ = (group, username, inside);
        false
    }
}

/// What a read that went to its end handed over.
#[derive(Debug, Default)]
pub struct Whole {
    /// By id, the last word on each.
    pub objects: BTreeMap<ImmutableId, Change>,
    pub removed: BTreeSet<ImmutableId>,
    pub rejected: Vec<Rejected>,
    pub pages: usize,
    /// Where a delta may begin.
    pub delta: Option<ReadCursor>,
}

/// How a read ended.
#[derive(Debug)]
pub enum Ended {
    Complete(Whole),
    StartOver(String),
}

impl Whole {
    /// The object of this username or name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Change> {
        self.objects.values().find(|change| named(change).eq_ignore_ascii_case(name))
    }

    fn take(&mut self, page: ReadPage, kind: ObjectKind) -> Next {
        self.pages += 1;
        for change in page.changes {
            check(&change, kind);
            match change {
                Change::Removed(id) => {
                    self.objects.remove(&id);
                    self.removed.insert(id);
                }
                other => {
                    let id = id_of(&other).clone();
                    self.removed.remove(&id);
                    self.objects.insert(id, other);
                }
            }
        }
        for rejected in &page.rejected {
            assert!(!rejected.locator.is_empty() && !rejected.reason.is_empty(), "{rejected:?}");
        }
        self.rejected.extend(page.rejected);
        page.next
    }
}

fn id_of(change: &Change) -> &ImmutableId {
    match change {
        Change::Person(person) => &person.immutable_id,
        Change::Group(group) => &group.immutable_id,
        Change::Device(device) => &device.immutable_id,
        Change::Removed(id) => id,
    }
}

fn named(change: &Change) -> &str {
    match change {
        Change::Person(person) => person.username.as_deref().unwrap_or_default(),
        Change::Group(group) => &group.name,
        Change::Device(device) => &device.name,
        Change::Removed(_) => "",
    }
}

/// Whatever is handed over is of the kind that was asked for, has an id and a place, and nothing in it is blank.
fn check(change: &Change, kind: ObjectKind) {
    assert!(!id_of(change).as_str().is_empty(), "{change:?}");
    let (is, locator) = match change {
        Change::Person(person) => {
            assert!(person.attributes.values().all(|value| !value.is_empty()), "{change:?}");
            (ObjectKind::Person, &person.locator)
        }
        Change::Group(group) => {
            assert!(!group.name.is_empty(), "{change:?}");
            assert!(!group.members.contains(&group.immutable_id), "a group in itself: {change:?}");
            assert!(group.partial || group.left.is_empty(), "{change:?}");
            (ObjectKind::Group, &group.locator)
        }
        Change::Device(device) => {
            assert!(!device.name.is_empty(), "{change:?}");
            (ObjectKind::Device, &device.locator)
        }
        Change::Removed(_) => return,
    };
    assert_eq!(is, kind, "{change:?}");
    assert!(!locator.is_empty(), "{change:?}");
}

fn reading(connector: &Arc<dyn Connector>) -> &dyn Read {
    connector.reading().unwrap_or_else(|| panic!("it hands nothing over"))
}

async fn page(read: &dyn Read, kind: ObjectKind, from: ReadFrom) -> ReadPage {
    timeout(PAGE_PATIENCE, read.read(kind, from))
        .await
        .unwrap_or_else(|_| panic!("a page of {kind:?} hangs"))
        .unwrap_or_else(|trouble| panic!("{kind:?}: {trouble}"))
}

/// Reads on from there to the end.
///
/// # Panics
/// If it does not come to one, or the connector breaks a rule on the way.
pub async fn drain(read: &dyn Read, kind: ObjectKind, mut from: ReadFrom) -> Ended {
    let mut whole = Whole::default();
    for _ in 0..PAGES_LIMIT {
        match whole.take(page(read, kind, from).await, kind) {
            Next::More(cursor) => from = ReadFrom::Cursor(cursor),
            Next::Complete { delta } => {
                whole.delta = delta;
                return Ended::Complete(whole);
            }
            Next::StartOver { reason } => {
                assert!(!reason.is_empty(), "it starts over without a word");
                return Ended::StartOver(reason);
            }
        }
    }
    panic!("reading {kind:?} never ends")
}

/// A read of everything.
///
/// # Panics
/// If it does not come to its end.
pub async fn whole(read: &dyn Read, kind: ObjectKind) -> Whole {
    match drain(read, kind, ReadFrom::Beginning).await {
        Ended::Complete(whole) => {
            assert!(whole.removed.is_empty(), "a read of everything says what is there, not what is gone");
            whole
        }
        Ended::StartOver(reason) => panic!("a read from the beginning is told to start over: {reason}"),
    }
}

/// What changed since. One that is told to start over reads everything, as the hub does.
async fn since(read: &dyn Read, kind: ObjectKind, delta: &ReadCursor) -> (Whole, bool) {
    match drain(read, kind, ReadFrom::Cursor(delta.clone())).await {
        Ended::Complete(delta) => (delta, false),
        Ended::StartOver(_) => (whole(read, kind).await, true),
    }
}

/// All that need no hand at the source.
///
/// # Panics
/// If the connector fails one.
pub async fn all(subject: &ReadingSubject<'_>) {
    reads_whole(subject).await;
    shows_memberships(subject).await;
    goes_on_after_a_restart(subject).await;
    distrusts_cursors(subject).await;
    survives_cancellation(subject).await;
}

/// Everything comes, each under one id, in several pages; a second read shows the same; what the source does not
/// have is not made up.
///
/// # Panics
/// If the connector fails it.
pub async fn reads_whole(subject: &ReadingSubject<'_>) {
    let connector = (subject.connect)();
    let read = reading(&connector);
    let abilities = read.abilities();
    for kind in KINDS {
        let expected = subject.expected(kind);
        if !abilities.has(kind) {
            assert_eq!(expected, 0, "{kind:?} are there, and it does not hand them over");
            if let Ok(page) = read.read(kind, ReadFrom::Beginning).await {
                assert!(page.changes.is_empty(), "{kind:?}, which it says it has not: {page:?}");
            }
            continue;
        }
        let first = whole(read, kind).await;
        assert_eq!(first.objects.len(), expected, "{kind:?}");
        if kind == ObjectKind::Person {
            assert_eq!(first.rejected.len(), subject.rejected, "{:?}", first.rejected);
            assert!(first.pages > 1, "one page proves nothing: make them smaller");
        }
        assert!(abilities.delta || first.delta.is_none(), "a delta of a source that has none");
        let second = whole(read, kind).await;
        assert!(first.objects.keys().eq(second.objects.keys()), "{kind:?}: two reads differ");
    }
}

/// Memberships are shown by the side that says it shows them.
///
/// # Panics
/// If the connector fails it.
pub async fn shows_memberships(subject: &ReadingSubject<'_>) {
    let connector = (subject.connect)();
    let read = reading(&connector);
    if subject.members.is_empty() {
        return;
    }
    let people = whole(read, ObjectKind::Person).await;
    let groups = if read.abilities().groups { whole(read, ObjectKind::Group).await } else { Whole::default() };
    for (group, member) in subject.members {
        match read.abilities().membership {
            MembershipSide::Person => {
                let Some(Change::Person(person)) = people.named(member) else { continue };
                assert!(person.groups.iter().any(|in_it| in_it.name == *group), "{member} in {group}: {person:?}");
            }
            MembershipSide::Group => {
                assert!(is_member(&groups, &people, group, member), "{member} in {group}: {:?}", groups.named(group));
            }
        }
    }
}

fn is_member(groups: &Whole, people: &Whole, group: &str, member: &str) -> bool {
    let Some(Change::Group(group)) = groups.named(group) else { panic!("no group {group}") };
    let member = people.named(member).or_else(|| groups.named(member)).unwrap_or_else(|| panic!("no {member}"));
    assert!(group.members_complete, "{group:?}");
    group.members.contains(id_of(member))
}

/// The hub dies after any page. A connector made anew goes on from the stored cursor, and nothing is lost, or says
/// that the read begins anew; it never says that the rest was all.
///
/// # Panics
/// If the connector fails it.
pub async fn goes_on_after_a_restart(subject: &ReadingSubject<'_>) {
    let connector = (subject.connect)();
    for kind in KINDS {
        if !reading(&connector).abilities().has(kind) {
            continue;
        }
        let everything = whole(reading(&connector), kind).await;
        for survived in 1..everything.pages.min(6) {
            let mut before = Whole::default();
            let mut from = ReadFrom::Beginning;
            let first = (subject.connect)();
            for _ in 0..survived {
                match before.take(page(reading(&first), kind, from).await, kind) {
                    Next::More(cursor) => from = ReadFrom::Cursor(cursor),
                    other => panic!("a shorter read than before: {other:?}"),
                }
            }
            drop(first);
            let second = (subject.connect)();
            match drain(reading(&second), kind, from).await {
                Ended::StartOver(_) => {
                    assert_eq!(whole(reading(&second), kind).await.objects.len(), everything.objects.len());
                }
                Ended::Complete(rest) => {
                    let mut both: BTreeSet<_> = before.objects.keys().collect();
                    both.extend(rest.objects.keys());
                    assert!(everything.objects.keys().eq(both), "{kind:?}: after page {survived} something is lost");
                }
            }
        }
    }
}

/// A cursor that is not one, is cut off, belongs to another kind or is far too long never leads to a complete read,
/// and costs no panic.
///
/// # Panics
/// If the connector fails it.
pub async fn distrusts_cursors(subject: &ReadingSubject<'_>) {
    let connector = (subject.connect)();
    let read = reading(&connector);
    let first = page(read, ObjectKind::Person, ReadFrom::Beginning).await;
    let Next::More(good) = first.next else { panic!("one page proves nothing: make them smaller") };
    let mut odd: Vec<Vec<u8>> =
        vec![vec![], vec![0], b"made up".to_vec(), b"{}".to_vec(), vec![0xff; 64], vec![b'['; 100_000]];
    odd.push(good.0[..good.0.len() / 2].to_vec());
    odd.push([good.0.as_slice(), b"x"].concat());
    for bytes in odd {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        refuses(read, ObjectKind::Person, bytes, &shown).await;
    }
    for other in [ObjectKind::Group, ObjectKind::Device] {
        if read.abilities().has(other) {
            refuses(read, other, good.0.clone(), "a cursor of people").await;
        }
    }
}

async fn refuses(read: &dyn Read, kind: ObjectKind, cursor: Vec<u8>, what: &str) {
    let answer = timeout(PAGE_PATIENCE, read.read(kind, ReadFrom::Cursor(ReadCursor(cursor)))).await;
    match answer.unwrap_or_else(|_| panic!("{what}: it hangs")) {
        Err(_) => {}
        Ok(page) => {
            assert!(matches!(page.next, Next::StartOver { .. }) && page.changes.is_empty(), "{what}: {page:?}");
        }
    }
}

/// A reader that goes away leaves nothing behind that spoils the next read.
///
/// # Panics
/// If the connector fails it.
pub async fn survives_cancellation(subject: &ReadingSubject<'_>) {
    let connector = (subject.connect)();
    let read = reading(&connector);
    for microseconds in [0, 100, 400, 1_600, 6_400, 25_600] {
        let soon = Duration::from_micros(microseconds);
        if let Ok(Ok(page)) = timeout(soon, read.read(ObjectKind::Person, ReadFrom::Beginning)).await
            && let Next::More(cursor) = page.next
        {
            let _gone = timeout(soon, read.read(ObjectKind::Person, ReadFrom::Cursor(cursor))).await;
        }
    }
    assert_eq!(whole(read, ObjectKind::Person).await.objects.len(), subject.people);
}

/// The network goes away in the middle of a read: that is trouble, or the read starts over, never its end. When it is
/// back, everything can be read. `network_is` switches it on and off.
///
/// # Panics
/// If the connector fails it.
pub async fn breaks_in_the_middle(subject: &ReadingSubject<'_>, network_is: &(dyn Fn(bool) + Sync)) {
    let connector = (subject.connect)();
    let read = reading(&connector);
    let Next::More(cursor) = page(read, ObjectKind::Person, ReadFrom::Beginning).await.next else {
        panic!("one page proves nothing: make them smaller")
    };
    network_is(false);
    let mut from = ReadFrom::Cursor(cursor);
    for _ in 0..PAGES_LIMIT {
        let answer = timeout(PAGE_PATIENCE, read.read(ObjectKind::Person, from)).await;
        match answer.unwrap_or_else(|_| panic!("it hangs without a network")) {
            // What was under way may still arrive.
            Ok(ReadPage { next: Next::More(cursor), .. }) => from = ReadFrom::Cursor(cursor),
            Ok(ReadPage { next: Next::StartOver { .. }, .. }) | Err(_) => break,
            Ok(page) => panic!("a read without a network is complete: {page:?}"),
        }
    }
    network_is(true);
    let started = Instant::now();
    loop {
        // As after a failure of the transport: the source is asked again until it answers.
        match read.read(ObjectKind::Person, ReadFrom::Beginning).await {
            Ok(_) => break,
            Err(trouble) => assert!(started.elapsed() < super::RECOVERY, "it does not recover: {trouble}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(whole(read, ObjectKind::Person).await.objects.len(), subject.people);
}

/// With a delta: additions, changes and deletions are told, once each side of a restart; asking the same cursor again
/// tells the same (the batch may have been rolled back). Without one: the next read of everything shows them. A
/// delta that cannot tell who is gone starts over when somebody is.
///
/// # Panics
/// If the connector fails it.
pub async fn tells_what_changed(subject: &ReadingSubject<'_>, hands: &dyn Hands) {
    for kind in KINDS {
        let connector = (subject.connect)();
        if reading(&connector).abilities().has(kind) {
            one_kind_changes(subject, hands, kind).await;
        }
    }
}

async fn one_kind_changes(subject: &ReadingSubject<'_>, hands: &dyn Hands, kind: ObjectKind) {
    let connector = (subject.connect)();
    let read = reading(&connector);
    let name = match kind {
        ObjectKind::Person => "newcomer",
        ObjectKind::Group => "new-group",
        ObjectKind::Device => "NEWPC",
    };
    let before = whole(read, kind).await;
    assert!(before.named(name).is_none());
    if !hands.add(kind, name).await {
        return;
    }
    let Some(first) = before.delta else {
        let after = whole(read, kind).await;
        assert_eq!(after.objects.len(), before.objects.len() + 1);
        assert!(hands.remove(kind, name).await);
        assert_eq!(whole(read, kind).await.objects.len(), before.objects.len());
        return;
    };
    let added = told(subject, kind, &first, "the addition", |delta, _| delta.named(name).is_some()).await;
    let id = added.named(name).map(id_of).unwrap_or_else(|| panic!("{name} is not there")).clone();
    // The same again, from a connector that was not there the first time.
    let again = (subject.connect)();
    assert!(since(reading(&again), kind, &first).await.0.objects.contains_key(&id), "the same cursor tells the same");
    let mut cursor = added.delta.unwrap_or_else(|| panic!("the delta's end is where the next begins"));
    if hands.change(kind, name).await {
        let old = added.objects[&id].clone();
        let changed = told(subject, kind, &cursor, "the change", |delta, _| {
            delta.objects.get(&id).is_some_and(|now| *now != old)
        });
        cursor = changed.await.delta.unwrap_or_else(|| panic!("the delta's end is where the next begins"));
    }
    assert!(hands.remove(kind, name).await);
    let gone = |delta: &Whole, started_over: bool| {
        delta.removed.contains(&id) || started_over && !delta.objects.contains_key(&id)
    };
    let last = told(subject, kind, &cursor, "the removal", gone).await;
    for left in before.objects.keys() {
        assert!(!last.removed.contains(left), "{left:?} is said to be gone");
    }
    assert_eq!(whole(read, kind).await.objects.len(), before.objects.len());
}

/// Asks for the delta until it tells, each time with a connector made anew.
async fn told(
    subject: &ReadingSubject<'_>,
    kind: ObjectKind,
    cursor: &ReadCursor,
    what: &str,
    tells: impl Fn(&Whole, bool) -> bool,
) -> Whole {
    let started = Instant::now();
    loop {
        let connector = (subject.connect)();
        let (delta, started_over) = since(reading(&connector), kind, cursor).await;
        if tells(&delta, started_over) {
            return delta;
        }
        assert!(started.elapsed() < SETTLE, "{what} of {kind:?} is not told: {delta:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Who enters and leaves a group is told by the delta of the side that shows memberships.
///
/// # Panics
/// If the connector fails it.
pub async fn tells_memberships(subject: &ReadingSubject<'_>, hands: &dyn Hands, group: &str, username: &str) {
    let connector = (subject.connect)();
    let read = reading(&connector);
    let side = read.abilities().membership;
    let kind = if side == MembershipSide::Group { ObjectKind::Group } else { ObjectKind::Person };
    let people = whole(read, ObjectKind::Person).await;
    let person = people.named(username).map(id_of).unwrap_or_else(|| panic!("no {username}")).clone();
    let mut cursor = whole(read, kind).await.delta;
    for inside in [true, false] {
        assert!(hands.put_into(group, username, inside).await, "the test cannot change memberships");
        let shows = |delta: &Whole, _: bool| match side {
            MembershipSide::Group => match delta.named(group) {
                Some(Change::Group(now)) if now.partial => {
                    if inside {
                        now.members.contains(&person)
                    } else {
                        now.left.contains(&person)
                    }
                }
                Some(Change::Group(now)) => now.members_complete && now.members.contains(&person) == inside,
                _ => false,
            },
            MembershipSide::Person => match delta.objects.get(&person) {
                Some(Change::Person(now)) => now.groups.iter().any(|in_it| in_it.name == group) == inside,
                _ => false,
            },
        };
        cursor = match &cursor {
            Some(delta) => told(subject, kind, delta, "the membership", shows).await.delta,
            None => {
                let again = whole(read, kind).await;
                assert!(shows(&again, true), "{group}: {:?}", again.named(group));
                None
            }
        };
    }
}

/// A source that misbehaves ends every read in time, in trouble, and never completes one or hands somebody over.
///
/// # Panics
/// If the connector fails it.
pub async fn stands_a_hostile_peer(what: &str, connector: &dyn Connector) {
    let read = connector.reading().unwrap_or_else(|| panic!("it hands nothing over"));
    for kind in KINDS.into_iter().filter(|kind| read.abilities().has(*kind)) {
        let answer = timeout(PATIENCE, read.read(kind, ReadFrom::Beginning)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{what}: reading {kind:?} hangs"));
        if let Ok(page) = answer {
            assert!(page.changes.is_empty(), "{what}: it is believed: {:?}", page.changes);
            assert!(!matches!(page.next, Next::Complete { .. }), "{what}: a read of nothing is complete");
        }
    }
}
