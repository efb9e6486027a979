//! "Your directory wants a new password": changed there, on a page of ours (row D11).

use leptos::prelude::*;

use super::{
    Frame, Passage,
    change_password::{first_in_need, password_field},
    field, frame,
};
use crate::ui::Icon;

/// The form. Shown only to somebody who typed the right password.
#[derive(Debug, Clone, Default)]
pub struct ExpiredPage {
    pub passage: Passage,
    /// What the first page's proof handed out.
    pub step: String,
    /// The name that was typed.
    pub identifier: String,
    /// The chosen directory's value; empty = "Find me" or not asked.
    pub directory: String,
    /// The directory, as people read it.
    pub label: String,
    /// Shortest accepted password, in characters.
    pub minimum: usize,
    /// What is wrong with each field of the last try.
    pub current_problem: Option<String>,
    pub new_problem: Option<String>,
    pub repeated_problem: Option<String>,
}

/// The document.
#[must_use]
pub fn expired_page(frame: &Frame, page: &ExpiredPage) -> String {
    let focus = first_in_need([&page.current_problem, &page.new_problem, &page.repeated_problem]);
    let card = view! {
        <div class="head">
            <h1>"Your password must be changed"</h1>
            <p>"It is right, but "<strong>{page.label.clone()}</strong>" wants a new one. It is changed there, and you use it wherever you used the old one."</p>
        </div>
        <form method="post" action="/sign-in/change">
            {frame::hidden(&page.passage)}
            <input type="hidden" name=field::STEP value=page.step.clone() />
            <input type="hidden" name=field::DIRECTORY value=page.directory.clone() />
            <input type="text" name=field::IDENTIFIER value=page.identifier.clone() autocomplete="username" aria-label="Your username" readonly hidden />
            {password_field("current", field::PASSWORD, "Current password", "current-password", page.current_problem.clone(), focus == 0, None)}
            {password_field("new", field::NEW_PASSWORD, "New password", "new-password", page.new_problem.clone(), focus == 1, Some(page.minimum))}
            {password_field("repeated", field::REPEATED_PASSWORD, "New password, once more", "new-password", page.repeated_problem.clone(), focus == 2, None)}
            <button class="button primary wide">"Change password and sign in"</button>
        </form>
    };
    frame::document(frame, "Your password must be changed", card)
}

/// A change whose answer was lost.
#[derive(Debug, Clone)]
pub struct ChangeUnknownPage {
    pub passage: Passage,
    pub label: String,
    pub code: String,
    pub at: chrono::DateTime<chrono::Utc>,
}

/// The document.
#[must_use]
pub fn change_unknown_page(frame: &Frame, page: &ChangeUnknownPage) -> String {
    let card = view! {
        <div class="head" role="alert">
            <h1>"It is not known whether your password was changed"</h1>
            <p>{page.label.clone()}" did not answer in time, and nothing was sent a second time. Wait a minute, then sign in with the new password; if it does not fit, with the one from before."</p>
        </div>
        <a class="button wide" href=page.passage.start()>{Icon::Back.draw()}"Sign in"</a>
        {frame::code_box(page.code.clone(), page.at)}
    };
    frame::document(frame, "It is not known whether your password was changed", card)
}
