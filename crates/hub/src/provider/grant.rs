//! Grants: what an authorization gave a client, and whether it still holds.

use chrono::{DateTime, Utc};
use directory::{Client, ClientId, GrantId, PersonId, Policy, SessionId};
use oidc::{Scope, Scopes};
use storage::{StorageError, provider::GrantRow};

use super::{ProviderError, invalid_grant};
use crate::{
    Hub, HubError,
    kernel::{Actor, AuditEvent, record},
    session::{ProvenBy, Reach, Session},
};

/// A grant as the provider reasons about it.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub id: GrantId,
    pub client: ClientId,
    pub person: PersonId,
    pub session: SessionId,
    pub scopes: Scopes,
    /// The refresh token outlives the session.
    pub offline_access: bool,
    pub proven_by: ProvenBy,
    pub reach: Reach,
    pub amr: Vec<String>,
    pub auth_time: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked: bool,
}

impl Grant {
    /// A grant of this session to this client.
    pub fn new(
        session: &Session,
        client: &Client,
        scopes: &Scopes,
        id: GrantId,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Self {
        // A session that was opened while the source was down gives nothing that lasts (semantics, section 2.5).
        let scopes = if session.offline { scopes.without(Scope::OfflineAccess) } else { scopes.clone() };
        let offline_access = scopes.contains(Scope::OfflineAccess);
        Self {
            id,
            client: client.id.clone(),
            person: session.person,
            session: session.id,
            scopes,
            offline_access,
            proven_by: session.proven_by,
            reach: session.reach,
            amr: session.amr.clone(),
            auth_time: session.auth_time,
            created_at: now,
            expires_at: if offline_access {
                now + crate::kernel::seconds(policy.offline_access)
            } else {
                session.expires_at
            },
            revoked: false,
        }
    }

    pub fn row(&self) -> GrantRow {
        GrantRow {
            id: self.id.uuid(),
            client_id: self.client.0.clone(),
            person_id: self.person.uuid(),
            session_id: self.session.uuid(),
            scope: self.scopes.to_string(),
            offline_access: self.offline_access,
            proven_at_source_id: self.proven_by.source().map(directory::SourceId::uuid),
            reach_source_id: self.reach.source().map(directory::SourceId::uuid),
            amr: serde_json::json!(self.amr),
            auth_time: self.auth_time,
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: None,
        }
    }

    pub fn from_row(row: GrantRow) -> Result<Self, HubError> {
        let amr = serde_json::from_value(row.amr).map_err(|error| StorageError::Inconsistent {
            table: "client_grant",
            column: "amr",
            reason: error.to_string(),
        })?;
        Ok(Self {
            id: row.id.into(),
            client: ClientId(row.client_id),
            person: row.person_id.into(),
            session: row.session_id.into(),
            scopes: Scopes::parse(&row.scope),
            offline_access: row.offline_access,
            proven_by: ProvenBy::of(row.proven_at_source_id.map(Into::into)),
            reach: Reach::of(row.reach_source_id.map(Into::into)),
            amr,
            auth_time: row.auth_time,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked: row.revoked_at.is_some(),
        })
    }
}

/// What a grant allows just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holds {
    /// It may be refreshed.
    pub refreshable: bool,
}

impl Hub {
    /// Whether the grant still stands for this client. Asked at every token, so that nothing that changed since the
    /// sign-in is missed: the client's sources, the session, a revocation.
    pub(super) async fn grant_holds(&self, grant: &Grant, client: &Client) -> Result<Holds, ProviderError> {
        if grant.client != client.id {
            return Err(invalid_grant("it was given to another application"));
        }
        if grant.revoked {
            return Err(invalid_grant("it was revoked"));
        }
        if self.clock.now() >= grant.expires_at {
            return Err(invalid_grant("it has expired"));
        }
        if !grant.reach.opens(&client.original_sources) {
            return Err(invalid_grant("the sign-in it stands on does not reach this application"));
        }
        if grant.offline_access {
            return Ok(Holds { refreshable: true });
        }
        match self.session_alive(grant.session).await? {
            Some(session) => Ok(Holds { refreshable: !session.offline }),
            None => Err(invalid_grant("the session it stands on has ended")),
        }
    }

    /// Ends the whole family because one of its secrets was used twice: one of the two users is not the client.
    pub(super) async fn revoke_family(&self, grant: &Grant, reason: &'static str) -> Result<(), HubError> {
        tracing::warn!(client = %grant.client, grant = %grant.id, reason, "revoked a grant");
        let now = self.clock.now();
        storage::write!(self.database, |tx| {
            if storage::provider::Provider::new(tx).revoke_grant(grant.id, now, reason).await? {
                let event = AuditEvent::new(Actor::System, "grant.revoked")
                    .person(grant.person)
                    .client(grant.client.clone())
                    .details(serde_json::json!({ "reason": reason }));
                record(tx, self.clock.as_ref(), self.random.as_ref(), event).await?;
            }
            Ok::<_, HubError>(())
        })
    }
}
