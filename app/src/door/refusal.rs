//! The refusal: one page for everybody whose password was not proven (semantics, section 5).

use chrono::{DateTime, Utc};
use leptos::prelude::*;

use super::{Frame, Passage, ProviderLink, frame, password::password_form, provider::providers};
use crate::ui::Icon;

/// Which text stands on it. Everything but [`RefusalKind::Generic`] and [`RefusalKind::Outage`] needs a proven password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Every unproven refusal.
    Generic,
    /// The *route* of this attempt leads to a source that is down; never a statement about the person.
    Outage,
    /// The password is right, but this hub may not create or activate the person (D21).
    NotEnabledYet,
    /// Right password, wrong hour or place (D11b).
    NotAllowedNow,
    /// Right password, account disabled or expired at its directory (D9).
    Disabled,
    /// Right password, but it is too old or must be changed first (D11).
    PasswordExpired,
    /// Proven by their directory; the person signs in here by now (D6s).
    SignInHere,
    /// Right password, and a second factor that only the directory asks for (D12).
    ContinueThere,
    /// What came back from a directory does not hold (semantics, section 2.8).
    AnswerRefused,
}

/// A refused attempt.
#[derive(Debug, Clone)]
pub struct RefusalPage {
    pub passage: Passage,
    pub kind: RefusalKind,
    /// What the person typed, so that only the password has to be typed again.
    pub identifier: String,
    /// The chosen directory's value; empty = "Find me" or not asked.
    pub directory: String,
    /// "Continue with …"; by the application and the typed domain, the same for everybody.
    pub providers: Vec<ProviderLink>,
    /// Leads help desk to the trace.
    pub code: String,
    pub at: DateTime<Utc>,
    /// From the third refusal of one typed name in 15 minutes on, known or not.
    pub too_many: bool,
    /// "Locked" in words: only in a browser with that person's device cookie.
    pub locked_words: bool,
    /// They wanted to change their password, and it stays as it was.
    pub not_changed: bool,
}

/// The document.
#[must_use]
pub fn refusal_page(frame: &Frame, page: &RefusalPage) -> String {
    let (title, text) = words(page.kind);
    let outage = page.kind == RefusalKind::Outage;
    // The name is a form of address, not a finding: the words are the same whether or not anybody bears it.
    let text = if outage { format!("{text} Code {}.", page.code) } else { text.to_owned() };
    let extra = [
        (page.not_changed, "Your password was not changed."),
        (page.too_many, "Too many attempts: wait 15 minutes or call help desk."),
        (page.locked_words, "Your account is locked for now because of wrong passwords."),
    ];
    let extra =
        extra.into_iter().filter(|(shown, _)| *shown).map(|(_, words)| view! { <p>{words}</p> }).collect::<Vec<_>>();
    let extra =
        (!extra.is_empty()).then(|| view! { <div class="banner warn">{Icon::Clock.draw()}<div>{extra}</div></div> });
    let again = matches!(page.kind, RefusalKind::Generic | RefusalKind::Outage);
    let next = if again && !page.identifier.is_empty() {
        password_form(&page.passage, &page.identifier, &page.directory, false).into_any()
    } else {
        let label = match page.kind {
            RefusalKind::SignInHere => "Sign in here",
            RefusalKind::AnswerRefused => "Start again",
            _ if again => "Try again",
            _ => "Sign in as someone else",
        };
        view! { <a class="button wide" href=page.passage.start()>{Icon::Back.draw()}{label}</a> }.into_any()
    };
    let next = match providers(&page.passage, &page.identifier, &page.providers) {
        Some(others) => (next, others).into_any(),
        None => next,
    };
    let card = view! {
        <div class="head" role="alert"><h1>{title}</h1><p>{text}</p></div>
        {extra}
        {next}
        {frame::code_box(page.code.clone(), page.at)}
    };
    frame::document(frame, title, card)
}

const fn words(kind: RefusalKind) -> (&'static str, &'static str) {
    match kind {
        RefusalKind::Generic => {
            ("You are not signed in", "That name and password do not match. Check both and try again.")
        }
        RefusalKind::Outage => (
            "You are not signed in",
            "Your directory cannot be reached right now. If you already set a password here, check it and try again.",
        ),
        RefusalKind::NotEnabledYet => (
            "You are not enabled here yet",
            "Your password is right, but your account is not enabled for this sign-in yet. Call help desk and read out the code.",
        ),
        RefusalKind::NotAllowedNow => (
            "Not at this time or place",
            "Your password is right, but your directory does not let you sign in at this time or from this place.",
        ),
        RefusalKind::Disabled => (
            "Your account is disabled",
            "Your password is right, but your account is disabled or expired in its directory. Help desk can tell you more.",
        ),
        RefusalKind::PasswordExpired => (
            "Your password has expired",
            "Your directory wants a new password first. Change it where you usually do, then sign in here with the new one.",
        ),
        RefusalKind::SignInHere => (
            "You sign in here now",
            "Your directory knows you, but you have moved: sign in with your usual name and the password you set here.",
        ),
        RefusalKind::ContinueThere => (
            "Your directory asks for more",
            "Your password is right, but your directory asks for a second factor, which only it can do. Go on there.",
        ),
        RefusalKind::AnswerRefused => (
            "You are not signed in",
            "What your directory sent back could not be accepted. Start again; if it happens twice, call help desk and read out the code.",
        ),
    }
}
