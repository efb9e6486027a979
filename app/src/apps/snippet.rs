//! What to copy into an application, for a few stacks. The secret is not in it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The values an application's configuration asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snippet {
    pub issuer: String,
    pub discovery: String,
    pub client_id: String,
    pub redirect_uri: String,
    pub scopes: String,
    /// True if it has a secret.
    pub confidential: bool,
    /// How it proves itself at the token endpoint.
    pub authentication: String,
}

impl Snippet {
    /// (stack, text to copy).
    #[must_use]
    pub fn stacks(&self) -> Vec<(&'static str, String)> {
        vec![("Node.js, openid-client", self.node()), ("Spring Boot", self.spring()), ("OAuth2 Proxy", self.proxy())]
    }

    fn node(&self) -> String {
        let (secret, proof) = match (self.confidential, self.authentication.as_str()) {
            (false, _) => ("undefined", "client.None()"),
            (true, "client_secret_post") => {
                ("process.env.OIDC_SECRET", "client.ClientSecretPost(process.env.OIDC_SECRET)")
            }
            (true, _) => ("process.env.OIDC_SECRET", "client.ClientSecretBasic(process.env.OIDC_SECRET)"),
        };
        format!(
            "import * as client from 'openid-client'\n\n\
             const config = await client.discovery(\n  new URL('{}'),\n  '{}',\n  {secret},\n  {proof},\n)\n\
             const verifier = client.randomPKCECodeVerifier()\n\
             const url = client.buildAuthorizationUrl(config, {{\n  redirect_uri: '{}',\n  scope: '{}',\n  \
             code_challenge: await client.calculatePKCECodeChallenge(verifier),\n  code_challenge_method: 'S256',\n}})\n",
            self.issuer, self.client_id, self.redirect_uri, self.scopes
        )
    }

    fn spring(&self) -> String {
        let secret = if self.confidential { "            client-secret: ${OIDC_SECRET}\n" } else { "" };
        let method = if self.confidential { self.authentication.as_str() } else { "none" };
        format!(
            "spring:\n  security:\n    oauth2:\n      client:\n        registration:\n          isthmus:\n            \
             client-id: {}\n{secret}            client-authentication-method: {method}\n            \
             scope: {}\n            redirect-uri: {}\n        provider:\n          isthmus:\n            issuer-uri: {}\n",
            self.client_id,
            self.scopes.replace(' ', ","),
            self.redirect_uri,
            self.issuer
        )
    }

    fn proxy(&self) -> String {
        let secret = if self.confidential { "client_secret_file = \"/run/secrets/oidc\"\n" } else { "" };
        format!(
            "provider = \"oidc\"\noidc_issuer_url = \"{}\"\nclient_id = \"{}\"\n{secret}redirect_url = \"{}\"\n\
             scope = \"{}\"\ncode_challenge_method = \"S256\"\n",
            self.issuer, self.client_id, self.redirect_uri, self.scopes
        )
    }
}

/// Text to copy, with a button once the page is awake.
#[component]
pub fn Copyable(text: String) -> impl IntoView {
    let awake = RwSignal::new(false);
    let copied = RwSignal::new(false);
    Effect::new(move |_| awake.set(true));
    let copy = text.clone();
    view! {
        <div class="copy">
            <pre class="snippet" tabindex="0"><code>{text}</code></pre>
            {move || {
                let copy = copy.clone();
                awake
                    .get()
                    .then(move || {
                        view! {
                            <button type="button" class="button small" on:click=move |_| { write_clipboard(&copy); copied.set(true); }>
                                {crate::ui::Icon::Copy.draw()}
                                {move || if copied.get() { "Copied" } else { "Copy" }}
                            </button>
                        }
                    })
            }}
        </div>
    }
    .into_any()
}

#[cfg(feature = "hydrate")]
fn write_clipboard(text: &str) {
    use leptos::{
        wasm_bindgen::{JsCast as _, JsValue},
        web_sys::js_sys::{Function, Reflect},
    };
    let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).ok();
    let clipboard = get(&window().into(), "navigator").and_then(|navigator| get(&navigator, "clipboard"));
    if let Some(clipboard) = clipboard
        && let Some(write) = get(&clipboard, "writeText").and_then(|write| write.dyn_into::<Function>().ok())
    {
        let _ = write.call1(&clipboard, &text.into());
    }
}

#[cfg(not(feature = "hydrate"))]
fn write_clipboard(_text: &str) {}
