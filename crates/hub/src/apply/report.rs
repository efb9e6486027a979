//! What `apply` did or would do, for people to read.

use serde::{Deserialize, Serialize};

use crate::registry::{FieldChange, Proposal};

/// An attribute, a directory, an application or the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemKind {
    Attribute,
    Source,
    Client,
    Policy,
}

impl std::fmt::Display for ItemKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Attribute => "attribute",
            Self::Source => "source",
            Self::Client => "client",
            Self::Policy => "policy",
        })
    }
}

/// What becomes of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemOutcome {
    Created,
    Changed,
    Unchanged,
    /// It is registered, and the file does not mention it. It stays.
    NotInFile,
}

/// One item of the file or the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemChange {
    pub kind: ItemKind,
    pub name: String,
    pub outcome: ItemOutcome,
    pub changes: Vec<FieldChange>,
    /// What waits for a second person instead of being changed.
    pub proposed: Vec<FieldChange>,
    /// Remarks: a group that is not known yet, a short secret.
    pub notes: Vec<String>,
}

/// The whole difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyReport {
    pub dry_run: bool,
    pub items: Vec<ItemChange>,
    /// The proposals this run kept or found waiting.
    pub proposals: Vec<Proposal>,
}

impl ApplyReport {
    /// Whether nothing would change or changed.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.items.iter().all(|i| matches!(i.outcome, ItemOutcome::Unchanged | ItemOutcome::NotInFile))
    }
}

impl std::fmt::Display for ApplyReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for item in &self.items {
            let (sign, word) = match item.outcome {
                ItemOutcome::Created => ("+", "new"),
                ItemOutcome::Changed => ("~", "changed"),
                ItemOutcome::Unchanged => ("=", "unchanged"),
                ItemOutcome::NotInFile => ("?", "not in the file; it stays as it is"),
            };
            writeln!(f, "{sign} {} {}: {word}", item.kind, item.name)?;
            for change in &item.changes {
                match item.outcome {
                    ItemOutcome::Created => writeln!(f, "    {}: {}", change.field, change.after)?,
                    ItemOutcome::Changed | ItemOutcome::Unchanged | ItemOutcome::NotInFile => {
                        writeln!(f, "    {change}")?;
                    }
                }
            }
            for change in &item.proposed {
                writeln!(f, "    needs a second person: {change}")?;
            }
            for note in &item.notes {
                writeln!(f, "    note: {note}")?;
            }
        }
        let proposed = self.items.iter().filter(|i| !i.proposed.is_empty()).count();
        if proposed > 0 {
            let verb = if self.dry_run { "would wait" } else { "wait" };
            writeln!(f, "Proposals for {proposed} item(s) {verb} for a second person; nothing of them is in force.")?;
        }
        if self.dry_run {
            writeln!(f, "Dry run: nothing was changed.")?;
        } else if self.is_unchanged() {
            writeln!(f, "Nothing to change.")?;
        } else {
            writeln!(f, "Applied. A running server notices within 2 seconds.")?;
        }
        Ok(())
    }
}
