//! Who is at the console.

use directory::Permission;
use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::problem::ApiError;

/// The person signed in, as the frame shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub name: String,
    /// "Operator", or several.
    pub roles: String,
    /// What the navigation offers. What may be done is decided by the server, each time.
    pub may: Vec<Permission>,
    /// `approvals = 1`: said at the foot of every page.
    pub one_decides: bool,
}

/// Who the session belongs to, and in which roles.
#[server(prefix = "/api", endpoint = "who-am-i", input = GetUrl)]
pub async fn who_am_i() -> Result<Me, ApiError> {
    let (hub, finder): (_, hub::kernel::capability::FindPeople) = crate::caller::permit().await?;
    let roles = hub.roles_of(&finder).await.map_err(crate::caller::failed)?;
    let name = hub.name_of(finder.person_id()).await.map_err(crate::caller::failed)?;
    let may = Permission::ALL.iter().copied().filter(|permission| roles.iter().any(|role| role.may(*permission)));
    Ok(Me {
        name,
        roles: roles.iter().map(|role| role.label()).collect::<Vec<_>>().join(", "),
        may: may.collect(),
        one_decides: hub.one_person_decides().await.map_err(crate::caller::failed)?,
    })
}
