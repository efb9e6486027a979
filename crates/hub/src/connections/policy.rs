//! The installation's policy, as stored.

use directory::Policy;
use storage::Queries;

use crate::HubError;

/// Name of the setting.
pub(crate) const SETTING: &str = "policy";

/// The stored policy, or `otherwise` if nobody changed it.
pub(crate) async fn read(queries: &mut impl Queries, otherwise: &Policy) -> Result<Policy, HubError> {
    let Some(setting) = storage::settings::get(queries, SETTING).await? else { return Ok(otherwise.clone()) };
    serde_json::from_value(setting.value).map_err(|e| {
        storage::StorageError::Inconsistent { table: "setting", column: "value", reason: e.to_string() }.into()
    })
}
