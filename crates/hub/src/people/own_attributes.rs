//! The installation's own attributes, and private ones, on the page of a person: what they are called, who sees them.

use directory::{AttributeDefinition, AttributeName};
use storage::{Queries, attribute_definitions::AttributeDefinitions};

use crate::{HubError, mirror::KEPT_AS_DIGEST};

/// Instead of a sensitive value.
const NOT_SHOWN: &str = "not shown: sensitive";

/// The definitions in force, as somebody may read them.
pub(super) struct OwnAttributes {
    definitions: Vec<AttributeDefinition>,
    sees_sensitive: bool,
}

impl OwnAttributes {
    pub(super) async fn read(queries: &mut impl Queries, sees_sensitive: bool) -> Result<Self, HubError> {
        let definitions = AttributeDefinitions(queries).current().await?.definitions;
        Ok(Self { definitions, sees_sensitive })
    }

    fn of(&self, name: AttributeName) -> Option<&AttributeDefinition> {
        self.definitions.iter().find(|definition| definition.attribute() == name)
    }

    /// What people call it; empty for the hub's own.
    pub(super) fn label(&self, name: AttributeName) -> Option<String> {
        self.of(name).map(|definition| definition.label.clone())
    }

    /// A stored value as this reader may see it.
    pub(super) fn shown(&self, name: AttributeName, stored: String) -> String {
        match (name, self.sees_sensitive) {
            (AttributeName::NationalNumber, _) => return KEPT_AS_DIGEST.to_owned(),
            (AttributeName::BirthDate, false) => return NOT_SHOWN.to_owned(),
            (_, _) => {}
        }
        match self.of(name) {
            None => stored,
            Some(definition) if definition.sensitive && !self.sees_sensitive => NOT_SHOWN.to_owned(),
            Some(definition) => definition.shown(&stored),
        }
    }
}
