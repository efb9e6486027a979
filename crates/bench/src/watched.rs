//! A command under watch: how long it took, what it cost, how much memory it held at most.

use std::{
    fs,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use crate::hub::processor_time;

/// How often it is looked at: the processor time of the last look counts, memory is a high-water mark of the kernel's.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy)]
pub struct Watched {
    pub took: Duration,
    pub processor: Duration,
    /// Bytes.
    pub peak: u64,
}

/// Runs it to its end. It says nothing on standard output that anybody needs.
pub async fn watch(command: &mut Command) -> anyhow::Result<Watched> {
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{command:?} could not be started"))?;
    let id = child.id().unwrap_or_default();
    let mut watched = Watched { took: Duration::ZERO, processor: Duration::ZERO, peak: 0 };
    loop {
        tokio::select! {
            ended = child.wait() => {
                watched.took = began.elapsed();
                let ended = ended?;
                ensure!(ended.success(), "{command:?} ended with {ended}");
                return Ok(watched);
            }
            () = tokio::time::sleep(LOOK) => {
                // It may have ended between the two.
                watched.processor = processor_time(&id.to_string()).unwrap_or(watched.processor);
                watched.peak = high_water(id).unwrap_or(watched.peak);
            }
        }
    }
}

fn high_water(id: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
