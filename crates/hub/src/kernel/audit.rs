//! The audit log: written in the transaction of what it records, so that neither exists without the other.

use directory::{ClientId, PersonId, SourceId};
use serde_json::Value;
use storage::{StorageError, Transaction, audit::AuditRow};

use super::{Clock, Random};

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    Person(PersonId),
    /// Somebody with a shell on the host.
    CommandLine,
    /// The hub by itself: sweep, just-in-time provisioning.
    System,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Person(id) => std::write!(f, "person:{id}"),
            Self::CommandLine => f.write_str("command-line"),
            Self::System => f.write_str("system"),
        }
    }
}

/// One line of the log. `details` holds no secret and no password-like text.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    pub actor: Actor,
    /// `noun.verb`: `source.registered`, `person.captured`.
    pub action: &'static str,
    pub person: Option<PersonId>,
    pub source: Option<SourceId>,
    pub client: Option<ClientId>,
    pub details: Value,
}

impl AuditEvent {
    #[must_use]
    pub fn new(actor: Actor, action: &'static str) -> Self {
        Self { actor, action, person: None, source: None, client: None, details: Value::Object(serde_json::Map::new()) }
    }
    #[must_use]
    pub fn person(mut self, id: PersonId) -> Self {
        self.person = Some(id);
        self
    }
    #[must_use]
    pub fn source(mut self, id: SourceId) -> Self {
        self.source = Some(id);
        self
    }
    #[must_use]
    pub fn client(mut self, id: ClientId) -> Self {
        self.client = Some(id);
        self
    }
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

/// Writes the event into the transaction.
pub async fn record(
    tx: &mut Transaction,
    clock: &dyn Clock,
    random: &dyn Random,
    event: AuditEvent,
) -> Result<(), StorageError> {
    let now = clock.now();
    let AuditEvent { actor, action, person, source, client, details } = event;
    let row = AuditRow {
        id: random.id(now).into(),
        at: now,
        actor: actor.to_string(),
        action,
        person,
        source,
        client,
        details,
    };
    storage::audit::insert(tx, row).await
}
