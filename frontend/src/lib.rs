//! The WebAssembly entry point: wakes the pages that the server already drew, nothing else.

// The type of a whole console page is a deep one.
#![recursion_limit = "512"]

#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
