//! The document of the console, with our own hydration tag: Leptos' looks for a hash file beside the executable,
//! while our asset names come from the manifest.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

use super::App;
use crate::Assets;

/// The whole document.
pub fn shell(assets: Assets) -> impl IntoView {
    let nonce = use_nonce();
    let theme = theme();
    let wake = (!assets.javascript.is_empty()).then(|| {
        let script = format!(
            "import init, {{ hydrate }} from {:?}; init({{ module_or_path: {:?} }}).then(() => hydrate());",
            assets.javascript, assets.wasm
        );
        let parts: Vec<_> = part_shown(&assets)
            .iter()
            .map(|module| {
                view! { <link rel="preload" href=module.clone() r#as="fetch" r#type="application/wasm" crossorigin="anonymous" /> }
            })
            .collect();
        view! {
            <link rel="modulepreload" href=assets.javascript.clone() nonce=nonce.clone() />
            <link rel="preload" href=assets.wasm.clone() r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
            {parts}
            <script type="module" nonce=nonce.clone() inner_html=script></script>
        }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <link rel="stylesheet" href=assets.stylesheet.clone() />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                {wake}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The modules of the part with this page: the browser fetches them beside the main one instead of after it.
fn part_shown(assets: &Assets) -> &[String] {
    let request = use_context::<http::request::Parts>();
    let part = request.and_then(|request| super::parts::part_of(request.uri.path()));
    part.and_then(|part| assets.parts.get(part)).map_or(&[], Vec::as_slice)
}

/// The theme this browser chose, if it did.
fn theme() -> Option<&'static str> {
    let parts = use_context::<http::request::Parts>()?;
    let cookies = parts.headers.get_all(http::header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let chosen = cookies.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix("isthmus-theme="));
    match chosen {
        Some("light") => Some("light"),
        Some("dark") => Some("dark"),
        _ => None,
    }
}
