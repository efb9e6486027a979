//! Stylesheets, the script and the WebAssembly module, under names that change with their content. They are read once
//! at start: from the folder in `ISTHMUS_ASSETS`, else from what was built into this binary, else from the folder
//! that `cargo xtask` fills.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    path::Path,
};

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

/// The files, by hashed name; `NAME.br` and `NAME.gz` are the packed forms of `NAME`.
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

/// What `cargo xtask` writes beside the files.
#[derive(Default, serde::Deserialize)]
struct Manifest {
    /// From the name in the source to the name with the hash.
    files: HashMap<String, String>,
    /// The modules of each part of the console, by the names in the source.
    parts: BTreeMap<String, Vec<String>>,
}

fn named_by_manifest(files: &HashMap<String, Bytes>) -> anyhow::Result<Assets> {
    let manifest = match files.get(MANIFEST) {
        Some(bytes) => serde_json::from_slice(bytes).with_context(|| format!("{MANIFEST} of the assets"))?,
        None => Manifest::default(),
    };
    let url = |name: &str| manifest.files.get(name).map(|hashed| format!("/assets/{hashed}")).unwrap_or_default();
    let parts = manifest.parts.iter();
    let parts = parts.map(|(part, modules)| (part.clone(), modules.iter().map(|module| url(module)).collect()));
    Ok(Assets {
        stylesheet: url("app.css"),
        door_stylesheet: url("sign-in.css"),
        javascript: url("isthmus.js"),
        wasm: url("isthmus_bg.wasm"),
        parts: parts.collect(),
    })
}

/// One file, compressed if the browser takes it. The name has the content's hash in it, so a browser never asks again;
/// what asks all the same is told by the tag that nothing changed.
pub async fn serve(State(state): State<AppState>, UrlPath(name): UrlPath<String>, request: HeaderMap) -> Response {
    let files = &state.site.asset_files.files;
    let missing = || Failure::new(StatusCode::NOT_FOUND, "Nothing is here", "This file belongs to another version.");
    let Some(plain) = files.get(&name) else { return missing().into_response() };
    let Some(kind) = content_type(&name) else { return missing().into_response() };
    let packed = ENCODINGS
        .iter()
        .filter(|(encoding, _)| takes(&request, encoding))
        .find_map(|(encoding, suffix)| Some((*encoding, files.get(&format!("{name}{suffix}"))?)));
    let tag =
        format!("\"{name}{}{}\"", if packed.is_some() { ";" } else { "" }, packed.map_or("", |(encoding, _)| encoding));
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, FOREVER);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let known = knows(&request, &tag);
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    if known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    if let Some((encoding, _)) = packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let body = match packed.map_or(plain, |(_, bytes)| bytes) {
        Cow::Borrowed(bytes) => axum::body::Bytes::from_static(bytes),
        Cow::Owned(bytes) => axum::body::Bytes::copy_from_slice(bytes),
    };
    (headers, body).into_response()
}

/// What files are packed with, best first, and how the packed file is named.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

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

/// Whether the browser takes this encoding: named (or `*`) and not refused with `q=0` (RFC 9110, section 12.5.3).
fn takes(request: &HeaderMap, encoding: &str) -> bool {
    let offers = values(request, header::ACCEPT_ENCODING).filter_map(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        let name = parts.next()?;
        let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        Some((name, !refused))
    });
    let (mut named, mut any) = (None, false);
    for (name, taken) in offers {
        if name.eq_ignore_ascii_case(encoding) {
            named = Some(taken);
        } else if name == "*" {
            any = taken;
        }
    }
    named.unwrap_or(any)
}

/// Whether the browser has this version already (RFC 9110, section 13.1.2: weak comparison).
fn knows(request: &HeaderMap, tag: &str) -> bool {
    values(request, header::IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn values(request: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let lines = request.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn packed_files_go_to_those_who_take_them() {
        let takes = |offer: &str, encoding| takes(&request(header::ACCEPT_ENCODING, offer), encoding);
        assert!(takes("gzip, deflate, br, zstd", "br"));
        assert!(takes("gzip, deflate", "gzip"));
        assert!(takes("BR;q=0.5", "br"));
        assert!(takes("*", "br"));
        assert!(!takes("br;q=0, gzip", "br"));
        assert!(!takes("br;q=0, *", "br"));
        assert!(!takes("gzip", "br"));
        assert!(!takes("brotli", "br"));
        assert!(!takes("identity", "gzip"));
    }

    #[test]
    fn a_tag_is_known_again() {
        let knows = |known: &str| knows(&request(header::IF_NONE_MATCH, known), "\"app.1.css;br\"");
        assert!(knows("\"app.1.css;br\""));
        assert!(knows("\"other\", W/\"app.1.css;br\""));
        assert!(knows("*"));
        assert!(!knows("\"app.1.css\""));
    }
}
