//! Changing a password that is kept here; for anybody else, where theirs is changed.

use leptos::prelude::*;

use super::{Frame, field, frame};
use crate::{caller::sentence, ui::Icon};

/// The form.
#[derive(Debug, Clone, Default)]
pub struct ChangePasswordPage {
    pub person_name: String,
    /// The name to sign in with.
    pub username: String,
    /// Shortest accepted password, in characters.
    pub minimum: usize,
    /// What is wrong with each field of the last try.
    pub current_problem: Option<String>,
    pub new_problem: Option<String>,
    pub repeated_problem: Option<String>,
}

/// The document.
#[must_use]
pub fn change_password_page(frame: &Frame, page: &ChangePasswordPage) -> String {
    let focus = first_in_need([&page.current_problem, &page.new_problem, &page.repeated_problem]);
    let card = view! {
        <div class="head">
            <h1>"Change your password"</h1>
            <p>"You are "<strong>{page.person_name.clone()}</strong>". Wherever else you are signed in, you will be signed out."</p>
        </div>
        <form method="post" action="/account/password">
            <input type="text" name=field::IDENTIFIER value=page.username.clone() autocomplete="username" aria-label="Your username" readonly hidden />
            {password_field("current", field::PASSWORD, "Current password", "current-password", page.current_problem.clone(), focus == 0, None)}
            {password_field("new", field::NEW_PASSWORD, "New password", "new-password", page.new_problem.clone(), focus == 1, Some(page.minimum))}
            {password_field("repeated", field::REPEATED_PASSWORD, "New password, once more", "new-password", page.repeated_problem.clone(), focus == 2, None)}
            <button class="button primary wide">"Change password"</button>
        </form>
        <a class="button wide" href="/console">"Not now"</a>
    };
    frame::document(frame, "Change your password", card)
}

/// Which of the three fields the eye and the keyboard go to: the first with a problem, else the first.
pub(super) fn first_in_need(problems: [&Option<String>; 3]) -> usize {
    problems.iter().position(|problem| problem.is_some()).unwrap_or(0)
}

/// One password field with its problem and, for the new one, the rules.
pub(super) fn password_field(
    id: &'static str,
    name: &'static str,
    label: &'static str,
    autocomplete: &'static str,
    problem: Option<String>,
    focus: bool,
    minimum: Option<usize>,
) -> impl IntoView {
    let ids = [problem.is_some().then(|| format!("{id}-error")), minimum.is_some().then(|| format!("{id}-hint"))];
    let described = ids.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let invalid = problem.is_some().then_some("true");
    let problem = problem
        .map(|text| view! { <p class="error" id=format!("{id}-error")>{Icon::Warning.draw()}{sentence(&text)}</p> });
    let rules = minimum.map(|minimum| {
        view! {
            <p class="hint" id=format!("{id}-hint")>
                {format!("At least {minimum} characters, and not one that everybody tries first or that is little more than your name. A few words that only you would put together are better than signs and digits. Pasting from a password manager is fine.")}
            </p>
        }
    });
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input
                class="input"
                id=id
                name=name
                type="password"
                autocomplete=autocomplete
                minlength=minimum.map(|minimum| minimum.to_string())
                aria-invalid=invalid
                aria-describedby=(!described.is_empty()).then_some(described)
                autofocus=focus
                required
            />
            {problem}
            {rules}
        </div>
    }
}
