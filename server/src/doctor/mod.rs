//! `isthmus doctor`: looks at everything a hub stands on and says, for whatever is wrong, what to do. It changes
//! nothing, works beside a running server and without one, and shows no secret and nobody.

mod clock;
mod database;
mod files;
mod sources;
mod web;

use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use directory::Policy;
use hub::{Hub, inspect::Inspection};
use serde::Serialize;
use url::Url;

use crate::{
    cli::DoctorArguments,
    config::{self, StoreSettings},
    data_folder::DataFolder,
    serve_options::ServeOptions,
    wiring::{self, Connectors, Database, KeyPlace},
};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    Warning,
    Problem,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub level: Level,
    /// "Database", "Directory corp".
    pub check: String,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// The lines so far.
#[derive(Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Report {
    fn ok(&mut self, check: &str, detail: impl Into<String>) {
        self.add(Level::Ok, check, detail.into(), None);
    }
    fn warning(&mut self, check: &str, detail: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Warning, check, detail.into(), Some(remedy.into()));
    }
    fn problem(&mut self, check: &str, detail: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Problem, check, detail.into(), Some(remedy.into()));
    }
    fn add(&mut self, level: Level, check: &str, detail: String, remedy: Option<String>) {
        self.findings.push(Finding { level, check: check.to_owned(), detail, remedy });
    }
    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

/// What the checks look at.
struct Patient {
    hub: Hub,
    inspection: Inspection,
    /// What `serve` was last started with.
    options: Option<ServeOptions>,
    public_url: Option<Url>,
    /// A server of this folder runs right now; unknown with PostgreSQL.
    runs: Option<bool>,
}

/// `isthmus doctor`. An error if there is a problem, so that the command fails.
pub async fn doctor(arguments: DoctorArguments) -> anyhow::Result<()> {
    let report = examine(arguments.store.into()).await;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report.findings).context("the report")?);
    } else {
        print!("{}", text(&report));
    }
    match report.count(Level::Problem) {
        0 => Ok(()),
        1 => anyhow::bail!("1 problem was found"),
        number => anyhow::bail!("{number} problems were found"),
    }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let level = match finding.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "PROBLEM",
        };
        text.push_str(&format!("{level:<8} {:<22} {}\n", finding.check, finding.detail));
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!("{:<31} → {remedy}\n", ""));
        }
    }
    let (warnings, problems) = (report.count(Level::Warning), report.count(Level::Problem));
    let counted = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let (checks, warnings) = (counted(report.findings.len(), "check"), counted(warnings, "warning"));
    text.push_str(&format!("{checks}, {warnings}, {}.\n", counted(problems, "problem")));
    text
}

/// All checks. What cannot be looked at because something before it is broken is left out.
pub async fn examine(settings: StoreSettings) -> Report {
    let mut report = Report::default();
    if let Some(url) = &settings.database
        && let Err(error) = config::database_url(url)
    {
        report.problem("Database", error.to_string(), "Correct --database or ISTHMUS_DATABASE.");
        return report;
    }
    let Some(folder) = files::data_folder(&mut report, &settings) else { return report };
    let keys = files::sealing_key(&mut report, &folder, &settings);
    let Some(database) = database::open(&mut report, &folder, &settings).await else { return report };
    if let Some(keys) = keys
        && let Some(patient) = introduce(&mut report, &folder, &settings, keys, &database).await
    {
        database::secrets(&mut report, &patient).await;
        database::installation(&mut report, &patient, settings.database.is_some());
        clock::check(&mut report, &patient.inspection);
        files::certificates(&mut report, &patient).await;
        web::check(&mut report, &patient).await;
        sources::check(&mut report, &patient).await;
    }
    // Dropped and not closed: closing folds the log into the file, and a doctor changes nothing.
    report
}

async fn introduce(
    report: &mut Report,
    folder: &DataFolder,
    settings: &StoreSettings,
    keys: Arc<dyn KeyPlace>,
    database: &Database,
) -> Option<Patient> {
    // Told apart from a database that does not answer: it has another remedy.
    let vault = match wiring::vault(keys, database).await {
        Ok(vault) => vault,
        Err(error) => {
            database::unsealed(report, &error);
            return None;
        }
    };
    let read = async {
        let options = wiring::known_serve_options(database).await?;
        let public_url = wiring::known_public_url(database).await?;
        let networks = options.as_ref().map(|options| options.allow_networks.clone()).unwrap_or_default();
        let url = public_url.clone().map_or_else(|| Url::parse("http://localhost"), Ok)?;
        let files = options.as_ref().and_then(|options| options.source_files.clone());
        let connectors = Arc::new(Connectors::new(networks, config::source_files(files, &settings.data)));
        let hub = wiring::hub(vault, database.clone(), connectors, Policy::default(), url);
        let inspection = hub.inspect().await?;
        let runs = settings.database.is_none().then(|| folder.is_in_use());
        Ok::<_, anyhow::Error>(Patient { hub, inspection, options, public_url, runs })
    };
    match read.await {
        Ok(patient) => Some(patient),
        Err(error) => {
            report.problem("Database", format!("{error:#}"), "Restore the last good backup if this stays.");
            None
        }
    }
}

/// "3 days", "5 minutes".
fn length(seconds: i64) -> String {
    let (number, unit) = match seconds.abs() {
        s if s >= 2 * 86_400 => (s / 86_400, "days"),
        s if s >= 2 * 3_600 => (s / 3_600, "hours"),
        s if s >= 2 * 60 => (s / 60, "minutes"),
        s => (s, "seconds"),
    };
    format!("{number} {unit}")
}

fn since(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    length(now.signed_duration_since(then).num_seconds())
}
