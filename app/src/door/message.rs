//! Errors: what happened, what did not, what to do, and a code.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::{Frame, frame};

/// Something that cannot go on. Holds nothing about people, hosts or files.
#[derive(Debug, Clone)]
pub struct ErrorPage {
    /// "This link is no longer valid".
    pub title: String,
    pub message: String,
    /// For help desk and the log.
    pub code: Option<String>,
    pub at: DateTime<Utc>,
    /// Where to go on: (label, path).
    pub next: Option<(String, String)>,
}

/// The document.
#[must_use]
pub fn error_page(frame: &Frame, page: &ErrorPage) -> String {
    let next = page.next.clone().map(|(label, href)| view! { <a class="button wide" href=href>{label}</a> });
    let card = view! {
        <div class="head"><h1>{page.title.clone()}</h1><p>{page.message.clone()}</p></div>
        {next}
        {page.code.clone().map(|code| frame::code_box(code, page.at))}
    };
    frame::document(frame, &page.title, card)
}
