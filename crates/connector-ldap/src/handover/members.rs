//! Who is in a group, directly: by name (`member`, `uniqueMember`), by username (`memberUid`), by number (RFC 2307) and
//! by primary group (Active Directory). Names become immutable ids.

use std::collections::{HashMap, HashSet};

use connector::TroubleKind;
use directory::{ImmutableId, ObjectKind};
use ldap3::Scope;

use super::{Plan, objects::Helper};
use crate::{
    LdapConnector,
    dn::{Dn, leading},
    fault::Fault,
    reader::Facts,
    search::{Entry, Search, equals, no_references},
};

/// Names asked for in one search.
const AT_ONCE: usize = 50;
/// Entries that one such search may find: several may bear the same first part in different places.
const HOMONYMS: usize = 1_000;
/// Names that are read one by one; what no search finds is usually a name of somebody long gone.
const SINGLE_LIMIT: usize = 500;

pub(super) struct Members {
    pub(super) ids: Vec<ImmutableId>,
    pub(super) complete: bool,
}

impl LdapConnector {
    /// The direct members of a group. If they cannot be read, the group says so, and the old memberships stay.
    pub(super) async fn members(
        &self,
        helper: &mut Helper<'_>,
        facts: &Facts,
        group: &Entry,
        own: &ImmutableId,
    ) -> Result<Members, Fault> {
        match self.members_within(helper, facts, group, own).await {
            Err(fault) if matches!(fault.kind, TroubleKind::Odd | TroubleKind::Unavailable) => {
                // More members than one answer may hold look like a broken connection. A server that is really down
                // fails the next question.
                tracing::warn!(
                    source = %self.settings.name, reason = %fault.words(),
                    "the members of a group cannot be read; its memberships stay as they were"
                );
                helper.lost();
                helper.connection().await?;
                Ok(Members { ids: Vec::new(), complete: false })
            }
            other => other,
        }
    }

    async fn members_within(
        &self,
        helper: &mut Helper<'_>,
        facts: &Facts,
        group: &Entry,
        own: &ImmutableId,
    ) -> Result<Members, Fault> {
        let names = ["member", "uniqueMember", "memberUid"].map(str::to_owned);
        let Some(entry) = self.reader.read(helper.connection().await?, &group.dn, &names).await? else {
            return Ok(Members { ids: Vec::new(), complete: false });
        };
        let named: Vec<String> = entry.texts("member").chain(entry.texts("uniqueMember")).map(plain).collect();
        let mut members = self.resolve(helper, facts, &named).await?;
        let users: Vec<&str> = entry.texts("memberUid").collect();
        for some in users.chunks(AT_ONCE) {
            let any: String = some.iter().map(|user| equals(&self.settings.username_attribute, user)).collect();
            let found = self.find_ids(helper, &self.people(&format!("(|{any})"))).await?;
            members.ids.extend(found);
        }
        if let Some(number) = group.text("gidNumber").filter(|_| facts.posix_groups) {
            members.ids.extend(self.find_ids(helper, &self.people(&equals("gidNumber", number))).await?);
        }
        if self.settings.active_directory
            && let [sid] = group.bytes("objectSid")
            && let Some(last) = sid.last_chunk::<4>()
        {
            let number = u32::from_le_bytes(*last).to_string();
            let filter = equals("primaryGroupID", &number);
            let everywhere = Plan { base: facts.context.clone(), inside: Dn::root(), ..self.people("") };
            members.ids.extend(self.find_ids(helper, &Plan { filter, ..everywhere }).await?);
        }
        let mut seen = HashSet::from([own.clone()]);
        members.ids.retain(|id| seen.insert(id.clone()));
        Ok(members)
    }

    /// People who also pass this filter, by id alone.
    fn people(&self, filter: &str) -> Plan {
        Plan {
            kind: ObjectKind::Person,
            base: self.settings.base_dn.clone(),
            inside: self.settings.base.clone(),
            filter: format!("(&{}{filter})", self.settings.person_filter),
            attributes: vec![self.settings.id_attribute.clone()],
        }
    }

    async fn find_ids(&self, helper: &mut Helper<'_>, plan: &Plan) -> Result<Vec<ImmutableId>, Fault> {
        let mut ids = Vec::new();
        let lease = helper.take().await?;
        let lease = self.all_pages(lease, plan, |entry| ids.extend(self.id_of(entry, ObjectKind::Person))).await?;
        helper.put(lease);
        Ok(ids)
    }

    /// The ids of entries by name. Names that nobody bears, or that may not be seen, are left out, each time alike.
    pub(super) async fn resolve(
        &self,
        helper: &mut Helper<'_>,
        facts: &Facts,
        names: &[String],
    ) -> Result<Members, Fault> {
        let mut members = Members { ids: Vec::with_capacity(names.len()), complete: true };
        let mut wanted: HashMap<String, &str> = HashMap::new();
        for name in names {
            let Some(key) = Dn::parse(name).map(|dn| dn.key()) else {
                members.complete = false;
                continue;
            };
            match self.reader.named.get(&key) {
                Some(known) => members.ids.extend(known),
                None => {
                    wanted.insert(key, name);
                }
            }
        }
        let askable: Vec<String> =
            wanted.values().filter_map(|name| leading(name)).map(|(kind, value)| equals(&kind, &value)).collect();
        for some in askable.chunks(AT_ONCE).filter(|some| some.len() > 1) {
            for entry in self.search_named(helper, facts, &format!("(|{})", some.concat())).await? {
                let Some(key) = Dn::parse(&entry.dn).map(|dn| dn.key()) else { continue };
                if wanted.remove(&key).is_some() {
                    members.ids.extend(self.remember(&key, &entry));
                }
            }
        }
        members.complete &= wanted.len() <= SINGLE_LIMIT;
        for (key, name) in wanted.into_iter().take(SINGLE_LIMIT) {
            match self.reader.read(helper.connection().await?, name, &self.ids()).await? {
                Some(entry) => members.ids.extend(self.remember(&key, &entry)),
                None => self.reader.named.put(&key, None),
            }
        }
        Ok(members)
    }

    fn remember(&self, key: &str, entry: &Entry) -> Option<ImmutableId> {
        // A group among the members may lack the attribute that people have.
        let id = self.id_of(entry, ObjectKind::Group);
        self.reader.named.put(key, id.clone());
        id
    }

    fn ids(&self) -> [String; 2] {
        [self.settings.id_attribute.clone(), self.own_id().to_owned()]
    }

    /// What a filter finds anywhere. Too many, or a refusal, is no fault: who is missing is read by name.
    async fn search_named(&self, helper: &mut Helper<'_>, facts: &Facts, filter: &str) -> Result<Vec<Entry>, Fault> {
        let attributes = self.ids();
        let search = Search {
            base: &facts.context,
            scope: Scope::Subtree,
            filter,
            attributes: &attributes,
            at_most: HOMONYMS,
            controls: vec![no_references(&self.settings)],
            inside: None,
        };
        Ok(helper.connection().await?.search(&self.settings, search).await?.entries)
    }
}

/// A name without the optional bit string of `uniqueMember` (RFC 4517 3.3.21).
fn plain(name: &str) -> String {
    match name.rsplit_once('#') {
        Some((dn, bits)) if bits.starts_with('\'') && bits.ends_with("'B") => dn.to_owned(),
        _ => name.to_owned(),
    }
}
