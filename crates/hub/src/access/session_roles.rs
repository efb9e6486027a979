//! Capabilities. A role counts only in a session that a hub-owned credential proved (semantics, section 1).

use directory::{Permission, PersonId, PersonState, Role, SessionId, VerifierOrigin};
use storage::{people::People, verifiers::Verifiers};

use crate::{
    Hub, HubError,
    kernel::capability::{Capability, FindPeople, Holder, any_may},
    session::ProvenBy,
};

impl Hub {
    /// Turns a session into a capability, if one of its roles holds it.
    pub async fn permit<C: Capability>(&self, session: Option<SessionId>) -> Result<C, HubError> {
        let (person, session, roles) = self.roles_in(session).await?;
        if !any_may(&roles, C::PERMISSION) {
            return Err(HubError::Denied(refusal(C::PERMISSION)));
        }
        Ok(C::proven(Holder::new(person, session, roles.contains(&Role::Administrator))))
    }

    /// The roles of whoever asks, for the frame of the console. Shows and hides only: what may be done is asked with
    /// [`Hub::permit`].
    pub async fn roles_of(&self, by: &FindPeople) -> Result<Vec<Role>, HubError> {
        Ok(storage::access::roles_of(&mut self.database.reader(), by.person_id()).await?)
    }

    /// A session that is over, delegated or offline carries no role.
    async fn roles_in(&self, session: Option<SessionId>) -> Result<(PersonId, SessionId, Vec<Role>), HubError> {
        let id = session.ok_or(HubError::Denied("nobody is signed in"))?;
        let session = self.session(id).await?.ok_or(HubError::Denied("the session is over"))?;
        if session.proven_by != ProvenBy::Hub || session.offline {
            return Err(HubError::Denied("roles count only in a session proven by a hub password"));
        }
        let mut reader = self.database.reader();
        let person = People(&mut reader).by_id(session.person).await?;
        // The session's own look at standing comes first; this holds even where that one had nothing to read.
        if person.is_none_or(|p| p.state() != PersonState::Migrated) {
            return Err(HubError::Denied("roles need a person whose password is the hub's and who is active"));
        }
        let roles = storage::access::roles_of(&mut reader, session.person).await?;
        // A captured password is still known to the directory it came from, and to whoever runs that.
        if !roles.is_empty() {
            let verifier = Verifiers(&mut reader).of_person(session.person).await?;
            if verifier.is_none_or(|v| v.origin != VerifierOrigin::Hub) {
                return Err(HubError::Denied("roles need a password that was set at the hub"));
            }
        }
        Ok((session.person, id, roles))
    }
}

const fn refusal(permission: Permission) -> &'static str {
    match permission {
        Permission::FindPeople => "this needs a role",
        Permission::HelpPeople => "this needs help desk or an administrator",
        Permission::DecideCases => "this needs a reviewer or an administrator",
        Permission::ReadConfiguration => "this needs a reviewer, operator, auditor or administrator",
        Permission::ManageSources | Permission::ManageApps => "this needs an operator or an administrator",
        Permission::ReadAudit => "this needs an auditor or an administrator",
        Permission::Administer => "this needs an administrator",
    }
}
