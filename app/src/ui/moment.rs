//! Times: the server writes UTC, the browser says it in its own zone once the page is awake.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A time as the page carries it: exact for machines, UTC for readers. Text, so that the browser needs no calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// RFC 3339, to the second.
    pub exact: String,
    /// "23 Nov 2026, 10:42 UTC".
    pub text: String,
}

#[cfg(feature = "ssr")]
impl From<chrono::DateTime<chrono::Utc>> for Moment {
    fn from(at: chrono::DateTime<chrono::Utc>) -> Self {
        Self {
            exact: at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            text: at.format("%-d %b %Y, %H:%M UTC").to_string(),
        }
    }
}

/// Shows a moment, or a word for "never".
#[component]
pub fn When(
    #[prop(into)] at: Option<Moment>,
    /// What stands there instead of a time.
    #[prop(default = "never")]
    otherwise: &'static str,
) -> impl IntoView {
    let Some(at) = at else { return view! { <span class="muted">{otherwise}</span> }.into_any() };
    let shown = RwSignal::new(at.text.clone());
    local(at.exact.clone(), shown);
    view! { <time datetime=at.exact title=at.text class="nowrap">{shown}</time> }.into_any()
}

#[cfg(feature = "hydrate")]
fn local(exact: String, shown: RwSignal<String>) {
    // After hydration only: until then the text must be what the server wrote.
    Effect::new(move |_| {
        if let Some(text) = relative(&exact) {
            shown.set(text);
        }
    });
}

#[cfg(not(feature = "hydrate"))]
fn local(_exact: String, _shown: RwSignal<String>) {}

/// "3 min ago" within a day, the local date and time before that.
#[cfg(feature = "hydrate")]
fn relative(exact: &str) -> Option<String> {
    use leptos::web_sys::js_sys::{Array, Date, Object};
    let then = Date::new(&exact.into());
    let seconds = (Date::now() - then.get_time()) / 1000.0;
    if !seconds.is_finite() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole minutes and hours of at most a day")]
    let text = match seconds {
        s if (0.0..60.0).contains(&s) => "just now".to_owned(),
        s if (60.0..3600.0).contains(&s) => format!("{} min ago", (s / 60.0) as i64),
        s if (3600.0..86_400.0).contains(&s) => format!("{} h ago", (s / 3600.0) as i64),
        _ => then.to_locale_string("default", &Object::from(Array::new())).into(),
    };
    Some(text)
}
