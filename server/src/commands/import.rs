//! `isthmus import`: reads a directory and writes what it says, beside a running server or without one.

use std::{
    fs::File,
    io::{IsTerminal as _, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use directory::{ImportCounts, ImportOutcome, ImportState, ObjectKind};
use hub::{
    Hub,
    imports::{ImportProgress, ImportReport, ImportReportLine, ImportRequest, Wanted},
    kernel::Actor,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::open_store;
use crate::{
    cli::ImportArguments,
    config::source_files,
    spreadsheet::harmless,
    wiring::{self, Connectors},
};

/// Results fetched together.
const PAGE: u32 = 500;

/// `isthmus import`.
pub async fn import(arguments: ImportArguments) -> anyhow::Result<()> {
    let files = source_files(arguments.source_files.clone(), &arguments.store.data);
    let store = open_store(arguments.store.clone().into()).await?;
    // Nothing of this needs it; the hub has it for links and tokens.
    let public_url = match wiring::known_public_url(&store.database).await? {
        Some(url) => url,
        None => Url::parse("http://localhost")?,
    };
    let database = store.database.clone();
    let hub = store.hub(public_url, Arc::new(Connectors::new(arguments.allow_network.clone(), files)));
    let done = run(&hub, &arguments).await;
    database.close().await;
    let report = done.with_context(|| arguments.source.clone())?;
    let name = &arguments.source;
    let reason = report.reason.as_deref().unwrap_or("no reason is known");
    match report.state {
        ImportState::Completed => Ok(()),
        ImportState::Interrupted | ImportState::Running => {
            anyhow::bail!(
                "{name}: the import was interrupted: {reason}. Give the command again: it goes on where it was"
            )
        }
        ImportState::Stopped | ImportState::Cancelled => anyhow::bail!("{name}: the import ended early: {reason}"),
    }
}

async fn run(hub: &Hub, arguments: &ImportArguments) -> anyhow::Result<ImportReport> {
    let sources = hub.sources_now().await?;
    let source = sources
        .iter()
        .find(|live| live.source.name == arguments.source)
        .context("no directory has this name: the console lists them under Sources")?;
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    // What is being written is finished first; the next run goes on behind it.
    let signal = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let request = ImportRequest { full: arguments.full, dry_run: arguments.dry_run };
    let shown = Shown::new();
    let watch = |progress: &ImportProgress| shown.progress(progress);
    let report = hub.import_source(source.source.id, request, Actor::CommandLine, &stop, &watch).await;
    signal.abort();
    let report = report?;
    shown.ended(&report);
    if let Some(file) = &arguments.report {
        write_report(hub, &report, file).await.with_context(|| file.display().to_string())?;
    }
    if report.dry_run {
        print_results(hub, &report).await?;
    }
    Ok(report)
}

/// A bar where somebody looks, a line of JSON a second where a program does.
enum Shown {
    Bar(ProgressBar),
    Lines { last: AtomicI64 },
}

impl Shown {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { last: AtomicI64::new(0) };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed_precise} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self::Bar(bar)
    }

    fn progress(&self, progress: &ImportProgress) {
        match self {
            Self::Bar(bar) => bar.set_message(sentence(&progress.counts)),
            Self::Lines { last } => {
                #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit")]
                let now = wiring::seconds_now() as i64;
                if last.swap(now, Ordering::Relaxed) != now {
                    line(&json!({
                        "event": "progress", "run": progress.run, "kind": progress.kind, "counts": progress.counts,
                    }));
                }
            }
        }
    }

    fn ended(&self, report: &ImportReport) {
        match self {
            Self::Bar(bar) => {
                bar.finish_and_clear();
                let what = if report.dry_run { "Nothing was changed (dry run)" } else { "Import" };
                let resumed = if report.resumed { ", begun by an earlier command" } else { "" };
                eprintln!("{what}: {}{resumed}. {}", report.state, sentence(&report.counts));
                if let Some(reason) = report.reason.as_ref().filter(|_| report.state == ImportState::Completed) {
                    eprintln!("{reason}");
                }
            }
            Self::Lines { .. } => line(&json!({
                "event": "ended", "run": report.run, "state": report.state, "dry_run": report.dry_run,
                "resumed": report.resumed, "reason": report.reason, "counts": report.counts,
            })),
        }
    }
}

/// "1,200 people: 1,000 created, 200 unchanged; …"
fn sentence(counts: &ImportCounts) -> String {
    let name = |kind| match kind {
        ObjectKind::Person => "people",
        ObjectKind::Group => "groups",
        ObjectKind::Device => "devices",
    };
    let of = |(kind, read): (&ObjectKind, &u64)| {
        let became: Vec<String> = ImportOutcome::ALL
            .iter()
            .map(|outcome| (counts.of(*kind, *outcome), outcome))
            .filter(|(number, _)| *number > 0)
            .map(|(number, outcome)| format!("{number} {outcome}"))
            .collect();
        format!(
            "{read} {} read: {}",
            name(*kind),
            if became.is_empty() { "none".to_owned() } else { became.join(", ") }
        )
    };
    counts.read.iter().map(of).collect::<Vec<_>>().join("; ")
}

fn line(value: &Value) {
    // Whoever reads may have gone; the import goes on.
    let _gone = writeln!(std::io::stdout().lock(), "{value}");
}

async fn print_results(hub: &Hub, report: &ImportReport) -> anyhow::Result<()> {
    let to_people = std::io::stdout().is_terminal();
    each_result(hub, report, |result| {
        if to_people {
            let detail = result.detail.as_ref().map_or(String::new(), |detail| format!(" ({detail})"));
            println!("{:<14} {:<7} {}{detail}", result.outcome.as_str(), result.kind.as_str(), result.locator);
        } else {
            line(&json!({
                "event": "object", "kind": result.kind, "outcome": result.outcome, "id": result.immutable_id,
                "place": result.locator, "detail": result.detail,
            }));
        }
        Ok(())
    })
    .await
}

async fn write_report(hub: &Hub, report: &ImportReport, file: &Path) -> anyhow::Result<()> {
    let mut table = csv::Writer::from_writer(File::create_new(file)?);
    table.write_record(["number", "kind", "outcome", "id", "place", "person", "detail"])?;
    each_result(hub, report, |result| {
        Ok(table.write_record([
            result.number.to_string(),
            result.kind.to_string(),
            result.outcome.to_string(),
            harmless(&result.immutable_id),
            harmless(&result.locator),
            result.person.map_or(String::new(), |person| person.to_string()),
            harmless(result.detail.as_deref().unwrap_or_default()),
        ])?)
    })
    .await?;
    Ok(table.flush()?)
}

async fn each_result(
    hub: &Hub,
    report: &ImportReport,
    mut with: impl FnMut(&ImportReportLine) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut after = Some(0);
    while let Some(number) = after {
        let page = hub.import_report(report.run, Wanted::default(), number, PAGE).await?;
        page.lines.iter().try_for_each(&mut with)?;
        after = page.next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_read_as_a_sentence() {
        let mut counts = ImportCounts::default();
        assert_eq!(sentence(&counts), "");
        counts.read.insert(ObjectKind::Person, 3);
        counts.add(ObjectKind::Person, ImportOutcome::Unchanged);
        counts.add(ObjectKind::Person, ImportOutcome::Created);
        counts.add(ObjectKind::Person, ImportOutcome::Created);
        counts.read.insert(ObjectKind::Group, 0);
        assert_eq!(sentence(&counts), "3 people read: 2 created, 1 unchanged; 0 groups read: none");
    }
}
