//! Building the product: the WebAssembly half and the stylesheets first, then the server beside or around them.

use std::path::PathBuf;

use anyhow::Context;

use crate::{
    assets, machine,
    shell::{cargo, have, program, run, target},
    toolchain::{self, TARGET, Toolchain},
};

/// The profile of the WebAssembly half: there is one, so nothing is built twice.
const WASM_PROFILE: &str = "wasm-release";

/// Compiles the frontend and writes `target/site`. `optimise`: with wasm-opt, which npm must bring.
pub fn build_assets(toolchain: Toolchain, optimise: bool) -> anyhow::Result<assets::Manifest> {
    let folder = toolchain.folder();
    let mut build = toolchain.cargo();
    build.env("CARGO_TARGET_DIR", &folder).env("CARGO_INCREMENTAL", "0");
    build.args(["rustc", "--locked", "--package", "frontend", "--lib", "--profile", WASM_PROFILE, "--target", TARGET]);
    // Where functions and data refer to each other is kept, so that the module can be cut into parts.
    run(build.args(["--", "-C", "link-arg=--emit-relocs"])).context("the WebAssembly half does not build")?;
    let module = folder.join(TARGET).join(WASM_PROFILE).join("frontend.wasm");
    assets::write(&module, optimise)
}

/// `cargo xtask build`.
pub fn build(release: bool, assets_only: bool) -> anyhow::Result<()> {
    let optimise = release && have("npm");
    if release && !optimise {
        eprintln!("npm is missing: the WebAssembly module is built without wasm-opt and will be larger.");
    }
    build_assets(toolchain::set_up()?, optimise)?;
    if assets_only {
        println!("{}", assets::site().display());
        return Ok(());
    }
    let binary = build_server(release)?;
    println!("{}", binary.display());
    Ok(())
}

/// Compiles the server; a release carries the assets inside.
pub fn build_server(release: bool) -> anyhow::Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--locked", "--package", "server", "--bin", "isthmus"]);
    if release {
        build.arg("--release").env("ISTHMUS_EMBED_ASSETS", assets::site());
    }
    run(&mut build).context("the server does not build")?;
    Ok(target().join(if release { "release" } else { "debug" }).join("isthmus"))
}

/// `cargo xtask demo` and `cargo xtask run`: builds, then becomes the server.
pub fn start(command: &str, arguments: &[String]) -> anyhow::Result<()> {
    build_assets(toolchain::set_up()?, machine::wasm_opt().is_some())?;
    let binary = build_server(false)?;
    let mut isthmus = program(binary);
    isthmus.env("ISTHMUS_ASSETS", assets::site());
    if !command.is_empty() {
        isthmus.arg(command);
    }
    run(isthmus.args(arguments))
}
