//! Who is at the console.

use leptos::prelude::*;
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
#[server(prefix = "/api", endpoint = "who-am-i", input = leptos::server_fn::codec::GetUrl)]
pub async fn who_am_i() -> Result<Me, ApiError> {
    let (hub, help_desk) = crate::caller::help_desk().await?;
    let session = Some(help_desk.session_id());
    let administrator = hub.as_administrator(session).await.is_ok();
    let name = hub.person_name(&help_desk, help_desk.person_id()).await.map_err(crate::caller::failed)?;
    Ok(Me { name, administrator })
}
