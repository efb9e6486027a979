//! Light, dark or as the system says: a radio read by the stylesheet, and remembered in a cookie once the page is
//! awake.

use leptos::prelude::*;

/// The switch.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let options = [("system", "System"), ("light", "Light"), ("dark", "Dark")]
        .map(|(value, label)| {
            view! {
                <label>
                    <input type="radio" name="theme" value=value checked=value == "system" on:change=move |_| remember(value) />
                    {label}
                </label>
            }
        })
        .collect_view();
    recall();
    view! { <fieldset class="segmented"><legend class="visually-hidden">"Theme"</legend>{options}</fieldset> }
        .into_any()
}

#[cfg(feature = "hydrate")]
fn remember(value: &'static str) {
    use leptos::web_sys::js_sys::Reflect;
    let age = if value == "system" { "0" } else { "31536000" };
    let cookie = format!("isthmus-theme={value}; Path=/console; Max-Age={age}; SameSite=Lax");
    let _ = Reflect::set(&document(), &"cookie".into(), &cookie.into());
    if let Some(root) = document().document_element() {
        let _ = if value == "system" {
            root.remove_attribute("data-theme")
        } else {
            root.set_attribute("data-theme", value)
        };
    }
}

#[cfg(not(feature = "hydrate"))]
fn remember(_value: &'static str) {}

/// Ticks the remembered theme; the document already wears it.
#[cfg(feature = "hydrate")]
fn recall() {
    use leptos::{wasm_bindgen::JsCast as _, web_sys::HtmlInputElement};
    Effect::new(move |_| {
        let chosen = document().document_element().and_then(|root| root.get_attribute("data-theme"));
        let radio =
            chosen.and_then(|value| document().query_selector(&format!("[name=theme][value={value}]")).ok().flatten());
        if let Some(radio) = radio.and_then(|radio| radio.dyn_into::<HtmlInputElement>().ok()) {
            radio.set_checked(true);
        }
    });
}

#[cfg(not(feature = "hydrate"))]
fn recall() {}
