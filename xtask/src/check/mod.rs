//! `cargo xtask check`: what a reviewer should not have to look for.

mod generated;
mod imports;
mod lengths;
mod sizes;
mod sources;

use crate::{
    shell::{self, cargo},
    toolchain::{self, Toolchain},
};

/// What was looked at and what was found wrong, one sentence each.
#[derive(Default)]
pub struct Findings {
    pub passed: usize,
    pub wrong: Vec<String>,
}

impl Findings {
    /// One rule: it holds, or these are the places where it does not.
    fn rule(&mut self, name: &str, places: Vec<String>) {
        if places.is_empty() {
            println!("ok    {name}");
            self.passed += 1;
        } else {
            println!("WRONG {name}");
            for place in places {
                println!("      {place}");
                self.wrong.push(format!("{name}: {place}"));
            }
        }
    }

    /// One rule that a command checks.
    fn command(&mut self, name: &str, command: &mut std::process::Command) {
        self.rule(name, shell::run(command).err().map(|error| format!("{error:#}")).into_iter().collect());
    }
}

/// The command: everything, with an error if anything is wrong.
pub fn run_all(write: bool) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    if write {
        generated::write()?;
        shell::run(cargo().args(["fmt", "--all"]))?;
    }
    findings.command("rustfmt", cargo().args(["fmt", "--all", "--check"]));
    let graph = imports::Graph::read()?;
    findings.rule("crates import only what they may (docs/architecture.md)", graph.check());
    findings.rule("nothing but storage names sqlx, nothing pure names the outside world", graph.check_foreign());
    findings.rule("areas of hub do not import each other, its kernel imports none", sources::hub_areas()?);
    findings.rule("only server/src/wiring.rs names storage and connectors", sources::server_wiring()?);
    findings.rule("only storage speaks SQL", sources::sql_only_in_storage()?);
    findings.rule("no file over 600 lines", lengths::files()?);
    findings.rule("both migration folders have the same files", generated::migration_names()?);
    findings.rule("generated files are fresh (`cargo xtask check --write`)", generated::stale()?);
    clippy(&mut findings);
    sizes::check(&mut findings);
    Ok(findings)
}

pub fn run(write: bool) -> anyhow::Result<()> {
    let findings = run_all(write)?;
    println!("{} passed, {} failed", findings.passed, findings.wrong.len());
    anyhow::ensure!(findings.wrong.is_empty(), "{} rules do not hold", findings.wrong.len());
    Ok(())
}

/// Functions over 80 lines are clippy's to find: `too_many_lines`, with the threshold in `clippy.toml`.
fn clippy(findings: &mut Findings) {
    let arguments = ["clippy", "--locked", "--workspace", "--exclude", "frontend", "--all-targets"];
    findings.command("clippy, native", cargo().args(arguments).args(["--", "-D", "warnings"]));
    let arguments = ["clippy", "--locked", "--package", "frontend", "--package", "app", "--features", "app/hydrate"];
    let for_wasm = |command: &mut std::process::Command, toolchain: Toolchain| {
        command.args(arguments).args(["--target", toolchain::TARGET]).args(["--", "-D", "warnings"]);
        command.env("CARGO_TARGET_DIR", toolchain.folder());
    };
    match toolchain::find() {
        None => findings.rule(
            "clippy, wasm32",
            vec![format!(
                "could not run: the target is missing (`rustup target add {}`, or `cargo xtask demo`)",
                toolchain::TARGET
            )],
        ),
        Some(Toolchain::Own) => {
            let mut command = cargo();
            for_wasm(&mut command, Toolchain::Own);
            findings.command("clippy, wasm32", &mut command);
        }
        Some(Toolchain::Debian) => {
            let mut command = Toolchain::Debian.clippy();
            for_wasm(&mut command, Toolchain::Debian);
            findings.command("clippy, wasm32", &mut command);
        }
    }
}
