//! What the machine must have beyond Rust: system packages for real peers and the browser, npm packages for driving it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

use crate::shell::{have, output, program, root, run, target};

/// Something a test talks to: how to see that it is there, and the Debian packages that bring it.
pub struct Peer {
    pub name: &'static str,
    pub packages: &'static [&'static str],
    present: fn() -> bool,
}

pub const PEERS: &[Peer] = &[
    Peer {
        name: "OpenLDAP",
        packages: &["slapd", "ldap-utils", "slapd-contrib"],
        present: || have("slapd") && have("ldapsearch"),
    },
    Peer {
        name: "Samba AD",
        packages: &[
            "samba",
            "samba-ad-provision",
            "samba-dsdb-modules",
            "samba-vfs-modules",
            "winbind",
            "python3-samba",
            "ldb-tools",
            "krb5-user",
        ],
        present: || {
            // The provisioning templates and directory modules come in packages of their own.
            have("samba") && have("samba-tool") && Path::new("/usr/share/samba/setup/provision.ldif").exists()
        },
    },
    Peer { name: "PostgreSQL", packages: &["postgresql"], present: || postgres_folder().is_some() },
    // The -core packages only: no system service, no /var/lib/mysql.
    Peer {
        name: "MariaDB",
        packages: &["mariadb-server-core", "mariadb-client-core"],
        present: || Path::new("/usr/sbin/mariadbd").exists() && have("mariadb-install-db") && have("mariadb"),
    },
    Peer { name: "scim2-server", packages: &["python3-venv"], present: || scim().exists() },
    Peer { name: "Chromium", packages: &["chromium"], present: || chromium().is_some() },
    Peer { name: "Node.js with npm", packages: &["nodejs", "npm"], present: || have("node") && have("npm") },
];

/// PostgreSQL's server programs; Debian keeps them out of the PATH.
fn postgres_folder() -> Option<PathBuf> {
    if have("initdb") && have("postgres") {
        return Some(PathBuf::new());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions.flatten().map(|version| version.path().join("bin")).find(|bin| bin.join("initdb").exists())
}

/// The SCIM service of the tests, which comes from PyPI: `testkit` looks for it there.
fn scim() -> PathBuf {
    target().join("testkit/scim/bin/scim2-server")
}

/// Installs it into a virtual environment of its own, pinned.
fn install_scim() -> anyhow::Result<()> {
    if scim().exists() {
        return Ok(());
    }
    let place = target().join("testkit/scim");
    run(program("python3").args(["-m", "venv"]).arg(&place))?;
    run(program("env").arg(place.join("bin/pip")).args(["install", "--quiet", "scim2-server==0.8.3"]))
        .context("scim2-server could not be installed from PyPI")
}

/// The browser of the end-to-end tests.
pub fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("ISTHMUS_CHROMIUM").map(PathBuf::from);
    let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(PathBuf::from);
    named.into_iter().chain(usual).find(|path| path.exists())
}

/// The peers that are not there.
pub fn missing() -> Vec<&'static Peer> {
    PEERS.iter().filter(|peer| !(peer.present)()).collect()
}

/// Installs the missing peers with apt.
pub fn install_peers() -> anyhow::Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|peer| peer.packages.iter().copied()).collect();
    apt_install(&packages)?;
    install_scim()?;
    match self::missing().as_slice() {
        [] => Ok(()),
        still => bail!("installed, but still not found: {}", names(still)),
    }
}

pub fn names(peers: &[&Peer]) -> String {
    peers.iter().map(|peer| peer.name).collect::<Vec<_>>().join(", ")
}

/// Installs Debian packages without questions and without starting their services.
pub fn apt_install(packages: &[&str]) -> anyhow::Result<()> {
    if !have("apt-get") {
        bail!(
            "this machine has no apt-get: install the equivalents of these Debian packages yourself: {}",
            packages.join(" ")
        );
    }
    // Nobody wants a system slapd with a database, nor services that take the tests' ports.
    let preseed = "echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections";
    run(as_root("sh")?.args(["-c", preseed]))?;
    let policy = Path::new("/usr/sbin/policy-rc.d");
    let ours = !policy.exists();
    if ours {
        let write = "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d";
        run(as_root("sh")?.args(["-c", write]))?;
    }
    let installed = run(as_root("apt-get")?.arg("update"))
        .and_then(|()| run(as_root("apt-get")?.args(["install", "-y", "--no-install-recommends"]).args(packages)));
    if ours {
        run(as_root("rm")?.args(["-f", "/usr/sbin/policy-rc.d"]))?;
    }
    installed.context("the packages could not be installed")
}

/// A command with root's rights: directly as root, through sudo otherwise.
pub fn as_root(name: &str) -> anyhow::Result<Command> {
    let mut command = if output(program("id").arg("-u")).as_deref() == Some("0") {
        program("env")
    } else if have("sudo") {
        let mut sudo = program("sudo");
        sudo.arg("env");
        sudo
    } else {
        bail!("`{name}` needs root: run this as root, or install sudo");
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", name]);
    Ok(command)
}

/// The folder of the end-to-end tests.
pub fn end2end() -> PathBuf {
    root().join("end2end")
}

/// Whether the npm packages of the end-to-end tests are those of the lock file.
pub fn end2end_ready() -> bool {
    let installed = end2end().join("node_modules/.package-lock.json");
    let lock = end2end().join("package-lock.json");
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    matches!((changed(&installed), changed(&lock)), (Some(installed), Some(lock)) if installed >= lock)
}

pub fn install_end2end() -> anyhow::Result<()> {
    if end2end_ready() {
        return Ok(());
    }
    run(npm().current_dir(end2end()).args(["ci", "--no-audit", "--no-fund"]))
        .context("the npm packages of end2end/ could not be installed")
}

/// npm without browser downloads: the browser is the system's.
fn npm() -> Command {
    let mut npm = program("npm");
    npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    npm
}

/// `wasm-opt` of npm's binaryen, if it is installed. Debian's own is too old: its output fails in the browser.
pub fn wasm_opt() -> Option<PathBuf> {
    let path = tools().join("node_modules/binaryen/bin/wasm-opt");
    path.exists().then_some(path)
}

/// Installs [`wasm_opt`] into the target folder. The version is pinned: its output must load in browsers.
pub fn install_wasm_opt() -> anyhow::Result<PathBuf> {
    if let Some(path) = wasm_opt() {
        return Ok(path);
    }
    if !have("npm") {
        bail!("npm is missing; install the packages nodejs and npm");
    }
    std::fs::create_dir_all(tools())?;
    let prefix = tools();
    let arguments = ["install", "--no-audit", "--no-fund", "--no-save", "--prefix"];
    run(npm().args(arguments).arg(&prefix).arg("binaryen@132.0.0")).context("binaryen could not be installed")?;
    wasm_opt().context("binaryen was installed without bin/wasm-opt")
}

fn tools() -> PathBuf {
    target().join("tools")
}
