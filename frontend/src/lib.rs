//! The WebAssembly entry point: wakes the pages that the server already drew, nothing else.

// The type of a whole console page is a deep one.
#![recursion_limit = "512"]

#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_body(app::App);
}
