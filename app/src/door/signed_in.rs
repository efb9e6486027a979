//! Signed in, with a word about it: when the directory did not answer (rows D1c and D15), when another account came back
//! than was typed, and when help desk unlocked the person at their directory. Everybody else goes straight on.

use leptos::prelude::*;

use super::{Frame, Passage, field, frame};
use crate::ui::Icon;

/// The banner, and the way on.
#[derive(Debug, Clone)]
pub struct SignedInPage {
    pub passage: Passage,
    /// What did not work, in one sentence.
    pub banner: String,
}

/// The document.
#[must_use]
pub fn signed_in_page(frame: &Frame, page: &SignedInPage) -> String {
    let name = page.passage.client_name.clone().unwrap_or_else(|| "the console".to_owned());
    let transaction = page
        .passage
        .transaction
        .clone()
        .map(|value| view! { <input type="hidden" name=field::TRANSACTION value=value /> });
    let return_to =
        page.passage.return_to.clone().map(|value| view! { <input type="hidden" name=field::RETURN_TO value=value /> });
    let card = view! {
        <div class="head"><h1>"You are signed in"</h1></div>
        <div class="banner warn" role="status">{Icon::Clock.draw()}<div>{page.banner.clone()}</div></div>
        <form method="post" action="/sign-in/continue">
            {transaction}{return_to}
            <button class="button primary wide" autofocus>"Continue to "{name}</button>
        </form>
    };
    frame::document(frame, "Signed in", card)
}
