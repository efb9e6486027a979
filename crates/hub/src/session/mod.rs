//! Sessions of people. The browser holds only an opaque browser session; who it belongs to is a row here, so that
//! disabling a person, a changed password or a merge ends everything with one statement.

mod list;

use chrono::{DateTime, TimeDelta, Utc};
use directory::{PersonId, Policy, SessionId, SourceId};
use storage::{
    Transaction,
    people::People,
    provider::Provider,
    sessions::{SessionRow, Sessions},
};

pub use list::{SeenAs, SessionLine};

use crate::{
    Hub, HubError,
    kernel::{Clock, Random, seconds},
};

/// A session that was used less long ago than this is not written again.
const TOUCH_AFTER_SECONDS: i64 = 60;

/// Where the password was proven. Roles of the hub count only in a session proven by the hub itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvenBy {
    Hub,
    Source(SourceId),
}

/// Which clients a session opens (semantics, section 2.5): a password that is not the one of the person's credential
/// authority opens only the applications of its own directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Everywhere,
    ClientsOf(SourceId),
}

impl ProvenBy {
    /// The source, if it was one.
    #[must_use]
    pub const fn source(self) -> Option<SourceId> {
        match self {
            Self::Hub => None,
            Self::Source(source) => Some(source),
        }
    }

    pub(crate) fn of(source: Option<SourceId>) -> Self {
        source.map_or(Self::Hub, Self::Source)
    }
}

impl Reach {
    /// The source whose clients alone it opens.
    #[must_use]
    pub const fn source(self) -> Option<SourceId> {
        match self {
            Self::Everywhere => None,
            Self::ClientsOf(source) => Some(source),
        }
    }

    pub(crate) fn of(source: Option<SourceId>) -> Self {
        source.map_or(Self::Everywhere, Self::ClientsOf)
    }

    /// Whether the session opens a client with these original sources.
    #[must_use]
    pub fn opens(self, original_sources: &[SourceId]) -> bool {
        match self {
            Self::Everywhere => true,
            Self::ClientsOf(source) => original_sources.contains(&source),
        }
    }
}

/// A session that is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub person: PersonId,
    pub proven_by: ProvenBy,
    /// Authentication methods (RFC 8176).
    pub amr: Vec<String>,
    pub auth_time: DateTime<Utc>,
    /// Opened while the source was down: short, and never renewed.
    pub offline: bool,
    pub reach: Reach,
    pub expires_at: DateTime<Utc>,
}

/// What the broker decided about a session to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    pub person: PersonId,
    pub proven_by: ProvenBy,
    pub amr: Vec<String>,
    pub offline: bool,
    pub reach: Reach,
}

/// Opens a session inside the transaction of the sign-in. Its id is random and was never seen before the proof.
pub async fn open(
    tx: &mut Transaction,
    clock: &dyn Clock,
    random: &dyn Random,
    policy: &Policy,
    new: NewSession,
) -> Result<Session, HubError> {
    open_seen(tx, clock, random, policy, new, SeenAs::default()).await
}

/// The same, by a browser of which something is known.
pub async fn open_seen(
    tx: &mut Transaction,
    clock: &dyn Clock,
    random: &dyn Random,
    policy: &Policy,
    new: NewSession,
    seen_as: SeenAs,
) -> Result<Session, HubError> {
    let now = clock.now();
    let length = if new.offline { policy.offline_session.min(policy.session) } else { policy.session };
    let session = Session {
        id: random_id(random),
        person: new.person,
        proven_by: new.proven_by,
        amr: new.amr,
        auth_time: now,
        offline: new.offline,
        reach: new.reach,
        expires_at: now + seconds(length),
    };
    Sessions::new(tx).insert(&row_of(&session, now, seen_as)).await?;
    Ok(session)
}

/// Ends every session of the person and revokes their grants; how many sessions there were.
pub async fn end_all(
    tx: &mut Transaction,
    clock: &dyn Clock,
    person: PersonId,
    reason: &'static str,
) -> Result<u64, HubError> {
    let now = clock.now();
    Provider::new(tx).revoke_all(person, now, reason).await?;
    Ok(Sessions::new(tx).end_all(person, now, reason).await?)
}

/// Ends the sessions that the person proved at this source, with their grants; how many sessions there were.
pub async fn end_proven_at(
    tx: &mut Transaction,
    clock: &dyn Clock,
    person: PersonId,
    source: SourceId,
    reason: &'static str,
) -> Result<u64, HubError> {
    let now = clock.now();
    Provider::new(tx).revoke_proven_at(person, source, now, reason).await?;
    Ok(Sessions::new(tx).end_proven_at(person, source, now, reason).await?)
}

impl Hub {
    /// The session, if it is alive and its person may still be here: the one judge is asked, so that a person whom the
    /// source disabled is out at the next step and not at the next sign-in.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, HubError> {
        let Some(session) = self.session_alive(id).await? else { return Ok(None) };
        Ok(self.standing(session.person).await?.lets_in().then_some(session))
    }

    /// The session, if it has not ended and was used lately enough. Using it renews it, never beyond its absolute end.
    pub(crate) async fn session_alive(&self, id: SessionId) -> Result<Option<Session>, HubError> {
        let now = self.clock.now();
        let Some(row) = Sessions::new(&mut self.database.reader()).by_id(id).await? else { return Ok(None) };
        let idle_end = row.last_used_at + seconds(self.policy_now().await?.session_idle);
        if row.ended_at.is_some() || now >= row.expires_at || now >= idle_end {
            return Ok(None);
        }
        if now - row.last_used_at >= TimeDelta::seconds(TOUCH_AFTER_SECONDS) {
            storage::write!(self.database, |tx| { Ok::<_, HubError>(Sessions::new(tx).touch(id, now).await?) })?;
        }
        session_of(row).map(Some)
    }

    /// How the person of a session is called, for a page that only they see.
    pub async fn name_of(&self, person: PersonId) -> Result<String, HubError> {
        let found = People(&mut self.database.reader()).by_id(person).await?;
        Ok(found.ok_or(HubError::NotFound("The person"))?.display_name)
    }

    /// Ends one session, and the grants that do not outlive it. False if it had ended before.
    pub async fn end_session(&self, id: SessionId) -> Result<bool, HubError> {
        let now = self.clock.now();
        storage::write!(self.database, |tx| {
            Provider::new(tx).revoke_of_session(id, now, "signed out").await?;
            Ok(Sessions::new(tx).end(id, now, "signed out").await?)
        })
    }
}

/// 122 random bits. Not time-ordered: the id must not say when somebody signed in.
fn random_id(random: &dyn Random) -> SessionId {
    let mut bytes = [0u8; 16];
    random.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().into()
}

fn row_of(session: &Session, now: DateTime<Utc>, seen_as: SeenAs) -> SessionRow {
    SessionRow {
        id: session.id.uuid(),
        person_id: session.person.uuid(),
        proven_at_source_id: session.proven_by.source().map(SourceId::uuid),
        amr: serde_json::json!(session.amr),
        auth_time: session.auth_time,
        offline: session.offline,
        reach_source_id: session.reach.source().map(SourceId::uuid),
        created_at: now,
        last_used_at: now,
        expires_at: session.expires_at,
        ended_at: None,
        browser: seen_as.browser,
        address: seen_as.address,
    }
}

fn session_of(row: SessionRow) -> Result<Session, HubError> {
    let amr = serde_json::from_value(row.amr).map_err(|e| storage::StorageError::Inconsistent {
        table: "session",
        column: "amr",
        reason: e.to_string(),
    })?;
    Ok(Session {
        id: row.id.into(),
        person: row.person_id.into(),
        proven_by: ProvenBy::of(row.proven_at_source_id.map(Into::into)),
        amr,
        auth_time: row.auth_time,
        offline: row.offline,
        reach: Reach::of(row.reach_source_id.map(Into::into)),
        expires_at: row.expires_at,
    })
}
