//! Giving and taking roles. They never come from a directory.

use directory::{PersonId, PersonState, Role};
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::people::People;

use crate::{
    Hub, HubError,
    kernel::{
        AuditEvent,
        capability::{Administer, ReadAudit},
        record,
    },
    session,
};

pub use crate::mirror::NewHubPerson as NewHolder;

/// Somebody who works in the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleHolder {
    pub person: PersonId,
    pub display_name: String,
    pub roles: Vec<Role>,
    /// Whether they could exercise a role right now.
    pub active: bool,
}

impl Hub {
    /// Everybody who holds a role, by name.
    pub async fn role_holders(&self, _: &ReadAudit) -> Result<Vec<RoleHolder>, HubError> {
        let mut reader = self.database.reader();
        let mut holders: Vec<RoleHolder> = Vec::new();
        for role in Role::ALL {
            for person in storage::access::holders_of(&mut reader, *role).await? {
                if let Some(holder) = holders.iter_mut().find(|h| h.person == person) {
                    holder.roles.push(*role);
                    continue;
                }
                let Some(found) = People(&mut reader).by_id(person).await? else { continue };
                holders.push(RoleHolder {
                    person,
                    active: found.state() == PersonState::Migrated,
                    display_name: found.display_name,
                    roles: vec![*role],
                });
            }
        }
        holders.sort_by(|a, b| a.display_name.cmp(&b.display_name));
        Ok(holders)
    }

    /// Gives a role to somebody whose password the hub checks.
    pub async fn grant_role(&self, by: &Administer, person: PersonId, role: Role) -> Result<(), HubError> {
        storage::write!(self.database, |tx| {
            let found = People(tx).by_id(person).await?.ok_or(HubError::NotFound("The person"))?;
            if found.state() != PersonState::Migrated {
                return Err(HubError::Refused(
                    "Roles are for people whose password is checked here: whoever runs an old directory must not run \
                     the hub."
                        .to_owned(),
                ));
            }
            let actor = by.actor();
            if storage::access::grant(tx, person, role, actor.to_string(), self.clock.now()).await? {
                let event = AuditEvent::new(actor, "role.granted").person(person).details(json!({ "role": role }));
                record(tx, &*self.clock, &*self.random, event).await?;
                // A session opened before the role carries none of it (security check 14: a new session at a change
                // of privilege).
                session::end_all(tx, &*self.clock, person, "roles changed").await?;
            }
            Ok(())
        })
    }

    /// Takes a role. The last active administrator stays.
    pub async fn revoke_role(&self, by: &Administer, person: PersonId, role: Role) -> Result<(), HubError> {
        storage::write!(self.database, |tx| {
            if role == Role::Administrator {
                let mut others = 0;
                for holder in storage::access::holders_of(tx, role).await? {
                    let active = People(tx).by_id(holder).await?.is_some_and(|p| p.state() == PersonState::Migrated);
                    others += u32::from(active && holder != person);
                }
                if others == 0 {
                    return Err(HubError::Refused(
                        "This is the last administrator: make another one first.".to_owned(),
                    ));
                }
            }
            if storage::access::revoke(tx, person, role).await? {
                let event = AuditEvent::new(by.actor(), "role.revoked").person(person).details(json!({ "role": role }));
                record(tx, &*self.clock, &*self.random, event).await?;
                session::end_all(tx, &*self.clock, person, "roles changed").await?;
            }
            Ok(())
        })
    }
}
