//! What may be registered and how it changes: the checks, the difference between what is and what is wanted, and the
//! writes with their audit lines. The console's areas (`sources`, `clients`) and `apply` go through here, so that a
//! form and a file are held to the same rules.

mod attributes;
mod client_check;
mod client_write;
mod difference;
mod directory_name;
mod import_schedule;
mod lockout;
mod match_rules;
mod source_check;
mod source_check_file;
mod source_check_openid;
mod source_check_profile;
mod source_check_scim;
mod source_check_sql;
mod source_write;
mod two_people;
mod write_access;

pub use attributes::{DefinedAttribute, DefinedAttributes, Removal};
pub(crate) use attributes::{changes as attribute_changes, check as check_attribute, check_filled, define, recompute};
pub use client_write::GroupChoice;
pub(crate) use client_write::{PreparedClient, insert_client, update_client};
pub use difference::FieldChange;
pub(crate) use difference::compare;
pub(crate) use import_schedule::{check_schedule, schedule_changes, write_schedule};
pub use match_rules::RulesChange;
pub(crate) use match_rules::{KIND as MATCH_RULES, carry_out as carry_out_rules, compare as compare_rules};
pub(crate) use source_write::{PreparedSource, SourceOutcome, insert_source, update_source};
pub use two_people::Proposal;
pub(crate) use two_people::{
    carry_out, compare as compare_proposal, end as end_proposal, open_proposals, prepare_proposed,
};

pub(crate) use write_access::{PreparedWriteAccess, is_same_account, write_write_access};

use crate::HubError;

/// An input error that names its field.
fn invalid(field: &'static str, message: impl Into<String>) -> HubError {
    HubError::Invalid { field, message: message.into() }
}

/// Text that people read: not blank, not long, no control characters.
fn check_label(field: &'static str, text: &str) -> Result<(), HubError> {
    if text.trim().is_empty() {
        return Err(invalid(field, "write what people will read"));
    }
    if text.chars().count() > 100 {
        return Err(invalid(field, "use at most 100 characters"));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid(field, "leave out line breaks and control characters"));
    }
    Ok(())
}
