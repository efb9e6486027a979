//! `isthmus audit verify`: reads, and says what it found.

use anyhow::{Context as _, ensure};
use hub::{
    audit::{Verification, verify},
    kernel::{Clock as _, SystemClock},
};

use crate::{
    Ended, checkpoints,
    cli::AuditVerifyArguments,
    config,
    wiring::{self, Database},
};

/// Something is not as it was written.
const ALTERED: u8 = 3;

/// `isthmus audit verify`.
pub async fn audit_verify(arguments: AuditVerifyArguments) -> anyhow::Result<()> {
    let folder = &arguments.data;
    ensure!(folder.is_dir(), "there is no folder {}: name the hub's with --data", folder.display());
    let database = open(&arguments).await?;
    let file = arguments.checkpoints.clone().unwrap_or_else(|| folder.join(checkpoints::NAME));
    ensure!(
        arguments.checkpoints.is_none() || file.exists(),
        "there is no checkpoint file {}: name it, or a copy of it, with --checkpoints",
        file.display()
    );
    let lines = checkpoints::lines(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let now = SystemClock.now();
    let verified = verify(&mut wiring::reader(&database), &arguments.public_key, Some(lines), now).await;
    database.close().await;
    let report = verified?;
    print!("{}", told(&report, &file.display().to_string(), !arguments.public_key.is_empty()));
    if report.is_intact() { Ok(()) } else { Err(Ended(ALTERED).into()) }
}

/// The database that is there: reading makes none.
async fn open(arguments: &AuditVerifyArguments) -> anyhow::Result<Database> {
    let url = match &arguments.database {
        Some(url) => {
            config::database_url(url)?;
            url.clone()
        }
        None => {
            let file = arguments.data.join("isthmus.sqlite");
            ensure!(
                file.is_file(),
                "{} is not there: name the hub's folder with --data, or its PostgreSQL database with --database",
                file.display()
            );
            format!("sqlite://{}", file.display())
        }
    };
    let database = Database::open(&url).await?;
    database.require_current().await?;
    Ok(database)
}

fn told(report: &Verification, file: &str, named_keys: bool) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    line(format!(
        "{} events read, sealed up to number {}; {} not sealed yet.",
        report.events, report.last, report.waiting
    ));
    match report.vouched {
        Some((sequence, at)) => line(format!(
            "{} checkpoint{} in {file}. The last good one vouches for events 1 to {sequence}, signed {}.",
            report.file_checkpoints,
            if report.file_checkpoints == 1 { "" } else { "s" },
            at.format("%Y-%m-%d %H:%M:%S UTC")
        )),
        None if report.file_checkpoints == 0 => line(format!(
            "There is no checkpoint in {file}: whether events were cut off at the end, or everything was rewritten, \
             cannot be known from the database alone."
        )),
        None => line(format!("None of the {} checkpoints in {file} holds.", report.file_checkpoints)),
    }
    for key in &report.keys {
        let trust = if named_keys { "named by you" } else { "from the database; compare it with the one you noted" };
        line(format!("Public key {key} ({trust})."));
    }
    for note in &report.notes {
        line(format!("Note: {note}"));
    }
    for finding in &report.findings {
        line(format!("ALTERED: {finding}."));
    }
    let more = report.found.saturating_sub(report.findings.len() as u64);
    if more > 0 {
        line(format!("… and {more} more."));
    }
    line(if report.is_intact() {
        "Nothing was altered.".to_owned()
    } else {
        format!(
            "{} found. Keep the database and the checkpoint file as they are, and compare them with a backup.",
            report.found
        )
    });
    text
}
