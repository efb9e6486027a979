//! The groups an entry is in, nested ones included, and whether one of them makes it privileged.

use std::{collections::HashSet, sync::Arc};

use directory::SourceGroup;
use ldap3::{Scope, ldap_escape};

use crate::{
    connection::Connection,
    dn::Dn,
    fault::Fault,
    reader::{Facts, Reader, immutable_id},
    search::{Entry, Search, equals, equals_bytes, no_references},
};

/// More groups than this nobody is in: somebody made them up.
const GROUP_LIMIT: usize = 2_000;
/// `LDAP_MATCHING_RULE_IN_CHAIN` ([MS-ADTS] 3.1.1.3.4.4.3): the member, or a group that holds the member, and so on.
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
/// From the how-manieth group on that would have to be read by itself all are asked for at once.
const MANY: usize = 4;

/// A group and the names of the groups it is in itself.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    dn: String,
    group: SourceGroup,
    parents: Vec<String>,
}

/// What was found for one entry.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    pub(crate) list: Vec<SourceGroup>,
    pub(crate) complete: bool,
    /// One of them is protected.
    pub(crate) protected: bool,
}

impl Reader {
    /// Climbs from the groups an entry is in to the groups those are in. OpenLDAP's `memberOf` is not transitive, and
    /// AD's leaves out nested and primary groups; each group is read once a minute for everybody, so a sweep costs one
    /// read per group, not one per person and group.
    pub(crate) async fn groups_of(
        &self,
        connection: &mut Connection,
        facts: &Facts,
        entry: &Entry,
    ) -> Result<Groups, Fault> {
        let mut groups = Groups { complete: true, ..Groups::default() };
        let mut queue: Vec<String> = self.direct(connection, facts, entry).await?;
        queue.extend(self.posix(connection, facts, entry).await?);
        let mut unread = 0;
        if self.settings.active_directory {
            match self.primary(connection, facts, entry).await? {
                Some(primary) => queue.push(primary),
                None => groups.complete = false,
            }
        }
        let mut seen = HashSet::new();
        while let Some(name) = queue.pop() {
            let Some(dn) = Dn::parse(&name) else {
                groups.complete = false;
                continue;
            };
            if !seen.insert(dn.key()) {
                continue;
            }
            if seen.len() > GROUP_LIMIT {
                groups.complete = false;
                break;
            }
            groups.protected |= self.settings.protected.contains(&dn);
            if self.settings.active_directory && self.groups.get(&dn.key()).is_none() {
                unread += 1;
                if unread == MANY {
                    self.in_chain(connection, facts, &entry.dn).await?;
                }
            }
            // A group that the service account may not see is not there for us, each time alike.
            if let Some(group) = self.group(connection, facts, &dn, &name).await? {
                groups.list.push(group.group.clone());
                queue.extend(group.parents.iter().cloned());
            }
        }
        groups.list.sort_by(|a, b| (&a.name, a.immutable_id.as_str()).cmp(&(&b.name, b.immutable_id.as_str())));
        groups.list.dedup();
        Ok(groups)
    }

    /// The names of the groups an entry is in directly.
    async fn direct(&self, connection: &mut Connection, facts: &Facts, entry: &Entry) -> Result<Vec<String>, Fault> {
        if facts.member_of {
            return Ok(entry.texts("memberOf").map(str::to_owned).collect());
        }
        let filter = format!("(|{}{})", equals("member", &entry.dn), equals("uniqueMember", &entry.dn));
        let nothing = ["1.1".to_owned()];
        Ok(self.listing(connection, facts, &filter, &nothing).await?.into_iter().map(|entry| entry.dn).collect())
    }

    /// Groups of RFC 2307 list their members by `uid`, and a person names one of them by its number (`gidNumber`).
    /// Other directories than those with such groups are asked for them once a minute, not once a person.
    async fn posix(&self, connection: &mut Connection, facts: &Facts, entry: &Entry) -> Result<Vec<String>, Fault> {
        if !facts.posix_groups {
            return Ok(Vec::new());
        }
        let by_name = entry.texts("uid").map(|uid| equals("memberUid", uid));
        let by_number = entry.text("gidNumber").map(|number| equals("gidNumber", number));
        let any: String = by_name.take(10).chain(by_number).collect();
        if any.is_empty() {
            return Ok(Vec::new());
        }
        let filter = format!("(&(objectClass=posixGroup)(|{any}))");
        let mut names = Vec::new();
        for group in self.listing(connection, facts, &filter, &self.group_attributes()).await? {
            // Read already, so the climb need not read it again.
            if let Some(dn) = Dn::parse(&group.dn) {
                let made = self.make(connection, facts, &group).await?;
                self.groups.put(&dn.key(), made);
                names.push(group.dn);
            }
        }
        Ok(names)
    }

    /// The groups that a filter finds.
    async fn listing(
        &self,
        connection: &mut Connection,
        facts: &Facts,
        filter: &str,
        attributes: &[String],
    ) -> Result<Vec<Entry>, Fault> {
        let search = Search {
            base: &facts.context,
            scope: Scope::Subtree,
            filter,
            attributes,
            at_most: GROUP_LIMIT,
            controls: vec![no_references(&self.settings)],
            inside: None,
        };
        Ok(connection.search(&self.settings, search).await?.entries)
    }

    /// All groups of an entry at once, nested ones included, so that the climb finds them read: one question instead
    /// of one for each group. Worth its price to the domain controller only where the climb would ask many.
    async fn in_chain(&self, connection: &mut Connection, facts: &Facts, dn: &str) -> Result<(), Fault> {
        let filter = format!("(&(objectClass=group)(member:{IN_CHAIN}:={}))", ldap_escape(dn));
        for group in self.listing(connection, facts, &filter, &self.group_attributes()).await? {
            if let Some(dn) = Dn::parse(&group.dn) {
                let made = self.make(connection, facts, &group).await?;
                self.groups.put(&dn.key(), made);
            }
        }
        Ok(())
    }

    async fn group(
        &self,
        connection: &mut Connection,
        facts: &Facts,
        dn: &Dn,
        name: &str,
    ) -> Result<Option<Arc<Group>>, Fault> {
        let key = dn.key();
        if let Some(known) = self.groups.get(&key) {
            return Ok(known);
        }
        let found = self.read(connection, name, &self.group_attributes()).await?;
        let group = match found {
            Some(entry) => self.make(connection, facts, &entry).await?,
            None => None,
        };
        self.groups.put(&key, group.clone());
        Ok(group)
    }

    async fn make(
        &self,
        connection: &mut Connection,
        facts: &Facts,
        entry: &Entry,
    ) -> Result<Option<Arc<Group>>, Fault> {
        let fallback = if self.settings.active_directory { "objectGUID" } else { "entryUUID" };
        let id = immutable_id(entry, &self.settings.id_attribute).or_else(|| immutable_id(entry, fallback));
        let name = if self.settings.active_directory { entry.text("sAMAccountName") } else { None };
        let (Some(id), Some(name)) = (id, name.or_else(|| entry.text("cn"))) else { return Ok(None) };
        let group = SourceGroup { immutable_id: id, name: name.to_owned() };
        let parents = self.direct(connection, facts, entry).await?;
        Ok(Some(Arc::new(Group { dn: entry.dn.clone(), group, parents })))
    }

    /// AD does not list the primary group in `memberOf`: its SID is the person's, with another last part.
    async fn primary(
        &self,
        connection: &mut Connection,
        facts: &Facts,
        entry: &Entry,
    ) -> Result<Option<String>, Fault> {
        let relative = entry.number("primaryGroupID").and_then(|id| u32::try_from(id).ok());
        let (Some(relative), [sid]) = (relative, entry.bytes("objectSid")) else { return Ok(None) };
        let Some(domain) = sid.len().checked_sub(4).filter(|length| *length >= 8).map(|length| &sid[..length]) else {
            return Ok(None);
        };
        let mut sid = domain.to_vec();
        sid.extend(relative.to_le_bytes());
        let filter = equals_bytes("objectSid", &sid);
        if let Some(known) = self.groups.get(&filter) {
            return Ok(known.map(|group| group.dn.clone()));
        }
        let attributes = self.group_attributes();
        let search = Search {
            base: &facts.context,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: &attributes,
            at_most: 2,
            controls: vec![no_references(&self.settings)],
            inside: None,
        };
        let answer = connection.search(&self.settings, search).await?;
        let [entry] = answer.entries.as_slice() else { return Ok(None) };
        let group = self.make(connection, facts, entry).await?;
        self.groups.put(&filter, group.clone());
        Ok(group.map(|group| group.dn.clone()))
    }

    fn group_attributes(&self) -> Vec<String> {
        let id = self.settings.id_attribute.as_str();
        [id, "objectGUID", "entryUUID", "cn", "sAMAccountName", "memberOf"].map(str::to_owned).to_vec()
    }
}
