//! Capabilities: what a use case of the console asks its caller to hold. Only `hub::access` makes them, from a
//! session that a hub-owned credential proved, so whoever runs an old directory does not run the hub. Which role
//! holds which is said by [`Role::may`] and nowhere else.

use directory::{Permission, PersonId, Role, SessionId};
use storage::Queries;

use super::Actor;
use crate::HubError;

/// Something a session may be turned into: [`crate::Hub::permit`].
pub trait Capability: Sized + Sealed {
    /// What it stands for in the matrix.
    const PERMISSION: Permission;
}

mod sealed {
    /// Makes a capability of what `hub::access` has checked. Nobody else can name this.
    pub trait Sealed {
        fn proven(holder: super::Holder) -> Self;
    }
}

pub(crate) use sealed::Sealed;

/// Who holds a capability, after session, role and standing were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    person: PersonId,
    session: SessionId,
    administrator: bool,
}

impl Holder {
    /// Only `hub::access` calls this.
    pub(crate) const fn new(person: PersonId, session: SessionId, administrator: bool) -> Self {
        Self { person, session, administrator }
    }
}

macro_rules! capability {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            holder: Holder,
        }

        impl Sealed for $name {
            fn proven(holder: Holder) -> Self {
                Self { holder }
            }
        }

        impl Capability for $name {
            const PERMISSION: Permission = Permission::$name;
        }

        impl $name {
            /// Who it is.
            #[must_use]
            pub const fn person_id(&self) -> PersonId {
                self.holder.person
            }
            /// In which session.
            #[must_use]
            pub const fn session_id(&self) -> SessionId {
                self.holder.session
            }
            /// Who it is, for the audit log.
            #[must_use]
            pub const fn actor(&self) -> Actor {
                Actor::Person(self.holder.person)
            }
        }
    };
}

capability! {
    /// Find, People, Person, traces.
    FindPeople
}
capability! {
    /// Safe actions on people: ask [`HelpPeople::check`] about each of them.
    HelpPeople
}
capability! {
    /// Who is the same person, who gets a held name.
    DecideCases
}
capability! {
    /// Overview, sources, applications, proposals, cases; never a secret.
    ReadConfiguration
}
capability! {
    /// Sources, rules, waves.
    ManageSources
}
capability! {
    /// Applications.
    ManageApps
}
capability! {
    /// The audit log, and who holds which role.
    ReadAudit
}
capability! {
    /// Roles, keys, secrets, trust, approvals.
    Administer
}

/// Declares that whoever holds the first holds the others: each is a subset of roles in the matrix, which a test holds.
macro_rules! includes {
    ($($stronger:ident => $($weaker:ident),+;)+) => {
        $($(
            impl From<&$stronger> for $weaker {
                fn from(stronger: &$stronger) -> Self {
                    Self { holder: stronger.holder }
                }
            }
        )+)+

        #[cfg(test)]
        const INCLUDED: &[(Permission, Permission)] =
            &[$($((Permission::$stronger, Permission::$weaker)),+),+];
    };
}

includes! {
    HelpPeople => FindPeople;
    DecideCases => FindPeople, ReadConfiguration;
    ReadConfiguration => FindPeople;
    ManageSources => FindPeople, ReadConfiguration;
    ManageApps => FindPeople, ReadConfiguration;
    ReadAudit => FindPeople, ReadConfiguration;
    Administer => FindPeople, HelpPeople, DecideCases, ReadConfiguration, ManageSources, ManageApps, ReadAudit;
}

impl HelpPeople {
    /// Whether this helper may act on this person. Who holds a role of the hub is helped by administrators only:
    /// otherwise help desk could take over, or keep out, those who run the hub.
    pub async fn check(&self, queries: &mut impl Queries, person: PersonId) -> Result<(), HubError> {
        if self.holder.administrator || storage::access::roles_of(queries, person).await?.is_empty() {
            return Ok(());
        }
        Err(HubError::Refused(
            "This person works in the console: only an administrator may do this for them.".to_owned(),
        ))
    }
}

/// Whether any of these roles may.
pub(crate) fn any_may(roles: &[Role], permission: Permission) -> bool {
    roles.iter().any(|role| role.may(permission))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_turns_only_into_what_all_its_roles_may() {
        for (stronger, weaker) in INCLUDED {
            for role in Role::ALL {
                assert!(!role.may(*stronger) || role.may(*weaker), "{role}: {stronger} includes {weaker}");
            }
        }
    }
}
