//! Signing out: asked first, because a link elsewhere must not end a session by itself.

use leptos::prelude::*;

use super::{Frame, frame};

/// "Sign out?"
#[derive(Debug, Clone, Default)]
pub struct SignOutPage {
    /// Who is signed in.
    pub person_name: String,
    /// The application that asked (RP-initiated logout), if any.
    pub client_name: Option<String>,
    /// Fields the form carries back: `id_token_hint`, `post_logout_redirect_uri`, `state`, as received.
    pub hidden: Vec<(String, String)>,
}

/// It is done.
#[derive(Debug, Clone, Default)]
pub struct SignedOutPage {
    /// Where to go on: (label, URL), only to a registered address.
    pub next: Option<(String, String)>,
}

/// The question.
#[must_use]
pub fn sign_out_page(frame: &Frame, page: &SignOutPage) -> String {
    let asked =
        page.client_name.clone().map(|name| view! { <p><strong>{name}</strong>" asks to end your session."</p> });
    let hidden = page
        .hidden
        .iter()
        .cloned()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    let card = view! {
        <div class="head">
            <h1>"Sign out?"</h1>
            <p>"You are signed in as "<strong>{page.person_name.clone()}</strong>". This ends your session here; applications may keep theirs until they ask again."</p>
            {asked}
        </div>
        <form method="post" action="/sign-out">{hidden}<button class="button primary wide" autofocus>"Sign out"</button></form>
    };
    frame::document(frame, "Sign out", card)
}

/// The answer.
#[must_use]
pub fn signed_out_page(frame: &Frame, page: &SignedOutPage) -> String {
    let (label, href) = page.next.clone().unwrap_or_else(|| ("Sign in again".to_owned(), "/sign-in".to_owned()));
    let card = view! {
        <div class="head"><h1>"You are signed out"</h1><p>"Close this window on a computer that others use."</p></div>
        <a class="button wide" href=href>{label}</a>
    };
    frame::document(frame, "Signed out", card)
}
