//! The byte budgets (what a browser has to load before a page works).

use anyhow::Context;

use super::Findings;
use crate::{assets, machine, site, toolchain};

/// JavaScript and WebAssembly of the console, compressed.
const CONSOLE: u64 = 350 * 1000;

/// The stylesheet of the sign-in pages, uncompressed; the end-to-end tests measure the page in all (40 kB).
const DOOR_STYLE: u64 = 30 * 1000;

pub fn check(findings: &mut Findings) {
    let measured = measure();
    let Sizes { shared, parts, style } = match measured {
        Ok(sizes) => sizes,
        Err(error) => {
            findings.rule("byte budgets", vec![format!("could not be measured: {error:#}")]);
            return;
        }
    };
    let over = |bytes: u64, budget: u64| {
        if bytes > budget { vec![format!("{bytes} bytes, {budget} allowed")] } else { Vec::new() }
    };
    let kilobytes = |bytes: u64| bytes.div_ceil(1000);
    for (part, own) in parts {
        let first = shared + own;
        let rule = format!(
            "console, part `{part}` loaded first ≤ 350 kB brotli ({} kB now, {} kB of its own)",
            kilobytes(first),
            kilobytes(own)
        );
        findings.rule(&rule, over(first, CONSOLE));
    }
    findings
        .rule(&format!("style of the sign-in pages ≤ 30 kB ({} kB now)", kilobytes(style)), over(style, DOOR_STYLE));
}

struct Sizes {
    /// The script and the main module.
    shared: u64,
    /// What the pages of each part load beside that.
    parts: Vec<(String, u64)>,
    style: u64,
}

fn measure() -> anyhow::Result<Sizes> {
    let toolchain = toolchain::find()
        .with_context(|| format!("the {} target is missing; `cargo xtask demo` gets it", toolchain::TARGET))?;
    if machine::wasm_opt().is_none() {
        machine::install_wasm_opt().context("wasm-opt, with which releases are built, is missing")?;
    }
    let manifest = site::build_assets(toolchain, true)?;
    let compressed = |name: &str| anyhow::Ok(assets::sizes(&manifest, name)?.1);
    let mut parts = Vec::new();
    for (part, modules) in &manifest.parts {
        let mut bytes = 0;
        for module in modules {
            bytes += compressed(module)?;
        }
        parts.push((part.clone(), bytes));
    }
    anyhow::ensure!(!parts.is_empty(), "the console was not cut into parts");
    let shared = compressed("isthmus.js")? + compressed("isthmus_bg.wasm")?;
    let (style, _) = assets::sizes(&manifest, "sign-in.css")?;
    Ok(Sizes { shared, parts, style })
}
