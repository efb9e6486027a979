//! A person: one identity in the universal directory, and the facts its state is derived from (semantics, section 1).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{PersonId, SourceId, words::words};

words! {
    /// On what occasion a value was written.
    Occasion, "occasion" {
        /// Somebody proved a password, or came back from a provider.
        SignIn = "sign-in",
        /// The hub read the directory by itself, to see who may still be here.
        Reading = "reading",
        Import = "import",
        /// Somebody did it at the hub.
        Hub = "hub",
    }
}

words! {
    /// Why a value of a person changed.
    ChangeReason, "reason of a change" {
        /// Its source says something else now.
        Said = "said",
        /// Its source no longer says anything.
        NoLongerSaid = "no-longer-said",
        /// Another source comes first for this attribute.
        Preferred = "preferred",
        /// Its source says nothing any more, or the account is gone, and another one goes on.
        FellBack = "fell-back",
        /// Somebody else's source owns the address or number.
        Claimed = "claimed",
        /// Its source was retired: the value is the hub's own.
        Retired = "retired",
    }
}

/// Who checks this person's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "at", content = "source")]
pub enum CredentialAuthority {
    Source(SourceId),
    Hub,
    None,
}

/// Who says whether this person may be here at all. A third fact beside the two authorities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "at", content = "source")]
pub enum StandingAuthority {
    Source(SourceId),
    Hub,
}

words! {
    /// What the standing authority said last.
    Standing, "standing" {
        Active = "active",
        Disabled = "disabled",
        Expired = "expired",
        /// Twice not returned by a healthy source; the first sighting brings the person back.
        Missing = "missing",
    }
}

words! {
    /// What the hub could verify a password of this person with.
    VerifierKind, "verifier kind" {
        /// Nothing.
        None = "none",
        /// Ours: argon2id.
        Native = "native",
        /// Imported under the scheme of the old directory, not yet re-hashed.
        Legacy = "legacy",
        /// A passkey and no password.
        PasskeyOnly = "passkey-only",
    }
}

words! {
    /// How the hub came by a verifier (rows D1b and D6).
    VerifierOrigin, "verifier origin" {
        /// Made from a password that its source had just proven.
        Captured = "captured",
        /// Imported under the scheme of the old directory.
        Imported = "imported",
        /// Set or reset here.
        Hub = "hub",
    }
}

words! {
    /// The state of a person, derived from columns and shown as one value (the U-table of section 1). U6 is not here:
    /// a dispute is a flag beside the state, and never adds a right.
    PersonState, "state" {
        /// U0: no record.
        Unknown = "unknown",
        /// U1: a record that nobody has activated yet.
        Staged = "staged",
        /// U2: mirrored, the password is checked at the source.
        Mirrored = "mirrored",
        /// U3: mirrored, with a captured verifier that is compared; the source decides.
        Shadow = "shadow",
        /// U4: the hub decides with an imported verifier.
        VerifierImported = "verifier-imported",
        /// U5: the hub decides.
        Migrated = "migrated",
        /// U7(hub): disabled here.
        DisabledByHub = "disabled-by-hub",
        /// U7(source): disabled, expired or missing at the standing authority.
        DisabledBySource = "disabled-by-source",
        /// U8: merged into another person.
        Merged = "merged",
    }
}

impl PersonState {
    /// The short code of the U-table, for look-up.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "U0",
            Self::Staged => "U1",
            Self::Mirrored => "U2",
            Self::Shadow => "U3",
            Self::VerifierImported => "U4",
            Self::Migrated => "U5",
            Self::DisabledByHub | Self::DisabledBySource => "U7",
            Self::Merged => "U8",
        }
    }
}

/// One identity. The facts are fields; [`Person::state`] derives what is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: PersonId,
    /// The `sub` applications see: random, not the row's id.
    pub subject: String,
    pub display_name: String,
    /// False for a staged person.
    pub activated: bool,
    pub credential_authority: CredentialAuthority,
    pub verifier: VerifierKind,
    pub standing: Standing,
    pub standing_authority: StandingAuthority,
    /// The last reading at the standing authority; empty while the hub is that authority.
    pub standing_read_at: Option<DateTime<Utc>>,
    /// Disabled by an administrator here, with the reason.
    pub disabled_by_hub: Option<String>,
    /// The survivor, if this record was merged away.
    pub merged_into: Option<PersonId>,
    /// An open case touches this person (U6).
    pub disputed: bool,
    /// Holds a hub role, or an account of theirs is privileged at its source.
    pub privileged: bool,
    /// Holds a hub role.
    pub holds_role: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Person {
    /// The state of the U-table, from the facts. The order is the precedence: a merged record is nothing else, and
    /// a disabled person is disabled whoever checks the password.
    #[must_use]
    pub fn state(&self) -> PersonState {
        if self.merged_into.is_some() {
            return PersonState::Merged;
        }
        if self.disabled_by_hub.is_some() {
            return PersonState::DisabledByHub;
        }
        if self.standing != Standing::Active {
            return match self.standing_authority {
                StandingAuthority::Hub => PersonState::DisabledByHub,
                StandingAuthority::Source(_) => PersonState::DisabledBySource,
            };
        }
        if !self.activated {
            return PersonState::Staged;
        }
        match (self.credential_authority, self.verifier) {
            (CredentialAuthority::Hub, VerifierKind::Legacy) => PersonState::VerifierImported,
            (CredentialAuthority::Hub, _) => PersonState::Migrated,
            (CredentialAuthority::Source(_), VerifierKind::Native) => PersonState::Shadow,
            (CredentialAuthority::Source(_) | CredentialAuthority::None, _) => PersonState::Mirrored,
        }
    }
}
