//! The only judge of "may this person be here" (semantics, section 1). Asked by the broker, the session layer and the
//! token writer; whatever it reads at a source goes through `mirror`.

mod read;
mod sweep;

use chrono::{DateTime, Utc};
use directory::{CredentialAuthority, Person, PersonId, Policy, SourceId, Standing, StandingAuthority};
pub(crate) use read::Unfinished;
use storage::people::People;
pub use sweep::SweepReport;
pub(crate) use sweep::too_many_missing;

use crate::{Hub, HubError, kernel::seconds};

/// The judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingVerdict {
    Active,
    /// The reading is too old and its source cannot be asked; the last value counts until then (row D1c).
    ActiveInGrace {
        until: DateTime<Utc>,
    },
    Refused(StandingRefusal),
}

/// Why somebody may not be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingRefusal {
    DisabledByHub,
    /// Disabled, expired or missing there.
    DisabledBySource {
        source: SourceId,
    },
    /// The record was merged into another person's.
    Merged,
    /// The source has not been readable for so long that its last word no longer counts.
    SourceDownTooLong,
}

impl StandingVerdict {
    /// Whether the person may be here right now.
    #[must_use]
    pub const fn lets_in(self) -> bool {
        matches!(self, Self::Active | Self::ActiveInGrace { .. })
    }
}

/// The verdict from the facts alone. A reading older than `status_max_age` means that its source could not be asked:
/// whoever calls this has tried.
#[must_use]
pub fn judge(person: &Person, policy: &Policy, now: DateTime<Utc>) -> StandingVerdict {
    use StandingVerdict::{Active, ActiveInGrace, Refused};
    if person.merged_into.is_some() {
        return Refused(StandingRefusal::Merged);
    }
    if person.disabled_by_hub.is_some() {
        return Refused(StandingRefusal::DisabledByHub);
    }
    let source = match (person.standing_authority, person.standing) {
        (StandingAuthority::Hub, Standing::Active) => return Active,
        (StandingAuthority::Hub, Standing::Disabled | Standing::Expired | Standing::Missing) => {
            return Refused(StandingRefusal::DisabledByHub);
        }
        (StandingAuthority::Source(source), Standing::Disabled | Standing::Expired | Standing::Missing) => {
            return Refused(StandingRefusal::DisabledBySource { source });
        }
        (StandingAuthority::Source(source), Standing::Active) => source,
    };
    let Some(read_at) = person.standing_read_at else { return Refused(StandingRefusal::DisabledBySource { source }) };
    if is_fresh(read_at, policy, now) {
        return Active;
    }
    // Only somebody whose password the hub checks can go on without the source (rows D1c and D16).
    let grace = match (person.credential_authority, person.privileged) {
        (CredentialAuthority::Hub, false) => policy.standing_grace,
        (CredentialAuthority::Hub, true) => policy.standing_grace_privileged,
        (CredentialAuthority::Source(_) | CredentialAuthority::None, _) => 0,
    };
    let until = read_at + seconds(grace);
    if now < until { ActiveInGrace { until } } else { Refused(StandingRefusal::SourceDownTooLong) }
}

/// Whether the standing authority must be asked before the verdict: the reading is old, or said no and may have
/// changed its mind.
#[must_use]
pub fn must_read(person: &Person, policy: &Policy, now: DateTime<Utc>) -> Option<SourceId> {
    let StandingAuthority::Source(source) = person.standing_authority else { return None };
    if person.merged_into.is_some() || person.disabled_by_hub.is_some() {
        return None;
    }
    let fresh = person.standing_read_at.is_some_and(|read_at| is_fresh(read_at, policy, now));
    (!fresh || person.standing != Standing::Active).then_some(source)
}

fn is_fresh(read_at: DateTime<Utc>, policy: &Policy, now: DateTime<Utc>) -> bool {
    now.signed_duration_since(read_at) <= seconds(policy.status_max_age)
}

impl Hub {
    /// May this person be here? Reads the one linked entry first if the last reading is older than `status_max_age`,
    /// or if it said no.
    pub async fn standing(&self, person: PersonId) -> Result<StandingVerdict, HubError> {
        let policy = self.policy_now().await?;
        let found = People(&mut self.database.reader()).by_id(person).await?;
        let Some(mut person) = found else { return Err(HubError::NotFound("The person")) };
        if let Some(source) = must_read(&person, &policy, self.clock.now()) {
            person = self.read_standing(person, source, &policy).await?;
        }
        Ok(judge(&person, &policy, self.clock.now()))
    }
}
