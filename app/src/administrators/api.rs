//! What the Administrators page asks and is told.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

use crate::{
    problem::ApiError,
    ui::{Choice, Moment},
};

/// Everybody who holds a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderList {
    pub lines: Vec<HolderLine>,
    /// The roles to choose from; empty for whoever only reads.
    pub roles: Vec<Choice>,
    /// A link that was just made, once, for a browser without scripts.
    pub invited: Option<Invited>,
    /// `given`, `taken`.
    pub notice: String,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderLine {
    pub person: String,
    pub name: String,
    pub username: String,
    pub roles: Vec<HeldRole>,
    /// What keeps the roles from counting, or what is special: "cannot sign in", "has not set a password yet".
    pub note: String,
    pub last_sign_in: Option<Moment>,
}

/// One role of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRole {
    pub role: String,
    pub label: String,
    pub since: Moment,
    pub by: String,
}

/// A set-up link, shown once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    pub username: String,
    /// Empty where the person has a password of the hub already.
    pub link: Option<String>,
}

#[cfg(feature = "ssr")]
const PLACE: &str = "invitation";

#[cfg(feature = "ssr")]
impl From<hub::access::RoleHolder> for HolderLine {
    fn from(holder: hub::access::RoleHolder) -> Self {
        let note = match (holder.active, holder.password_set, holder.break_glass) {
            (false, _, _) => "disabled: cannot sign in".to_owned(),
            (true, false, _) => "has not set a password here yet".to_owned(),
            (true, true, true) => {
                let used = holder.break_glass_used_at.map(|at| at.format("last used %Y-%m-%d %H:%M UTC").to_string());
                let used = used.unwrap_or_else(|| "never used yet".to_owned());
                format!("break-glass: signs in with a code from the server as well; {used}")
            }
            (true, true, false) => String::new(),
        };
        let held = |held: hub::access::Held| HeldRole {
            role: held.role.to_string(),
            label: held.role.label().to_owned(),
            since: held.since.into(),
            by: held.by,
        };
        Self {
            person: holder.person.to_string(),
            name: holder.display_name,
            username: holder.username,
            roles: holder.roles.into_iter().map(held).collect(),
            note,
            last_sign_in: holder.last_sign_in.map(Into::into),
        }
    }
}

/// Shows a link once: to a page with scripts as the answer, to one without after the redirect.
#[cfg(feature = "ssr")]
async fn shown_once(
    hub: &hub::Hub,
    by: &hub::kernel::capability::Administer,
    username: String,
    invitation: Option<hub::access::Invitation>,
) -> Invited {
    use secrecy::ExposeSecret as _;
    let link = invitation.map(|invitation| invitation.link.expose_secret().to_owned());
    let invited = Invited { username, link };
    if crate::flash::without_scripts() {
        if let Ok(text) = serde_json::to_string(&invited) {
            crate::flash::keep(hub, by.session_id(), PLACE, text).await;
        }
        leptos_axum::redirect("/console/administrators?done=given");
    }
    invited
}

#[cfg(feature = "ssr")]
fn role_of(word: &str) -> Result<directory::Role, ApiError> {
    word.parse().map_err(|_| ApiError::Invalid { field: "role".into(), message: "Choose a role.".into() })
}

#[cfg(feature = "ssr")]
fn person_of(id: &str) -> Result<directory::PersonId, ApiError> {
    id.parse().map_err(|_| crate::caller::not_found("This person"))
}

/// Everybody who holds a role.
#[server(prefix = "/api", endpoint = "administrators", input = GetUrl)]
pub async fn list_holders(done: String) -> Result<HolderList, ApiError> {
    let (hub, by): (_, hub::kernel::capability::ReadAudit) = crate::caller::permit().await?;
    let holders = hub.role_holders(&by).await.map_err(crate::caller::failed)?;
    let administers = hub.permit::<hub::kernel::capability::Administer>(Some(by.session_id())).await.is_ok();
    let roles = directory::Role::ALL.iter().map(|role| Choice::new(role.as_str(), role.label()));
    let invited = crate::flash::take(&hub, by.session_id(), PLACE).await;
    Ok(HolderList {
        lines: holders.into_iter().map(HolderLine::from).collect(),
        roles: roles.filter(|_| administers).collect(),
        invited: invited.and_then(|text| serde_json::from_str(&text).ok()),
        notice: done,
    })
}

/// Creates somebody with a role, and the link that sets their first password.
#[server(prefix = "/api", endpoint = "invite-administrator")]
pub async fn invite_holder(username: String, name: String, email: String, role: String) -> Result<Invited, ApiError> {
    let (hub, by): (_, hub::kernel::capability::Administer) = crate::caller::permit().await?;
    let role = role_of(&role)?;
    let username = username.trim().to_owned();
    let text = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let new = hub::access::NewHolder {
        display_name: text(name).unwrap_or_else(|| username.clone()),
        email: text(email),
        username: username.clone(),
    };
    let invitation = hub.invite_console_person(&by, new, role).await.map_err(crate::caller::failed)?;
    Ok(shown_once(&hub, &by, username, Some(invitation)).await)
}

/// Gives a role to somebody whose password the hub checks.
#[server(prefix = "/api", endpoint = "give-role")]
pub async fn give_role(username: String, role: String) -> Result<Invited, ApiError> {
    let (hub, by): (_, hub::kernel::capability::Administer) = crate::caller::permit().await?;
    let role = role_of(&role)?;
    let person = hub.person_named(&by, &username).await.map_err(crate::caller::failed)?;
    let invitation = hub.grant_role(&by, person, role).await.map_err(crate::caller::failed)?;
    Ok(shown_once(&hub, &by, username, invitation).await)
}

/// Takes a role; the sessions of the person end.
#[server(prefix = "/api", endpoint = "take-role")]
pub async fn take_role(person: String, role: String) -> Result<(), ApiError> {
    let (hub, by): (_, hub::kernel::capability::Administer) = crate::caller::permit().await?;
    hub.revoke_role(&by, person_of(&person)?, role_of(&role)?).await.map_err(crate::caller::failed)?;
    leptos_axum::redirect("/console/administrators?done=taken");
    Ok(())
}

/// Makes a new set-up link for somebody who holds a role; the older ones stop working.
#[server(prefix = "/api", endpoint = "renew-invitation")]
pub async fn renew_invitation(person: String, username: String) -> Result<Invited, ApiError> {
    let (hub, by): (_, hub::kernel::capability::Administer) = crate::caller::permit().await?;
    let invitation = hub.renew_invitation(&by, person_of(&person)?).await.map_err(crate::caller::failed)?;
    Ok(shown_once(&hub, &by, username, Some(invitation)).await)
}
