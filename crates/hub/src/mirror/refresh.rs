//! Taking over what a source says of an account, as far as the source is the authority for it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use directory::{
    Account, AttributeName, CaseId, ChangeReason, EmailAddress, Folded, GroupId, ImmutableId, MatchOutcome, Namespace,
    Person, PersonId, Source, SourceEntry, Standing, fold,
};
use serde_json::json;
use storage::{
    Transaction,
    accounts::Accounts,
    aliases::{Alias, Aliases},
    attribute_history::AttributeHistory,
    attributes::{Attributes, Cause, StoredAttribute},
    cases::{Case, Cases},
    groups::{Group, Groups, Origin},
    matching::Matching,
    people::People,
    search::Search,
};

use super::{
    Written, audit, decides_standing, digest_of, history,
    matched::keys,
    person, standing_of,
    values::{Values, owns, shown, words},
};
use crate::{
    HubError, HubParts,
    kernel::{Actor, AuditEvent},
    session,
};

/// What a refresh did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// As they are now.
    pub person: Person,
    pub account: Account,
    /// Names of what changed; no values.
    pub changed: Vec<String>,
    /// Something of the entry was held by somebody else and not taken.
    pub held: bool,
    /// The standing authority no longer lets the person in; their sessions ended.
    pub became_disabled: bool,
    /// The standing authority lets the person in again.
    pub came_back: bool,
}

/// Writes what the service account just read of a known account.
///
/// Values that the hub or another source owns stay; memberships of another origin stay; a source that is the standing
/// authority decides whether the person may be here, and ending that ends their sessions.
pub async fn refresh(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceEntry,
    account: &Account,
    cause: Cause,
) -> Result<Refreshed, HubError> {
    if account.source_id != source.id || account.immutable_id != entry.immutable_id {
        return Err(HubError::Internal("an entry was written to an account that is not its own".to_owned()));
    }
    let before = person(tx, account.person_id).await?;
    let mut account = account.clone();
    if reads_as_last_time(tx, hub, source, entry).await? {
        let now = hub.clock.now();
        Accounts(tx).touch(account.id, now).await?;
        account.read_at = now;
        let standing_read_at = if decides_standing(&before, &account) { Some(now) } else { before.standing_read_at };
        let person = Person { standing_read_at, ..before };
        return Ok(Refreshed {
            person,
            account,
            changed: Vec::new(),
            held: false,
            became_disabled: false,
            came_back: false,
        });
    }
    let mut person = before.clone();
    let written = write_entry(tx, hub, source, entry, &mut person, &mut account, (Birth::No, cause)).await?;
    let became_disabled = before.standing == Standing::Active && person.standing != Standing::Active;
    let came_back = before.standing != Standing::Active && person.standing == Standing::Active;
    if became_disabled {
        let sessions = session::end_all(tx, &*hub.clock, person.id, "disabled at the source").await?;
        let details = json!({ "standing": person.standing, "sessions_ended": sessions });
        let event = AuditEvent::new(Actor::System, "person.disabled-by-source");
        audit(tx, hub, event.person(person.id).source(source.id).details(details)).await?;
    } else if account.status != directory::AccountStatus::Active {
        // Elsewhere the account alone is dead (row D9).
        session::end_proven_at(tx, &*hub.clock, person.id, source.id, "the account is disabled").await?;
    }
    if came_back {
        let event = AuditEvent::new(Actor::System, "person.returned");
        audit(tx, hub, event.person(person.id).source(source.id)).await?;
    }
    if !written.changed.is_empty() {
        let details = json!({ "changed": written.changed });
        let event = AuditEvent::new(Actor::System, "person.updated");
        audit(tx, hub, event.person(person.id).source(source.id).details(details)).await?;
    }
    let person = super::person(tx, person.id).await?;
    Ok(Refreshed { person, account, changed: written.changed, held: written.held, became_disabled, came_back })
}

/// Whether everything this entry says is written already, which is so at most sign-ins. Whatever undoes a part of it
/// empties the digest.
async fn reads_as_last_time(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceEntry,
) -> Result<bool, HubError> {
    let stored = Accounts(tx).digest(source.id, &entry.immutable_id).await?;
    Ok(stored.and_then(|(_, digest)| digest).is_some_and(|digest| digest == digest_of(&hub.vault, source, entry)))
}

/// Whether the person is being created by this entry; only then does a collision restrict their reach (row D19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Birth {
    Yes,
    No,
}

/// The one writer: everything of an entry that this source may decide. `person` and `account` exist as rows.
pub(super) async fn write_entry(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceEntry,
    person: &mut Person,
    account: &mut Account,
    (birth, cause): (Birth, Cause),
) -> Result<Written, HubError> {
    let now = hub.clock.now();
    let mut values = Values::of(&hub.vault, source, entry);
    values.hold(tx, person.id, account.id).await?;
    let mut writing = Writing { hub, source, person_id: person.id, birth, cause, written: Written::default() };

    account.locator = shown(&entry.locator);
    // A required value that is missing holds what was there; it never stops the run.
    account.username = values.username.clone().or_else(|| account.username.take());
    account.status = entry.status;
    account.password_set_at = entry.password_set_at;
    account.read_at = now;
    account.missing_since = None;
    account.locked_until = entry.lockout.locked_until.filter(|until| *until > now);
    // Groups that were not read may be the protected ones.
    account.privileged = entry.privileged || (account.privileged && !entry.groups_complete);
    Accounts(tx).update(account).await?;

    Matching(tx).set_keys(source.id, &account.immutable_id, &keys(source, entry, &values)).await?;
    writing.aliases(tx, account, &values.aliases).await?;
    writing.attributes(tx, account, &values.attributes).await?;
    if entry.groups_complete {
        writing.memberships(tx, account, entry).await?;
    }

    let attributes = Attributes(tx).of_person(person.id).await?;
    if let Some(name) = name_of(&attributes, &values, account) {
        person.display_name = name;
    }
    if decides_standing(person, account) {
        person.standing = standing_of(entry.status);
        person.standing_read_at = Some(now);
    }
    if !writing.written.changed.is_empty() {
        person.updated_at = now;
    }
    People(tx).update(person).await?;

    find_by(tx, person, &attributes).await?;
    if !values.faults.is_empty() {
        let details = json!({ "account": account.id, "attributes": values.faults });
        let event = AuditEvent::new(Actor::System, "person.mapping-failed").person(person.id).source(source.id);
        audit(tx, hub, event.details(details)).await?;
    }
    // What is held now may come free without the entry changing: such an entry is written again next time.
    let digest = (!writing.written.held).then(|| digest_of(&hub.vault, source, entry));
    Accounts(tx).set_digest(account.id, digest).await?;
    Ok(writing.written)
}

/// The words the person is found by.
pub(super) async fn find_by(
    tx: &mut Transaction,
    person: &Person,
    attributes: &[StoredAttribute],
) -> Result<(), HubError> {
    let names: Vec<String> = Aliases(tx).of_person(person.id).await?.into_iter().map(|a| a.folded).collect();
    Ok(Search(tx).set_words(person.id, &words(&person.display_name, attributes, &names)).await?)
}

/// What the person is called: the display name they have, else what this entry offers if it is theirs to say.
fn name_of(attributes: &[StoredAttribute], values: &Values, account: &Account) -> Option<String> {
    let stored = attributes.iter().find(|a| a.name == AttributeName::DisplayName);
    match stored {
        Some(attribute) => Some(attribute.value.clone()),
        None if account.kind == directory::LinkKind::Primary => values.display_name.clone(),
        None => None,
    }
}

/// An identifier somebody else holds.
enum Identifier<'a> {
    Alias(&'a str),
    Attribute(AttributeName, &'a Folded),
}

impl Identifier<'_> {
    fn kind(&self) -> &str {
        match self {
            Self::Alias(_) => "alias",
            Self::Attribute(name, _) => name.as_str(),
        }
    }
    fn folded(&self) -> &str {
        match self {
            Self::Alias(name) => name,
            Self::Attribute(_, value) => value.as_str(),
        }
    }
}

/// One entry on its way into the database.
pub(super) struct Writing<'a> {
    pub(super) hub: &'a HubParts,
    pub(super) source: &'a Source,
    pub(super) person_id: PersonId,
    pub(super) birth: Birth,
    pub(super) cause: Cause,
    pub(super) written: Written,
}

impl Writing<'_> {
    pub(super) fn changed(&mut self, what: &str) {
        if !self.written.changed.iter().any(|known| known == what) {
            self.written.changed.push(what.to_owned());
        }
    }

    async fn aliases(
        &mut self,
        tx: &mut Transaction,
        account: &Account,
        wanted: &BTreeSet<String>,
    ) -> Result<(), HubError> {
        let namespace = Namespace::Source(self.source.id);
        let stored = Aliases(tx).of_account(account.id).await?;
        for old in stored.iter().filter(|alias| !wanted.contains(&alias.folded)) {
            Aliases(tx).delete(namespace, &old.folded, self.person_id).await?;
            self.changed("aliases");
        }
        for name in wanted {
            if stored.iter().any(|alias| alias.folded == *name) {
                continue;
            }
            let alias =
                Alias { namespace, folded: name.clone(), person_id: self.person_id, account_id: Some(account.id) };
            let folded = fold(name);
            if Aliases(tx).insert(&alias).await? {
                self.changed("aliases");
                Cases(tx).close_outdated(self.person_id, "alias", &folded, self.hub.clock.now()).await?;
            } else if let Some(holder) = Aliases(tx).find(namespace, &folded).await?
                && holder.person_id != self.person_id
            {
                self.held(tx, holder.person_id, Identifier::Alias(name)).await?;
            }
        }
        Ok(())
    }

    async fn attributes(
        &mut self,
        tx: &mut Transaction,
        account: &Account,
        read: &BTreeMap<AttributeName, String>,
    ) -> Result<(), HubError> {
        let stored: BTreeMap<_, _> =
            Attributes(tx).of_person(self.person_id).await?.into_iter().map(|a| (a.name, a)).collect();
        // Whoever is only just being made has one account.
        let offers = match self.birth {
            Birth::Yes => Vec::new(),
            Birth::No => AttributeHistory(tx).offers(self.person_id).await?,
        };
        let said = offers.iter().map(|offer| offer.name);
        let names: BTreeSet<AttributeName> = stored.keys().chain(read.keys()).copied().chain(said).collect();
        for name in names {
            let old = stored.get(&name);
            if old.is_some_and(|old| old.authority.is_none()) {
                continue;
            }
            let ours = |a: &StoredAttribute| a.authority == Some(self.source.id) && a.origin == Some(account.id);
            let contested = offers.iter().any(|offer| offer.name == name && offer.account != account.id);
            let others = old.is_some_and(|old| !ours(old));
            if others && !read.contains_key(&name) && !offers.iter().any(|offer| offer.name == name) {
                continue;
            }
            if contested || others {
                self.contested(tx, Some((account, read.get(&name))), name, old, &offers).await?;
                continue;
            }
            let new = match read.get(&name) {
                Some(value) => self.admitted(tx, (self.source, account), name, value).await?,
                None => None,
            };
            self.replace(tx, name, old, new, ChangeReason::Said).await?;
        }
        Ok(())
    }

    /// Puts the new value in the place of the old one, and keeps what it was.
    pub(super) async fn replace(
        &mut self,
        tx: &mut Transaction,
        name: AttributeName,
        old: Option<&StoredAttribute>,
        new: Option<StoredAttribute>,
        reason: ChangeReason,
    ) -> Result<(), HubError> {
        self.give_up(tx, old, new.as_ref()).await?;
        match (old, new) {
            (None, None) => return Ok(()),
            (Some(old), Some(mut new)) => {
                if same(old, &new) {
                    return Ok(());
                }
                if said_alike(old, &new) {
                    // What it means has changed, not what is said: where it came from stays.
                    (new.updated_at, new.cause) = (old.updated_at, old.cause);
                } else {
                    history::note(tx, (old, Some(&new)), (new.updated_at, reason, self.cause)).await?;
                }
                Attributes(tx).put(&new).await?;
            }
            (None, Some(new)) => Attributes(tx).put(&new).await?,
            (Some(old), None) => {
                let gone = (self.hub.clock.now(), ChangeReason::NoLongerSaid, self.cause);
                history::note(tx, (old, None), gone).await?;
                Attributes(tx).delete(self.person_id, name).await?;
            }
        }
        self.changed(name.as_str());
        Ok(())
    }

    /// The value as it may be written; nothing if somebody else holds it.
    pub(super) async fn admitted(
        &mut self,
        tx: &mut Transaction,
        (source, account): (&Source, &Account),
        name: AttributeName,
        value: &str,
    ) -> Result<Option<StoredAttribute>, HubError> {
        let (attribute, claimable) = admission(source, account, name, value, (self.hub.clock.now(), self.cause));
        let Some(folded) = attribute.folded.clone() else { return Ok(Some(attribute)) };
        let claimed = claimable && Aliases(tx).claim(name.as_str(), &folded, self.person_id).await?;
        if claimed {
            let claimed = (self.hub.clock.now(), ChangeReason::Claimed, self.cause);
            for theirs in Attributes(tx).bearers_but(name, &folded, self.person_id).await? {
                history::note(tx, (&theirs, None), claimed).await?;
            }
            Attributes(tx).evict(name, &folded, self.person_id).await?;
            Cases(tx).close_outdated(self.person_id, name.as_str(), &folded, self.hub.clock.now()).await?;
        } else if let Some(holder) = Aliases(tx).claimed_by(name.as_str(), &folded).await?
            && holder != self.person_id
        {
            self.held(tx, holder, Identifier::Attribute(name, &folded)).await?;
            return Ok(None);
        }
        Ok(Some(attribute))
    }

    /// Releases the claim on a value the source no longer gives.
    async fn give_up(
        &self,
        tx: &mut Transaction,
        old: Option<&StoredAttribute>,
        new: Option<&StoredAttribute>,
    ) -> Result<(), HubError> {
        if let Some(old) = old
            && let Some(value) = &old.folded
            && new.and_then(|new| new.folded.as_ref()) != Some(value)
        {
            Aliases(tx).release(old.name.as_str(), value.as_str(), self.person_id).await?;
        }
        Ok(())
    }

    async fn memberships(
        &mut self,
        tx: &mut Transaction,
        account: &Account,
        entry: &SourceEntry,
    ) -> Result<(), HubError> {
        let origin = Origin::Account(account.id);
        let stored = Groups(tx).of_origin(self.person_id, origin).await?;
        let mut known: BTreeMap<&ImmutableId, &Group> = BTreeMap::new();
        known.extend(stored.iter().filter(|g| g.source_id == Some(self.source.id)).map(|g| (&g.immutable_id, g)));
        let mut wanted: BTreeSet<GroupId> = BTreeSet::new();
        // PostgreSQL refuses NUL; an id with one is nobody's.
        for group in entry.groups.iter().filter(|group| !group.immutable_id.as_str().contains(char::is_control)) {
            let name = shown(&group.name);
            if let Some(same) = known.get(&group.immutable_id).filter(|g| g.name == name) {
                wanted.insert(same.id);
                continue;
            }
            let group = Groups(tx)
                .put(&Group {
                    id: self.hub.random.id(self.hub.clock.now()).into(),
                    source_id: Some(self.source.id),
                    immutable_id: group.immutable_id.clone(),
                    name,
                })
                .await?;
            Groups(tx).join(group.id, self.person_id, origin).await?;
            wanted.insert(group.id);
            self.changed("groups");
        }
        for old in stored.iter().filter(|group| !wanted.contains(&group.id)) {
            Groups(tx).leave(old.id, self.person_id, origin).await?;
            self.changed("groups");
        }
        Ok(())
    }

    /// Notes that somebody else holds it: the value is not taken, a case opens, and the run goes on.
    async fn held(
        &mut self,
        tx: &mut Transaction,
        holder: PersonId,
        identifier: Identifier<'_>,
    ) -> Result<(), HubError> {
        let now = self.hub.clock.now();
        self.written.held = true;
        let id: CaseId = self.hub.random.id(now).into();
        let case = Case {
            id,
            kind: MatchOutcome::Collision,
            person_id: self.person_id,
            holder_id: holder,
            source_id: self.source.id,
            identifier: identifier.kind().to_owned(),
            folded: identifier.folded().to_owned(),
            restricts_reach: self.birth == Birth::Yes,
            opened_at: now,
            closed_at: None,
        };
        if Cases(tx).open(&case).await? {
            self.written.cases.push(id);
            let details = json!({ "case": id, "identifier": case.identifier, "holder": holder });
            let event = AuditEvent::new(Actor::System, "case.opened");
            audit(tx, self.hub, event.person(self.person_id).source(self.source.id).details(details)).await?;
        }
        Ok(())
    }
}

/// The value as it is written if nobody holds it, and whether it is claimed by being written.
pub(super) fn admission(
    source: &Source,
    account: &Account,
    name: AttributeName,
    value: &str,
    (now, cause): (DateTime<Utc>, Cause),
) -> (StoredAttribute, bool) {
    let self_written = source.is_self_written(name);
    let identifies = matches!(name, AttributeName::Email | AttributeName::EmployeeNumber);
    let owned_address =
        name == AttributeName::Email && EmailAddress::split(value).is_some_and(|address| owns(source, &address));
    let attribute = StoredAttribute {
        person_id: account.person_id,
        name,
        value: value.to_owned(),
        folded: identifies.then(|| fold(value)),
        authority: Some(source.id),
        origin: Some(account.id),
        self_written,
        verified: owned_address && !self_written,
        updated_at: now,
        cause: Some(cause),
    };
    // Only an address of a declared domain, or a number, can be claimed, and only if not self-written.
    let claimable = !self_written && (owned_address || name == AttributeName::EmployeeNumber);
    (attribute, claimable)
}

/// The same value from the same account.
fn said_alike(old: &StoredAttribute, new: &StoredAttribute) -> bool {
    old.value == new.value && old.authority == new.authority && old.origin == new.origin
}

/// The same but for when and how it was written.
fn same(old: &StoredAttribute, new: &StoredAttribute) -> bool {
    said_alike(old, new)
        && old.folded == new.folded
        && old.self_written == new.self_written
        && old.verified == new.verified
}
