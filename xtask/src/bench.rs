//! `cargo xtask bench`: the release binary, measured beside the limits of the machine in the same run.

use anyhow::Context;

use crate::{
    assets, machine,
    shell::{cargo, program, run, target},
    site, toolchain,
};

pub fn sign_in(seconds: u64, rounds: usize) -> anyhow::Result<()> {
    let missing = machine::missing();
    if let Some(slapd) = missing.iter().find(|peer| peer.name == "OpenLDAP") {
        anyhow::bail!("OpenLDAP is missing: apt-get install {}", slapd.packages.join(" "));
    }
    // The pages measured here have no WebAssembly: whatever was built last will do.
    if !assets::site().join("manifest.json").exists() {
        site::build_assets(toolchain::set_up()?, machine::wasm_opt().is_some())?;
    }
    let binary = site::build_server(true)?;
    run(cargo().args(["build", "--locked", "--release", "--package", "bench"])).context("the bench does not build")?;
    let mut bench = program(target().join("release/bench"));
    bench.arg("--binary").arg(binary).args(["--seconds", &seconds.to_string(), "--rounds", &rounds.to_string()]);
    run(bench.env("ISTHMUS_ASSETS", assets::site()))
}
