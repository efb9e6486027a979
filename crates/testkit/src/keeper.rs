//! Keeps a server process for as long as the test process lives, and not a moment longer.

use std::{
    fs::File,
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};

/// A server run by a shell that waits for the end of our pipe. The pipe closes however the test process ends (return,
/// panic, `SIGKILL`), so no server is ever left behind, and a static may hold one although statics are never dropped.
pub(crate) struct Keeper {
    shell: Child,
}

/// `$1` signal that stops the server, `$2` log, `$3` folder to remove afterwards or empty, then the command.
const SCRIPT: &str = r#"
signal=$1 log=$2 folder=$3; shift 3
"$@" >>"$log" 2>&1 </dev/null & server=$!
read -r _
kill -"$signal" "$server" 2>/dev/null
( sleep 10; kill -KILL "$server" 2>/dev/null ) </dev/null >/dev/null 2>&1 & last_resort=$!
wait "$server"
kill "$last_resort" 2>/dev/null
if [ -n "$folder" ]; then
  # Children of the server may still write on their way out.
  cd / && rm -rf -- "$folder"; sleep 1; rm -rf -- "$folder"
fi
"#;

impl Keeper {
    /// Starts `command`; `remove_afterwards` is deleted once the server has ended.
    pub(crate) fn start(
        command: &[&str],
        signal: &str,
        folder: &Path,
        log: &Path,
        remove_afterwards: Option<&Path>,
    ) -> Result<Self> {
        let remove = remove_afterwards.map(|path| path.display().to_string()).unwrap_or_default();
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "keeper", signal])
            .arg(log)
            .arg(remove)
            .args(command)
            .current_dir(folder)
            // An interrupt from the terminal must not reach the server before we have tidied up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", command.first().unwrap_or(&"nothing")))?;
        Ok(Self { shell })
    }

    /// Ends the server and waits until it is gone.
    pub(crate) fn stop(&mut self) {
        drop(self.shell.stdin.take());
        let _ended = self.shell.wait();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The last lines of a log, for the panic message of a server that does not start.
pub(crate) fn tail(log: &Path) -> String {
    let mut text = String::new();
    let _read = File::open(log).and_then(|mut file| file.read_to_string(&mut text));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// Runs a command to its end; its output becomes the error.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    anyhow::ensure!(
        output.status.success(),
        "{command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the tests may leave out what needs PostgreSQL, slapd, Samba or a browser.
pub(crate) fn quick() -> bool {
    std::env::var("ISTHMUS_TEST_TIER").is_ok_and(|tier| tier == "quick")
}
