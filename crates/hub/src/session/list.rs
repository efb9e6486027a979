//! The living sessions of a person, for whoever helps them; and ending them, with a reason.

use chrono::{DateTime, Utc};
use directory::{PersonId, SessionId};
use serde_json::json;
use storage::{people::People, provider::Provider, sessions::Sessions};

use super::{ProvenBy, Session, end_all, session_of};
use crate::{
    Hub, HubError,
    kernel::{
        AuditEvent,
        capability::{FindPeople, HelpPeople},
        record, seconds,
    },
};

const LONGEST_REASON: usize = 200;

/// What is known of the browser that opened a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenAs {
    /// What it calls itself, in a few words: "Firefox on Linux".
    pub browser: Option<String>,
    /// Only where the policy keeps addresses.
    pub address: Option<String>,
}

/// One living session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLine {
    pub session: Session,
    pub started_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    /// Where the password was proven, by its label.
    pub proven_by: String,
    pub seen_as: SeenAs,
    /// The applications it was used for.
    pub applications: Vec<String>,
}

impl Hub {
    /// The living sessions of the person, the last used one first.
    pub async fn sessions_of(&self, _finder: &FindPeople, person: PersonId) -> Result<Vec<SessionLine>, HubError> {
        let now = self.clock.now();
        let idle_since = now - seconds(self.policy_now().await?.session_idle);
        let sources = self.sources_now().await?;
        let mut reader = self.database.reader();
        let rows = Sessions::new(&mut reader).living_of(person, now, idle_since).await?;
        let reached = Sessions::new(&mut reader).applications_of(person).await?;
        rows.into_iter()
            .map(|row| {
                let session_id = row.id;
                let (started_at, last_used_at) = (row.created_at, row.last_used_at);
                let seen_as = SeenAs { browser: row.browser.clone(), address: row.address.clone() };
                let session = session_of(row)?;
                let proven_by = match session.proven_by {
                    ProvenBy::Hub => "Isthmus".to_owned(),
                    ProvenBy::Source(id) => sources
                        .iter()
                        .find(|live| live.source.id == id)
                        .map_or_else(|| "a directory".to_owned(), |live| live.source.label.clone()),
                };
                let of_this = reached.iter().filter(|(id, _)| *id == session_id);
                let applications = of_this.map(|(_, name)| name.clone()).collect();
                Ok(SessionLine { session, started_at, last_used_at, proven_by, seen_as, applications })
            })
            .collect()
    }

    /// Ends one session of the person, with everything applications got through it.
    pub async fn end_session_of(
        &self,
        helper: &HelpPeople,
        person: PersonId,
        session: SessionId,
        reason: &str,
    ) -> Result<(), HubError> {
        self.end_for(helper, person, Some(session), reason).await
    }

    /// Ends all sessions of the person, with everything applications got through them.
    pub async fn end_sessions_of(&self, helper: &HelpPeople, person: PersonId, reason: &str) -> Result<(), HubError> {
        self.end_for(helper, person, None, reason).await
    }

    async fn end_for(
        &self,
        helper: &HelpPeople,
        person: PersonId,
        session: Option<SessionId>,
        reason: &str,
    ) -> Result<(), HubError> {
        const ENDED: &str = "ended by help desk";
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
            let message = format!("say why, in up to {LONGEST_REASON} characters");
            return Err(HubError::Invalid { field: "reason", message });
        }
        let now = self.clock.now();
        storage::write!(self.database, |tx| {
            People(tx).by_id(person).await?.ok_or(HubError::NotFound("The person"))?;
            helper.check(tx, person).await?;
            let ended = match session {
                None => end_all(tx, &*self.clock, person, ENDED).await?,
                Some(id) => {
                    let row = Sessions::new(tx).by_id(id).await?;
                    if row.is_none_or(|row| row.person_id != person.uuid()) {
                        return Err(HubError::NotFound("This session"));
                    }
                    Provider::new(tx).revoke_everything_of_session(id, now, ENDED).await?;
                    u64::from(Sessions::new(tx).end(id, now, ENDED).await?)
                }
            };
            let details = json!({ "reason": reason, "session": session, "sessions_ended": ended });
            let event = AuditEvent::new(helper.actor(), "session.ended-for-person").person(person).details(details);
            Ok(record(tx, &*self.clock, &*self.random, event).await?)
        })
    }
}
