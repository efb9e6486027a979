//! What the hub has on record about whether a person may be here.

use directory::{PersonId, PersonState};
use storage::people::People;

use crate::{Hub, HubError};

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StandingVerdict {
    Active,
    Refused,
}

impl Hub {
    pub(crate) async fn recorded_standing(&self, person: PersonId) -> Result<StandingVerdict, HubError> {
        let person = People(&mut self.database.reader()).by_id(person).await?;
        Ok(match person.map(|person| person.state()) {
            None
            | Some(
                PersonState::Unknown
                | PersonState::Staged
                | PersonState::DisabledByHub
                | PersonState::DisabledBySource
                | PersonState::Merged,
            ) => StandingVerdict::Refused,
            Some(
                PersonState::Mirrored | PersonState::Shadow | PersonState::VerifierImported | PersonState::Migrated,
            ) => StandingVerdict::Active,
        })
    }
}
