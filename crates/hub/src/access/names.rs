//! Actors of the audit log, as people read them.

use std::collections::HashMap;

use directory::PersonId;
use storage::{Queries, people::People};

use crate::HubError;

/// Names that were looked up already.
#[derive(Default)]
pub(super) struct Names(HashMap<String, String>);

impl Names {
    /// "Ada Lovelace", "the command line".
    pub(super) async fn of(&mut self, queries: &mut impl Queries, actor: &str) -> Result<String, HubError> {
        if let Some(known) = self.0.get(actor) {
            return Ok(known.clone());
        }
        let person = actor.strip_prefix("person:").and_then(|id| id.parse::<PersonId>().ok());
        let name = match person {
            Some(id) => People(queries).by_id(id).await?.map_or_else(|| actor.to_owned(), |p| p.display_name),
            None if actor == "command-line" => "the command line".to_owned(),
            None => actor.to_owned(),
        };
        self.0.insert(actor.to_owned(), name.clone());
        Ok(name)
    }
}
