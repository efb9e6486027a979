//! The `[[attribute]]` sections: what the installation defines for itself.

use std::collections::BTreeSet;

use directory::{AttributeDefinition, SourceId};
use storage::{Queries, Transaction, attribute_definitions::AttributeDefinitions};

use super::{ItemChange, ItemKind, absent, at, outcome, refuse_repeated};
use crate::{
    Hub, HubError,
    kernel::Actor,
    registry::{attribute_changes, check_attribute, define},
};

pub(super) struct PreparedAttributes {
    /// What they are based on.
    version: i64,
    wanted: Vec<AttributeDefinition>,
    /// Everything there will be.
    pub(super) all: Vec<AttributeDefinition>,
}

/// Compares and checks.
pub(super) async fn prepare(
    queries: &mut impl Queries,
    sections: &[AttributeDefinition],
) -> Result<(PreparedAttributes, Vec<ItemChange>), HubError> {
    let names: Vec<String> = sections.iter().map(|section| section.name.to_string()).collect();
    refuse_repeated("[[attribute]]", names.iter())?;
    let current = AttributeDefinitions(queries).current().await?;
    let mut all = current.definitions.clone();
    let (mut wanted, mut items) = (Vec::new(), Vec::new());
    for section in sections {
        let place = format!("[[attribute]] {}", section.name);
        let definition = check_attribute(section.clone(), &all).map_err(|error| at(&place, error))?;
        let before = current.definitions.iter().find(|known| known.name == definition.name);
        let changes = attribute_changes(before, &definition);
        items.push(ItemChange {
            kind: ItemKind::Attribute,
            name: definition.name.to_string(),
            outcome: outcome(before.is_some(), changes.is_empty()),
            changes,
            proposed: Vec::new(),
            notes: Vec::new(),
        });
        all.retain(|known| known.name != definition.name);
        all.push(definition.clone());
        wanted.push(definition);
    }
    let left = current.definitions.iter().filter(|known| !sections.iter().any(|section| section.name == known.name));
    items.extend(left.map(|known| absent(ItemKind::Attribute, known.name.to_string())));
    Ok((PreparedAttributes { version: current.version, wanted, all }, items))
}

impl PreparedAttributes {
    /// Puts them in force; the sources whose entries are to be computed again.
    pub(super) async fn write(
        &self,
        tx: &mut Transaction,
        hub: &Hub,
        actor: Actor,
    ) -> Result<BTreeSet<SourceId>, HubError> {
        if self.wanted.is_empty() {
            return Ok(BTreeSet::new());
        }
        define(tx, hub, actor, (self.version, &self.wanted)).await.map_err(|error| at("[[attribute]]", error))
    }
}
