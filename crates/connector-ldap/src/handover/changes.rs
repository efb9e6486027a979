//! A delta: the ids of what changed are collected first, then each object is read as it is now.

use std::{collections::VecDeque, sync::Arc};

use connector::Change;
use directory::ImmutableId;
use ldap3::Scope;
use tokio::time::timeout;

use super::{
    Body, End, Handed, Plan, Started,
    cursor::{Feed, Mark},
    objects::Helper,
};
use crate::{
    LdapConnector,
    fault::{Fault, Stage},
    paging::PAGE_PATIENCE,
    pool::Lease,
    reader::Facts,
    search::{Entry, Search, judge, no_references},
};

/// More changes than this are quicker to read as everything, and take less memory.
pub(super) const CHANGES_LIMIT: usize = 30_000;
/// Objects asked for in one search.
const AT_ONCE: usize = 50;

/// An object that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    /// Finds it.
    pub(super) filter: String,
    /// Its id, where the feed also names objects that are none of ours: one that is still in the directory, but is not
    /// found any more, has left.
    pub(super) left: Option<ImmutableId>,
}

/// What a feed told.
pub(super) enum Collected {
    Changes { changed: Vec<Changed>, removed: Vec<ImmutableId>, next: Option<Mark> },
    StartOver(String),
}

/// A delta that is being handed over.
pub(super) struct Pending {
    pub(super) since: Mark,
    next: Option<Mark>,
    host: usize,
    facts: Arc<Facts>,
    plan: Plan,
    changed: VecDeque<Changed>,
    removed: Vec<ImmutableId>,
}

impl LdapConnector {
    pub(super) async fn changes_since(
        &self,
        lease: Lease,
        facts: Arc<Facts>,
        plan: Plan,
        since: &Mark,
    ) -> Result<Started, Fault> {
        let host = lease.host;
        let (lease, collected) = match &since.feed {
            Feed::Sync { changes } => self.synchronised(lease, &plan, changes).await?,
            Feed::DirSync { cookie } => self.dir_synchronised(lease, &facts, &plan, cookie).await?,
            Feed::Stamps { .. } => self.stamped_changes(lease, &plan, since).await?,
        };
        lease.give_back();
        Ok(match collected {
            Collected::StartOver(reason) => Started::StartOver(reason),
            Collected::Changes { removed, .. } if !removed.is_empty() && !self.ids_are_the_directorys() => {
                Started::StartOver("objects are gone, and the directory names them by other ids than ours".to_owned())
            }
            Collected::Changes { changed, removed, next } => {
                let changed = changed.into();
                Started::Under(Body::Changes(Box::new(Pending {
                    since: since.clone(),
                    next,
                    host,
                    facts,
                    plan,
                    changed,
                    removed,
                })))
            }
        })
    }

    pub(super) async fn next_of_changes(&self, mut pending: Pending) -> Result<(Handed, End), Fault> {
        let mut helper = Helper::new(&self.pools, pending.host);
        let most = usize::try_from(self.settings.page_size).unwrap_or(1).min(AT_ONCE);
        let chunk: Vec<Changed> = (0..most).map_while(|_| pending.changed.pop_front()).collect();
        let page = timeout(PAGE_PATIENCE, self.read_changed(&mut helper, &pending, chunk)).await;
        let late = || Fault::timed_out(Stage::Read, &self.settings.hosts[pending.host].label, PAGE_PATIENCE);
        let page = page.unwrap_or_else(|_| Err(late()));
        let mut handed = page.inspect_err(|fault| self.pools.hosts.failed(pending.host, fault, false))?;
        self.pools.hosts.answered(pending.host, None);
        helper.give_back();
        handed.changes.extend(pending.removed.drain(..).map(Change::Removed));
        if pending.changed.is_empty() {
            return Ok((handed, End::Complete(pending.next)));
        }
        Ok((handed, End::More(Body::Changes(Box::new(pending)))))
    }

    async fn read_changed(
        &self,
        helper: &mut Helper<'_>,
        pending: &Pending,
        chunk: Vec<Changed>,
    ) -> Result<Handed, Fault> {
        if chunk.is_empty() {
            return Ok(Handed::default());
        }
        let plan = &pending.plan;
        let any: String = chunk.iter().map(|changed| changed.filter.as_str()).collect();
        let filter = format!("(&{}(|{any}))", plan.filter);
        let found = self.find_all(helper, plan, &filter, chunk.len()).await?;
        let mut left: Vec<&Changed> = Vec::new();
        for changed in &chunk {
            if changed
                .left
                .as_ref()
                .is_some_and(|id| !found.iter().any(|entry| self.id_of(entry, plan.kind).as_ref() == Some(id)))
            {
                left.push(changed);
            }
        }
        let removed = self.which_left(helper, pending, &left).await?;
        let mut handed = self.hand_over(helper, &pending.facts, plan, found).await?;
        handed.changes.extend(removed.into_iter().map(Change::Removed));
        Ok(handed)
    }

    /// Of objects that a filter finds no longer, those that are still in the directory: they were moved away, or are
    /// something else now. One that is not seen at all is a doubt, and nothing is said of it.
    async fn which_left(
        &self,
        helper: &mut Helper<'_>,
        pending: &Pending,
        left: &[&Changed],
    ) -> Result<Vec<ImmutableId>, Fault> {
        if left.is_empty() {
            return Ok(Vec::new());
        }
        let any: String = left.iter().map(|changed| changed.filter.as_str()).collect();
        let whole = Plan {
            base: pending.facts.context.clone(),
            inside: crate::dn::Dn::root(),
            attributes: vec![self.own_id().to_owned(), self.settings.id_attribute.clone()],
            ..pending.plan.clone()
        };
        let still = self.find_all(helper, &whole, &format!("(|{any})"), left.len()).await?;
        let there =
            |id: &ImmutableId| still.iter().any(|entry| self.id_of(entry, pending.plan.kind).as_ref() == Some(id));
        Ok(left.iter().filter_map(|changed| changed.left.clone()).filter(there).collect())
    }

    async fn find_all(
        &self,
        helper: &mut Helper<'_>,
        plan: &Plan,
        filter: &str,
        at_most: usize,
    ) -> Result<Vec<Entry>, Fault> {
        let connection = helper.connection().await?;
        let search = Search {
            base: &plan.base,
            scope: Scope::Subtree,
            filter,
            attributes: &plan.attributes,
            at_most,
            controls: vec![no_references(&self.settings)],
            inside: Some(&plan.inside),
        };
        let answer = connection.search(&self.settings, search).await?;
        judge(&self.settings, &connection.endpoint.label, &answer.result)?;
        Ok(answer.entries)
    }
}
