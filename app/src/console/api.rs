//! Who is at the console.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::problem::ApiError;

/// The person signed in, as the frame shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub name: String,
    /// True for administrators; help desk sees people only.
    pub administrator: bool,
}

/// Who the session belongs to, and in which role.
#[server(prefix = "/api", endpoint = "who-am-i", input = GetUrl)]
pub async fn who_am_i() -> Result<Me, ApiError> {
    let (hub, help_desk) = crate::caller::help_desk().await?;
    let session = Some(help_desk.session_id());
    let administrator = hub.as_administrator(session).await.is_ok();
    let name = hub.name_of(help_desk.person_id()).await.map_err(crate::caller::failed)?;
    Ok(Me { name, administrator })
}
