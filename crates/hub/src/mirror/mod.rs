//! The only writer of people, accounts, aliases, attributes, memberships and captured verifiers (semantics, section 6).
//!
//! Every function works inside the caller's transaction, writes its audit events there, and has no outside effect:
//! the transaction may run again. A person is found by the immutable id of their account and by nothing else; a name,
//! e-mail address or employee number that somebody else holds is never taken, and opens a case.

mod authority;
mod capture;
mod create;
mod history;
mod import;
mod imported;
mod link;
mod mapped;
mod matched;
mod meets;
mod missing;
mod objects;
mod owner;
mod preview;
mod private;
mod refresh;
mod removed;
mod values;

pub use authority::{activate_staged, disable_by_hub, enable_by_hub, end_source_authority, rehash, set_hub_verifier};
pub use capture::{Capture, Captured, capture, delete_shadow_verifier, take_over};
pub use create::{NewHubPerson, Provisioned, create, create_hub_person};
use directory::{Account, AccountStatus, CaseId, Person, Standing};
pub use import::{Imported, give_up_names, import_entry, import_people, read_people};
pub use imported::{Imported as ImportedVerifier, import_verifier, replace_imported};
pub(crate) use link::forget_waiting;
pub use link::{MATCH, note_read_whole, sight};
pub(crate) use mapped::mapped;
pub(crate) use matched::feeding;
pub(crate) use meets::{found_by_before, held_before, met_by};
pub use missing::{MissingNoted, drop_alias, note_locked, note_missing};
pub use objects::{settle_groups, write_device, write_devices, write_group, write_groups};
pub(crate) use preview::preview;
pub(crate) use private::KEPT_AS_DIGEST;
pub use refresh::{Refreshed, refresh};
pub use removed::{Absence, free_names, note_removed};
pub use storage::attributes::Cause;
pub(crate) use values::digest_of;

use crate::{HubError, kernel::AuditEvent};
use crate::{HubParts, kernel::record};
use storage::Transaction;

/// What reading an entry of a known account changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Written {
    /// Names of what changed, for the audit log: `email`, `groups`, `aliases`. No values.
    changed: Vec<String>,
    /// Cases opened now; cases opened before are not repeated.
    cases: Vec<CaseId>,
    /// Something of the entry was held by somebody else and not taken, now or before.
    held: bool,
}

/// What an account's status means for the standing of its person.
const fn standing_of(status: AccountStatus) -> Standing {
    match status {
        AccountStatus::Active => Standing::Active,
        AccountStatus::Disabled => Standing::Disabled,
        AccountStatus::Expired => Standing::Expired,
        AccountStatus::Missing => Standing::Missing,
    }
}

async fn audit(tx: &mut Transaction, hub: &HubParts, event: AuditEvent) -> Result<(), HubError> {
    Ok(record(tx, &*hub.clock, &*hub.random, event).await?)
}

/// A person that must be there: the caller holds a row that refers to it.
async fn person(tx: &mut Transaction, id: directory::PersonId) -> Result<Person, HubError> {
    storage::people::People(tx).by_id(id).await?.ok_or(HubError::NotFound("The person"))
}

/// Whether the standing of `person` is read from this account.
fn decides_standing(person: &Person, account: &Account) -> bool {
    person.standing_authority == directory::StandingAuthority::Source(account.source_id)
        && account.kind == directory::LinkKind::Primary
}
