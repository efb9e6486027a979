//! The vocabulary of Isthmus: what a person, an account, a source and their states are called.
//!
//! Plain data, compiled for the server and for the browser. Nothing here reads a clock, makes a random
//! number or touches a network: times, ids and secrets are handed in.

mod account;
mod attribute;
mod client;
mod draft;
mod entry;
mod ids;
mod import;
pub mod metric;
mod name;
mod object;
mod person;
mod policy;
mod result;
mod role;
mod rules;
mod settings;
mod source;
mod stored_password;
mod words;

pub use account::{Account, AccountStatus, LinkKind};
pub use attribute::{
    AttributeDefinition, AttributeName, AttributeType, CustomName, Misfit, NAME_LENGTH, Release, TypedValue,
};
pub use client::{Client, ClientAuthentication, ConsentPolicy, PublishedGroup};
pub use draft::{ClientDraft, SourceDraft};
pub use entry::{Anchors, LockoutReading, SourceEntry, SourceGroup};
pub use ids::{
    AccountId, AuditEventId, AuthorizationId, CaseId, ClientId, DeviceId, GrantId, GroupId, ImmutableId, ImportRunId,
    PersonId, ProposalId, SessionId, SignInId, SourceId,
};
pub use import::{ImportCounts, ImportOutcome, ImportSchedule, ImportScope, ImportState};
pub use name::{EmailAddress, Folded, Namespace, TypedName, fold, search_words};
pub use object::{ObjectKind, SourceDevice, SourceGroupEntry};
pub use person::{
    ChangeReason, CredentialAuthority, Occasion, Person, PersonState, Standing, StandingAuthority, VerifierKind,
    VerifierOrigin,
};
pub use policy::Policy;
pub use result::{AdapterResult, MatchOutcome, WaitingFor};
pub use role::{Permission, Role};
pub use rules::{
    Folding, MatchAttribute, MatchRule, MatchRules, MatchTerm, MatchTier, SynchronisedPair, TrustedAttribute,
};
pub use settings::{
    AttributeMapping, ConnectorSettings, Delimiter, FileFormat, FileSettings, HostChoice, LdapObjects, LdapSettings,
    OpenIdSettings, ScimSettings, SqlCallOut, SqlDevices, SqlFlag, SqlGroups, SqlPassword, SqlSettings,
    TransportSecurity,
};
pub use source::{LockoutSettings, ProfileSettings, Source, SourceKind, SourceMode, WriteAccess, names_in};
pub use stored_password::{ByteText, DescribedPassword, PasswordFormat, PasswordScheme, StoredScheme, TextBytes};
pub use words::UnknownWord;
