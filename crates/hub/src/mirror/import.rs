//! People as an import reads them: a batch at a time, those who read as before for almost nothing, those who are new
//! and uncontested together, everybody else one by one through the same door as a sign-in.

use std::collections::{BTreeMap, HashMap, HashSet};

use directory::{
    AttributeName, CredentialAuthority, Folded, GroupId, ImmutableId, ImportOutcome, ImportRunId, MatchAttribute,
    Namespace, PersonId, Source, SourceEntry, SourceKind, SourceMode, fold,
};
use serde_json::json;
use storage::{
    Transaction,
    accounts::{Accounts, KnownAccount},
    aliases::{Alias, Aliases},
    attributes::{Attributes, Cause},
    bulk::{NewPerson, insert_people},
    group_members::GroupMembers,
    groups::{Group, Groups},
    matching::{MatchKey, Matching},
};

use super::{
    Provisioned, audit,
    create::{Occasion, newcomer, provision, refused},
    digest_of,
    link::sight,
    matched::{keys, rules_in_force},
    refresh::{admission, refresh},
    values::{Values, shown, words},
};
use crate::{
    HubError, HubParts,
    kernel::{Actor, AuditEvent},
};

/// What became of one object of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub outcome: ImportOutcome,
    pub person: Option<PersonId>,
    /// Why, or the names of what changed. No values.
    pub detail: Option<String>,
}

impl Imported {
    pub(crate) const fn plain(outcome: ImportOutcome, person: Option<PersonId>) -> Self {
        Self { outcome, person, detail: None }
    }

    pub(crate) fn because(outcome: ImportOutcome, detail: &str) -> Self {
        Self { outcome, person: None, detail: Some(detail.to_owned()) }
    }
}

/// Whether an import makes people of this source that nobody knows. One that drains, or is only observed, gains nobody.
const fn makes_people(mode: SourceMode) -> bool {
    match mode {
        SourceMode::Active | SourceMode::Capture => true,
        SourceMode::Draining | SourceMode::Observe | SourceMode::Paused | SourceMode::Retired => false,
    }
}

/// Whether people can prove a password there. Those of the others wait for a directory that can (U1).
pub(super) const fn checks_passwords(kind: SourceKind) -> bool {
    match kind {
        SourceKind::Ldap | SourceKind::ActiveDirectory | SourceKind::Sql | SourceKind::Entra | SourceKind::OpenId => {
            true
        }
        SourceKind::Scim | SourceKind::File => false,
    }
}

/// Writes one entry: the person of a known account is refreshed, anybody else matched and, if nobody fits, made.
pub async fn import_entry(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceEntry,
    run: Option<ImportRunId>,
) -> Result<Imported, HubError> {
    let imported = import_on(tx, hub, source, entry, Occasion::Import(run)).await?;
    imported
        .ok_or_else(|| HubError::Internal("an entry was told to wait for a run that has read everything".to_owned()))
}

/// The same; nothing if it is decided when the run has read everything.
async fn import_on(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entry: &SourceEntry,
    occasion: Occasion,
) -> Result<Option<Imported>, HubError> {
    let run = occasion.cause().run();
    let known = Accounts(tx).by_immutable_id(source.id, &entry.immutable_id).await?;
    let imported = if let Some(account) = known {
        let was_gone = account.status == directory::AccountStatus::Missing;
        let refreshed = refresh(tx, hub, source, entry, &account, Cause::Import(run)).await?;
        let outcome = match () {
            () if was_gone => ImportOutcome::Returned,
            () if refreshed.held => ImportOutcome::Collision,
            () if refreshed.changed.is_empty() && !refreshed.became_disabled && !refreshed.came_back => {
                ImportOutcome::Unchanged
            }
            () => ImportOutcome::Updated,
        };
        let mut changed = refreshed.changed;
        if refreshed.became_disabled || refreshed.came_back {
            changed.push("standing".to_owned());
        }
        let detail = (!changed.is_empty()).then(|| changed.join(", "));
        Imported { outcome, person: Some(refreshed.person.id), detail }
    } else if makes_people(source.mode) {
        let Some(provisioned) = provision(tx, hub, source, entry, occasion).await? else { return Ok(None) };
        match provisioned {
            Provisioned::Created { person, .. } => Imported::plain(ImportOutcome::Created, Some(person.id)),
            Provisioned::Linked { person, .. } | Provisioned::Matched { person, .. } => {
                Imported::plain(ImportOutcome::Linked, Some(person.id))
            }
            Provisioned::Collided { person, .. } => Imported {
                outcome: ImportOutcome::Collision,
                person: Some(person.id),
                detail: Some("created without what somebody else holds".to_owned()),
            },
            Provisioned::Ignored { reason } => Imported::because(ImportOutcome::Held, &reason),
        }
    } else {
        let reason = format!("the directory is in mode {}, which makes nobody new", source.mode);
        return Ok(Some(Imported::because(ImportOutcome::Ignored, &reason)));
    };
    let mapping = source.connector.mapping();
    let computes = !source.profile.expressions.is_empty()
        || mapping.is_some_and(|mapping| mapping.contains_key(&AttributeName::BirthDate));
    let faults = if computes { Values::of(&hub.vault, source, entry).faults_in_words() } else { None };
    let detail = match (imported.detail, faults) {
        (Some(detail), Some(faults)) if imported.outcome != ImportOutcome::Held => Some(format!("{detail}; {faults}")),
        (None, faults) => faults,
        (detail, _) => detail,
    };
    let imported = Imported { detail, ..imported };
    if let Some(run) = run {
        Accounts(tx).see_all(source.id, run, &[entry.immutable_id.as_str()]).await?;
    }
    if matches!(imported.outcome, ImportOutcome::Created | ImportOutcome::Collision | ImportOutcome::Linked) {
        unsettle_listing(tx, source, &[entry.immutable_id.as_str()]).await?;
    }
    Ok(Some(imported))
}

/// Writes a batch of entries, each immutable id once, and says of each what became of it.
///
/// Names and identifiers that entries of the batch give up are free for others of the same batch: two people who
/// exchange their names come out right.
pub async fn import_people(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entries: &[&SourceEntry],
    run: ImportRunId,
) -> Result<Vec<Imported>, HubError> {
    let imported = import_batch(tx, hub, source, entries, (run, Occasion::Import(Some(run)))).await?;
    Ok(imported.into_iter().flatten().collect())
}

/// The same while more is to be read: nothing of those that are decided when everything was.
pub async fn read_people(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entries: &[&SourceEntry],
    run: ImportRunId,
) -> Result<Vec<Option<Imported>>, HubError> {
    import_batch(tx, hub, source, entries, (run, Occasion::Reading(run))).await
}

/// Entries that are written when everything was read: the names and identifiers that they no longer have are free for
/// others at once.
pub async fn give_up_names(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entries: &[&SourceEntry],
) -> Result<(), HubError> {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.immutable_id.as_str()).collect();
    let known = Accounts(tx).known(source.id, &ids).await?;
    for entry in entries {
        if let Some(known) = known.iter().find(|known| known.immutable_id == entry.immutable_id.as_str()) {
            give_up(tx, hub, source, (entry, known)).await?;
            // Whatever it reads next is written, also if it is as before.
            Accounts(tx).set_digest(known.id, None).await?;
        }
    }
    Ok(())
}

async fn import_batch(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entries: &[&SourceEntry],
    (run, occasion): (ImportRunId, Occasion),
) -> Result<Vec<Option<Imported>>, HubError> {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.immutable_id.as_str()).collect();
    let known: HashMap<String, KnownAccount> =
        Accounts(tx).known(source.id, &ids).await?.into_iter().map(|k| (k.immutable_id.clone(), k)).collect();
    let mut imported: Vec<Option<Imported>> = vec![None; entries.len()];
    let (mut same, mut changed, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for (index, entry) in entries.iter().enumerate() {
        match known.get(entry.immutable_id.as_str()) {
            Some(known) if known.digest.as_ref().is_some_and(|d| *d == digest_of(&hub.vault, source, entry)) => {
                same.push(known);
                imported[index] = Some(Imported::plain(ImportOutcome::Unchanged, Some(known.person_id)));
            }
            Some(known) => changed.push((index, known)),
            None => new.push(index),
        }
    }
    let now = hub.clock.now();
    Accounts(tx).touch_all(source.id, Some(run), &same, now).await?;
    let mut gave_up = HashSet::new();
    for (index, known) in &changed {
        if give_up(tx, hub, source, (entries[*index], known)).await? {
            gave_up.insert(*index);
        }
    }
    if makes_people(source.mode) {
        let free = uncontested(tx, hub, source, entries, &new).await?;
        let made = make(tx, hub, source, entries, free, run).await?;
        for (index, person) in made {
            imported[index] = Some(Imported::plain(ImportOutcome::Created, Some(person)));
        }
    }
    for index in changed.iter().map(|(index, _)| *index).chain(new) {
        if imported[index].is_none() {
            let one = import_on(tx, hub, source, entries[index], occasion).await?;
            let Some(mut one) = one else { continue };
            if one.outcome == ImportOutcome::Unchanged && gave_up.contains(&index) {
                one = Imported { outcome: ImportOutcome::Updated, detail: Some("aliases".to_owned()), ..one };
            }
            imported[index] = Some(one);
        }
    }
    Ok(imported)
}

/// Frees the names and identifiers that the entry of a known account no longer has; whether there was one.
async fn give_up(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    (entry, known): (&SourceEntry, &KnownAccount),
) -> Result<bool, HubError> {
    let mut gave_up = false;
    let mut values = Values::of(&hub.vault, source, entry);
    values.hold(tx, known.person_id, known.id).await?;
    for alias in Aliases(tx).of_account(known.id).await? {
        if !values.aliases.contains(&alias.folded) {
            gave_up |= Aliases(tx).delete(alias.namespace, &alias.folded, alias.person_id).await?;
        }
    }
    for old in Attributes(tx).of_person(known.person_id).await? {
        let ours = old.authority == Some(source.id) && old.origin == Some(known.id);
        if let Some(value) = &old.folded
            && ours
            && values.attributes.get(&old.name).map(|new| fold(new)).as_ref() != Some(value)
        {
            Aliases(tx).release(old.name.as_str(), value.as_str(), known.person_id).await?;
        }
    }
    Ok(gave_up)
}

/// What a new entry would take.
struct Wanted {
    values: Values,
    identifiers: Vec<(AttributeName, Folded)>,
    /// What it is found by.
    keys: Vec<MatchKey>,
}

/// What a claim on a value of this attribute is called; nobody claims any other.
const fn claim_kind(name: AttributeName) -> &'static str {
    match name {
        AttributeName::Email => "email",
        AttributeName::EmployeeNumber => "employee_number",
        AttributeName::DisplayName
        | AttributeName::GivenName
        | AttributeName::FamilyName
        | AttributeName::Phone
        | AttributeName::Title
        | AttributeName::Department
        | AttributeName::Locale
        | AttributeName::BirthDate
        | AttributeName::NationalNumber
        | AttributeName::Custom(_) => "not claimed",
    }
}

/// Those of the new entries that hold nothing anybody else has, bears or wants, and that no rule could match: they
/// can be made together. The others go through [`provision`] one by one.
async fn uncontested(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entries: &[&SourceEntry],
    new: &[usize],
) -> Result<Vec<(usize, Wanted)>, HubError> {
    let mut wanted = Vec::with_capacity(new.len());
    let mut times: HashMap<(&'static str, String), usize> = HashMap::new();
    for index in new {
        let values = Values::of(&hub.vault, source, entries[*index]);
        if refused(&values, entries[*index], Occasion::Import(None)).is_some() {
            continue;
        }
        let identifiers: Vec<_> = [AttributeName::Email, AttributeName::EmployeeNumber]
            .into_iter()
            .filter_map(|name| values.attributes.get(&name).map(|value| (name, fold(value))))
            .collect();
        for name in &values.aliases {
            *times.entry(("alias", name.clone())).or_default() += 1;
        }
        for (name, value) in &identifiers {
            *times.entry((claim_kind(*name), value.as_str().to_owned())).or_default() += 1;
        }
        let keys = keys(source, entries[*index], &values);
        wanted.push((*index, Wanted { values, identifiers, keys }));
    }
    let mut contested: HashSet<(&'static str, String)> =
        times.into_iter().filter(|(_, times)| *times > 1).map(|(wanted, _)| wanted).collect();
    let names: Vec<&str> = wanted.iter().flat_map(|(_, w)| w.values.aliases.iter().map(String::as_str)).collect();
    let borne = Aliases(tx).borne(Namespace::Source(source.id), &names).await?;
    contested.extend(borne.into_iter().map(|name| ("alias", name)));
    for kind in [AttributeName::Email, AttributeName::EmployeeNumber] {
        let values: Vec<&str> = wanted
            .iter()
            .flat_map(|(_, w)| w.identifiers.iter().filter(|(name, _)| *name == kind).map(|(_, v)| v.as_str()))
            .collect();
        let held = Aliases(tx).held(claim_kind(kind), &values).await?;
        contested.extend(held.into_iter().map(|value| (claim_kind(kind), value)));
    }
    let wanted = unmatched(tx, hub, source, entries, wanted).await?;
    let is_free = |w: &Wanted| {
        w.values.aliases.iter().all(|name| !contested.contains(&("alias", name.clone())))
            && w.values.faults.is_empty()
            && w.identifiers.iter().all(|(name, v)| !contested.contains(&(claim_kind(*name), v.as_str().to_owned())))
    };
    Ok(wanted.into_iter().filter(|(_, w)| is_free(w)).collect())
}

/// Those whom no rule and no reviewer could find to be somebody: nobody bears one of their values, in the hub or in
/// this batch. Without rules in force that is everybody.
async fn unmatched(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entries: &[&SourceEntry],
    wanted: Vec<(usize, Wanted)>,
) -> Result<Vec<(usize, Wanted)>, HubError> {
    if rules_in_force(tx).await?.finds_nothing() {
        return Ok(wanted);
    }
    let ids: Vec<&str> = wanted.iter().map(|(index, _)| entries[*index].immutable_id.as_str()).collect();
    let decided: HashSet<String> = Matching(tx).decided(source.id, &ids).await?.into_iter().collect();
    // All are looked up before anybody of the batch is written: its own bearers are these.
    let mut times: BTreeMap<MatchAttribute, HashMap<&str, usize>> = BTreeMap::new();
    for key in wanted.iter().flat_map(|(_, w)| &w.keys) {
        *times.entry(key.attribute).or_default().entry(&key.folded).or_default() += 1;
    }
    let mut taken: HashSet<(MatchAttribute, String)> = HashSet::new();
    for (attribute, values) in times {
        let folded: Vec<&str> = values.keys().copied().collect();
        taken.extend(Matching(tx).borne(attribute, &folded).await?.into_iter().map(|value| (attribute, value)));
        let twice = values.into_iter().filter(|(_, times)| *times > 1);
        taken.extend(twice.map(|(value, _)| (attribute, value.to_owned())));
    }
    let mut alone = Vec::with_capacity(wanted.len());
    for (index, w) in wanted {
        let entry = entries[index];
        let borne = w.keys.iter().any(|key| taken.contains(&(key.attribute, key.folded.clone())));
        if borne || decided.contains(entry.immutable_id.as_str()) {
            // Before any of them is decided: two of one batch with one value are not unique.
            sight(tx, hub, source, entry).await?;
        } else {
            alone.push((index, w));
        }
    }
    Ok(alone)
}

/// Makes the people of these entries.
async fn make(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entries: &[&SourceEntry],
    free: Vec<(usize, Wanted)>,
    run: ImportRunId,
) -> Result<Vec<(usize, PersonId)>, HubError> {
    if free.is_empty() {
        return Ok(Vec::new());
    }
    let groups = group_ids(tx, hub, source, free.iter().map(|(index, _)| entries[*index])).await?;
    let mut made = Vec::with_capacity(free.len());
    let mut people = Vec::with_capacity(free.len());
    for (index, Wanted { values, keys, .. }) in free {
        let entry = entries[index];
        let (mut person, account) = newcomer(hub, source, entry, &values, Occasion::Import(Some(run)));
        let mut attributes = Vec::new();
        let mut claims = Vec::new();
        let written = (person.created_at, Cause::Import(Some(run)));
        for (name, value) in &values.attributes {
            let (attribute, claimable) = admission(source, &account, *name, value, written);
            if let (Some(folded), true) = (&attribute.folded, claimable) {
                claims.push((claim_kind(*name), folded.clone()));
            }
            attributes.push(attribute);
        }
        person.privileged = account.privileged;
        let names: Vec<String> = values.aliases.iter().cloned().collect();
        let alias = |name: &String| Alias {
            namespace: Namespace::Source(source.id),
            folded: name.clone(),
            person_id: person.id,
            account_id: Some(account.id),
        };
        made.push((index, person.id));
        people.push(NewPerson {
            digest: Some(digest_of(&hub.vault, source, entry)),
            keys,
            aliases: names.iter().map(alias).collect(),
            words: words(&person.display_name, &attributes, &names),
            groups: entry.groups.iter().filter_map(|group| groups.get(&group.immutable_id).copied()).collect(),
            attributes,
            claims,
            person,
            account,
        });
    }
    insert_people(tx, &people, Some(run.uuid())).await?;
    let ids: Vec<&str> = made.iter().map(|(index, _)| entries[*index].immutable_id.as_str()).collect();
    unsettle_listing(tx, source, &ids).await?;
    // Whoever lacked something and has it now waits no more.
    Matching(tx).release_all(source.id, &ids).await?;
    // One line for all of them: the results of the run name each.
    let details = json!({ "run": run, "people": people.len() });
    audit(tx, hub, AuditEvent::new(Actor::System, "people.imported").source(source.id).details(details)).await?;
    Ok(made)
}

/// The groups these entries name, each added if it is new.
async fn group_ids<'a>(
    tx: &mut Transaction,
    hub: &HubParts,
    source: &Source,
    entries: impl Iterator<Item = &'a SourceEntry>,
) -> Result<HashMap<ImmutableId, GroupId>, HubError> {
    let mut named: BTreeMap<&ImmutableId, String> = BTreeMap::new();
    for entry in entries.filter(|entry| entry.groups_complete) {
        for group in entry.groups.iter().filter(|g| !g.immutable_id.as_str().contains(char::is_control)) {
            named.insert(&group.immutable_id, shown(&group.name));
        }
    }
    let ids: Vec<&str> = named.keys().map(|id| id.as_str()).collect();
    let mut found: HashMap<ImmutableId, GroupId> = HashMap::new();
    for known in GroupMembers(tx).known(source.id, &ids).await? {
        if named.get(&known.immutable_id) == Some(&known.name) {
            found.insert(known.immutable_id, known.id);
        }
    }
    for (id, name) in named {
        if found.contains_key(id) {
            continue;
        }
        let group = Group {
            id: hub.random.id(hub.clock.now()).into(),
            source_id: Some(source.id),
            immutable_id: id.clone(),
            name,
        };
        let stored = Groups(tx).put(&group).await?;
        found.insert(id.clone(), stored.id);
    }
    Ok(found)
}

/// Groups may list somebody before they are known: then their memberships follow now.
pub(super) async fn unsettle_listing(tx: &mut Transaction, source: &Source, ids: &[&str]) -> Result<(), HubError> {
    for group in GroupMembers(tx).listing(source.id, ids).await? {
        GroupMembers(tx).unsettle(source.id, group).await?;
    }
    Ok(())
}

/// Who checks the passwords of people of this source, when they are new.
pub(super) fn first_authority(source: &Source) -> CredentialAuthority {
    if checks_passwords(source.kind) { CredentialAuthority::Source(source.id) } else { CredentialAuthority::None }
}
