//! Set-up links: one person, one use, one day. The token is shown once and kept as a digest; opening the page does not
//! spend it, setting the password does.

use chrono::{DateTime, TimeDelta, Utc};
use directory::{Namespace, PersonId, PersonState, Role};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use storage::{
    Queries, Transaction,
    access::{NewLink, SetUpLink},
    aliases::Aliases,
    people::People,
};

use super::roles;
use crate::{
    Hub, HubError,
    kernel::{Actor, AuditEvent, capability::Administer, record, vault::token_digest},
    mirror::{self, NewHubPerson},
    password::username_of,
    session,
};

/// How long a link works.
const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// A link to hand to somebody.
pub struct Invitation {
    pub person: PersonId,
    pub username: String,
    /// Shown once. Holds the token.
    pub link: SecretString,
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation").field("person", &self.person).finish_non_exhaustive()
    }
}

/// What the set-up page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUpPage {
    pub display_name: String,
    /// The name to sign in with.
    pub username: Option<String>,
    pub expires_at: DateTime<Utc>,
}

fn link_over() -> HubError {
    HubError::Refused(
        "This link was used already, is older than a day, or was replaced by a newer one. Ask for a new one."
            .to_owned(),
    )
}

impl Hub {
    /// Creates the first administrator, or another one, from the host's command line. With `recover`, an administrator
    /// who exists gets a new link.
    pub async fn create_administrator(
        &self,
        username: &str,
        email: Option<&str>,
        recover: bool,
    ) -> Result<Invitation, HubError> {
        let new = named(username, email);
        self.invite_holder(Actor::CommandLine, &new, Role::Administrator, recover, false).await
    }

    /// Creates the administrator for the day on which nothing else works: signing in takes a code printed on the host
    /// as well. Never somebody who exists: an account of every day must not change under its holder.
    pub async fn create_break_glass(&self, username: &str) -> Result<Invitation, HubError> {
        self.invite_holder(Actor::CommandLine, &named(username, None), Role::Administrator, false, true).await
    }

    /// Creates a person who works in the console.
    pub async fn invite_console_person(
        &self,
        by: &Administer,
        new: NewHubPerson,
        role: Role,
    ) -> Result<Invitation, HubError> {
        self.invite_holder(by.actor(), &new, role, false, false).await
    }

    /// A new link for somebody whose password the hub checks and who holds a role; another administrator hands it over.
    pub async fn renew_invitation(&self, by: &Administer, person: PersonId) -> Result<Invitation, HubError> {
        if person == by.person_id() {
            return Err(HubError::Refused(
                "Another administrator makes this link, or `isthmus admin create --recover` on the server.".to_owned(),
            ));
        }
        let token = SecretString::from(self.random.token());
        storage::write!(self.database, |tx| {
            if storage::access::roles_of(tx, person).await?.is_empty() {
                return Err(HubError::Refused("This person holds no role.".to_owned()));
            }
            issue(tx, self, by.actor(), person, &token).await
        })
    }

    async fn invite_holder(
        &self,
        actor: Actor,
        new: &NewHubPerson,
        role: Role,
        recover: bool,
        break_glass: bool,
    ) -> Result<Invitation, HubError> {
        let token = SecretString::from(self.random.token());
        storage::write!(self.database, |tx| {
            let known = holder_of_username(tx, &new.username).await?;
            let person = match (known, recover) {
                (Some(person), true) => person,
                (Some(_), false) => {
                    return Err(HubError::Refused(format!(
                        "{:?} exists already. Choose another name, or make a new link for them with --recover.",
                        new.username
                    )));
                }
                (None, true) => return Err(HubError::Refused(
                    "no administrator is called so: the page of administrators lists them; without --recover, a new one \
                     is made"
                        .to_owned(),
                )),
                (None, false) => mirror::create_hub_person(tx, self, actor, new).await?.id,
            };
            if recover {
                if !storage::access::roles_of(tx, person).await?.contains(&role) {
                    return Err(HubError::Refused(format!("{:?} is not an administrator.", new.username)));
                }
                // Whoever needs this may have lost more than a password.
                session::end_all(tx, &*self.clock, person, "recovered").await?;
            }
            roles::give(tx, self, actor, person, role).await?;
            if break_glass {
                storage::break_glass::mark(tx, person, actor.to_string(), self.clock.now()).await?;
                let event = AuditEvent::new(actor, "break-glass.marked").person(person);
                record(tx, &*self.clock, &*self.random, event).await?;
            }
            issue(tx, self, actor, person, &token).await
        })
    }

    /// What the page behind a link shows. Does not spend the link.
    pub async fn set_up_page(&self, token: &SecretString) -> Result<SetUpPage, HubError> {
        let digest = token_digest(token.expose_secret());
        let mut reader = self.database.reader();
        let link = self.usable(storage::access::link(&mut reader, &digest).await?)?;
        let person = People(&mut reader).by_id(link.person).await?.ok_or_else(link_over)?;
        Ok(SetUpPage {
            display_name: person.display_name,
            username: username_of(&mut reader, link.person).await?,
            expires_at: link.expires_at,
        })
    }

    /// Sets the password of the person the link is for, and spends the link. Every session of theirs ends.
    pub async fn set_up_password(&self, token: &SecretString, typed: &SecretString) -> Result<PersonId, HubError> {
        let digest = token_digest(token.expose_secret());
        let link = self.usable(storage::access::link(&mut self.database.reader(), &digest).await?)?;
        let person = link.person;
        let password = self.acceptable_password(person, typed).await?;
        let phc = self.state.passwords.make(&*self.random, &password).await?;
        storage::write!(self.database, |tx| {
            // Read again inside: two browsers may hold the same link.
            self.usable(storage::access::link(tx, &digest).await?)?;
            if !storage::access::spend_link(tx, &digest, self.clock.now()).await? {
                return Err(link_over());
            }
            mirror::set_hub_verifier(tx, self, Actor::Person(person), person, phc.clone()).await?;
            session::end_all(tx, &*self.clock, person, "password set").await?;
            Ok(person)
        })
    }

    fn usable(&self, link: Option<SetUpLink>) -> Result<SetUpLink, HubError> {
        link.filter(|l| l.spent_at.is_none() && self.clock.now() < l.expires_at).ok_or_else(link_over)
    }
}

fn named(username: &str, email: Option<&str>) -> NewHubPerson {
    NewHubPerson {
        username: username.trim().to_owned(),
        display_name: username.trim().to_owned(),
        email: email.map(str::to_owned),
    }
}

/// Keeps a new link and makes the older ones void.
pub(super) async fn issue(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    person: PersonId,
    token: &SecretString,
) -> Result<Invitation, HubError> {
    let found = People(tx).by_id(person).await?.ok_or(HubError::NotFound("The person"))?;
    if found.state() != PersonState::Migrated {
        return Err(HubError::Refused(
            "A set-up link is for people whose password is checked here and who are not disabled.".to_owned(),
        ));
    }
    let now = hub.clock.now();
    let expires_at = now + LIFETIME;
    let kept = NewLink {
        digest: token_digest(token.expose_secret()),
        person,
        issued_by: actor.to_string(),
        created_at: now,
        expires_at,
    };
    storage::access::insert_link(tx, kept).await?;
    let details = json!({ "expires_at": expires_at });
    let event = AuditEvent::new(actor, "set-up-link.issued").person(person).details(details);
    record(tx, &*hub.clock, &*hub.random, event).await?;
    let mut link = hub.public_url.clone();
    link.set_path("/set-up");
    // In the fragment it would never reach a log, but the page works without scripts.
    link.query_pairs_mut().clear().append_pair("token", token.expose_secret());
    let username = username_of(tx, person).await?.unwrap_or_default();
    Ok(Invitation { person, username, link: SecretString::from(link.to_string()), expires_at })
}

pub(super) async fn holder_of_username(
    queries: &mut impl Queries,
    username: &str,
) -> Result<Option<PersonId>, HubError> {
    let alias = Aliases(queries).find(Namespace::Hub, &directory::fold(username)).await?;
    Ok(alias.map(|a| a.person_id))
}
