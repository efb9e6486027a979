//! The second step of a break-glass administrator: the code printed on the server (row D28).

use leptos::prelude::*;

use super::{Frame, Passage, field, frame};
use crate::ui::Icon;

/// Asks for the code. Shown only after the right password.
#[derive(Debug, Clone, Default)]
pub struct CodePage {
    pub passage: Passage,
    /// What the first step handed out.
    pub step: String,
    /// Why the last code was not taken.
    pub problem: Option<String>,
}

/// The document.
#[must_use]
pub fn code_page(frame: &Frame, page: &CodePage) -> String {
    let invalid = page.problem.is_some();
    let problem =
        page.problem.clone().map(|text| view! { <p class="error" id="code-error">{Icon::Warning.draw()}{text}</p> });
    let card = view! {
        <div class="head">
            <h1>"Break glass"</h1>
            <p>"Run "<code>"isthmus admin break-glass"</code>" on the server and type the code it prints. This sign-in is recorded as an alert."</p>
        </div>
        <form method="post" action="/sign-in/code" autocomplete="off">
            {frame::hidden(&page.passage)}
            <input type="hidden" name=field::STEP value=page.step.clone() />
            <div class="field">
                <label for="code">"Code"</label>
                <input
                    class="input"
                    id="code"
                    name=field::CODE
                    autocomplete="one-time-code"
                    autocapitalize="characters"
                    spellcheck="false"
                    maxlength="40"
                    aria-invalid=invalid.then_some("true")
                    aria-describedby=invalid.then_some("code-error")
                    autofocus
                    required
                />
                {problem}
            </div>
            <button class="button primary wide">"Sign in"</button>
        </form>
    };
    frame::document(frame, "Break glass", card)
}
