//! Words and glyphs of states and modes, said the same way on every page.

use directory::{PersonState, SourceKind, SourceMode};
use leptos::prelude::*;

/// The word help desk says on the phone, with the class of its colour and the person's place on the strip.
const fn looks(state: PersonState) -> (&'static str, &'static str, &'static str) {
    match state {
        PersonState::Unknown => ("Unknown", "state off", "11"),
        PersonState::Staged => ("Staged", "state old staged", "4"),
        PersonState::Mirrored => ("At source", "state old", "4"),
        PersonState::Shadow => ("Comparing", "state way", "9"),
        PersonState::VerifierImported => ("Hash imported", "state way", "13.5"),
        PersonState::Migrated => ("Moved", "state new", "18"),
        PersonState::DisabledByHub => ("Disabled here", "state off", "11"),
        PersonState::DisabledBySource => ("Disabled at source", "state off", "11"),
        PersonState::Merged => ("Merged", "state off", "11"),
    }
}

/// The word alone.
#[must_use]
pub const fn state_word(state: PersonState) -> &'static str {
    looks(state).0
}

/// A person's state: the strip with the person on it, then the word.
#[component]
pub fn StateGlyph(
    state: PersonState,
    /// An open case touches the person: said instead, because somebody must decide.
    #[prop(default = false)]
    disputed: bool,
) -> impl IntoView {
    let (word, class, x) = if disputed { ("Disputed", "state ask", "11") } else { looks(state) };
    let left = class != "state old" && class != "state old staged";
    let right = class != "state new";
    let title = format!("{} {}", state.code(), state_word(state));
    view! {
        <span class=class title=title>
            <svg viewBox="0 0 22 12" aria-hidden="true">
                <path class="land" d="M2 6h18"></path>
                {left.then(|| view! { <rect class="shore" width="2.5" height="10" y="1" rx="1.25"></rect> })}
                {right.then(|| view! { <rect class="shore" x="19.5" width="2.5" height="10" y="1" rx="1.25"></rect> })}
                <circle class="dot" cx=x cy="6" r="4"></circle>
            </svg>
            {word}
        </span>
    }
    .into_any()
}

/// A source's mode in one word.
#[must_use]
pub const fn mode_word(mode: SourceMode) -> &'static str {
    match mode {
        SourceMode::Active => "Active",
        SourceMode::Capture => "Capture",
        SourceMode::Draining => "Draining",
        SourceMode::Observe => "Observe",
        SourceMode::Paused => "Paused",
        SourceMode::Retired => "Retired",
    }
}

/// What the mode means for people, in one sentence (semantics, section 1).
#[must_use]
pub const fn mode_meaning(mode: SourceMode) -> &'static str {
    match mode {
        SourceMode::Active => {
            "Passwords are checked at this directory; people new to the hub are created when they sign in."
        }
        SourceMode::Capture => {
            "As active, and every password that proves right is stored here, so that the hub checks it from then on."
        }
        SourceMode::Draining => "Nobody new is created. People already here still sign in, and are still captured.",
        SourceMode::Observe => {
            "This directory is no longer asked. Who would have needed it is counted. One click leads back."
        }
        SourceMode::Paused => {
            "This directory is not contacted. Its people read that it cannot be reached; nothing about them changes."
        }
        SourceMode::Retired => "Gone for good: nobody is checked here any more.",
    }
}

/// A source's mode as a badge.
#[component]
pub fn ModeBadge(mode: SourceMode) -> impl IntoView {
    let class = match mode {
        SourceMode::Active => "badge old",
        SourceMode::Capture | SourceMode::Draining => "badge way",
        SourceMode::Observe => "badge accent",
        SourceMode::Paused => "badge warn",
        SourceMode::Retired => "badge hollow",
    };
    view! { <span class=class title=mode_meaning(mode)>{mode_word(mode)}</span> }.into_any()
}

/// A source's kind, as people say it.
#[must_use]
pub const fn kind_word(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Ldap => "LDAP directory",
        SourceKind::ActiveDirectory => "Active Directory",
        SourceKind::Sql => "SQL database",
        SourceKind::Entra => "Entra ID",
        SourceKind::OpenId => "OpenID provider",
        SourceKind::Scim => "SCIM service",
        SourceKind::File => "File",
    }
}
