//! Consent: an application wants to know something.

use leptos::prelude::*;

use super::{Frame, field, frame};
use crate::ui::Icon;

/// What kind of thing is asked for; picks the icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskKind {
    Identity,
    Email,
    Phone,
    Groups,
    /// Staying signed in (`offline_access`).
    Access,
}

/// One thing the application asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    pub kind: AskKind,
    /// "Your e-mail address".
    pub title: String,
    /// The value that would be told, if there is one to show.
    pub detail: Option<String>,
}

/// The question.
#[derive(Debug, Clone)]
pub struct ConsentPage {
    /// The stored authorization request.
    pub transaction: String,
    pub client_name: String,
    /// Who is signed in.
    pub person_name: String,
    pub asks: Vec<Ask>,
}

/// The document.
#[must_use]
pub fn consent_page(frame: &Frame, page: &ConsentPage) -> String {
    let asks = page
        .asks
        .iter()
        .cloned()
        .map(|ask| {
            let icon = match ask.kind {
                AskKind::Identity => Icon::Person,
                AskKind::Email => Icon::Mail,
                AskKind::Phone => Icon::Phone,
                AskKind::Groups => Icon::Group,
                AskKind::Access => Icon::Clock,
            };
            let detail = ask.detail.map(|detail| view! { <span class="hint">{detail}</span> });
            view! { <li>{icon.draw()}<span>{ask.title}{detail}</span></li> }
        })
        .collect_view();
    let card = view! {
        <div class="head">
            <h1>{page.client_name.clone()}" wants to know who you are"</h1>
            <p>"You are signed in as "<strong>{page.person_name.clone()}</strong>"."</p>
        </div>
        <ul class="asks">{asks}</ul>
        <form method="post" action="/sign-in/consent" class="pair">
            <input type="hidden" name=field::TRANSACTION value=page.transaction.clone() />
            <button class="button" name=field::DECISION value="refuse">"Refuse"</button>
            <button class="button primary" name=field::DECISION value="allow">"Allow"</button>
        </form>
        <p class="hint">"If you refuse, the application learns nothing about you."</p>
    };
    frame::document(frame, &format!("Allow {}", page.client_name), card)
}
