//! What a mapping would make of real entries, before it is saved. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use connector::Found;
use directory::{AttributeName, SourceDraft, SourceEntry, SourceId};
use serde::{Deserialize, Serialize};

use super::ConnectionTest;
use crate::{Hub, HubError, kernel::capability::ManageSources, mirror};

/// Entries that are shown where nobody is named.
const SHOWN: usize = 5;

/// One entry under the mapping that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedEntry {
    /// Its place there: a DN, a row.
    pub locator: String,
    pub username: Option<String>,
    pub values: Vec<MappedValue>,
}

/// One attribute of it, if there is anything to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappedValue {
    pub name: AttributeName,
    /// As it is read now.
    pub now: Option<String>,
    /// As it would be read.
    pub then: Option<String>,
    /// Why it could not be computed: what the person has would stay.
    pub fault: Option<String>,
}

impl Hub {
    /// Reads entries with these settings: the one somebody types the name of, or the first few.
    pub async fn preview_mapping(
        &self,
        by: &ManageSources,
        id: SourceId,
        draft: SourceDraft,
        typed: &str,
    ) -> Result<Vec<MappedEntry>, HubError> {
        let before = self.stored_source(id).await?.source;
        let (wanted, secret) = self.source_to_test(ConnectionTest { draft, id: Some(id), secret: None }).await?;
        self.audit_test(by, &wanted, "source.mapping-previewed").await?;
        let connector = self.connectors.connect(&wanted, secret)?;
        let typed = typed.trim();
        let entries = if typed.is_empty() {
            connector.page(None).await?.entries
        } else {
            match connector.find(typed).await? {
                Found::One(entry) => vec![*entry],
                Found::Nobody => return Err(nobody("nobody in this directory bears that name")),
                Found::Several => return Err(nobody("more than one entry bears that name")),
            }
        };
        let mapped = |entry: &SourceEntry| MappedEntry {
            locator: entry.locator.clone(),
            username: entry.username.clone(),
            values: values(mirror::mapped(&self.vault, &before, entry), mirror::mapped(&self.vault, &wanted, entry)),
        };
        Ok(entries.iter().take(SHOWN).map(mapped).collect())
    }
}

fn nobody(message: &str) -> HubError {
    HubError::Invalid { field: "person", message: message.to_owned() }
}

type Mapped = (BTreeMap<AttributeName, String>, BTreeMap<AttributeName, String>);

fn values((now, _): Mapped, (then, faults): Mapped) -> Vec<MappedValue> {
    let value = |name: &AttributeName| MappedValue {
        name: *name,
        now: now.get(name).cloned(),
        then: then.get(name).cloned(),
        fault: faults.get(name).cloned(),
    };
    let all: BTreeSet<&AttributeName> = now.keys().chain(then.keys()).chain(faults.keys()).collect();
    all.into_iter()
        .map(value)
        .filter(|value| value.now.is_some() || value.then.is_some() || value.fault.is_some())
        .collect()
}
