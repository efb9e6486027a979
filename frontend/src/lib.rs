//! The WebAssembly entry point: wakes the pages that the server already drew, nothing else.

// The type of a whole console page is a deep one.
#![recursion_limit = "512"]

#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    // Waits for the part of the console with the page shown.
    leptos::mount::hydrate_lazy(app::App);
}
