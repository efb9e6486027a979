//! The first step: one field.

use leptos::prelude::*;

use super::{Frame, Passage, ProviderLink, field, frame, provider::providers};
use crate::ui::Icon;

/// One answer to "Which directory?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryChoice {
    pub value: String,
    /// What people call it: "Corporate LDAP".
    pub label: String,
}

/// Asks who is there. The same for everybody: nothing about the name has been looked up yet.
#[derive(Debug, Clone, Default)]
pub struct IdentifierPage {
    pub passage: Passage,
    /// Filled in beforehand (`login_hint`, or going back).
    pub identifier: String,
    /// "Which directory?"; empty = the question is not asked (semantics, section 2.2 d).
    pub directories: Vec<DirectoryChoice>,
    /// The value this browser chose last; empty = "Find me".
    pub chosen: String,
    /// "Continue with …"; by the application, the same for everybody.
    pub providers: Vec<ProviderLink>,
    /// The form came back without a name.
    pub missing: bool,
}

/// The document.
#[must_use]
pub fn identifier_page(frame: &Frame, page: &IdentifierPage) -> String {
    let to = match page.passage.client_name.clone() {
        Some(name) => view! { <p>"to continue to "<strong>{name}</strong></p> }.into_any(),
        None => view! { <p>"to the console of this hub"</p> }.into_any(),
    };
    let problem = page.missing.then(|| {
        view! { <p class="error" id="identifier-error">{Icon::Warning.draw()}"Type your e-mail address or username."</p> }
    });
    let card = view! {
        <div class="head"><h1>"Sign in"</h1>{to}</div>
        <form method="post" action="/sign-in">
            {frame::hidden(&page.passage)}
            <div class="field">
                <label for="identifier">"E-mail or username"</label>
                <input
                    class="input"
                    id="identifier"
                    name=field::IDENTIFIER
                    value=page.identifier.clone()
                    autocomplete="username"
                    autocapitalize="none"
                    spellcheck="false"
                    maxlength="256"
                    aria-invalid=page.missing.then_some("true")
                    aria-describedby=page.missing.then_some("identifier-error")
                    autofocus
                    required
                />
                {problem}
            </div>
            {directory_field(page)}
            <button class="button primary wide">"Continue"</button>
        </form>
    };
    match providers(&page.passage, "", &page.providers) {
        Some(others) => frame::document(frame, "Sign in", (card, others)),
        None => frame::document(frame, "Sign in", card),
    }
}

fn directory_field(page: &IdentifierPage) -> Option<impl IntoView + use<>> {
    let chosen = page.chosen.clone();
    let options = page
        .directories
        .iter()
        .cloned()
        .map(|choice| {
            let selected = choice.value == chosen;
            view! { <option value=choice.value selected=selected>{choice.label}</option> }
        })
        .collect_view();
    (!page.directories.is_empty()).then(|| {
        view! {
            <div class="field">
                <label for="directory">"Which directory?"</label>
                <span class="select">
                    <select class="input" id="directory" name=field::DIRECTORY>
                        <option value="">"Find me"</option>
                        {options}
                    </select>
                    {Icon::Down.draw()}
                </span>
            </div>
        }
    })
}
