//! A SCIM 2.0 service: PyPI's scim2-server, in a virtual environment below the target folder.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::keeper::{Keeper, tail};

/// A service of the caller's own. It ends when dropped.
pub struct ScimServer {
    /// Its base, below which `Users` and `Groups` are.
    pub url: String,
    pub token: &'static str,
    _keeper: Keeper,
    _folder: TempDir,
}

impl ScimServer {
    /// Starts one without anybody in it.
    ///
    /// # Panics
    /// If it is missing or does not start: a test that was not run must not count as passed.
    #[must_use]
    pub fn start() -> Self {
        match Self::try_start() {
            Ok(server) => server,
            Err(error) => panic!("scim2-server: {error:#}"),
        }
    }

    fn try_start() -> Result<Self> {
        let program = program();
        ensure!(program.exists(), "{} is missing: run `cargo xtask test --install`", program.display());
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let token = "scim-test-token";
        let (path, port_text) = (program.display().to_string(), port.to_string());
        let words = [path.as_str(), "--hostname", "127.0.0.1", "--port", &port_text, "--bearer-token", token];
        let keeper = Keeper::start(&words, "TERM", folder.path(), &log, None).context("the server")?;
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(Self { url: format!("http://127.0.0.1:{port}/"), token, _keeper: keeper, _folder: folder });
            }
            sleep(Duration::from_millis(100));
        }
        anyhow::bail!("it does not listen: {}", tail(&log))
    }
}

/// Where `cargo xtask test --install` puts it.
fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/testkit/scim/bin/scim2-server")
}
