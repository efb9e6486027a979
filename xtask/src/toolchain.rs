//! The wasm32 target: rustup's where rustup reaches its servers, Debian's where only package mirrors can be reached.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::{
    machine::{apt_install, as_root},
    shell::{cargo, have, output, program, run, target},
};

pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler beside rustup's (packages rustc-web, cargo-web).
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LIBRARIES: &str = "/usr/lib/rustlib";

/// Which compiler builds the WebAssembly half.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// The one that runs us.
    Own,
    Debian,
}

impl Toolchain {
    /// Where it builds: what one compiler made, another cannot read.
    pub fn folder(self) -> PathBuf {
        target().join(match self {
            Self::Own => "wasm",
            Self::Debian => "wasm-debian",
        })
    }

    /// A cargo that builds for wasm32.
    pub fn cargo(self) -> Command {
        match self {
            Self::Own => cargo(),
            Self::Debian => {
                let mut command = program(DEBIAN_CARGO);
                command.env("RUSTC", DEBIAN_RUSTC).env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTC_WRAPPER");
                command
            }
        }
    }
}

impl Toolchain {
    /// Debian's clippy is not found by `cargo clippy` of another toolchain, so it is called by its path.
    pub fn clippy(self) -> Command {
        let mut command = self.cargo();
        if self == Self::Debian {
            command.env("PATH", "/usr/bin:/bin");
        }
        command
    }
}

/// The toolchain that can build for wasm32 now, without installing anything. `ISTHMUS_WASM_TOOLCHAIN=debian` passes
/// rustup's over, to try the other way on a machine that has both.
pub fn find() -> Option<Toolchain> {
    let only_debian = std::env::var_os("ISTHMUS_WASM_TOOLCHAIN").is_some_and(|name| name == "debian");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let own = output(program(rustc).args(["--print", "target-libdir", "--target", TARGET]));
    if !only_debian && own.is_some_and(|folder| has_std(Path::new(&folder))) {
        return Some(Toolchain::Own);
    }
    let debian = debian_library().is_some_and(|folder| has_bitcode(&folder)) && Path::new(DEBIAN_CARGO).exists();
    (debian && debian_linker_ready()).then_some(Toolchain::Debian)
}

/// Finds or installs one.
pub fn set_up() -> anyhow::Result<Toolchain> {
    if let Some(toolchain) = find() {
        return Ok(toolchain);
    }
    let rustup = if std::env::var_os("ISTHMUS_WASM_TOOLCHAIN").is_some() {
        Err(anyhow::anyhow!("ISTHMUS_WASM_TOOLCHAIN says so"))
    } else if have("rustup") {
        run(program("rustup").args(["target", "add", TARGET]))
    } else {
        Err(anyhow::anyhow!("rustup is not installed"))
    };
    let Err(why) = rustup else {
        return find().context("rustup added the wasm32 target, but this compiler does not see it; is it rustup's?");
    };
    eprintln!("The wasm32 target cannot be had from rustup ({why:#}); trying the packages of Debian.");
    set_up_debian().with_context(|| {
        format!("no wasm32 target: install it with `rustup target add {TARGET}` where rustup reaches its servers")
    })?;
    find().context("Debian's compiler was installed, but does not build for wasm32")
}

fn has_std(folder: &Path) -> bool {
    standard_library(folder).is_some()
}

/// Link-time optimisation reads LLVM bitcode, which a standard library built by cargo has only if it was asked to.
fn has_bitcode(folder: &Path) -> bool {
    let library = standard_library(folder).and_then(|path| fs::read(path).ok());
    library.is_some_and(|bytes| bytes.windows(7).any(|window| window == b".llvmbc"))
}

fn standard_library(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries.map(|entry| entry.path()).find(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

fn debian_library() -> Option<PathBuf> {
    Path::new(DEBIAN_RUSTC).exists().then(|| Path::new(DEBIAN_LIBRARIES).join(TARGET).join("lib"))
}

/// rust-lld where rustc looks for it, or Debian's lld in the PATH.
fn debian_linker_ready() -> bool {
    debian_linker().is_some_and(|link| link.exists()) || have("rust-lld")
}

fn debian_linker() -> Option<PathBuf> {
    let host = output(program(DEBIAN_RUSTC).arg("-vV"))?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "))?.to_owned();
    Some(Path::new(DEBIAN_LIBRARIES).join(host).join("bin/rust-lld"))
}

fn set_up_debian() -> anyhow::Result<()> {
    let compiler = Path::new(DEBIAN_RUSTC).exists() && Path::new(DEBIAN_CARGO).exists();
    if !compiler || !Path::new("/usr/lib/rustlib/src/rust/library").exists() {
        apt_install(&["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"])?;
    }
    if !debian_library().is_some_and(|folder| has_bitcode(&folder)) {
        build_standard_library()?;
    }
    if !debian_linker_ready() {
        install_linker()?;
    }
    Ok(())
}

/// Builds `std` from an empty crate and puts it where the compiler looks; from then on no nightly flag is needed.
fn build_standard_library() -> anyhow::Result<()> {
    let crate_folder = target().join("tools/wasm-std");
    fs::create_dir_all(crate_folder.join("src"))?;
    let manifest = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(crate_folder.join("Cargo.toml"), manifest)?;
    fs::write(crate_folder.join("src/lib.rs"), "")?;
    let build_folder = crate_folder.join("target");
    run(Toolchain::Debian
        .cargo()
        .current_dir(&crate_folder)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &build_folder)
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort,proc_macro"]))
    .context("the standard library for wasm32 could not be built")?;
    let built = build_folder.join(TARGET).join("release/deps");
    let library = debian_library().context("Debian's compiler disappeared")?;
    // What an earlier attempt left would be found as a second standard library.
    run(as_root("rm")?.arg("-rf").arg(&library))?;
    if Toolchain::Debian.folder().exists() {
        fs::remove_dir_all(Toolchain::Debian.folder())?;
    }
    run(as_root("mkdir")?.arg("-p").arg(&library))?;
    let rlibs: Vec<PathBuf> = fs::read_dir(&built)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rlib"))
        .filter(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libempty-")))
        .collect();
    run(as_root("cp")?.args(&rlibs).arg(&library))
}

/// rustup brings a linker that Debian's compiler can use; Debian has its own otherwise.
fn install_linker() -> anyhow::Result<()> {
    let link = debian_linker().context("Debian's compiler does not tell its host")?;
    let sysroot = output(program("rustc").args(["--print", "sysroot"])).map(PathBuf::from);
    let of_rustup = sysroot.and_then(|sysroot| {
        let host = link.parent()?.parent()?.file_name()?.to_owned();
        let path = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
        path.exists().then_some(path)
    });
    let linker = match of_rustup {
        Some(path) => path,
        None => {
            apt_install(&["lld"])?;
            PathBuf::from("/usr/bin/lld")
        }
    };
    if !linker.exists() {
        bail!("no WebAssembly linker: neither rustup's rust-lld nor Debian's lld is there");
    }
    let folder = link.parent().context("a linker has a folder")?;
    run(as_root("mkdir")?.arg("-p").arg(folder))?;
    run(as_root("ln")?.arg("-sfn").arg(linker).arg(&link))
}
