//! Set-up: the one-time link of `isthmus admin create` leads here.

use leptos::prelude::*;

use super::{Frame, field, frame};
use crate::ui::Icon;

/// Choose a password.
#[derive(Debug, Clone)]
pub struct SetUpPage {
    /// The secret of the link; spent by the POST.
    pub token: String,
    pub person_name: String,
    /// The name to sign in with.
    pub username: String,
    /// Shortest accepted password, in characters.
    pub minimum: usize,
    /// Why the last try was not accepted.
    pub problem: Option<String>,
}

/// The password is set.
#[derive(Debug, Clone)]
pub struct SetUpDonePage {
    pub username: String,
    /// Where to sign in now.
    pub next: String,
}

/// The document.
#[must_use]
pub fn set_up_page(frame: &Frame, page: &SetUpPage) -> String {
    let invalid = page.problem.is_some();
    let problem =
        page.problem.clone().map(|text| view! { <p class="error" id="new-error">{Icon::Warning.draw()}{text}</p> });
    let described = if invalid { "new-error new-hint" } else { "new-hint" };
    let card = view! {
        <div class="head">
            <h1>"Set your password"</h1>
            <p>"Welcome, "<strong>{page.person_name.clone()}</strong>". This link works once."</p>
        </div>
        <form method="post" action="/set-up">
            <input type="hidden" name=field::TOKEN value=page.token.clone() />
            <div class="as">
                {Icon::Person.draw()}
                <input name=field::IDENTIFIER value=page.username.clone() autocomplete="username" aria-label="Your username" readonly />
            </div>
            <div class="field">
                <label for="new">"New password"</label>
                <input
                    class="input"
                    id="new"
                    name=field::NEW_PASSWORD
                    type="password"
                    autocomplete="new-password"
                    minlength=page.minimum.to_string()
                    aria-invalid=invalid.then_some("true")
                    aria-describedby=described
                    autofocus
                    required
                />
                {problem}
                <p class="hint" id="new-hint">"At least "{page.minimum}" characters. A few words that only you would put together are better than signs and digits. Pasting from a password manager is fine."</p>
            </div>
            <button class="button primary wide">"Set password"</button>
        </form>
    };
    frame::document(frame, "Set your password", card)
}

/// The answer.
#[must_use]
pub fn set_up_done_page(frame: &Frame, page: &SetUpDonePage) -> String {
    let card = view! {
        <div class="head">
            <h1>"Your password is set"</h1>
            <p>"Sign in as "<strong>{page.username.clone()}</strong>" from now on. The link that brought you here no longer works."</p>
        </div>
        <a class="button primary wide" href=page.next.clone()>"Sign in"</a>
    };
    frame::document(frame, "Password set", card)
}
