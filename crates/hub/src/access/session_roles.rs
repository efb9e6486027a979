//! Capabilities. A role counts only in a session that a hub-owned credential proved (semantics, section 1).

use directory::{HubRole, PersonId, SessionId};

use crate::{
    Hub, HubError,
    kernel::capability::{Administrator, HelpDesk},
    session::ProvenBy,
};

impl Hub {
    /// The administrator behind this session.
    pub async fn as_administrator(&self, session: Option<SessionId>) -> Result<Administrator, HubError> {
        let (person, session, roles) = self.roles_in(session).await?;
        if roles.contains(&HubRole::Administrator) {
            Ok(Administrator::proven(person, session))
        } else {
            Err(HubError::Denied("this needs an administrator"))
        }
    }

    /// The help-desk person or administrator behind this session.
    pub async fn as_help_desk(&self, session: Option<SessionId>) -> Result<HelpDesk, HubError> {
        let (person, session, roles) = self.roles_in(session).await?;
        if roles.contains(&HubRole::HelpDesk) || roles.contains(&HubRole::Administrator) {
            Ok(HelpDesk::proven(person, session))
        } else {
            Err(HubError::Denied("this needs help desk or an administrator"))
        }
    }

    /// The roles that may be exercised in this session. A session that is over, delegated or offline carries none.
    async fn roles_in(&self, session: Option<SessionId>) -> Result<(PersonId, SessionId, Vec<HubRole>), HubError> {
        let id = session.ok_or(HubError::Denied("nobody is signed in"))?;
        let session = self.session(id).await?.ok_or(HubError::Denied("the session is over"))?;
        if session.proven_by != ProvenBy::Hub || session.offline {
            return Err(HubError::Denied("roles count only in a session proven by a hub password"));
        }
        let mut reader = self.database.reader();
        let person = storage::people::People(&mut reader).by_id(session.person).await?;
        // The session's own look at standing comes first; this holds even where that one had nothing to read.
        if person.is_none_or(|p| p.state() != directory::PersonState::Migrated) {
            return Err(HubError::Denied("roles need a person whose password is the hub's and who is active"));
        }
        let roles = storage::access::roles_of(&mut reader, session.person).await?;
        Ok((session.person, id, roles))
    }
}
