//! "Set a password here": for somebody who came back from their directory while people move (row D6r).

use leptos::prelude::*;

use super::{Frame, Passage, change_password::password_field, field, frame};

/// The offer. Shown only to somebody whom the directory has just proven.
#[derive(Debug, Clone, Default)]
pub struct OfferPage {
    pub passage: Passage,
    /// What the proof handed out.
    pub step: String,
    pub person_name: String,
    /// The name to sign in with from then on.
    pub username: String,
    /// Shortest accepted password, in characters.
    pub minimum: usize,
    /// It can be put off.
    pub may_skip: bool,
    pub new_problem: Option<String>,
    pub repeated_problem: Option<String>,
}

/// The document.
#[must_use]
pub fn offer_page(frame: &Frame, page: &OfferPage) -> String {
    let focus_second = page.new_problem.is_none() && page.repeated_problem.is_some();
    let skip = page.may_skip.then(|| {
        view! { <button class="button wide" name=field::DECISION value="skip" formnovalidate>"Not now"</button> }
    });
    let card = view! {
        <div class="head">
            <h1>"Set a password here"</h1>
            <p>"You are "<strong>{page.person_name.clone()}</strong>". From the next time on you sign in here, with your usual name and this password."</p>
        </div>
        <form method="post" action="/sign-in/offer">
            {frame::hidden(&page.passage)}
            <input type="hidden" name=field::STEP value=page.step.clone() />
            <input type="text" name=field::IDENTIFIER value=page.username.clone() autocomplete="username" aria-label="Your username" readonly hidden />
            {password_field("new", field::NEW_PASSWORD, "New password", "new-password", page.new_problem.clone(), !focus_second, Some(page.minimum))}
            {password_field("repeated", field::REPEATED_PASSWORD, "New password, once more", "new-password", page.repeated_problem.clone(), focus_second, None)}
            <button class="button primary wide">"Set password and continue"</button>
            {skip}
        </form>
    };
    frame::document(frame, "Set a password here", card)
}
