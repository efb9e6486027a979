//! `cargo xtask test`: every test there is, and one honest line at the end. A test that could not run has failed.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{
    assets, check, machine,
    shell::{cargo, program, root, run as run_command, shown, target},
    site, toolchain,
};

/// How a part of the tests went.
#[derive(Default)]
struct Part {
    name: &'static str,
    passed: usize,
    failed: usize,
    /// What it was built in, included.
    took: Duration,
    /// Why something could not even run.
    remarks: Vec<String>,
}

impl Part {
    fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    fn could_not_run(name: &'static str, tests: usize, why: String) -> Self {
        Self { name, failed: tests.max(1), remarks: vec![why], ..Self::default() }
    }
}

pub fn run(quick: bool, thorough: bool, install: bool) -> anyhow::Result<()> {
    if install {
        machine::install_peers()?;
        toolchain::set_up()?;
        machine::install_end2end()?;
        machine::install_wasm_opt()?;
    }
    let missing = if quick { Vec::new() } else { machine::missing() };
    for peer in &missing {
        println!("missing: {} (Debian packages: {})", peer.name, peer.packages.join(" "));
    }
    if !missing.is_empty() {
        println!("`cargo xtask test --install` installs them; without them their tests count as failed.");
    }
    // Before the tests: one of them looks for secrets in what browsers are sent.
    let assets = if quick { Err("not built".to_owned()) } else { build_assets() };
    let mut parts = vec![timed(|| rust_tests(quick, thorough, assets.is_ok()))];
    parts.push(timed(xtask_tests));
    if !quick {
        parts.push(timed(|| end_to_end(&assets, tier(quick, thorough))));
        if thorough {
            parts.push(timed(|| end_to_end_embedded(&assets)));
        }
        parts.push(timed(rules));
    }
    summary(&parts)
}

fn timed(part: impl FnOnce() -> Part) -> Part {
    let began = Instant::now();
    let part = part();
    Part { took: began.elapsed(), ..part }
}

fn summary(parts: &[Part]) -> anyhow::Result<()> {
    println!();
    for part in parts {
        let (minutes, seconds) = (part.took.as_secs() / 60, part.took.as_secs() % 60);
        println!(
            "{:<24} {:>5} passed, {:>3} failed, {minutes:>3} m {seconds:>2} s with its build",
            part.name, part.passed, part.failed
        );
        for remark in &part.remarks {
            println!("    {remark}");
        }
    }
    let passed: usize = parts.iter().map(|part| part.passed).sum();
    let failed: usize = parts.iter().map(|part| part.failed).sum();
    println!("{passed} passed, {failed} failed");
    anyhow::ensure!(failed == 0, "{failed} tests failed");
    Ok(())
}

/// Tells tests how long they may take.
const TIER: &str = "ISTHMUS_TEST_TIER";

const fn tier(quick: bool, thorough: bool) -> &'static str {
    match (quick, thorough) {
        (true, _) => "quick",
        (false, true) => "thorough",
        (false, false) => "standard",
    }
}

/// The workspace's own tests. The frontend is left out because it is the app compiled the other way.
fn rust_tests(quick: bool, thorough: bool, assets: bool) -> Part {
    let mut tests = cargo();
    tests.args(["test", "--locked", "--workspace", "--exclude", "frontend", "--exclude", "xtask", "--no-fail-fast"]);
    tests.env(TIER, tier(quick, thorough));
    if thorough {
        tests.env("PROPTEST_CASES", "4096");
    }
    if assets {
        tests.env("ISTHMUS_TEST_SITE", assets::site());
    }
    if quick {
        tests.args(["--", "--skip", "peers"]);
    }
    counted("Rust", tests)
}

fn xtask_tests() -> Part {
    let mut tests = cargo();
    tests.args(["test", "--locked", "--package", "xtask"]);
    counted("xtask", tests)
}

/// Runs `cargo test` and adds up what its binaries report. One that does not build or dies counts as one failure.
fn counted(name: &'static str, mut command: Command) -> Part {
    let mut part = Part::new(name);
    eprintln!("+ {}", shown(&command));
    let status = stream(&mut command, |line| {
        if let Some(rest) = line.strip_prefix("test result: ") {
            part.passed += number_before(rest, " passed");
            part.failed += number_before(rest, " failed");
        } else if let Some(test) = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... FAILED")) {
            part.remarks.push(format!("failed: {test}"));
        }
    });
    match status {
        Ok(true) => {}
        Ok(false) if part.failed > 0 => {}
        Ok(false) => {
            part.failed += 1;
            part.remarks.push("did not build, or a test ended the process; see above".to_owned());
        }
        Err(error) => {
            part.failed += 1;
            part.remarks.push(format!("{error:#}"));
        }
    }
    part
}

/// Passes the standard output on and shows every line to `look`.
fn stream(command: &mut Command, mut look: impl FnMut(&str)) -> anyhow::Result<bool> {
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("`{}`", shown(command)))?;
    let output = child.stdout.take().context("standard output was piped")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        look(&line);
    }
    Ok(child.wait()?.success())
}

fn number_before(text: &str, word: &str) -> usize {
    let Some((before, _)) = text.split_once(word) else { return 0 };
    let digits = before.rsplit(|letter: char| !letter.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// What browsers are sent; or why it could not be built.
fn build_assets() -> Result<(), String> {
    let toolchain = toolchain::find().ok_or("the wasm32 target is missing (`cargo xtask demo` gets it)")?;
    site::build_assets(toolchain, machine::wasm_opt().is_some()).map(|_| ()).map_err(|error| format!("{error:#}"))
}

/// The browser tests, against the real binary and real peers.
fn end_to_end(assets: &Result<(), String>, tier: &str) -> Part {
    const NAME: &str = "end to end";
    let files = end_to_end_files();
    let tests = declared(&files);
    if let Some(why) = end_to_end_obstacle(assets) {
        return Part::could_not_run(NAME, tests, why);
    }
    if let Err(error) = build_binaries(&mut cargo()) {
        return Part::could_not_run(NAME, tests, format!("not run: {error:#}"));
    }
    let mut node = node_tests(&files);
    node.env("ISTHMUS_BINARY", target().join("debug/isthmus")).env("ISTHMUS_ASSETS", assets::site()).env(TIER, tier);
    tap(NAME, node, tests)
}

/// The console and the demo once more, by a binary that carries its assets and is alone in its folder, as a release is.
fn end_to_end_embedded(assets: &Result<(), String>) -> Part {
    const NAME: &str = "end to end, embedded";
    let mut files = end_to_end_files();
    files.retain(|file| ["parts", "console", "demo"].iter().any(|name| file.ends_with(&format!("/{name}.test.mjs"))));
    let tests = declared(&files);
    if let Some(why) = end_to_end_obstacle(assets) {
        return Part::could_not_run(NAME, tests, why);
    }
    let alone = target().join("embedded/isthmus");
    let built = build_binaries(cargo().env("ISTHMUS_EMBED_ASSETS", assets::site())).and_then(|()| {
        std::fs::create_dir_all(target().join("embedded"))?;
        std::fs::copy(target().join("debug/isthmus"), &alone).context("target/embedded")?;
        Ok(())
    });
    if let Err(error) = built {
        return Part::could_not_run(NAME, tests, format!("not run: {error:#}"));
    }
    let mut node = node_tests(&files);
    node.env("ISTHMUS_BINARY", alone).env("ISTHMUS_ASSETS", "embedded");
    tap(NAME, node, tests)
}

/// Why the browser tests cannot run.
fn end_to_end_obstacle(assets: &Result<(), String>) -> Option<String> {
    let missing = machine::missing();
    let needed: Vec<_> =
        missing.into_iter().filter(|peer| ["OpenLDAP", "Chromium", "Node.js with npm"].contains(&peer.name)).collect();
    if !needed.is_empty() {
        return Some(format!("not run, missing: {}", machine::names(&needed)));
    }
    if !machine::end2end_ready() {
        return Some("not run: `npm ci` was not run in end2end/".to_owned());
    }
    assets.as_ref().err().map(|why| format!("not run: {why}"))
}

/// Node's runner over these files, with everything but the binary and its assets.
fn node_tests(files: &[String]) -> Command {
    let mut node = program("node");
    node.current_dir(machine::end2end()).args(["--test", "--test-reporter=tap", "--test-concurrency=1"]).args(files);
    node.env("ISTHMUS_PEERS", target().join("debug/peers")).env("ISTHMUS_SCREENSHOTS", target().join("screenshots"));
    if let Some(chromium) = machine::chromium() {
        node.env("ISTHMUS_CHROMIUM", chromium);
    }
    node
}

/// With the selection of [`rust_tests`], tests included: what only tests depend on turns on features of what they share
/// with the binaries, and cargo would build all of it once more.
fn build_binaries(build: &mut Command) -> anyhow::Result<()> {
    run_command(build.args([
        "build",
        "--locked",
        "--workspace",
        "--exclude",
        "frontend",
        "--exclude",
        "xtask",
        "--bins",
        "--tests",
    ]))
}

/// Node's test runner, in TAP: nested tests count, their files do not.
fn tap(name: &'static str, mut node: Command, expected: usize) -> Part {
    let mut part = Part::new(name);
    eprintln!("+ {}", shown(&node));
    let status = stream(&mut node, |line| {
        let test = line.trim_start();
        if test.starts_with("ok ") && test.contains("# SKIP") {
            part.failed += 1;
            part.remarks.push(format!("skipped: {test}"));
        } else if test.starts_with("ok ") && !test.contains(".mjs") {
            part.passed += 1;
        } else if let Some(test) = test.strip_prefix("not ok ").filter(|test| !test.contains(".mjs")) {
            part.failed += 1;
            part.remarks.push(format!("failed: {test}"));
        }
    });
    if !matches!(status, Ok(true)) && part.failed == 0 {
        part.failed += expected.saturating_sub(part.passed).max(1);
        part.remarks.push("the runner ended early; see above".to_owned());
    }
    part
}

fn end_to_end_files() -> Vec<String> {
    let entries = std::fs::read_dir(machine::end2end().join("tests")).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path().display().to_string()).collect();
    files.retain(|file| file.ends_with(".test.mjs"));
    files.sort();
    files
}

/// How many tests the files declare, so that tests which cannot run are counted.
fn declared(files: &[String]) -> usize {
    let count = |file: &String| {
        let text = std::fs::read_to_string(Path::new(file)).unwrap_or_default();
        text.lines().filter(|line| line.trim_start().starts_with("test(")).count()
    };
    files.iter().map(count).sum()
}

/// `cargo xtask check` as one more part.
fn rules() -> Part {
    let mut part = Part::new("rules");
    match check::run_all(false) {
        Ok(findings) => {
            part.passed = findings.passed;
            part.failed = findings.wrong.len();
            part.remarks = findings.wrong;
        }
        Err(error) => {
            part.failed = 1;
            part.remarks.push(format!("could not run in {}: {error:#}", root().display()));
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_s_summary_is_read() {
        let line = "ok. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.07s";
        assert_eq!((number_before(line, " passed"), number_before(line, " failed")), (12, 3));
        assert_eq!(number_before("nothing here", " passed"), 0);
    }
}
