//! Content synchronisation (RFC 4533) as OpenLDAP's syncprov speaks it: the mark is its `contextCSN`, and only what
//! changed since is told, by id.

use std::time::Duration;

use connector::TroubleKind;
use directory::ImmutableId;
use lber::{
    common::TagClass,
    structure::{PL, StructureTag},
};
use ldap3::{
    DerefAliases, Scope, SearchOptions,
    controls::{Control, RawControl, SyncRequest},
};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    Plan,
    changes::{CHANGES_LIMIT, Changed, Collected},
    cursor::{Feed, Mark},
};
use crate::{
    LdapConnector,
    connection::Connection,
    fault::{Fault, Stage},
    gate::inner,
    pool::Lease,
    reader::Facts,
    search::{equals, judge, no_references},
};

const SYNC_REQUEST: &str = "1.3.6.1.4.1.4203.1.9.1.1";
const SYNC_STATE: &str = "1.3.6.1.4.1.4203.1.9.1.2";
const SYNC_DONE: &str = "1.3.6.1.4.1.4203.1.9.1.3";
const SYNC_INFO: &str = "1.3.6.1.4.1.4203.1.9.1.4";
/// `e-syncRefreshRequired`.
const REFRESH_REQUIRED: u32 = 4_096;
/// A provider without a log of deletions looks through everything.
const PATIENCE: Duration = Duration::from_secs(60);
/// Providers that wrote into one directory, more than anybody has.
const PROVIDERS_LIMIT: usize = 64;

const NO_LOG: &str = "the provider does not remember what was deleted since (slapd: syncprov-sessionlog), so everything \
                      is read";

/// What one message of a synchronisation says.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Changed(Uuid),
    Removed(Vec<Uuid>),
    /// Ids of what did not change: who is not named is gone, which only a complete read may say.
    Present,
    Nothing,
}

#[derive(Default)]
struct Feeding {
    changed: Vec<Uuid>,
    removed: Vec<Uuid>,
    present: bool,
    too_much: bool,
}

impl Feeding {
    fn take(&mut self, told: Told) {
        match told {
            Told::Changed(id) => self.changed.push(id),
            Told::Removed(ids) => self.removed.extend(ids),
            Told::Present => self.present = true,
            Told::Nothing => {}
        }
        self.too_much |= self.changed.len() + self.removed.len() > CHANGES_LIMIT;
    }
}

impl LdapConnector {
    /// The provider's own mark; empty if this is none, or the service account may not see it.
    pub(super) async fn sync_mark(&self, connection: &mut Connection, facts: &Facts) -> Result<Option<Feed>, Fault> {
        let names = ["supportedControl".to_owned()];
        let root = self.reader.read(connection, "", &names).await?.unwrap_or_default();
        if !root.texts("supportedControl").any(|oid| oid == SYNC_REQUEST) {
            return Ok(None);
        }
        let names = ["contextCSN".to_owned()];
        let top = self.reader.read(connection, &facts.context, &names).await?.unwrap_or_default();
        let mut numbers: Vec<&str> = top.texts("contextCSN").filter(|number| is_change_number(number)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let usable = (1..=PROVIDERS_LIMIT).contains(&numbers.len());
        Ok(usable.then(|| Feed::Sync { changes: numbers.join(";") }))
    }

    pub(super) async fn synchronised(
        &self,
        mut lease: Lease,
        plan: &Plan,
        changes: &str,
    ) -> Result<(Lease, Collected), Fault> {
        if !changes.split(';').all(is_change_number) {
            return Ok((lease, Collected::StartOver("the mark of the last read cannot be understood".to_owned())));
        }
        let label = lease.connection.endpoint.label.clone();
        let fed = timeout(PATIENCE, self.feed(&mut lease.connection, plan, changes)).await;
        let (feeding, code) = fed.unwrap_or_else(|_| Err(Fault::timed_out(Stage::Read, &label, PATIENCE)))?;
        let Some((result, done)) = code else {
            // Given up in the middle: its connection is not used again.
            lease.connection.spoiled = true;
            let reason =
                if feeding.present { NO_LOG } else { "so much has changed that reading everything is quicker" };
            return Ok((lease, Collected::StartOver(reason.to_owned())));
        };
        match result.rc {
            0 => {}
            REFRESH_REQUIRED | 12 => {
                let reason = "the provider cannot go on from the last read, so everything is read";
                return Ok((lease, Collected::StartOver(reason.to_owned())));
            }
            53 => {
                let what = "this provider has not yet seen what another one showed at the last read";
                return Err(Fault::new(TroubleKind::Unavailable, Stage::Read, &label, what)
                    .remedy("Wait until the providers have caught up with one another.")
                    .clean());
            }
            _ => judge(&self.settings, &label, &result)?,
        }
        let Some(Done { changes: next, deletes }) = done else {
            return Err(Fault::odd(&label, "the end of the synchronisation cannot be read"));
        };
        if !deletes || feeding.present {
            return Ok((lease, Collected::StartOver(NO_LOG.to_owned())));
        }
        let feed = Feed::Sync { changes: next.unwrap_or_else(|| changes.to_owned()) };
        let changed =
            feeding.changed.iter().map(|id| Changed { filter: equals("entryUUID", &id.to_string()), left: None });
        Ok((
            lease,
            Collected::Changes {
                changed: changed.collect(),
                removed: feeding.removed.iter().map(|id| ImmutableId(id.to_string())).collect(),
                next: Some(Mark { feed, census: None }),
            },
        ))
    }

    /// Runs the synchronisation. No result if it was given up because everything has to be read anyway.
    async fn feed(
        &self,
        connection: &mut Connection,
        plan: &Plan,
        changes: &str,
    ) -> Result<(Feeding, Option<(ldap3::LdapResult, Option<Done>)>), Fault> {
        let label = connection.endpoint.label.clone();
        let cookie = format!("rid=000,csn={changes}").into_bytes();
        let mut control: RawControl = SyncRequest { cookie: Some(cookie), ..SyncRequest::default() }.into();
        control.crit = true;
        let seconds = i32::try_from(PATIENCE.as_secs()).unwrap_or(60);
        let operation = connection.operation();
        operation.with_search_options(SearchOptions::new().deref(DerefAliases::Never).timelimit(seconds));
        operation.with_controls(vec![control, no_references(&self.settings)]);
        let started = operation.streaming_search(&plan.base, Scope::Subtree, &plan.filter, ["1.1"]).await;
        let mut stream = started.map_err(|error| connection.broken(&error))?;
        let mut feeding = Feeding::default();
        loop {
            let told = match stream.next().await {
                Ok(Some(item)) if item.is_ref() => {
                    return Err(Fault::odd(&label, "the directory refers to another server, which is never followed"));
                }
                Ok(Some(item)) if item.is_intermediate() => of_info(item.0),
                Ok(Some(item)) => of_entry(&item.1),
                Ok(None) => break,
                Err(error) => return Err(connection.broken(&error)),
            };
            feeding.take(told.ok_or_else(|| Fault::odd(&label, "a message of the synchronisation cannot be read"))?);
            if feeding.present || feeding.too_much {
                return Ok((feeding, None));
            }
        }
        let result = stream.finish().await;
        let done = of_done(&result.ctrls);
        Ok((feeding, Some((result, done))))
    }
}

/// What the end says.
struct Done {
    changes: Option<String>,
    /// Deletions were named; else who was not named is gone.
    deletes: bool,
}

/// `20261123114408.123456Z#000000#000#000000`.
fn is_change_number(text: &str) -> bool {
    (20..=64).contains(&text.len())
        && text.matches('#').count() == 3
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'#' | b'.' | b'Z'))
}

fn value<'a>(controls: &'a [Control], oid: &str) -> Option<&'a [u8]> {
    let mut found = controls.iter().filter(|control| control.1.ctype == oid);
    let value = found.next()?.1.val.as_deref();
    if found.next().is_some() { None } else { value }
}

fn sequence(value: &[u8]) -> Option<Vec<StructureTag>> {
    match inner(value)? {
        StructureTag { class: TagClass::Universal, id: 16, payload: PL::C(parts) } => Some(parts),
        _ => None,
    }
}

fn uuid(tag: StructureTag) -> Option<Uuid> {
    let StructureTag { class: TagClass::Universal, id: 4, payload: PL::P(bytes) } = tag else { return None };
    Uuid::from_slice(&bytes).ok()
}

/// Sync State: `SEQUENCE { state ENUMERATED, entryUUID, cookie OPTIONAL }`.
fn of_entry(controls: &[Control]) -> Option<Told> {
    let mut parts = sequence(value(controls, SYNC_STATE)?)?.into_iter();
    let StructureTag { class: TagClass::Universal, id: 10, payload: PL::P(state) } = parts.next()? else { return None };
    let id = uuid(parts.next()?)?;
    match state.as_slice() {
        [0] => Some(Told::Present),
        [1 | 2] => Some(Told::Changed(id)),
        [3] => Some(Told::Removed(vec![id])),
        _ => None,
    }
}

/// Sync Info, an intermediate message: a cookie, the end of a phase, or a set of ids.
fn of_info(message: StructureTag) -> Option<Told> {
    let PL::C(parts) = message.payload else { return None };
    let (mut name, mut value) = (None, None);
    for part in parts {
        match (part.id, part.payload) {
            (0, PL::P(bytes)) => name = Some(bytes),
            (1, PL::P(bytes)) => value = Some(bytes),
            _ => return None,
        }
    }
    if name.as_deref() != Some(SYNC_INFO.as_bytes()) {
        return None;
    }
    let StructureTag { class: TagClass::Context, id, payload } = inner(&value?)? else { return None };
    match (id, payload) {
        (0, PL::P(_)) | (1, PL::C(_)) => Some(Told::Nothing),
        (2, PL::C(_)) => Some(Told::Present),
        (3, PL::C(parts)) => id_set(parts),
        _ => None,
    }
}

/// `SEQUENCE { cookie OPTIONAL, refreshDeletes BOOLEAN DEFAULT FALSE, syncUUIDs SET OF OCTET STRING }`.
fn id_set(parts: Vec<StructureTag>) -> Option<Told> {
    let (mut deletes, mut ids) = (false, None);
    for part in parts {
        match (part.id, part.payload) {
            (4, PL::P(_)) => {}
            (1, PL::P(value)) => deletes = value.first().is_some_and(|byte| *byte != 0),
            (17, PL::C(set)) => ids = Some(set.into_iter().map(uuid).collect::<Option<Vec<_>>>()?),
            _ => return None,
        }
    }
    Some(if deletes { Told::Removed(ids?) } else { Told::Present })
}

/// Sync Done: `SEQUENCE { cookie OPTIONAL, refreshDeletes BOOLEAN DEFAULT FALSE }`.
fn of_done(controls: &[Control]) -> Option<Done> {
    let mut done = Done { changes: None, deletes: false };
    for part in sequence(value(controls, SYNC_DONE)?)? {
        match (part.id, part.payload) {
            (4, PL::P(cookie)) => {
                let text = String::from_utf8(cookie).ok()?;
                let numbers = text.split(',').find_map(|part| part.strip_prefix("csn="))?;
                let known = numbers.split(';').count() <= PROVIDERS_LIMIT && numbers.split(';').all(is_change_number);
                done.changes = Some(known.then(|| numbers.to_owned())?);
            }
            (1, PL::P(value)) => done.deletes = value.first().is_some_and(|byte| *byte != 0),
            _ => return None,
        }
    }
    Some(done)
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
