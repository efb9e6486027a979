//! What a handler answers when it cannot go on: a page with what happened, what to do, and a code. Handlers do not
//! know how pages look; the layer [`present`] draws them.

use app::door::{ErrorPage, error_page};
use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hub::HubError;
use tower_sessions::session_store::Error;

use super::{AppState, browser::DATABASE_AWAY, headers, request_log::RequestId};

/// A page that says why this cannot go on.
#[derive(Debug, Clone)]
pub struct Failure {
    pub status: StatusCode,
    pub title: String,
    pub message: String,
    /// Where to go on: (label, path).
    pub next: Option<(String, String)>,
    /// A defect or a broken part: the page then carries the request's id for whoever reads the log.
    pub logged: bool,
}

impl Failure {
    pub fn new(status: StatusCode, title: &str, message: &str) -> Self {
        Self { status, title: title.to_owned(), message: message.to_owned(), next: None, logged: false }
    }

    /// Something of ours is broken. The message goes to the log, never to the page.
    pub fn internal(message: &str) -> Self {
        tracing::error!(message, "a request failed");
        Self {
            logged: true,
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something failed here",
                "Nothing was changed. Try again in a moment; if it happens again, call help desk and read out the code.",
            )
        }
    }

    /// The browser session could not be read or written.
    pub fn of_session_store(error: &tower_sessions::session::Error) -> Self {
        match error {
            // The store told the log why; what it says here is a word of ours.
            tower_sessions::session::Error::Store(Error::Backend(word)) if word == DATABASE_AWAY => Self::store_away(),
            other => Self::internal(&format!("the browser session: {other}")),
        }
    }

    fn store_away() -> Self {
        let message = "The database of this server cannot be reached just now. Try again in a moment.";
        Self { logged: true, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "Not possible just now", message) }
    }

    #[must_use]
    pub fn next(mut self, label: &str, path: &str) -> Self {
        self.next = Some((label.to_owned(), path.to_owned()));
        self
    }
}

impl From<HubError> for Failure {
    fn from(error: HubError) -> Self {
        let page = |status, title| Self::new(status, title, &error.public());
        match &error {
            HubError::Denied(_) => page(StatusCode::FORBIDDEN, "Not allowed"),
            HubError::NotFound(_) => page(StatusCode::NOT_FOUND, "Not found"),
            HubError::Invalid { .. } => page(StatusCode::BAD_REQUEST, "This cannot be accepted"),
            HubError::Refused(_) => page(StatusCode::CONFLICT, "This is not possible now"),
            HubError::Overloaded => page(StatusCode::SERVICE_UNAVAILABLE, "The server is busy"),
            unavailable if unavailable.is_unavailable() => {
                tracing::error!(%error, "a request failed for want of the database");
                Self { logged: true, ..page(StatusCode::SERVICE_UNAVAILABLE, "Not possible just now") }
            }
            HubError::Source(_) | HubError::Storage(_) | HubError::Vault(_) | HubError::Internal(_) => {
                tracing::error!(%error, "a request failed");
                Self { logged: true, ..page(StatusCode::INTERNAL_SERVER_ERROR, "Something failed here") }
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Box::new(self));
        response
    }
}

/// Draws the page of a handler that answered with a [`Failure`].
pub async fn present(State(state): State<AppState>, id: RequestId, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let failure = match response.extensions_mut().remove::<Box<Failure>>() {
        Some(failure) => failure,
        None if is_bare_failure(&response) => Box::new(Failure::store_away()),
        None => return response,
    };
    let page = ErrorPage {
        title: failure.title,
        message: failure.message,
        code: failure.logged.then_some(id.0),
        at: state.hub.clock.now(),
        next: failure.next,
    };
    let html = error_page(&state.site.frame, &page);
    (failure.status, headers::door_policy(&[]), axum::response::Html(html)).into_response()
}

/// What the session layer answers, after the log has the reason, when it cannot write the browser's session behind a
/// handler that was done. Everything of ours has a body.
fn is_bare_failure(response: &Response) -> bool {
    response.status() == StatusCode::INTERNAL_SERVER_ERROR && !response.headers().contains_key(header::CONTENT_TYPE)
}

/// Nothing is at this address.
pub async fn not_found() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "Nothing is here", "The address is wrong, or what was here is gone.")
        .next("Go to the console", "/console")
}
