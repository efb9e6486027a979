//! Attributes that the installation defines: what can be meant, what a change does to what is stored, and its audit line.
//! What people have of one is never deleted on the way: removing it is an act of its own, and says beforehand how much.

use std::collections::BTreeSet;

use directory::{AttributeDefinition, AttributeName, CustomName, ProfileSettings, Source, SourceId};
use oidc::Scope;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::{
    Transaction,
    attribute_definitions::{AttributeDefinitions, DefinitionsVersion},
};

use super::{FieldChange, check_label, compare, invalid};
use crate::{
    Hub, HubError,
    kernel::{
        Actor, AuditEvent,
        capability::{Administer, ReadConfiguration},
        record,
    },
};

/// More than anybody looks after, and every source carries them.
const MOST: usize = 200;

/// Everything that is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinedAttributes {
    /// What a change has to be based on.
    pub version: i64,
    /// By name.
    pub attributes: Vec<DefinedAttribute>,
}

/// One definition, with the sources whose profile fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinedAttribute {
    pub definition: AttributeDefinition,
    /// Labels.
    pub filled_by: Vec<String>,
}

/// What removing an attribute would delete, as somebody saw it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// People who have a value.
    pub people: i64,
    /// What further directories say of them.
    pub offers: i64,
    /// Former values.
    pub changes: i64,
}

/// The definition in its stored form, if it can be meant beside the others.
pub(crate) fn check(
    mut definition: AttributeDefinition,
    others: &[AttributeDefinition],
) -> Result<AttributeDefinition, HubError> {
    definition.label = definition.label.trim().to_owned();
    check_label("label", &definition.label)?;
    definition.check().map_err(|misfit| invalid("kind", misfit.to_string()))?;
    if let Some(release) = &mut definition.release {
        release.claim = release.claim.trim().to_owned();
        if let Some(fault) = oidc::claim_fault(&release.claim) {
            return Err(invalid("claim", fault));
        }
        if Scope::of_claims(&release.scope).is_none() {
            let known = Scope::OF_CLAIMS.map(Scope::as_str).join(", ");
            return Err(invalid("scope", format!("use one of {known}")));
        }
        let same = |other: &&AttributeDefinition| {
            other.name != definition.name && other.release.as_ref().is_some_and(|r| r.claim == release.claim)
        };
        if let Some(other) = others.iter().find(same) {
            return Err(invalid("claim", format!("{} is released as this claim already", other.name)));
        }
    }
    if others.iter().filter(|other| other.name != definition.name).count() >= MOST {
        return Err(invalid("name", format!("there are {MOST} attributes already, and no more are taken")));
    }
    Ok(definition)
}

/// What changes from one state of a definition to the other; nothing before if it is new.
pub(crate) fn changes(before: Option<&AttributeDefinition>, after: &AttributeDefinition) -> Vec<FieldChange> {
    let value = |definition: &AttributeDefinition| serde_json::to_value(definition).unwrap_or(Value::Null);
    compare(&before.map_or_else(|| json!({}), value), &value(after), &["name"])
}

/// Refuses a profile that fills what nobody defined.
pub(crate) fn check_filled(profile: &ProfileSettings, definitions: &[AttributeDefinition]) -> Result<(), HubError> {
    let named = profile.expressions.keys().chain(profile.priorities.keys()).filter_map(|name| name.custom());
    let unknown: BTreeSet<CustomName> = named.filter(|name| !definitions.iter().any(|d| d.name == *name)).collect();
    match unknown.first() {
        None => Ok(()),
        Some(name) => {
            Err(invalid("profile.expressions", format!("there is no attribute {name} of your own: define it first")))
        }
    }
}

/// The same against those in force.
pub(super) async fn check_source(tx: &mut Transaction, source: &Source) -> Result<(), HubError> {
    if source.profile.expressions.keys().chain(source.profile.priorities.keys()).all(|name| name.custom().is_none()) {
        return Ok(());
    }
    check_filled(&source.profile, &AttributeDefinitions(tx).current().await?.definitions)
}

fn fills(source: &Source, name: CustomName) -> bool {
    source.profile.expressions.contains_key(&AttributeName::Custom(name))
}

/// Puts definitions in force; `version` is the one they are based on. Answers which sources' entries are to be computed
/// again: see [`recompute`].
pub(crate) async fn define(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    (version, wanted): (i64, &[AttributeDefinition]),
) -> Result<BTreeSet<SourceId>, HubError> {
    let mut filling = BTreeSet::new();
    let current = AttributeDefinitions(tx).current().await?;
    let mut next = current.definitions.clone();
    for definition in wanted {
        let definition = check(definition.clone(), &next)?;
        let before = next.iter().find(|known| known.name == definition.name).cloned();
        let changed = changes(before.as_ref(), &definition);
        if changed.is_empty() && before.is_some() {
            continue;
        }
        if let Some(before) = &before {
            filling.extend(affected(tx, before, &definition).await?);
        }
        let action = if before.is_some() { "attribute.changed" } else { "attribute.defined" };
        let details = json!({ "name": definition.name, "changes": changed });
        record(tx, &*hub.clock, &*hub.random, AuditEvent::new(actor, action).details(details)).await?;
        next.retain(|known| known.name != definition.name);
        next.push(definition);
    }
    put(tx, hub, actor, (version, current), next).await?;
    Ok(filling)
}

/// Every entry of these sources is computed again at its next reading, though it reads as before: an import that asks for
/// changes only reads all of them once.
pub(crate) async fn recompute(tx: &mut Transaction, hub: &Hub, sources: &BTreeSet<SourceId>) -> Result<(), HubError> {
    for source in sources {
        storage::sources::raise_revision(tx, *source, hub.clock.now()).await?;
    }
    Ok(())
}

/// What a changed definition means for what is stored: its type stays as long as anybody has a value, and the sources that
/// fill it read values otherwise from now on.
async fn affected(
    tx: &mut Transaction,
    before: &AttributeDefinition,
    after: &AttributeDefinition,
) -> Result<BTreeSet<SourceId>, HubError> {
    let retyped = before.kind.word() != after.kind.word() || before.several != after.several;
    if retyped && AttributeDefinitions(tx).is_held(before.attribute()).await? {
        return Err(invalid(
            "kind",
            format!(
                "people have values of {}: its type, and whether it has several, stay. Define another attribute, or remove \
                 this one first",
                before.name
            ),
        ));
    }
    if before.kind == after.kind && before.several == after.several && before.required == after.required {
        return Ok(BTreeSet::new());
    }
    let sources = storage::sources::all(tx).await?;
    Ok(sources.iter().filter(|stored| fills(&stored.source, before.name)).map(|stored| stored.source.id).collect())
}

async fn put(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    (version, current): (i64, DefinitionsVersion),
    mut next: Vec<AttributeDefinition>,
) -> Result<(), HubError> {
    next.sort_by_key(|definition| definition.name);
    if next == current.definitions {
        return Ok(());
    }
    let stale =
        || HubError::Refused("Somebody else has changed the attributes meanwhile. Load the page again.".to_owned());
    if current.version != version {
        return Err(stale());
    }
    let next = DefinitionsVersion { version: version + 1, definitions: next };
    let put = AttributeDefinitions(tx).add(&next, &actor.to_string(), hub.clock.now()).await?;
    if put { Ok(()) } else { Err(stale()) }
}

impl Hub {
    /// Everything that is defined, by name.
    pub async fn defined_attributes(&self, _: &ReadConfiguration) -> Result<DefinedAttributes, HubError> {
        let mut reader = self.database.reader();
        let current = AttributeDefinitions(&mut reader).current().await?;
        let sources = storage::sources::all(&mut reader).await?;
        let filled_by = |name: CustomName| {
            sources.iter().filter(|s| fills(&s.source, name)).map(|s| s.source.label.clone()).collect()
        };
        let attributes = current.definitions.into_iter();
        Ok(DefinedAttributes {
            version: current.version,
            attributes: attributes
                .map(|definition| DefinedAttribute { filled_by: filled_by(definition.name), definition })
                .collect(),
        })
    }

    /// Defines an attribute, or changes one. `new` refuses to change one that is there.
    pub async fn define_attribute(
        &self,
        by: &Administer,
        version: i64,
        definition: AttributeDefinition,
        new: bool,
    ) -> Result<(), HubError> {
        let actor = by.actor();
        storage::write!(self.database, |tx| {
            let known = AttributeDefinitions(tx).current().await?.definitions;
            if known.iter().any(|known| known.name == definition.name) == new {
                return Err(if new {
                    invalid("name", "there is an attribute of this name already")
                } else {
                    HubError::NotFound("The attribute")
                });
            }
            let filling = define(tx, self, actor, (version, std::slice::from_ref(&definition))).await?;
            recompute(tx, self, &filling).await
        })?;
        self.state.connections.forget();
        Ok(())
    }

    /// What removing this attribute would delete.
    pub async fn attribute_removal(&self, _: &Administer, name: CustomName) -> Result<Removal, HubError> {
        let held = AttributeDefinitions(&mut self.database.reader()).held(AttributeName::Custom(name)).await?;
        Ok(Removal { people: held.people, offers: held.offers, changes: held.changes })
    }

    /// Removes an attribute with everything people have of it. `seen` is what somebody was told beforehand: if it is
    /// more meanwhile, nothing is removed. So is an attribute that a source fills still.
    pub async fn remove_attribute(
        &self,
        by: &Administer,
        version: i64,
        name: CustomName,
        seen: Removal,
    ) -> Result<(), HubError> {
        let actor = by.actor();
        storage::write!(self.database, |tx| {
            let current = AttributeDefinitions(tx).current().await?;
            if !current.definitions.iter().any(|known| known.name == name) {
                return Err(HubError::NotFound("The attribute"));
            }
            let sources = storage::sources::all(tx).await?;
            if let Some(filling) = sources.iter().find(|stored| fills(&stored.source, name)) {
                return Err(HubError::Refused(format!(
                    "The profile of {} fills it: take its expression out there first.",
                    filling.source.label
                )));
            }
            let held = AttributeDefinitions(tx).held(AttributeName::Custom(name)).await?;
            if held.people > seen.people || held.offers > seen.offers || held.changes > seen.changes {
                return Err(HubError::Refused(format!(
                    "Meanwhile {} people have it. Look again at what would be deleted.",
                    held.people
                )));
            }
            AttributeDefinitions(tx).forget(AttributeName::Custom(name)).await?;
            let details =
                json!({ "name": name, "people": held.people, "offers": held.offers, "changes": held.changes });
            record(tx, &*self.clock, &*self.random, AuditEvent::new(actor, "attribute.removed").details(details))
                .await?;
            let next = current.definitions.iter().filter(|known| known.name != name).cloned().collect();
            put(tx, self, actor, (version, current), next).await
        })?;
        self.state.connections.forget();
        Ok(())
    }
}
