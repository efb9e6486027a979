//! The log as auditors read it: filtered, in pages, with names for ids; and the same as a stream to take away.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use directory::{PersonId, SourceId, search_words};
use serde_json::{Value, json};
use storage::{
    audit::{self, AuditFilter, ListedEvent, Position},
    search::{PeopleFilter, Search},
};
use uuid::Uuid;

use crate::{
    Hub, HubError,
    kernel::{Actor, AuditEvent, capability::ReadAudit, record},
};

/// Events of one piece of an export.
const PIECE: u32 = 1_000;

/// What is asked for, as people say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditAsk {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// Who did it: `command-line`, `system`, a person's id, or words that one person's record has.
    pub actor: String,
    /// `source.registered`, or `source` for every kind that begins so.
    pub kind: String,
    /// Whom it is about: an id, or words that one person's record has.
    pub person: String,
    pub source: Option<SourceId>,
    pub text: String,
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditList {
    pub lines: Vec<AuditLine>,
    /// Where the next page starts.
    pub next: Option<String>,
    /// The page is not full, and yet the log goes on: so far was looked.
    pub looked_until: Option<DateTime<Utc>>,
}

/// One event with names.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditLine {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// As stored: `person:<id>`, `command-line`, `system`.
    pub actor: String,
    /// The person's name, where it is one.
    pub actor_name: Option<String>,
    pub kind: String,
    pub person: Option<PersonId>,
    pub person_name: Option<String>,
    /// The source's label.
    pub source: Option<String>,
    pub client: Option<String>,
    pub details: Value,
    pub request_id: Option<String>,
    /// Empty until the sealer has seen it.
    pub sequence: Option<i64>,
    /// Its hash in hex.
    pub hash: Option<String>,
}

impl Hub {
    /// One page of the log, newest first.
    pub async fn audit_page(
        &self,
        _: &ReadAudit,
        ask: &AuditAsk,
        after: Option<&str>,
        size: u32,
    ) -> Result<AuditList, HubError> {
        let filter = self.audit_filter(ask).await?;
        let after = after.map(read_cursor).transpose()?;
        let size = size.clamp(1, 200);
        let page = audit::page(&mut self.database.reader(), &filter, after, size).await?;
        let short = page.events.len() < size as usize;
        Ok(AuditList {
            looked_until: page.next.filter(|_| short).map(|next| next.at),
            next: page.next.map(write_cursor),
            lines: self.audit_lines(page.events).await?,
        })
    }

    /// The kinds of events there are, to choose from.
    pub async fn audit_kinds(&self, _: &ReadAudit) -> Result<Vec<String>, HubError> {
        Ok(audit::kinds(&mut self.database.reader()).await?)
    }

    /// Begins to take away what fits, newest first; that somebody does is an event itself. `format` is written into it.
    pub async fn audit_export(
        &self,
        auditor: &ReadAudit,
        ask: &AuditAsk,
        format: &'static str,
    ) -> Result<AuditExport, HubError> {
        let mut filter = self.audit_filter(ask).await?;
        let now = self.clock.now();
        // What happens during the export is not part of it, so that it ends.
        filter.until = Some(filter.until.map_or(now, |until| until.min(now)));
        let words = [("actor", &ask.actor), ("kind", &ask.kind), ("person", &ask.person), ("text", &ask.text)];
        let mut details = json!({ "format": format, "from": ask.from, "until": filter.until, "source": ask.source });
        for (name, word) in words.iter().filter(|(_, word)| !word.is_empty()) {
            details[*name] = Value::from(word.as_str());
        }
        storage::write!(self.database, |tx| {
            let event = AuditEvent::new(auditor.actor(), "audit.exported").details(details.clone());
            Ok::<_, HubError>(record(tx, &*self.clock, &*self.random, event).await?)
        })?;
        Ok(AuditExport { hub: self.clone(), filter, after: None, ended: false })
    }

    async fn audit_filter(&self, ask: &AuditAsk) -> Result<AuditFilter, HubError> {
        let kind = ask.kind.trim();
        let actor = match ask.actor.trim() {
            "" => None,
            word if word == Actor::CommandLine.to_string() || word == Actor::System.to_string() => {
                Some(word.to_owned())
            }
            words => Some(Actor::Person(self.audit_subject("actor", words).await?).to_string()),
        };
        let person = match ask.person.trim() {
            "" => None,
            words => Some(self.audit_subject("person", words).await?),
        };
        Ok(AuditFilter {
            from: ask.from,
            until: ask.until,
            actor,
            kind: (!kind.is_empty()).then(|| if kind.contains('.') { kind.to_owned() } else { format!("{kind}.") }),
            person,
            source: ask.source,
            text: Some(ask.text.trim().to_owned()).filter(|text| !text.is_empty()),
        })
    }

    /// The one person that is meant.
    async fn audit_subject(&self, field: &'static str, words: &str) -> Result<PersonId, HubError> {
        let id = words.strip_prefix("person:").unwrap_or(words);
        if let Ok(id) = id.parse::<PersonId>() {
            return Ok(id);
        }
        let filter = PeopleFilter { words: search_words(words), ..PeopleFilter::default() };
        let found = Search(&mut self.database.reader()).page(&filter, None, 2).await?;
        let message = match found.as_slice() {
            [one] => return Ok(one.person.id),
            [] => format!("Nobody fits “{words}”: write a name, an e-mail address, a username or an id."),
            _ => format!("Several people fit “{words}”: write more of the name, an e-mail address, or an id."),
        };
        Err(HubError::Invalid { field, message })
    }

    async fn audit_lines(&self, events: Vec<ListedEvent>) -> Result<Vec<AuditLine>, HubError> {
        let actors = events.iter().filter_map(|listed| actor_id(&listed.event.actor));
        let mut ids: Vec<Uuid> = actors.chain(events.iter().filter_map(|listed| listed.event.person_id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let names =
            if ids.is_empty() { HashMap::new() } else { audit::names_of(&mut self.database.reader(), ids).await? };
        let sources = self.sources_now().await?;
        let label =
            |id: Uuid| sources.iter().find(|live| live.source.id.uuid() == id).map(|live| live.source.label.clone());
        let line = |ListedEvent { event, sequence, hash }| AuditLine {
            actor_name: actor_id(&event.actor).and_then(|id| names.get(&id).cloned()),
            person_name: event.person_id.and_then(|id| names.get(&id).cloned()),
            source: event.source_id.map(|id| label(id).unwrap_or_else(|| id.to_string())),
            id: event.id,
            at: event.at,
            actor: event.actor,
            kind: event.action,
            person: event.person_id.map(PersonId::from),
            client: event.client_id,
            details: event.details,
            request_id: event.request_id,
            sequence,
            hash: hash.as_deref().map(|hash| HEXLOWER.encode(hash)),
        };
        Ok(events.into_iter().map(line).collect())
    }
}

/// An export under way: a piece at a time, so that a log of any length takes no more memory than one.
pub struct AuditExport {
    hub: Hub,
    filter: AuditFilter,
    after: Option<Position>,
    ended: bool,
}

impl AuditExport {
    /// The next lines; empty at the end. A piece may be empty before it: then nothing fitted where was looked.
    pub async fn piece(&mut self) -> Result<Option<Vec<AuditLine>>, HubError> {
        if self.ended {
            return Ok(None);
        }
        let page = audit::page(&mut self.hub.database.reader(), &self.filter, self.after, PIECE).await?;
        self.ended = page.next.is_none();
        self.after = page.next;
        Ok(Some(self.hub.audit_lines(page.events).await?))
    }
}

fn actor_id(actor: &str) -> Option<Uuid> {
    actor.strip_prefix("person:").and_then(|id| id.parse().ok())
}

fn write_cursor(position: Position) -> String {
    URL_SAFE_NO_PAD.encode(json!([position.at, position.id]).to_string())
}

fn read_cursor(text: &str) -> Result<Position, HubError> {
    let place = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (at, id): (DateTime<Utc>, Uuid) = place.ok_or_else(|| HubError::Invalid {
        field: "after",
        message: "this page address is cut or outdated: start from the first page".to_owned(),
    })?;
    Ok(Position { at: storage::to_microseconds(at), id })
}
