//! The files a browser loads: bundled, minified, named by their content, compressed once.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow, ensure};
use lightningcss::{
    bundler::{Bundler, FileProvider},
    stylesheet::{MinifyOptions, ParserOptions, PrinterOptions},
};
use serde::{Deserialize, Serialize};

use crate::{
    module,
    shell::{root, target},
};

/// Where the server finds them.
pub fn site() -> PathBuf {
    target().join("site")
}

/// What the server reads to know the files.
#[derive(Default, Serialize, Deserialize)]
pub struct Manifest {
    /// From the name in the source to the name with the hash.
    files: BTreeMap<String, String>,
    /// The modules of each part of the console, by the names in the source.
    pub parts: BTreeMap<String, Vec<String>>,
}

/// Browsers offer Brotli over https and on localhost, and gzip everywhere.
const BROTLI: &str = ".br";
const GZIP: &str = ".gz";

/// One file on its way into the site.
struct Asset {
    name: String,
    bytes: Vec<u8>,
}

/// Writes the whole site from a compiled module; `optimise` runs wasm-opt over it.
pub fn write(module: &Path, optimise: bool) -> anyhow::Result<Manifest> {
    let mut assets = vec![stylesheet("app.css")?, stylesheet("sign-in.css")?];
    let bound = module::bind(module, optimise)?;
    // The script loads the modules beside it, by the names they will have.
    let mut javascript = bound.javascript;
    let main = ("isthmus_bg.wasm".to_owned(), bound.main);
    for (name, bytes) in bound.modules.into_iter().chain([main]) {
        let asset = Asset { name, bytes };
        ensure!(javascript.contains(&asset.name), "the script does not load {}", asset.name);
        javascript = javascript.replace(&asset.name, &hashed_name(&asset));
        assets.push(asset);
    }
    assets.push(Asset { name: "isthmus.js".to_owned(), bytes: javascript.into_bytes() });

    let folder = site();
    let kept = previous_names(&folder);
    fs::create_dir_all(&folder)?;
    let mut manifest = Manifest { parts: bound.parts, ..Manifest::default() };
    for asset in &assets {
        let name = hashed_name(asset);
        let path = folder.join(&name);
        if [path.clone(), packed_name(&path, BROTLI), packed_name(&path, GZIP)].iter().any(|file| !file.exists()) {
            fs::write(&path, &asset.bytes)?;
            fs::write(packed_name(&path, BROTLI), brotli(&asset.bytes)?)?;
            fs::write(packed_name(&path, GZIP), gzip(&asset.bytes)?)?;
        }
        manifest.files.insert(asset.name.clone(), name);
    }
    for old in kept.into_iter().filter(|old| !manifest.files.values().any(|name| name == old)) {
        for file in [packed_name(&folder.join(&old), BROTLI), packed_name(&folder.join(&old), GZIP), folder.join(&old)]
        {
            let _ = fs::remove_file(file);
        }
    }
    fs::write(folder.join("manifest.json"), serde_json::to_string_pretty(&manifest)? + "\n")?;
    Ok(manifest)
}

/// Bytes of one asset, plain and as sent.
pub fn sizes(manifest: &Manifest, name: &str) -> anyhow::Result<(u64, u64)> {
    let file = manifest.files.get(name).with_context(|| format!("the manifest lacks {name}"))?;
    let path = site().join(file);
    Ok((path.metadata()?.len(), packed_name(&path, BROTLI).metadata()?.len()))
}

fn previous_names(folder: &Path) -> Vec<String> {
    let manifest = fs::read(folder.join("manifest.json")).ok();
    let manifest: Option<Manifest> = manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    manifest.map(|manifest| manifest.files.into_values().collect()).unwrap_or_default()
}

fn packed_name(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// `app.css` becomes `app.0123456789abcdef.css`: a changed file is another URL, so browsers may keep it for ever.
fn hashed_name(asset: &Asset) -> String {
    let mut hasher = DefaultHasher::new();
    asset.bytes.hash(&mut hasher);
    let (stem, extension) = asset.name.rsplit_once('.').unwrap_or((&asset.name, ""));
    format!("{stem}.{:016x}.{extension}", hasher.finish())
}

fn stylesheet(name: &str) -> anyhow::Result<Asset> {
    let path = root().join("style").join(name);
    let files = FileProvider::new();
    let mut bundler = Bundler::new(&files, None, ParserOptions::default());
    let mut sheet = bundler.bundle(&path).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    // No targets: the CSS is for browsers of today, and nothing is rewritten for older ones.
    sheet.minify(MinifyOptions::default()).map_err(|error| anyhow!("{name}: {error}"))?;
    let printed = sheet
        .to_css(PrinterOptions { minify: true, ..PrinterOptions::default() })
        .map_err(|error| anyhow!("{name}: {error}"))?;
    Ok(Asset { name: name.to_owned(), bytes: printed.code.into_bytes() })
}

/// Compressed as hard as possible: it happens once and is sent often.
pub fn brotli(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    // The size known beforehand makes it half a kilobyte smaller.
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: bytes.len(),
        ..brotli::enc::BrotliEncoderParams::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut compressed, &parameters)?;
    Ok(compressed)
}

fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
