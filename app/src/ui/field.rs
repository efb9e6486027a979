//! Form fields: label, control, hint.

use super::{Icon, plain_text};
use leptos::prelude::*;

/// One line of text.
#[component]
pub fn Field(
    id: &'static str,
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(into)] value: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(default = "input")] class: &'static str,
    #[prop(default = "")] placeholder: &'static str,
    #[prop(default = false)] required: bool,
    #[prop(default = false)] readonly: bool,
    #[prop(default = false)] wide: bool,
) -> impl IntoView {
    let described = hint.is_some().then(|| format!("{id}-hint"));
    view! {
        <div class=if wide { "field span" } else { "field" }>
            <label for=id>{label}</label>
            <input
                class=class
                id=id
                name=name
                type=kind
                value=value
                placeholder=placeholder
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                required=required
                readonly=readonly
                aria-describedby=described.clone()
            />
            {hint.map(|hint| view! { <span class="hint" id=described>{hint}</span> })}
        </div>
    }
    .into_any()
}

/// Several lines, one thing per line.
#[component]
pub fn Lines(
    id: &'static str,
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(into)] value: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(default = 3)] rows: u32,
    #[prop(default = false)] required: bool,
) -> impl IntoView {
    let described = hint.is_some().then(|| format!("{id}-hint"));
    view! {
        <div class="field span">
            <label for=id>{label}</label>
            <textarea class="input mono" id=id name=name rows=rows.to_string() spellcheck="false" required=required aria-describedby=described.clone() inner_html=plain_text(&value)></textarea>
            {hint.map(|hint| view! { <span class="hint" id=described>{hint}</span> })}
        </div>
    }
    .into_any()
}

/// A box to tick, sent as `true`.
#[component]
pub fn Check(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    checked: bool,
    #[prop(optional, into)] hint: Option<String>,
) -> impl IntoView {
    view! {
        <label class="check">
            <input type="checkbox" name=name value="true" checked=checked />
            <span>{label}{hint.map(|hint| view! { <span class="hint">{hint}</span> })}</span>
        </label>
    }
    .into_any()
}

/// One answer of a [`Picker`].
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

impl Choice {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// One of a few.
#[component]
pub fn Picker(
    id: &'static str,
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(into)] value: String,
    choices: Vec<Choice>,
    #[prop(optional, into)] hint: Option<String>,
    /// Hides the label from the eye only (filters).
    #[prop(default = false)]
    quiet: bool,
) -> impl IntoView {
    let described = hint.is_some().then(|| format!("{id}-hint"));
    let options = choices
        .into_iter()
        .map(|choice| {
            let selected = choice.value == value;
            view! { <option value=choice.value selected=selected>{choice.label}</option> }
        })
        .collect_view();
    view! {
        <div class="field">
            <label for=id class=quiet.then_some("visually-hidden")>{label}</label>
            <span class="select">
                <select class="input" id=id name=name aria-describedby=described.clone()>{options}</select>
                {Icon::Down.draw()}
            </span>
            {hint.map(|hint| view! { <span class="hint" id=described>{hint}</span> })}
        </div>
    }
    .into_any()
}
