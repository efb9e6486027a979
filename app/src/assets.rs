//! Where the stylesheets and the WebAssembly half are served from. The server knows the hashed names and provides
//! this in the context of every page.

use std::collections::BTreeMap;

/// Absolute paths, such as `/assets/app.3f9c1d.css`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assets {
    /// The console's stylesheet.
    pub stylesheet: String,
    /// The stylesheet of the door pages.
    pub door_stylesheet: String,
    /// The script wasm-bindgen made. Empty if this build has no WebAssembly half: pages then work without scripts.
    pub javascript: String,
    /// The WebAssembly module.
    pub wasm: String,
    /// For each part of the console, the further modules its pages need (`console::parts`).
    pub parts: BTreeMap<String, Vec<String>>,
}
