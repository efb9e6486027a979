//! The files a browser loads: bundled, minified, named by their content, compressed once.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use lightningcss::{
    bundler::{Bundler, FileProvider},
    stylesheet::{MinifyOptions, ParserOptions, PrinterOptions},
};

use crate::{
    machine,
    shell::{program, root, run, target},
};

/// Where the server finds them.
pub fn site() -> PathBuf {
    target().join("site")
}

/// From the name in the source to the name with the hash.
pub type Manifest = BTreeMap<String, String>;

/// One file on its way into the site.
struct Asset {
    name: &'static str,
    bytes: Vec<u8>,
}

/// Writes the whole site from a compiled module; `optimise` runs wasm-opt over it.
pub fn write(module: &Path, optimise: bool) -> anyhow::Result<Manifest> {
    let mut assets = vec![stylesheet("app.css")?, stylesheet("sign-in.css")?];
    let (javascript, wasm) = bindings(module, optimise)?;
    let wasm = Asset { name: "isthmus_bg.wasm", bytes: wasm };
    // The script loads the module beside it, by the name it will have.
    let javascript = javascript.replace("isthmus_bg.wasm", &hashed_name(&wasm));
    assets.push(Asset { name: "isthmus.js", bytes: javascript.into_bytes() });
    assets.push(wasm);

    let folder = site();
    let kept = previous_names(&folder);
    fs::create_dir_all(&folder)?;
    let mut manifest = Manifest::new();
    for asset in &assets {
        let name = hashed_name(asset);
        let path = folder.join(&name);
        if !path.exists() || !compressed_name(&path).exists() {
            fs::write(&path, &asset.bytes)?;
            fs::write(compressed_name(&path), brotli(&asset.bytes)?)?;
        }
        manifest.insert(asset.name.to_owned(), name);
    }
    for old in kept.into_iter().filter(|old| !manifest.values().any(|name| name == old)) {
        let _ = fs::remove_file(compressed_name(&folder.join(&old)));
        let _ = fs::remove_file(folder.join(old));
    }
    fs::write(folder.join("manifest.json"), serde_json::to_string_pretty(&manifest)? + "\n")?;
    Ok(manifest)
}

/// Bytes of one asset, plain and as sent.
pub fn sizes(manifest: &Manifest, name: &str) -> anyhow::Result<(u64, u64)> {
    let file = manifest.get(name).with_context(|| format!("the manifest lacks {name}"))?;
    let path = site().join(file);
    Ok((path.metadata()?.len(), compressed_name(&path).metadata()?.len()))
}

fn previous_names(folder: &Path) -> Vec<String> {
    let manifest = fs::read(folder.join("manifest.json")).ok();
    let manifest: Option<Manifest> = manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    manifest.map(|manifest| manifest.into_values().collect()).unwrap_or_default()
}

fn compressed_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".br");
    PathBuf::from(name)
}

/// `app.css` becomes `app.0123456789abcdef.css`: a changed file is another URL, so browsers may keep it for ever.
fn hashed_name(asset: &Asset) -> String {
    let mut hasher = DefaultHasher::new();
    asset.bytes.hash(&mut hasher);
    let (stem, extension) = asset.name.rsplit_once('.').unwrap_or((asset.name, ""));
    format!("{stem}.{:016x}.{extension}", hasher.finish())
}

fn stylesheet(name: &'static str) -> anyhow::Result<Asset> {
    let path = root().join("style").join(name);
    let files = FileProvider::new();
    let mut bundler = Bundler::new(&files, None, ParserOptions::default());
    let mut sheet = bundler.bundle(&path).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    // No targets: the CSS is for browsers of today, and nothing is rewritten for older ones.
    sheet.minify(MinifyOptions::default()).map_err(|error| anyhow!("{name}: {error}"))?;
    let printed = sheet
        .to_css(PrinterOptions { minify: true, ..PrinterOptions::default() })
        .map_err(|error| anyhow!("{name}: {error}"))?;
    Ok(Asset { name, bytes: printed.code.into_bytes() })
}

/// wasm-bindgen as a library, at the version the module was compiled against.
fn bindings(module: &Path, optimise: bool) -> anyhow::Result<(String, Vec<u8>)> {
    let folder = target().join("tools/bindings");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .omit_default_module_path(false)
        .out_name("isthmus")
        .generate(&folder)
        .context("wasm-bindgen")?;
    let wasm = folder.join("isthmus_bg.wasm");
    if folder.join("snippets").exists() {
        anyhow::bail!("a dependency brings JavaScript snippets of its own; the site has no place for them yet");
    }
    if optimise {
        optimise_module(&wasm)?;
    }
    Ok((fs::read_to_string(folder.join("isthmus.js"))?, fs::read(wasm)?))
}

/// `--disable-compact-imports` is needed: without it browsers refuse the module.
fn optimise_module(wasm: &Path) -> anyhow::Result<()> {
    let flags = [
        "-Oz",
        "--converge",
        "--enable-bulk-memory",
        "--enable-reference-types",
        "--enable-nontrapping-float-to-int",
        "--enable-sign-ext",
        "--enable-mutable-globals",
        "--enable-multivalue",
        "--disable-compact-imports",
    ];
    let smaller = wasm.with_extension("opt.wasm");
    run(program(machine::install_wasm_opt()?).args(flags).arg(wasm).arg("-o").arg(&smaller))?;
    fs::rename(smaller, wasm)?;
    Ok(())
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
