//! What a value was before. Written in the transaction that changes it.

use chrono::{DateTime, Utc};
use directory::ChangeReason;
use storage::{
    Transaction,
    attribute_history::{AttributeChange, AttributeHistory, Said},
    attributes::{Cause, StoredAttribute},
};

use crate::HubError;

fn said(attribute: &StoredAttribute) -> Said {
    Said { value: attribute.value.clone(), source: attribute.authority, account: attribute.origin }
}

/// Keeps the old value beside the new one, if there is one.
pub(super) async fn note(
    tx: &mut Transaction,
    (old, new): (&StoredAttribute, Option<&StoredAttribute>),
    (changed_at, reason, cause): (DateTime<Utc>, ChangeReason, Cause),
) -> Result<(), HubError> {
    let change = AttributeChange {
        name: old.name,
        changed_at,
        reason,
        cause: Some(cause),
        former: said(old),
        now: new.map(said),
    };
    Ok(AttributeHistory(tx).add(old.person_id, &change).await?)
}
