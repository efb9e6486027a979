//! The second step: the password, beside the name it belongs to.

use leptos::prelude::*;

use super::{Frame, Passage, ProviderLink, field, frame, provider::providers};
use crate::ui::Icon;

/// Asks for the password. Nothing on it depends on whether the name is known.
#[derive(Debug, Clone, Default)]
pub struct PasswordPage {
    pub passage: Passage,
    pub identifier: String,
    /// The chosen directory's value; empty = "Find me" or not asked.
    pub directory: String,
    /// "Continue with …"; by the application and the typed domain, the same for everybody.
    pub providers: Vec<ProviderLink>,
    /// The form came back without a password.
    pub missing: bool,
}

/// The document.
#[must_use]
pub fn password_page(frame: &Frame, page: &PasswordPage) -> String {
    let card = view! {
        <div class="head"><h1>"Enter your password"</h1><p>"Use the password you use today."</p></div>
        {password_form(&page.passage, &page.identifier, &page.directory, page.missing)}
    };
    match providers(&page.passage, &page.identifier, &page.providers) {
        Some(others) => frame::document(frame, "Enter your password", (card, others)),
        None => frame::document(frame, "Enter your password", card),
    }
}

/// The form, also under a refusal. The name stands in a read-only field of its own, where password managers look.
pub(super) fn password_form(
    passage: &Passage,
    identifier: &str,
    directory: &str,
    missing: bool,
) -> impl IntoView + use<> {
    let problem = missing.then(|| {
        view! { <p class="error" id="password-error">{Icon::Warning.draw()}"Type your password."</p> }
    });
    let directory = (!directory.is_empty())
        .then(|| view! { <input type="hidden" name=field::DIRECTORY value=directory.to_owned() /> });
    view! {
        <form method="post" action="/sign-in">
            {frame::hidden(passage)}
            {directory}
            <div class="as">
                {Icon::Person.draw()}
                <input
                    name=field::IDENTIFIER
                    value=identifier.to_owned()
                    autocomplete="username"
                    aria-label="Signing in as"
                    readonly
                />
                <a href=passage.start()>"Change"</a>
            </div>
            <div class="field">
                <label for="password">"Password"</label>
                <input
                    class="input"
                    id="password"
                    name=field::PASSWORD
                    type="password"
                    autocomplete="current-password"
                    aria-invalid=missing.then_some("true")
                    aria-describedby=missing.then_some("password-error")
                    autofocus
                    required
                />
                {problem}
            </div>
            <button class="button primary wide">"Sign in"</button>
        </form>
    }
}
