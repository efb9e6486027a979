//! The document of the console, with our own hydration tag: Leptos' looks for a hash file beside the executable,
//! while our asset names come from the manifest.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::MetaTags;

use super::App;
use crate::Assets;

/// The whole document. `theme` is `light` or `dark` if this browser chose one.
pub fn shell(assets: Assets, theme: Option<&'static str>) -> impl IntoView {
    let nonce = use_nonce();
    let wake = (!assets.javascript.is_empty()).then(|| {
        let script = format!(
            "import init, {{ hydrate }} from {:?}; init({{ module_or_path: {:?} }}).then(() => hydrate());",
            assets.javascript, assets.wasm
        );
        view! {
            <link rel="modulepreload" href=assets.javascript.clone() nonce=nonce.clone() />
            <link rel="preload" href=assets.wasm.clone() r#as="fetch" r#type="application/wasm" crossorigin="anonymous" />
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
