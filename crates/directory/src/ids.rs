//! Typed ids: a person's id cannot be handed to a function that wants a source's.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! typed_id {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The value as storage keeps it.
            #[must_use]
            pub const fn uuid(self) -> Uuid { self.0 }
        }
        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self { Self(value) }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Uuid::parse_str(text).map(Self) }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
    )+};
}

typed_id!(
    /// A person: one identity in the universal directory.
    PersonId,
    /// That person as one source sees them.
    AccountId,
    /// A directory that people come from.
    SourceId,
    /// One attempt to sign in, with its trace.
    SignInId,
    /// A session of a person with the hub.
    SessionId,
    /// A group, of a source or of the hub.
    GroupId,
    /// A device, as one source sees it.
    DeviceId,
    /// One run of an import.
    ImportRunId,
    /// What a person allowed a client: the family of its tokens.
    GrantId,
    /// An authorization request on its way through the sign-in page.
    AuthorizationId,
    /// A question that a person must decide.
    CaseId,
    /// A change that waits for a second person.
    ProposalId,
    /// One line of the audit log.
    AuditEventId,
);

/// The public name of an application, as it stands in `client_id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(pub String);

impl std::fmt::Display for ClientId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of an account at its source that survives renames and moves: AD `objectGUID`, LDAP `entryUUID`,
/// a primary key. Text as the connector writes it canonically; never a DN, UPN, e-mail or username.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImmutableId(pub String);

impl ImmutableId {
    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ImmutableId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<String> for ClientId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Display for ImmutableId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
