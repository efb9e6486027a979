//! The sign-ins behind a number of the Overview.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use directory::PersonId;
use serde_json::json;
use storage::{
    audit::Position,
    overview::{AttemptFilter, Rows},
};
use uuid::Uuid;

use super::path::{BY_HUB, Path, Reason};
use crate::{Hub, HubError, kernel::capability::FindPeople};

/// Which sign-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptAsk {
    pub from: DateTime<Utc>,
    /// Not including this moment.
    pub until: DateTime<Utc>,
    pub path: Option<Path>,
    /// Of refused ones.
    pub reason: Option<Reason>,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptList {
    pub lines: Vec<AttemptLine>,
    /// Where the next page starts.
    pub next: Option<String>,
}

/// One sign-in. What was typed is not kept, so a stranger has no name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptLine {
    pub code: String,
    pub at: DateTime<Utc>,
    pub person: Option<(PersonId, String)>,
    pub source: Option<String>,
    pub client: Option<String>,
    pub row: String,
    pub path: Path,
    pub reason: Option<Reason>,
    pub took_ms: i64,
}

impl Hub {
    /// Sign-ins, newest first.
    pub async fn attempts_page(
        &self,
        _: &FindPeople,
        ask: &AttemptAsk,
        after: Option<&str>,
        size: u32,
    ) -> Result<AttemptList, HubError> {
        let filter = AttemptFilter {
            from: ask.from,
            until: ask.until,
            signed_in: ask.path.map(|path| path != Path::Refused).or(ask.reason.map(|_| false)),
            rows: match (ask.path, ask.reason) {
                (_, Some(reason)) => Rows::These(reason.rows()),
                (Some(Path::Hub), None) => Rows::These(BY_HUB),
                (Some(Path::Delegated), None) => Rows::AllBut(BY_HUB),
                (Some(Path::Refused) | None, None) => Rows::All,
            },
        };
        let after = after.map(read_cursor).transpose()?;
        let size = size.clamp(1, 200);
        let mut reader = self.database.reader();
        let mut found = storage::overview::attempts_page(&mut reader, &filter, after, size).await?;
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        let next =
            found.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(json!([last.at, last.id]).to_string()));
        let people: Vec<Uuid> = found.iter().filter_map(|attempt| attempt.person_id).collect();
        let names =
            if people.is_empty() { HashMap::new() } else { storage::audit::names_of(&mut reader, people).await? };
        let sources = self.sources_now().await?;
        let lines = found.into_iter().map(|attempt| {
            let label = |id: Uuid| {
                sources.iter().find(|live| live.source.id.uuid() == id).map(|live| live.source.label.clone())
            };
            let path = Path::of(&attempt.decision, attempt.signed_in);
            AttemptLine {
                person: attempt.person_id.map(|id| (id.into(), names.get(&id).cloned().unwrap_or_default())),
                source: attempt.source_id.and_then(label),
                reason: if path == Path::Refused { Reason::of(&attempt.decision) } else { None },
                path,
                code: attempt.code,
                at: attempt.at,
                client: attempt.client_id,
                row: attempt.decision,
                took_ms: attempt.took_ms,
            }
        });
        Ok(AttemptList { lines: lines.collect(), next })
    }
}

fn read_cursor(text: &str) -> Result<Position, HubError> {
    let place = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (at, id): (DateTime<Utc>, Uuid) = place.ok_or_else(|| HubError::Invalid {
        field: "after",
        message: "this page address is cut or outdated: start from the first page".to_owned(),
    })?;
    Ok(Position { at: storage::to_microseconds(at), id })
}
