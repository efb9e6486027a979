//! Stylesheets, the script and the WebAssembly module, under names that change with their content. They are read once
//! at start: from the folder in `ISTHMUS_ASSETS`, else from what was built into this binary, else from the folder
//! that `cargo xtask` fills.

use std::{borrow::Cow, collections::HashMap, path::Path};

use anyhow::{Context as _, ensure};
use app::Assets;
use axum::{
    extract::{Path as UrlPath, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::{AppState, Failure};

include!(concat!(env!("OUT_DIR"), "/embedded_assets.rs"));

const MANIFEST: &str = "manifest.json";
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

type Bytes = Cow<'static, [u8]>;

/// The files, by hashed name; `NAME.br` is the Brotli form of `NAME`.
#[derive(Debug, Default)]
pub struct AssetFiles {
    files: HashMap<String, Bytes>,
}

impl AssetFiles {
    /// Finds the files and the manifest that names them.
    pub fn load() -> anyhow::Result<(Self, Assets)> {
        let files = match std::env::var_os("ISTHMUS_ASSETS") {
            Some(folder) => read_folder(Path::new(&folder)).context("ISTHMUS_ASSETS")?,
            None if EMBEDDED.is_empty() => {
                let folder = Path::new(BUILD_FOLDER);
                if folder.join(MANIFEST).exists() { read_folder(folder)? } else { HashMap::new() }
            }
            None => EMBEDDED.iter().map(|(name, bytes)| ((*name).to_owned(), Cow::Borrowed(*bytes))).collect(),
        };
        if files.is_empty() {
            tracing::warn!("no stylesheets and scripts were built: pages are plain. `cargo xtask run` builds them");
        }
        let assets = named_by_manifest(&files)?;
        Ok((Self { files }, assets))
    }
}

fn read_folder(folder: &Path) -> anyhow::Result<HashMap<String, Bytes>> {
    let failed = || format!("cannot read the assets folder {}", folder.display());
    let mut files = HashMap::new();
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        if entry.file_type().with_context(failed)?.is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            files.insert(name, Cow::Owned(std::fs::read(entry.path()).with_context(failed)?));
        }
    }
    ensure!(files.contains_key(MANIFEST), "{} has no {MANIFEST}: build it with `cargo xtask run`", folder.display());
    Ok(files)
}

fn named_by_manifest(files: &HashMap<String, Bytes>) -> anyhow::Result<Assets> {
    let manifest: HashMap<String, String> = match files.get(MANIFEST) {
        Some(bytes) => serde_json::from_slice(bytes).with_context(|| format!("{MANIFEST} of the assets"))?,
        None => HashMap::new(),
    };
    let url = |name: &str| manifest.get(name).map(|hashed| format!("/assets/{hashed}")).unwrap_or_default();
    Ok(Assets {
        stylesheet: url("app.css"),
        door_stylesheet: url("sign-in.css"),
        javascript: url("isthmus.js"),
        wasm: url("isthmus_bg.wasm"),
    })
}

/// One file, compressed if the browser takes it.
pub async fn serve(State(state): State<AppState>, UrlPath(name): UrlPath<String>, request: HeaderMap) -> Response {
    let files = &state.site.asset_files.files;
    let missing = || Failure::new(StatusCode::NOT_FOUND, "Nothing is here", "This file belongs to another version.");
    let Some(plain) = files.get(&name) else { return missing().into_response() };
    let Some(kind) = content_type(&name) else { return missing().into_response() };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, FOREVER);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let body = match files.get(&format!("{name}.br")) {
        Some(compressed) if takes_brotli(&request) => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
            compressed
        }
        _ => plain,
    };
    let body = match body {
        Cow::Borrowed(bytes) => axum::body::Bytes::from_static(bytes),
        Cow::Owned(bytes) => axum::body::Bytes::copy_from_slice(bytes),
    };
    (headers, body).into_response()
}

fn content_type(name: &str) -> Option<&'static str> {
    match Path::new(name).extension()?.to_str()? {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "wasm" => Some("application/wasm"),
        "woff2" => Some("font/woff2"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

/// `br`, unless it is refused with `q=0` (RFC 9110, section 12.5.3).
fn takes_brotli(request: &HeaderMap) -> bool {
    request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).any(
        |offer| {
            let mut parts = offer.split(';').map(str::trim);
            parts.next() == Some("br") && !parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_goes_to_those_who_take_it() {
        let takes =
            |value: &str| takes_brotli(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, value.parse().unwrap())]));
        assert!(takes("gzip, deflate, br, zstd"));
        assert!(takes("br;q=0.5"));
        assert!(!takes("br;q=0, gzip"));
        assert!(!takes("gzip"));
        assert!(!takes("brotli"));
    }
}
