//! Giving and taking roles. They never come from a directory.

use chrono::{DateTime, Utc};
use directory::{Namespace, PersonId, PersonState, Role, VerifierOrigin};
use secrecy::SecretString;
use serde_json::json;
use storage::{Queries, Transaction, aliases::Aliases, people::People, trace::Traces, verifiers::Verifiers};

use super::{
    names::Names,
    set_up::{Invitation, issue},
};
use crate::{
    Hub, HubError,
    kernel::{
        Actor, AuditEvent,
        capability::{Administer, ReadAudit},
        record,
    },
    password::username_of,
    session,
};

pub use crate::mirror::NewHubPerson as NewHolder;

/// Somebody who works in the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleHolder {
    pub person: PersonId,
    pub display_name: String,
    /// The name to sign in with.
    pub username: String,
    pub roles: Vec<Held>,
    /// Whether they could exercise a role right now.
    pub active: bool,
    /// They have a password that was set here; else a set-up link waits, or has to be made.
    pub password_set: bool,
    pub break_glass: bool,
    /// When the glass was last broken.
    pub break_glass_used_at: Option<DateTime<Utc>>,
    pub last_sign_in: Option<DateTime<Utc>>,
}

/// One role of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub role: Role,
    pub since: DateTime<Utc>,
    /// Who gave it, by name.
    pub by: String,
}

impl Hub {
    /// Everybody who holds a role, by name.
    pub async fn role_holders(&self, _: &ReadAudit) -> Result<Vec<RoleHolder>, HubError> {
        let mut reader = self.database.reader();
        let glass = storage::break_glass::all(&mut reader).await?;
        let mut holders: Vec<RoleHolder> = Vec::new();
        let mut names = Names::default();
        for assignment in storage::access::assignments(&mut reader).await? {
            let person = assignment.person;
            let held = Held {
                role: assignment.role,
                since: assignment.granted_at,
                by: names.of(&mut reader, &assignment.granted_by).await?,
            };
            if let Some(holder) = holders.iter_mut().find(|h| h.person == person) {
                holder.roles.push(held);
                continue;
            }
            let Some(found) = People(&mut reader).by_id(person).await? else { continue };
            holders.push(RoleHolder {
                person,
                active: found.state() == PersonState::Migrated,
                display_name: found.display_name,
                username: username_of(&mut reader, person).await?.unwrap_or_default(),
                roles: vec![held],
                password_set: password_is_ours(&mut reader, person).await?,
                break_glass: glass.iter().any(|g| g.person == person),
                break_glass_used_at: glass.iter().find(|g| g.person == person).and_then(|g| g.last_used_at),
                last_sign_in: Traces(&mut reader).last_success(person).await?,
            });
        }
        holders.sort_by(|a, b| a.display_name.cmp(&b.display_name));
        Ok(holders)
    }

    /// Somebody of the hub by the name they sign in with.
    pub async fn person_named(&self, _: &Administer, username: &str) -> Result<PersonId, HubError> {
        let mut reader = self.database.reader();
        let found = Aliases(&mut reader).find(Namespace::Hub, &directory::fold(username.trim())).await?;
        found.map(|alias| alias.person_id).ok_or_else(|| HubError::Invalid {
            field: "username",
            message: "nobody whose password is checked here has this name".to_owned(),
        })
    }

    /// Gives a role to somebody whose password the hub checks. Where that password came from a directory, a set-up
    /// link is made: the role counts once a password was set here.
    pub async fn grant_role(
        &self,
        by: &Administer,
        person: PersonId,
        role: Role,
    ) -> Result<Option<Invitation>, HubError> {
        let token = SecretString::from(self.random.token());
        storage::write!(self.database, |tx| {
            let found = People(tx).by_id(person).await?.ok_or(HubError::NotFound("The person"))?;
            if found.state() != PersonState::Migrated {
                return Err(HubError::Refused(
                    "Roles are for people whose password is checked here: whoever runs an old directory must not run \
                     the hub."
                        .to_owned(),
                ));
            }
            if !give(tx, self, by.actor(), person, role).await? {
                return Err(HubError::Refused("This person holds that role already.".to_owned()));
            }
            // A session opened before the role carries none of it (security check 14: a new session at a change
            // of privilege).
            session::end_all(tx, &*self.clock, person, "roles changed").await?;
            if password_is_ours(tx, person).await? {
                return Ok(None);
            }
            issue(tx, self, by.actor(), person, &token).await.map(Some)
        })
    }

    /// Takes a role. The last active administrator stays, and nobody takes the administrator's role from themselves.
    pub async fn revoke_role(&self, by: &Administer, person: PersonId, role: Role) -> Result<(), HubError> {
        storage::write!(self.database, |tx| {
            if role == Role::Administrator {
                if other_administrators(tx, person).await? == 0 {
                    return Err(HubError::Refused(
                        "This is the last administrator: make another one first.".to_owned(),
                    ));
                }
                if person == by.person_id() {
                    return Err(HubError::Refused(
                        "Another administrator takes this role from you: ask one of them.".to_owned(),
                    ));
                }
            }
            if !storage::access::revoke(tx, person, role).await? {
                return Err(HubError::Refused("This person does not hold that role any more.".to_owned()));
            }
            let event = AuditEvent::new(by.actor(), "role.revoked").person(person).details(json!({ "role": role }));
            record(tx, &*self.clock, &*self.random, event).await?;
            session::end_all(tx, &*self.clock, person, "roles changed").await?;
            Ok(())
        })
    }
}

/// Writes the role with its audit line; false if the person held it already.
pub(super) async fn give(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    person: PersonId,
    role: Role,
) -> Result<bool, HubError> {
    if !storage::access::grant(tx, person, role, actor.to_string(), hub.clock.now()).await? {
        return Ok(false);
    }
    let event = AuditEvent::new(actor, "role.granted").person(person).details(json!({ "role": role }));
    record(tx, &*hub.clock, &*hub.random, event).await?;
    Ok(true)
}

/// Administrators besides this one who could sign in. Those for breaking glass do not count: every day needs one.
async fn other_administrators(tx: &mut Transaction, person: PersonId) -> Result<u32, HubError> {
    let glass = storage::break_glass::all(tx).await?;
    let mut others = 0;
    for holder in storage::access::holders_of(tx, Role::Administrator).await? {
        let active = People(tx).by_id(holder).await?.is_some_and(|p| p.state() == PersonState::Migrated);
        others += u32::from(active && holder != person && !glass.iter().any(|g| g.person == holder));
    }
    Ok(others)
}

/// Whether the person has a password that was set at the hub: no directory ever knew it.
async fn password_is_ours(queries: &mut impl Queries, person: PersonId) -> Result<bool, HubError> {
    let verifier = Verifiers(queries).of_person(person).await?;
    Ok(verifier.is_some_and(|v| v.origin == VerifierOrigin::Hub))
}
