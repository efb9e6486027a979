//! `cargo xtask bench`: the release binary, measured beside the limits of the machine in the same run.

use std::path::PathBuf;

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
    bench.args(["sign-in", "--binary"]).arg(binary).args([
        "--seconds",
        &seconds.to_string(),
        "--rounds",
        &rounds.to_string(),
    ]);
    run(bench.env("ISTHMUS_ASSETS", assets::site()))
}

/// Of what is imported: people in the LDAP directory, records in the file.
pub fn import(people: usize, records: usize, binary: Option<PathBuf>) -> anyhow::Result<()> {
    let missing = machine::missing();
    for (name, needed) in [("OpenLDAP", people > 0), ("PostgreSQL", records > 0)] {
        if let Some(peer) = missing.iter().find(|peer| needed && peer.name == name) {
            anyhow::bail!("{name} is missing: apt-get install {}", peer.packages.join(" "));
        }
    }
    let given = binary.is_some();
    let binary = match binary {
        Some(binary) => binary,
        None => {
            // Nothing of the pages is measured here: whatever was built last will do.
            if !assets::site().join("manifest.json").exists() {
                site::build_assets(toolchain::set_up()?, machine::wasm_opt().is_some())?;
            }
            site::build_server(true)?
        }
    };
    // What measures costs nothing worth optimising; what is measured is a process of its own.
    let mut build = cargo();
    build.args(["build", "--locked", "--package", "bench"]);
    if !given {
        build.arg("--release");
    }
    run(&mut build).context("the bench does not build")?;
    let mut bench = program(target().join(if given { "debug/bench" } else { "release/bench" }));
    bench.args(["import", "--binary"]).arg(binary);
    run(bench.args(["--people", &people.to_string(), "--records", &records.to_string()]))
}
