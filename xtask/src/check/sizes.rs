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
    let (console, style) = match measured {
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
    findings.rule(&format!("console ≤ 350 kB brotli ({} kB now)", kilobytes(console)), over(console, CONSOLE));
    findings
        .rule(&format!("style of the sign-in pages ≤ 30 kB ({} kB now)", kilobytes(style)), over(style, DOOR_STYLE));
}

fn measure() -> anyhow::Result<(u64, u64)> {
    let toolchain = toolchain::find()
        .with_context(|| format!("the {} target is missing; `cargo xtask demo` gets it", toolchain::TARGET))?;
    if machine::wasm_opt().is_none() {
        machine::install_wasm_opt().context("wasm-opt, with which releases are built, is missing")?;
    }
    let manifest = site::build_assets(toolchain, true)?;
    let (_, javascript) = assets::sizes(&manifest, "isthmus.js")?;
    let (_, wasm) = assets::sizes(&manifest, "isthmus_bg.wasm")?;
    let (style, _) = assets::sizes(&manifest, "sign-in.css")?;
    Ok((javascript + wasm, style))
}
