//! From the request to a capability: the first line of every server function.

use directory::SessionId;
use hub::{Hub, HubError, StorageError, kernel::capability::Capability};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use crate::problem::ApiError;

/// Who calls, as the server knows from the cookie; provided in the context of every page and server function.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caller {
    pub session: Option<SessionId>,
}

/// The hub and the caller, both provided by the server.
pub fn hub_and_caller() -> Result<(Hub, Caller), ApiError> {
    match (use_context::<Hub>(), use_context::<Caller>()) {
        (Some(hub), Some(caller)) => Ok((hub, caller)),
        _ => Err(ApiError::Failed("This server is not wired up. This is a defect; report it.".to_owned())),
    }
}

/// The caller with this capability.
pub async fn permit<C: Capability>() -> Result<(Hub, C), ApiError> {
    let (hub, caller) = hub_and_caller()?;
    match hub.permit(caller.session).await {
        Ok(capability) => Ok((hub, capability)),
        Err(error) => Err(denied(&hub, caller, error).await),
    }
}

/// Tells "your session has ended" from "you may not": the first has a remedy at the page.
pub async fn denied(hub: &Hub, caller: Caller, error: HubError) -> ApiError {
    if !matches!(error, HubError::Denied(_)) {
        return failed(error);
    }
    let alive = match caller.session {
        Some(id) => matches!(hub.session(id).await, Ok(Some(_))),
        None => false,
    };
    if alive {
        return failed(error);
    }
    set_status(http::StatusCode::UNAUTHORIZED);
    ApiError::SignedOut
}

/// The public side of a hub error, with its status; the rest goes to the log.
pub fn failed(error: HubError) -> ApiError {
    let (status, answer) = match &error {
        HubError::Denied(_) => (http::StatusCode::FORBIDDEN, ApiError::Denied),
        HubError::NotFound(what) => (http::StatusCode::NOT_FOUND, ApiError::NotFound(capitalised(what))),
        HubError::Invalid { field, message } => (
            http::StatusCode::UNPROCESSABLE_ENTITY,
            ApiError::Invalid { field: (*field).to_owned(), message: sentence(message) },
        ),
        HubError::Refused(message) => (http::StatusCode::CONFLICT, ApiError::Refused(message.clone())),
        HubError::Source(trouble) => (http::StatusCode::BAD_GATEWAY, ApiError::Failed(trouble.reason.clone())),
        HubError::Overloaded => (http::StatusCode::SERVICE_UNAVAILABLE, ApiError::Failed(error.public())),
        HubError::Storage(StorageError::Stale { .. }) => {
            (http::StatusCode::CONFLICT, ApiError::Refused(error.public()))
        }
        HubError::Storage(_) | HubError::Vault(_) | HubError::Internal(_) => {
            tracing::error!(%error, "a console request failed");
            let full = matches!(error, HubError::Storage(StorageError::DiskFull));
            let status =
                if full { http::StatusCode::INSUFFICIENT_STORAGE } else { http::StatusCode::INTERNAL_SERVER_ERROR };
            (status, ApiError::Failed(error.public()))
        }
    };
    set_status(status);
    answer
}

/// The status of an answer that no hub error gave one: what a form says cannot be accepted. Called where every error
/// of a server function leaves, so that none of them is forgotten.
pub fn status_of(error: &ApiError) {
    let status = match error {
        ApiError::SignedOut => http::StatusCode::UNAUTHORIZED,
        ApiError::Denied => http::StatusCode::FORBIDDEN,
        ApiError::NotFound(_) => http::StatusCode::NOT_FOUND,
        ApiError::Invalid { .. } => http::StatusCode::UNPROCESSABLE_ENTITY,
        ApiError::Refused(_) => http::StatusCode::CONFLICT,
        // Several kinds: whoever made it has said which, else it is a defect and stays a 500.
        ApiError::Failed(_) => return,
    };
    set_status(status);
}

/// A value of the address that cannot be one: the page it names does not exist.
pub fn not_found(what: &str) -> ApiError {
    set_status(http::StatusCode::NOT_FOUND);
    ApiError::NotFound(what.to_owned())
}

fn set_status(status: http::StatusCode) {
    // A browser without scripts is sent back to the page of its form, which shows the error: an error's status would
    // keep it from following.
    let form = use_context::<http::request::Parts>().is_some_and(|parts| parts.uri.path().starts_with("/api/"));
    if form && crate::flash::without_scripts() {
        return;
    }
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(status);
    }
}

/// What the command line puts behind the name of a field, standing alone.
pub fn sentence(text: &str) -> String {
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    // The name of an attribute or of a setting stays as it is written.
    let word = text.split(' ').next().unwrap_or_default();
    let name = word.contains(['.', '_', ':']) || word.ends_with('=');
    if name { format!("{text}{end}") } else { format!("{}{end}", capitalised(text)) }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
