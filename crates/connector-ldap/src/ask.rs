//! Questions to a source: put to one server after the other until one answers (rules 1, 4 and 5 of [`crate::hosts`]).

use std::time::Duration;

use directory::LockoutReading;
use ldap3::Scope;
use tokio::time::timeout;

use crate::{
    connection::Connection,
    fault::{Fault, Stage},
    hosts::Attempt,
    pool::Pools,
    reader::{Read, Reader},
    search::{Answer, Search, judge, no_references},
};

/// What can be asked of any of a source's servers, again and again: never a person's bind.
pub(crate) trait Question: Sync {
    type Answer: Send;
    fn ask(
        &self,
        reader: &Reader,
        connection: &mut Connection,
    ) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;
}

/// Puts a question. Returns the answer and which server gave it.
pub(crate) async fn ask<Q: Question>(
    pools: &Pools,
    reader: &Reader,
    question: &Q,
    mut attempt: Attempt,
) -> Result<(Q::Answer, usize), Fault> {
    let settings = &reader.settings;
    while let Some((host, share)) = attempt.next() {
        let fault = match timeout(share, ask_at(pools, reader, question, host)).await {
            Ok(Ok(answer)) => return Ok((answer, host)),
            Ok(Err(fault)) if !fault.kind.counts_for_breaker() => return Err(fault),
            Ok(Err(fault)) => fault,
            Err(_) => Fault::timed_out(Stage::Read, &settings.hosts[host].label, share),
        };
        attempt.fault(host, fault);
    }
    Err(attempt.over(&settings.name))
}

async fn ask_at<Q: Question>(pools: &Pools, reader: &Reader, question: &Q, host: usize) -> Result<Q::Answer, Fault> {
    let mut lease = pools.searching(host).await?;
    let mut outcome = question.ask(reader, &mut lease.connection).await;
    if lease.kept && outcome.as_ref().is_err_and(|fault| fault.is_transport() && !fault.clean) {
        // A kept connection that turns out to be dead is replaced once: nothing but a question was on it.
        lease = pools.searching_afresh(lease).await?;
        outcome = question.ask(reader, &mut lease.connection).await;
    }
    if outcome.is_ok() {
        pools.hosts.answered(host, Some(lease.connection.search_took));
    }
    if outcome.as_ref().map_or_else(|fault| fault.clean, |_| true) {
        lease.give_back();
    }
    outcome
}

/// At most one person that a filter finds below the base.
pub(crate) struct LookUp<'a> {
    pub(crate) filter: &'a str,
    /// How long groups may take; empty = as long as it takes.
    pub(crate) groups_within: Option<Duration>,
}

/// What a look-up found.
pub(crate) enum Looked {
    Nobody,
    One(Box<Read>),
    Several,
}

impl Question for LookUp<'_> {
    type Answer = Looked;

    async fn ask(&self, reader: &Reader, connection: &mut Connection) -> Result<Looked, Fault> {
        let settings = &reader.settings;
        let search = Search {
            base: &settings.base_dn,
            scope: Scope::Subtree,
            filter: self.filter,
            attributes: &settings.attributes,
            at_most: 2,
            controls: vec![no_references(settings)],
            inside: Some(&settings.base),
        };
        let Answer { mut entries, result } = connection.search(settings, search).await?;
        // Size limit exceeded is what "more than one" looks like.
        if !(result.rc == 4 && entries.len() > 1) {
            judge(settings, &connection.endpoint.label, &result)?;
        }
        match (entries.pop(), entries.len()) {
            (None, _) => Ok(Looked::Nobody),
            (Some(entry), 0) => {
                Ok(Looked::One(Box::new(reader.complete(connection, entry, self.groups_within).await?)))
            }
            (Some(_), _) => Ok(Looked::Several),
        }
    }
}

/// The lockout policy that holds where an entry names none.
pub(crate) struct DefaultLockout;

impl Question for DefaultLockout {
    type Answer = LockoutReading;

    async fn ask(&self, reader: &Reader, connection: &mut Connection) -> Result<LockoutReading, Fault> {
        let facts = reader.facts(connection).await?;
        Ok(reader.default_policy(connection, &facts).await?.reading())
    }
}

/// Connects apart from the pools, binds the service account and reads the base: everything a sign-in needs but a
/// person.
pub(crate) async fn check(pools: &Pools, reader: &Reader, host: usize) -> Result<Duration, Fault> {
    let settings = &reader.settings;
    let mut connection = pools.apart(host).await?;
    let nothing = ["1.1".to_owned()];
    let search = Search {
        base: &settings.base_dn,
        scope: Scope::Base,
        filter: "(objectClass=*)",
        attributes: &nothing,
        at_most: 1,
        controls: vec![no_references(settings)],
        inside: Some(&settings.base),
    };
    let answer = connection.search(settings, search).await?;
    judge(settings, &connection.endpoint.label, &answer.result)?;
    Ok(connection.search_took)
}
