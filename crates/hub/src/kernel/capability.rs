//! Capabilities: what a use case of the console asks its caller to hold. Only `hub::access` makes them, from a
//! session that a hub-owned credential proved, so whoever runs an old directory does not run the hub.

use directory::{PersonId, SessionId};

use super::Actor;

/// A person at the console with the administrator's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Administrator {
    holder: Holder,
}

/// A person at the console who may help others: a help-desk person or an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelpDesk {
    holder: Holder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holder {
    person: PersonId,
    session: SessionId,
}

macro_rules! capability {
    ($name:ident) => {
        impl $name {
            /// Only `hub::access` calls this, after it has checked session, role and standing.
            pub(crate) const fn proven(person: PersonId, session: SessionId) -> Self {
                Self { holder: Holder { person, session } }
            }
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

capability!(Administrator);
capability!(HelpDesk);

impl From<&Administrator> for HelpDesk {
    fn from(administrator: &Administrator) -> Self {
        Self { holder: administrator.holder }
    }
}
