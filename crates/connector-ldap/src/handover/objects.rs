//! From entries to people, groups and devices.

use connector::{Change, Rejected, TroubleKind};
use directory::{AccountStatus, ImmutableId, ObjectKind, SourceDevice, SourceGroupEntry};

use super::{Handed, Plan};
use crate::{
    LdapConnector,
    connection::Connection,
    fault::Fault,
    pool::{Lease, Pools},
    reader::{Facts, sid, status_of_ad},
    search::Entry,
    times::from_filetime,
};

pub(super) const OF_GROUPS: &[&str] =
    &["objectGUID", "entryUUID", "cn", "sAMAccountName", "description", "objectSid", "gidNumber"];
pub(super) const OF_DEVICES: &[&str] = &[
    "objectGUID",
    "entryUUID",
    "objectClass",
    "cn",
    "dNSHostName",
    "objectSid",
    "serialNumber",
    "operatingSystem",
    "operatingSystemVersion",
    "userAccountControl",
    "accountExpires",
    "managedBy",
    "owner",
    "lastLogonTimestamp",
];

/// Of these, Active Directory replicates every change, so that DirSync tells it.
pub(super) const OF_PEOPLE_THAT_REPLICATE: &[&str] = &[
    "objectSid",
    "userAccountControl",
    "accountExpires",
    "pwdLastSet",
    "lockoutTime",
    "adminCount",
    "primaryGroupID",
    "mS-DS-ConsistencyGuid",
];
pub(super) const OF_GROUPS_THAT_REPLICATE: &[&str] = &["cn", "sAMAccountName", "description", "member", "groupType"];
pub(super) const OF_DEVICES_THAT_REPLICATE: &[&str] = &[
    "cn",
    "dNSHostName",
    "serialNumber",
    "operatingSystem",
    "operatingSystemVersion",
    "userAccountControl",
    "accountExpires",
    "managedBy",
    "lastLogonTimestamp",
];

/// A connection for completing what a page brought, beside the one that belongs to the paged search; taken when it is
/// first needed, and taken anew after it was lost.
pub(super) struct Helper<'a> {
    pools: &'a Pools,
    host: usize,
    lease: Option<Lease>,
}

impl<'a> Helper<'a> {
    pub(super) fn new(pools: &'a Pools, host: usize) -> Self {
        Self { pools, host, lease: None }
    }

    pub(super) async fn connection(&mut self) -> Result<&mut Connection, Fault> {
        let lease = self.take().await?;
        Ok(&mut self.lease.insert(lease).connection)
    }

    /// The connection itself, for a search through all pages; [`Helper::put`] brings it back.
    pub(super) async fn take(&mut self) -> Result<Lease, Fault> {
        match self.lease.take() {
            Some(lease) => Ok(lease),
            None => self.pools.searching(self.host).await,
        }
    }

    pub(super) fn put(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// After a fault: whatever was on it is not waited for.
    pub(super) fn lost(&mut self) {
        self.lease = None;
    }

    pub(super) fn give_back(self) {
        if let Some(lease) = self.lease {
            lease.give_back();
        }
    }
}

impl LdapConnector {
    /// Makes of each entry what it is. One that cannot be read is told so and never stops the others; only a server
    /// that is in trouble does.
    pub(super) async fn hand_over(
        &self,
        helper: &mut Helper<'_>,
        facts: &Facts,
        plan: &Plan,
        entries: Vec<Entry>,
    ) -> Result<Handed, Fault> {
        let mut handed = Handed::default();
        for entry in entries {
            let (locator, id) = (entry.dn.clone(), self.id_of(&entry, plan.kind));
            let made = match plan.kind {
                ObjectKind::Person => self.person(helper, entry).await,
                ObjectKind::Group => self.group(helper, facts, entry, id.clone()).await,
                ObjectKind::Device => self.device(helper, facts, &entry, id.clone()).await,
            };
            match made {
                Ok(Ok(Some(change))) => handed.changes.push(change),
                Ok(Ok(None)) => {}
                Ok(Err(reason)) => handed.rejected.push(Rejected { immutable_id: id, locator, reason }),
                Err(fault) if fault.kind == TroubleKind::Odd => {
                    helper.lost();
                    handed.rejected.push(Rejected { immutable_id: id, locator, reason: fault.what });
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(handed)
    }

    async fn person(&self, helper: &mut Helper<'_>, entry: Entry) -> Result<Result<Option<Change>, String>, Fault> {
        let read = self.reader.complete(helper.connection().await?, entry, None).await?;
        Ok(read.map(|person| Some(Change::Person(Box::new(person)))))
    }

    async fn group(
        &self,
        helper: &mut Helper<'_>,
        facts: &Facts,
        entry: Entry,
        id: Option<ImmutableId>,
    ) -> Result<Result<Option<Change>, String>, Fault> {
        let name = if self.settings.active_directory { entry.text("sAMAccountName") } else { None };
        let name = name.or_else(|| entry.text("cn")).map(str::to_owned);
        let (Some(immutable_id), Some(name)) = (id, name) else {
            return Ok(Err("it has no single immutable id, or no name".to_owned()));
        };
        let members = self.members(helper, facts, &entry, &immutable_id).await?;
        Ok(Ok(Some(Change::Group(Box::new(SourceGroupEntry {
            immutable_id,
            name,
            description: entry.text("description").map(str::to_owned),
            members_complete: members.complete,
            members: members.ids,
            left: Vec::new(),
            partial: false,
            locator: entry.dn,
        })))))
    }

    async fn device(
        &self,
        helper: &mut Helper<'_>,
        facts: &Facts,
        entry: &Entry,
        id: Option<ImmutableId>,
    ) -> Result<Result<Option<Change>, String>, Fault> {
        // OpenLDAP keeps password policies in entries whose structural class is `device` (slapo-ppolicy(5)).
        if entry.texts("objectClass").any(|class| class.eq_ignore_ascii_case("pwdPolicy")) {
            return Ok(Ok(None));
        }
        let text = |name| entry.text(name).map(str::to_owned);
        let (Some(immutable_id), Some(name)) = (id, text("cn").or_else(|| text("dNSHostName"))) else {
            return Ok(Err("it has no single immutable id, or no name".to_owned()));
        };
        let owners: Vec<String> = entry.texts("managedBy").chain(entry.texts("owner")).map(str::to_owned).collect();
        let owners = self.resolve(helper, facts, &owners).await?.ids;
        let enabled =
            !self.settings.active_directory || status_of_ad(entry, (self.reader.now)()) == AccountStatus::Active;
        Ok(Ok(Some(Change::Device(Box::new(SourceDevice {
            immutable_id,
            name,
            locator: entry.dn.clone(),
            sid: sid(entry),
            serial_number: text("serialNumber"),
            manufacturer: None,
            model: None,
            operating_system: text("operatingSystem"),
            operating_system_version: text("operatingSystemVersion"),
            enabled,
            owners,
            last_seen_at: entry.number("lastLogonTimestamp").and_then(from_filetime),
        })))))
    }
}
