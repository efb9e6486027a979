//! Reading everybody, a page at a time. A paging cookie belongs to the connection it came over (RFC 2696, section 3),
//! so each read holds one until it ends or nobody goes on with it.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use connector::{Cursor, Page};
use lber::{
    common::TagClass,
    structure::{PL, StructureTag},
};
use ldap3::{
    LdapResult, Scope,
    controls::{PagedResults, RawControl},
};
use tokio::time::{Instant, timeout};

use crate::{
    fault::{Fault, Stage},
    hosts::Attempt,
    pool::{Lease, Pools},
    reader::Reader,
    search::{Answer, Entry, Search, judge, no_references},
    settings::Compiled,
};

pub(crate) const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// A read that nobody goes on with is forgotten.
pub(crate) const ABANDONED_AFTER: Duration = Duration::from_mins(5);
const READS_LIMIT: usize = 4;
/// Empty pages in a row before the read is taken for endless: AD may send a few for pages it filters.
const EMPTY_LIMIT: u32 = 50;
/// With the smallest pages that make sense, more people than the largest directory has; and longer than it takes.
const PAGES_LIMIT: u64 = 50_000;
const LONGEST_READ: Duration = Duration::from_hours(2);
/// For completing the people of one page: a directory that trickles must not hold a sweep for ever.
pub(crate) const PAGE_PATIENCE: Duration = Duration::from_secs(90);
const COOKIE_LIMIT: usize = 64 * 1024;

#[derive(Default)]
pub(crate) struct Reads {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    reads: HashMap<u64, Read>,
}

/// A read that is under way.
pub(crate) struct Read {
    pub(crate) lease: Lease,
    pub(crate) cookie: Vec<u8>,
    /// Position in the read: a cursor is good once.
    pub(crate) turn: u64,
    /// Digests of the first entry of every page: one that comes again means that the pages go in a circle.
    firsts: HashSet<u64>,
    /// Mixes the digests, so that a directory cannot make two the same.
    digests: RandomState,
    began_at: Instant,
    empty: u32,
    used_at: Instant,
}

impl Read {
    pub(crate) fn new(lease: Lease) -> Self {
        Self {
            lease,
            cookie: Vec::new(),
            turn: 0,
            firsts: HashSet::new(),
            digests: RandomState::new(),
            began_at: Instant::now(),
            empty: 0,
            used_at: Instant::now(),
        }
    }
}

impl Reads {
    fn take(&self, cursor: &Cursor) -> Option<(u64, Read)> {
        let bytes: [u8; 16] = cursor.0.as_slice().try_into().ok()?;
        let (id, turn) = bytes.split_at(8);
        let (id, turn) = (u64::from_be_bytes(id.try_into().ok()?), u64::from_be_bytes(turn.try_into().ok()?));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.reads.retain(|_, read| read.used_at.elapsed() < ABANDONED_AFTER);
        if open.reads.get(&id)?.turn != turn {
            return None;
        }
        Some((id, open.reads.remove(&id)?))
    }

    fn keep(&self, id: Option<u64>, read: Read) -> Cursor {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.reads.retain(|_, read| read.used_at.elapsed() < ABANDONED_AFTER);
        if open.reads.len() >= READS_LIMIT
            && let Some(oldest) = open.reads.iter().min_by_key(|(_, read)| read.used_at).map(|(id, _)| *id)
        {
            open.reads.remove(&oldest);
        }
        let id = id.unwrap_or_else(|| {
            open.next += 1;
            open.next
        });
        let turn = read.turn;
        open.reads.insert(id, read);
        Cursor([id.to_be_bytes(), turn.to_be_bytes()].concat())
    }
}

/// One page. Dropped in the middle, the read is over and its connection closed. A read stays with the server it began
/// at; `attempt` says which those may be.
pub(crate) async fn page(
    reads: &Reads,
    pools: &Pools,
    reader: &Reader,
    cursor: Option<Cursor>,
    attempt: Attempt,
) -> Result<Page, Fault> {
    let settings = &reader.settings;
    let (id, mut read, answer) = match cursor {
        Some(cursor) => {
            let (id, mut read) = reads
                .take(&cursor)
                .ok_or_else(|| Fault::odd(&settings.name, "this paged read is over; begin again"))?;
            let cookie = std::mem::take(&mut read.cookie);
            let answer = search(settings, &mut read.lease, cookie).await;
            let answer = answer.inspect_err(|fault| pools.hosts.failed(read.lease.host, fault, false))?;
            (Some(id), read, answer)
        }
        None => {
            let (lease, answer) = begin(pools, settings, attempt).await?;
            (None, Read::new(lease), answer)
        }
    };
    pools.hosts.answered(read.lease.host, None);
    let label = read.lease.connection.endpoint.label.clone();
    read.cookie = cookie(&answer.result).ok_or_else(|| Fault::odd(&label, "the paging control cannot be read"))?;
    check_progress(&mut read, answer.entries.first().map(|entry| entry.dn.as_str()), &label)?;
    let people = timeout(PAGE_PATIENCE, complete(pools, reader, read.lease.host, answer.entries)).await;
    let mut page = people.unwrap_or_else(|_| Err(Fault::timed_out(Stage::Read, &label, PAGE_PATIENCE)))?;
    if read.cookie.is_empty() {
        read.lease.give_back();
    } else {
        read.turn += 1;
        read.used_at = Instant::now();
        page.next = Some(reads.keep(id, read));
    }
    Ok(page)
}

/// People are completed over another connection to the same server: that of the read belongs to the paged search.
async fn complete(pools: &Pools, reader: &Reader, host: usize, entries: Vec<Entry>) -> Result<Page, Fault> {
    let mut page = Page { entries: Vec::with_capacity(entries.len()), rejected: Vec::new(), next: None };
    let mut helper = pools.searching(host).await?;
    for entry in entries {
        let locator = entry.dn.clone();
        match reader.complete(&mut helper.connection, entry, None).await? {
            Ok(person) => page.entries.push(person),
            Err(why) => page.rejected.push((locator, why)),
        }
    }
    helper.give_back();
    Ok(page)
}

/// The first page. It has no cookie yet, so it may be asked for again, and at another server.
async fn begin(pools: &Pools, settings: &Compiled, mut attempt: Attempt) -> Result<(Lease, Answer), Fault> {
    while let Some((host, _)) = attempt.next() {
        match begin_at(pools, settings, host).await {
            Err(fault) if fault.kind.counts_for_breaker() => attempt.fault(host, fault),
            other => return other,
        }
    }
    Err(attempt.over(&settings.name))
}

async fn begin_at(pools: &Pools, settings: &Compiled, host: usize) -> Result<(Lease, Answer), Fault> {
    let mut lease = pools.searching(host).await?;
    let mut answer = search(settings, &mut lease, Vec::new()).await;
    if lease.kept && answer.as_ref().is_err_and(|fault| fault.is_transport() && !fault.clean) {
        lease = pools.searching_afresh(lease).await?;
        answer = search(settings, &mut lease, Vec::new()).await;
    }
    Ok((lease, answer?))
}

async fn search(settings: &Compiled, lease: &mut Lease, cookie: Vec<u8>) -> Result<Answer, Fault> {
    let control: RawControl = PagedResults { size: settings.page_size, cookie }.into();
    let search = Search {
        base: &settings.base_dn,
        scope: Scope::Subtree,
        filter: &settings.person_filter,
        attributes: &settings.attributes,
        at_most: usize::try_from(settings.page_size).unwrap_or(1),
        controls: vec![control, no_references(settings)],
        inside: Some(&settings.base),
    };
    let answer = lease.connection.search(settings, search).await?;
    judge(settings, &lease.connection.endpoint.label, &answer.result)?;
    Ok(answer)
}

/// A directory must not keep a read going for ever.
pub(crate) fn check_progress(read: &mut Read, first: Option<&str>, label: &str) -> Result<(), Fault> {
    let endless = || Fault::odd(label, "the directory's pages do not end");
    if read.turn >= PAGES_LIMIT || read.began_at.elapsed() > LONGEST_READ {
        return Err(endless());
    }
    match first {
        None => {
            read.empty += 1;
            if read.empty > EMPTY_LIMIT && !read.cookie.is_empty() { Err(endless()) } else { Ok(()) }
        }
        Some(first) => {
            read.empty = 0;
            if read.firsts.insert(read.digests.hash_one(first.to_lowercase())) { Ok(()) } else { Err(endless()) }
        }
    }
}

/// The cookie of the answer, empty after the last page; `None` if the control makes no sense. A directory without
/// paging sends everybody at once and no control.
pub(crate) fn cookie(result: &LdapResult) -> Option<Vec<u8>> {
    let mut controls = result.ctrls.iter().filter(|control| control.1.ctype == PAGED_RESULTS);
    let Some(control) = controls.next() else { return Some(Vec::new()) };
    let value = control.1.val.as_deref()?;
    if controls.next().is_some() || value.len() > COOKIE_LIMIT || !is_sequence_of_two(value) {
        return None;
    }
    let (_, tag) = lber::parse::parse_tag(value).ok()?;
    let StructureTag { class: TagClass::Universal, id: 16, payload: PL::C(parts) } = tag else { return None };
    let [_, cookie] = <[StructureTag; 2]>::try_from(parts).ok()?;
    cookie.expect_primitive()
}

/// `SEQUENCE { INTEGER, OCTET STRING }` with lengths that are true, seen before the decoder that trusts them.
fn is_sequence_of_two(value: &[u8]) -> bool {
    fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
        let [first, length, rest @ ..] = bytes else { return None };
        if *first != tag {
            return None;
        }
        let (length, rest) = match *length {
            short @ 0..0x80 => (usize::from(short), rest),
            long => {
                let count = usize::from(long & 0x7f);
                let digits = rest.get(..count).filter(|_| (1..=4).contains(&count))?;
                (digits.iter().fold(0, |sum, &digit| sum << 8 | usize::from(digit)), &rest[count..])
            }
        };
        Some((rest.get(..length)?, &rest[length..]))
    }
    let Some((content, [])) = element(value, 0x30) else { return false };
    let Some((_, rest)) = element(content, 0x02) else { return false };
    matches!(element(rest, 0x04), Some((_, [])))
}
