//! Attributes that the installation defines for itself, and what hangs on each of them.

use chrono::{DateTime, Utc};
use directory::{AttributeDefinition, AttributeName};
use serde_json::Value;
use sqlx::FromRow;

use crate::{Queries, StorageError, Transaction, row::params};

/// Definitions, read or written through `0`.
pub struct AttributeDefinitions<'a, Q>(pub &'a mut Q);

/// The definitions of one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefinitionsVersion {
    /// 0 = nothing was ever defined.
    pub version: i64,
    pub definitions: Vec<AttributeDefinition>,
}

/// What people have of one attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct Held {
    /// People who have a value.
    pub people: i64,
    /// What accounts say that do not own it.
    pub offers: i64,
    /// Former values.
    pub changes: i64,
}

#[derive(FromRow)]
struct VersionRow {
    version: i64,
    definitions: Value,
}

const CURRENT: &str = "select version, definitions from attribute_definitions order by version desc limit 1";
const ADD: &str = "insert into attribute_definitions (version, definitions, changed_by, changed_at) \
                   values ($1, $2, $3, $4) on conflict (version) do nothing";
const HELD: &str = "select (select count(*) from attribute where name = $1) as people, \
    (select count(*) from attribute_offer where name = $1) as offers, \
    (select count(*) from attribute_change where name = $1) as changes";
const ANY: &str = "select count(*) as people, cast(0 as bigint) as offers, cast(0 as bigint) as changes \
    from (select person_id from attribute where name = $1 limit 1) as first";
const FORGET: [&str; 3] = [
    "delete from attribute where name = $1",
    "delete from attribute_offer where name = $1",
    "delete from attribute_change where name = $1",
];

/// What a row holds.
pub(crate) fn read(definitions: Value) -> Result<Vec<AttributeDefinition>, StorageError> {
    serde_json::from_value(definitions).map_err(|error| StorageError::Inconsistent {
        table: "attribute_definitions",
        column: "definitions",
        reason: error.to_string(),
    })
}

impl<Q: Queries> AttributeDefinitions<'_, Q> {
    /// Those in force.
    pub async fn current(&mut self) -> Result<DefinitionsVersion, StorageError> {
        let row: Option<VersionRow> = self.0.fetch_optional(CURRENT, params![]).await?;
        let Some(row) = row else { return Ok(DefinitionsVersion::default()) };
        Ok(DefinitionsVersion { version: row.version, definitions: read(row.definitions)? })
    }

    /// What people have of this attribute. Counts everything: for the page of one attribute.
    pub async fn held(&mut self, name: AttributeName) -> Result<Held, StorageError> {
        self.0.fetch_one(HELD, params![name.as_str()]).await
    }

    /// Whether anybody has a value.
    pub async fn is_held(&mut self, name: AttributeName) -> Result<bool, StorageError> {
        Ok(self.0.fetch_one::<Held>(ANY, params![name.as_str()]).await?.people > 0)
    }
}

impl AttributeDefinitions<'_, Transaction> {
    /// Puts a version in force; false if somebody else was faster.
    pub async fn add(
        &mut self,
        version: &DefinitionsVersion,
        changed_by: &str,
        changed_at: DateTime<Utc>,
    ) -> Result<bool, StorageError> {
        let definitions = serde_json::to_value(&version.definitions).map_err(|error| StorageError::Inconsistent {
            table: "attribute_definitions",
            column: "definitions",
            reason: error.to_string(),
        })?;
        let values = params![version.version, definitions, changed_by, changed_at];
        Ok(self.0.execute(ADD, values).await? > 0)
    }

    /// Deletes every value of this attribute, what others say of it, and what it was before.
    pub async fn forget(&mut self, name: AttributeName) -> Result<(), StorageError> {
        for delete in FORGET {
            self.0.execute(delete, params![name.as_str()]).await?;
        }
        Ok(())
    }
}
