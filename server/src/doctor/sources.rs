//! Every registered directory: its names, its authority, and a live try of each host with the service account.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use directory::{Source, SourceMode};
use futures::future::join_all;
use hub::{connections::LiveSource, inspect::is_asked};

use super::{Patient, Report, files::certificate_times};

/// Longer than every time-out of a host together.
const WAIT: Duration = Duration::from_secs(60);

pub async fn check(report: &mut Report, patient: &Patient) {
    if patient.inspection.sources.is_empty() {
        report.ok("Directories", "none is registered yet");
    }
    let checked = patient.inspection.sources.iter().map(|live| one(patient, live));
    for findings in join_all(checked).await {
        report.findings.extend(findings.findings);
    }
}

async fn one(patient: &Patient, live: &Arc<LiveSource>) -> Report {
    let source = &live.source;
    let name = format!("Directory {}", source.name);
    let mut report = Report::default();
    match source.mode {
        SourceMode::Retired => return report,
        SourceMode::Paused => report.warning(
            &name,
            "paused: nobody signs in there",
            "Switch it to active in the console when it may be asked again.",
        ),
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Observe => {}
    }
    for url in source.connector.urls() {
        host(&mut report, &name, url).await;
    }
    if let Some(pem) = source.connector.ca_pem() {
        certificate_times(&mut report, &format!("{name} CA"), pem.as_bytes(), patient.inspection.now, None);
    }
    lockout(&mut report, &name, source);
    if let Some(trouble) = live.write_trouble() {
        let remedy = "Enter the write account's password in the directory's settings, or switch writing off there.";
        report.warning(&name, format!("nothing can be written there: {trouble}"), remedy);
    }
    match tokio::time::timeout(WAIT, patient.hub.probe_source(live)).await {
        Ok(steps) => {
            for step in steps {
                let detail = format!("{}: {} ({} ms)", step.name, step.detail, step.milliseconds);
                match step.remedy {
                    _ if step.passed => report.ok(&name, detail),
                    remedy if is_asked(source) => {
                        report.problem(&name, detail, remedy.unwrap_or_else(|| "Look at the directory.".to_owned()));
                    }
                    remedy => {
                        report.warning(&name, detail, remedy.unwrap_or_else(|| "Look at the directory.".to_owned()));
                    }
                }
            }
        }
        Err(_) => report.problem(&name, "no answer within a minute", "Look at the directory and at the network."),
    }
    report
}

async fn host(report: &mut Report, name: &str, url: &url::Url) {
    let Some(host) = url.host_str() else { return };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port().unwrap_or(636);
    let found: Vec<SocketAddr> = match tokio::net::lookup_host((bare, port)).await {
        Ok(found) => found.collect(),
        Err(_) => Vec::new(),
    };
    if found.is_empty() {
        report.problem(
            name,
            format!("{host} does not resolve on this machine"),
            "Correct the host's name, or DNS: /etc/resolv.conf says which server is asked.",
        );
    }
}

fn lockout(report: &mut Report, name: &str, source: &Source) {
    let (threshold, window) = (source.lockout.threshold, source.lockout.window_seconds);
    match (threshold, window) {
        (Some(0), _) => report.ok(name, "Lockout: it does not lock, as configured"),
        (Some(threshold), Some(window)) => {
            report.ok(name, format!("Lockout: {threshold} wrong passwords in {window} s, as configured"));
        }
        // The directory may show it itself; the live try says so.
        (None, _) | (_, None) => {}
    }
}
