//! The document around every door page.

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::{Passage, field};
use crate::{
    Assets,
    ui::{Mark, plain_text},
};

/// What all door pages share.
#[derive(Debug, Clone)]
pub struct Frame {
    pub assets: Assets,
    /// Whose hub this is; stands at the head of the card.
    pub organisation: String,
    /// How to reach help desk, as people read it: a number or an address. Left out if not configured.
    pub help_desk: Option<String>,
}

/// The whole document.
pub(super) fn document(frame: &Frame, title: &str, card: impl IntoView) -> String {
    let title = format!("{title} · {}", frame.organisation);
    let help = frame.help_desk.clone().map(|help| view! { <footer><span>"Help desk "{help}</span></footer> });
    let page = view! {
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="robots" content="noindex" />
                <title inner_html=plain_text(&title)></title>
                <link rel="stylesheet" href=frame.assets.door_stylesheet.clone() />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
            </head>
            <body class="door">
                <svg class="sea" viewBox="0 0 1440 900" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
                    <path class="l" d="M0 0H250C330 250 440 388 720 388V512C440 512 330 650 250 900H0Z"></path>
                    <path class="r" d="M1440 0H1190C1110 250 1000 388 720 388V512C1000 512 1110 650 1190 900H1440Z"></path>
                </svg>
                <main>
                    <div class="who"><Mark />{frame.organisation.clone()}</div>
                    {card}
                </main>
                {help}
            </body>
        </html>
    };
    format!("<!DOCTYPE html>{}", page.to_html())
}

/// The hidden fields of a form that belongs to a passage.
pub(super) fn hidden(passage: &Passage) -> impl IntoView + use<> {
    let pairs = [(field::TRANSACTION, passage.transaction.clone()), (field::RETURN_TO, passage.return_to.clone())];
    pairs
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| view! { <input type="hidden" name=name value=value /> }))
        .collect_view()
}

/// The code to read out to help desk, with the time it belongs to.
pub(super) fn code_box(code: String, at: DateTime<Utc>) -> impl IntoView {
    let exact = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    view! {
        <div class="code">
            <span class="hint">"If you call help desk, read out this code"</span>
            <span class="c">{code}</span>
            <time class="hint" datetime=exact>{at.format("%a %e %b %Y, %H:%M UTC").to_string()}</time>
        </div>
    }
}
