//! Everything, as a paged search, and searches that go through all pages at once.

use std::sync::Arc;

use ldap3::{
    Scope,
    controls::{PagedResults, RawControl},
};
use tokio::time::timeout;

use super::{
    Body, End, Handed, Plan,
    cursor::{Counting, Feed, Mark},
    objects::Helper,
};
use crate::{
    LdapConnector,
    connection::Connection,
    fault::{Fault, Stage},
    paging::{PAGE_PATIENCE, Read, check_progress, cookie},
    pool::Lease,
    reader::Facts,
    search::{Answer, Entry, Search, judge, no_references},
};

/// Groups of one page: each may bring many members.
const GROUPS_AT_A_TIME: i32 = 50;

/// A mark that is being made while everything is read.
pub(super) struct Marking {
    pub(super) feed: Feed,
    /// Where the feed does not name who is gone.
    pub(super) counting: Option<Counting>,
}

impl Marking {
    /// Empty if it could not be told later who is gone.
    fn done(self) -> Option<Mark> {
        let census = match self.counting {
            None => None,
            Some(counting) => Some(counting.done()?),
        };
        Some(Mark { feed: self.feed, census })
    }
}

/// Everything of one kind, under way.
pub(super) struct Pages {
    read: Read,
    facts: Arc<Facts>,
    plan: Plan,
    marking: Option<Marking>,
}

impl Pages {
    pub(super) fn new(lease: Lease, facts: Arc<Facts>, plan: Plan, marking: Option<Marking>) -> Self {
        Self { read: Read::new(lease), facts, plan, marking }
    }
}

impl LdapConnector {
    pub(super) async fn next_of_everything(&self, mut pages: Pages) -> Result<(Handed, End), Fault> {
        let host = pages.read.lease.host;
        let size = match pages.plan.kind {
            directory::ObjectKind::Group => self.settings.page_size.min(GROUPS_AT_A_TIME),
            directory::ObjectKind::Person | directory::ObjectKind::Device => self.settings.page_size,
        };
        let entries = self.next_entries(&mut pages.read, &pages.plan, size).await;
        let entries = entries.inspect_err(|fault| self.pools.hosts.failed(host, fault, false))?;
        self.pools.hosts.answered(host, None);
        if let Some(counting) = pages.marking.as_mut().and_then(|marking| marking.counting.as_mut()) {
            for entry in &entries {
                if let Some(id) = self.id_of(entry, pages.plan.kind) {
                    counting.note(&id, self.stamps_of(entry).1);
                }
            }
        }
        let mut helper = Helper::new(&self.pools, host);
        let handed = timeout(PAGE_PATIENCE, self.hand_over(&mut helper, &pages.facts, &pages.plan, entries)).await;
        let late = || Fault::timed_out(Stage::Read, &self.settings.hosts[host].label, PAGE_PATIENCE);
        let handed = handed.unwrap_or_else(|_| Err(late()))?;
        helper.give_back();
        if pages.read.cookie.is_empty() {
            pages.read.lease.give_back();
            return Ok((handed, End::Complete(pages.marking.and_then(Marking::done))));
        }
        pages.read.turn += 1;
        Ok((handed, End::More(Body::Pages(Box::new(pages)))))
    }

    /// The next page of a search.
    async fn next_entries(&self, read: &mut Read, plan: &Plan, size: i32) -> Result<Vec<Entry>, Fault> {
        let label = read.lease.connection.endpoint.label.clone();
        let before = std::mem::take(&mut read.cookie);
        let (entries, next) = self.one_page(&mut read.lease.connection, plan, size, before).await?;
        read.cookie = next;
        check_progress(read, entries.first().map(|entry| entry.dn.as_str()), &label)?;
        Ok(entries)
    }

    async fn one_page(
        &self,
        connection: &mut Connection,
        plan: &Plan,
        size: i32,
        before: Vec<u8>,
    ) -> Result<(Vec<Entry>, Vec<u8>), Fault> {
        let control: RawControl = PagedResults { size, cookie: before }.into();
        let search = Search {
            base: &plan.base,
            scope: Scope::Subtree,
            filter: &plan.filter,
            attributes: &plan.attributes,
            at_most: usize::try_from(size).unwrap_or(1),
            controls: vec![control, no_references(&self.settings)],
            inside: Some(&plan.inside),
        };
        let Answer { entries, result } = connection.search(&self.settings, search).await?;
        let label = connection.endpoint.label.clone();
        judge(&self.settings, &label, &result)?;
        let next = cookie(&result).ok_or_else(|| Fault::odd(&label, "the paging control cannot be read"))?;
        Ok((entries, next))
    }

    /// All pages of a search, one after the other, over a connection that does nothing else meanwhile.
    pub(super) async fn all_pages(
        &self,
        mut lease: Lease,
        plan: &Plan,
        mut each: impl FnMut(&Entry) + Send,
    ) -> Result<Lease, Fault> {
        const SIZE: i32 = 1_000;
        let mut read = Read::new(lease);
        loop {
            let entries = self.next_entries(&mut read, plan, SIZE).await?;
            entries.iter().for_each(&mut each);
            if read.cookie.is_empty() {
                lease = read.lease;
                return Ok(lease);
            }
            read.turn += 1;
        }
    }
}
