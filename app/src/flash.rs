//! Answers that are shown once: to a browser without scripts, the page after a form's redirect shows what the form
//! answered (a new secret, a test). The hub keeps them, for one session and two minutes, for whichever server draws
//! that page.

use directory::SessionId;
use hub::Hub;
use leptos::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};

/// Whether the form was sent by the browser itself, not by our script.
pub fn without_scripts() -> bool {
    use_context::<http::request::Parts>().is_some_and(|parts| {
        let accept = parts.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.contains("text/html"))
    })
}

/// Keeps an answer for the next look of this session at `place`.
pub async fn keep(hub: &Hub, session: SessionId, place: &str, answer: String) {
    if let Err(error) = hub.keep_answer(session, place, &SecretString::from(answer)).await {
        // What was done is done: the page says that the answer is gone, and how to get another one.
        tracing::error!(%error, "an answer for a browser without scripts could not be kept");
    }
}

/// Takes it.
pub async fn take(hub: &Hub, session: SessionId, place: &str) -> Option<String> {
    match hub.kept_answer(session, place).await {
        Ok(answer) => answer.map(|text| text.expose_secret().to_owned()),
        Err(error) => {
            tracing::error!(%error, "a kept answer could not be read");
            None
        }
    }
}
