//! Stamps: what changed is told by each object's own stamp, and that somebody is gone by a census of all ids.

use std::{collections::HashSet, time::Duration};

use chrono::TimeDelta;
use directory::{ImmutableId, ObjectKind};
use tokio::time::Instant;

use super::{
    Plan,
    changes::{CHANGES_LIMIT, Changed, Collected},
    cursor::{Census, Counting, Feed, Mark},
    pages::Marking,
};
use crate::{
    LdapConnector,
    connection::Connection,
    fault::Fault,
    pool::Lease,
    reader::{Facts, immutable_id, is_guid, is_uuid},
    search::{Entry, equals, equals_bytes},
    times::from_generalized,
};

/// Clocks of several providers differ, and a change may arrive from another one after younger ones.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);
/// In a directory where nothing has changed for so long, nothing is on its way either.
const QUIET: TimeDelta = TimeDelta::hours(1);

/// What a sweep saw.
struct Swept {
    newest: i64,
    changed: Vec<Changed>,
    /// Of those asked about, who was not there.
    missing: HashSet<ImmutableId>,
    /// With the old threshold, and with the new one.
    before: Counting,
    after: Counting,
    /// Objects that show no stamp, or too many that changed.
    useless: bool,
}

impl LdapConnector {
    /// Makes a mark before everything is read; empty if this directory cannot tell what changes.
    pub(super) async fn mark(&self, lease: &mut Lease, facts: &Facts, plan: &Plan) -> Result<Option<Marking>, Fault> {
        let connection = &mut lease.connection;
        let exact = if self.settings.active_directory {
            self.dir_sync_mark(connection, facts).await?
        } else {
            self.sync_mark(connection, facts).await?
        };
        if let Some(feed) = exact {
            return Ok(Some(Marking { feed, counting: None }));
        }
        if self.settings.active_directory {
            let Some((server, newest)) = self.update_sequence(connection).await? else { return Ok(None) };
            let feed = Feed::Stamps { server: Some(server), since: newest.saturating_add(1), newest };
            return Ok(Some(Marking { feed, counting: Some(Counting::new(newest)) }));
        }
        let host = lease.host;
        let apart = self.pools.searching(host).await?;
        let (apart, swept) = self.sweep(apart, plan, i64::MAX, None).await?;
        apart.give_back();
        if swept.useless {
            return Ok(None);
        }
        let newest = swept.newest;
        let feed = Feed::Stamps { server: None, since: self.since(newest, Duration::ZERO), newest };
        Ok(Some(Marking { feed, counting: Some(Counting::new(newest)) }))
    }

    /// From when on changes are told the next time.
    fn since(&self, newest: i64, took: Duration) -> i64 {
        let now = (self.reader.now)().timestamp_micros();
        let micros = |delta: TimeDelta| delta.num_microseconds().unwrap_or(0);
        let newest = newest.min(now);
        if now - newest > micros(QUIET) {
            newest.saturating_add(1)
        } else {
            newest - micros(OVERLAP) - i64::try_from(took.as_micros()).unwrap_or(0)
        }
    }

    /// Which domain controller this is, and the number of its last change ([MS-ADTS] 3.1.1.3.2).
    async fn update_sequence(&self, connection: &mut Connection) -> Result<Option<(String, i64)>, Fault> {
        let names = ["dsServiceName", "highestCommittedUSN"].map(str::to_owned);
        let root = self.reader.read(connection, "", &names).await?.unwrap_or_default();
        let server = root.text("dsServiceName").map(str::to_owned);
        Ok(server.zip(root.number("highestCommittedUSN")))
    }

    /// What changed since a mark of stamps.
    pub(super) async fn stamped_changes(
        &self,
        mut lease: Lease,
        plan: &Plan,
        mark: &Mark,
    ) -> Result<(Lease, Collected), Fault> {
        let over = |lease, reason: &str| Ok((lease, Collected::StartOver(reason.to_owned())));
        let Mark { feed: Feed::Stamps { server, since, newest }, census: Some(census) } = mark else {
            return over(lease, "it is not known who was there");
        };
        let mut counted_until = *newest;
        if self.settings.active_directory {
            match self.update_sequence(&mut lease.connection).await? {
                Some((now, last)) if Some(&now) == server.as_ref() && last >= *newest => counted_until = last,
                _ => return over(lease, "another domain controller answers, and each counts its changes by itself"),
            }
        }
        let started = Instant::now();
        let (lease, swept) = self.sweep(lease, plan, *since, Some((census, counted_until))).await?;
        if swept.useless {
            return over(lease, "so much has changed that reading everything is quicker, or objects hide their stamps");
        }
        if !swept.before.agrees_with(census) || !swept.missing.is_empty() {
            return over(lease, "objects are gone, or old ones came; only reading everything shows which");
        }
        let newest = if self.settings.active_directory { counted_until } else { swept.newest };
        let since = if self.settings.active_directory {
            newest.saturating_add(1)
        } else {
            self.since(newest, started.elapsed())
        };
        let next = swept
            .after
            .done()
            .map(|census| Mark { feed: Feed::Stamps { server: server.clone(), since, newest }, census: Some(census) });
        Ok((lease, Collected::Changes { changed: swept.changed, removed: Vec::new(), next }))
    }

    /// Looks at ids and stamps of all objects.
    async fn sweep(
        &self,
        lease: Lease,
        plan: &Plan,
        since: i64,
        census: Option<(&Census, i64)>,
    ) -> Result<(Lease, Swept), Fault> {
        let ids = [self.settings.id_attribute.as_str(), "objectGUID", "entryUUID"];
        let attributes = ids.into_iter().chain(self.stamps()).map(str::to_owned).collect();
        let light = Plan { attributes, ..plan.clone() };
        let mut swept = Swept {
            newest: 0,
            changed: Vec::new(),
            missing: census.map(|(census, _)| census.young.iter().cloned().collect()).unwrap_or_default(),
            before: Counting::new(census.map_or(0, |(census, _)| census.created_until)),
            after: Counting::new(census.map_or(0, |(_, until)| until)),
            useless: false,
        };
        let counts = census.is_some();
        let lease =
            self.all_pages(lease, &light, |entry| self.note(&mut swept, plan.kind, since, counts, entry)).await?;
        Ok((lease, swept))
    }

    fn note(&self, swept: &mut Swept, kind: ObjectKind, since: i64, counts: bool, entry: &Entry) {
        // Records without an id are told as rejected by the read of everything; there is nothing to compare.
        let Some(id) = self.id_of(entry, kind) else { return };
        let (changed, created) = self.stamps_of(entry);
        let Some(changed) = changed else {
            swept.useless = true;
            return;
        };
        swept.newest = swept.newest.max(changed);
        swept.missing.remove(&id);
        if counts {
            swept.before.note(&id, created);
            swept.after.note(&id, created);
        }
        if changed >= since {
            if swept.changed.len() >= CHANGES_LIMIT {
                swept.useless = true;
            } else if let Some(filter) = self.filter_of(entry) {
                swept.changed.push(Changed { filter, left: None });
            }
        }
    }

    /// When an object changed and when it came to be.
    pub(super) fn stamps_of(&self, entry: &Entry) -> (Option<i64>, Option<i64>) {
        if self.settings.active_directory {
            return (entry.number("uSNChanged"), entry.number("uSNCreated"));
        }
        let time = |name| entry.text(name).and_then(from_generalized).map(|time| time.timestamp_micros());
        (time("modifyTimestamp"), time("createTimestamp"))
    }

    /// The immutable id of an object: groups and devices may lack the attribute that people have.
    pub(super) fn id_of(&self, entry: &Entry, kind: ObjectKind) -> Option<ImmutableId> {
        let id = immutable_id(entry, &self.settings.id_attribute);
        if kind == ObjectKind::Person { id } else { id.or_else(|| immutable_id(entry, self.own_id())) }
    }

    /// The attribute that the directory itself gives every object.
    pub(super) fn own_id(&self) -> &'static str {
        if self.settings.active_directory { "objectGUID" } else { "entryUUID" }
    }

    /// A filter that finds the object again, whatever it is called then.
    fn filter_of(&self, entry: &Entry) -> Option<String> {
        [self.own_id(), self.settings.id_attribute.as_str()].into_iter().find_map(|attribute| {
            let [value] = entry.bytes(attribute) else { return None };
            if is_guid(attribute) {
                return Some(equals_bytes(attribute, value));
            }
            let text = std::str::from_utf8(value).ok()?;
            (is_uuid(attribute) || !text.is_empty()).then(|| equals(attribute, text))
        })
    }
}
