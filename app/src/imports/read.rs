//! From the hub's words to the pages'.

use chrono::{DateTime, Utc};
use directory::{ImportCounts, ImportOutcome, ImportScope, ImportState, ObjectKind, Source, SourceMode};
use hub::{
    Hub,
    imports::{ImportLine, ImportReportLine, Wanted},
    kernel::capability::{ManageSources, ReadConfiguration},
};

use super::api::{ImportsCard, Number, ResultLine, RunAsk, RunCard, RunLine};
use crate::{
    caller::{failed, not_found},
    people::count_text,
    problem::ApiError,
    ui::Choice,
};

/// Runs on the page of a directory.
const RUNS: u32 = 10;
/// Results of one page.
const PAGE: u32 = 100;

/// The imports of a source, if it hands anybody over.
pub async fn imports_card(
    hub: &Hub,
    by: &ReadConfiguration,
    source: &Source,
    editable: bool,
) -> Result<Option<ImportsCard>, ApiError> {
    if !source.connector.is_readable() {
        return Ok(None);
    }
    let mut runs = Vec::new();
    for line in hub.imports(by, source.id, RUNS).await.map_err(failed)? {
        runs.push(run_line(hub, &line).await);
    }
    let not_now = match source.mode {
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Observe => String::new(),
        SourceMode::Paused => "A paused directory is not contacted: change its mode, then import.".to_owned(),
        SourceMode::Retired => "A retired directory is not read any more.".to_owned(),
    };
    let schedule = hub.import_schedule(by, source.id).await.map_err(failed)?;
    Ok(Some(ImportsCard { runs, may_start: editable, not_now, schedule: super::schedule::schedule_card(schedule) }))
}

/// The page of a run.
pub async fn run_card(ask: RunAsk) -> Result<RunCard, ApiError> {
    let (hub, by): (_, ReadConfiguration) = crate::caller::permit().await?;
    let source = hub.source_by_name(&by, &ask.source).await.map_err(failed)?.source;
    let id = ask.run.parse().map_err(|_| not_found("This import"))?;
    let line = hub.import(&by, id).await.map_err(failed)?;
    if line.source != source.id {
        return Err(not_found("This import"));
    }
    let wanted = Wanted { outcome: ask.outcome.parse().ok(), kind: ask.kind.parse().ok() };
    let page = hub.import_results(&by, id, wanted, ask.after.parse().unwrap_or(0), PAGE).await.map_err(failed)?;
    let may_cancel = hub.permit::<ManageSources>(Some(by.session_id())).await.is_ok();
    let run = run_line(&hub, &line).await;
    let outcomes = std::iter::once(Choice::new("", "Every outcome"));
    let outcomes = outcomes.chain(listed().map(|outcome| Choice::new(outcome.as_str(), capital(word(outcome)))));
    let kinds = std::iter::once(Choice::new("", "Everything"));
    let kinds = kinds.chain(ObjectKind::ALL.iter().map(|kind| Choice::new(kind.as_str(), capital(several(*kind)))));
    Ok(RunCard {
        remark: remark(&line, hub.clock.now()),
        cancelling: run.unfinished && line.cancel_requested,
        may_cancel: may_cancel && run.unfinished && !line.cancel_requested,
        numbers: numbers(&ask, &line.counts),
        outcomes: outcomes.collect(),
        kinds: kinds.collect(),
        lines: page.lines.into_iter().map(result_line).collect(),
        next: page.next.map(|number| number.to_string()),
        source: source.label,
        run,
        ask,
    })
}

async fn run_line(hub: &Hub, line: &ImportLine) -> RunLine {
    let what = match line.scope {
        ImportScope::Full => "everything",
        ImportScope::Changes => "what changed",
    };
    let now = hub.clock.now();
    RunLine {
        id: line.id.to_string(),
        started_at: line.started_at.into(),
        ended_at: line.ended_at.map(Into::into),
        what: if line.dry_run { format!("Dry run of {what}") } else { capital(what) },
        state: state(line, now),
        by: by(hub, &line.started_by).await,
        numbers: sentence(&line.counts),
        under_way: line.state == ImportState::Running && !line.stands_still(now),
        unfinished: line.state == ImportState::Running || (line.state == ImportState::Interrupted),
    }
}

async fn by(hub: &Hub, started_by: &str) -> String {
    let person = started_by.strip_prefix("person:").and_then(|id| id.parse().ok());
    match (started_by, person) {
        ("command-line", _) => "the command line".to_owned(),
        (_, Some(id)) => hub.name_of(id).await.unwrap_or_else(|_| "somebody".to_owned()),
        _ => "Isthmus itself".to_owned(),
    }
}

fn state(line: &ImportLine, now: DateTime<Utc>) -> (String, String) {
    let (class, word) = match line.state {
        ImportState::Running if line.stands_still(now) => ("warn", "no news of it"),
        ImportState::Running if line.cancel_requested => ("warn", "ending"),
        ImportState::Running => ("ok", "under way"),
        ImportState::Interrupted => ("warn", "interrupted"),
        ImportState::Completed => ("ok", "completed"),
        ImportState::Stopped => ("bad", "stopped"),
        ImportState::Cancelled => ("off", "cancelled"),
    };
    (format!("dot-label {class}"), word.to_owned())
}

/// What somebody who reads the state asks next.
fn remark(line: &ImportLine, now: DateTime<Utc>) -> String {
    let reason = line.reason.clone().unwrap_or_default();
    let kept = if line.dry_run { "It was a dry run: nothing is kept." } else { "What it had written stays." };
    let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match line.state {
        ImportState::Running if line.stands_still(now) => {
            "Nothing was heard of it for more than a minute: its process died, or the directory takes long over one \
             page. If it died, start an import: it goes on where it was."
                .to_owned()
        }
        ImportState::Running => String::new(),
        ImportState::Interrupted => {
            format!("It was interrupted{because}. Nobody was removed. Start an import: it goes on where it was.")
        }
        ImportState::Stopped => format!("It was stopped{because}. {kept}"),
        ImportState::Cancelled => format!("It was cancelled. {kept}"),
        ImportState::Completed => capital(&reason),
    }
}

/// Outcomes that have results. Unchanged objects are only counted.
fn listed() -> impl Iterator<Item = ImportOutcome> {
    ImportOutcome::ALL.iter().copied().filter(|outcome| *outcome != ImportOutcome::Unchanged)
}

const fn word(outcome: ImportOutcome) -> &'static str {
    match outcome {
        ImportOutcome::Created => "created",
        ImportOutcome::Updated => "updated",
        ImportOutcome::Unchanged => "unchanged",
        ImportOutcome::Linked => "linked to somebody known",
        ImportOutcome::Collision => "held by somebody else",
        ImportOutcome::Held => "waiting",
        ImportOutcome::Ignored => "left out on purpose",
        ImportOutcome::MissingNoted => "not there, once",
        ImportOutcome::Gone => "gone",
        ImportOutcome::Returned => "returned",
        ImportOutcome::Rejected => "unreadable",
        ImportOutcome::Failed => "not written",
    }
}

const fn class(outcome: ImportOutcome) -> &'static str {
    match outcome {
        ImportOutcome::Created | ImportOutcome::Linked | ImportOutcome::Returned => "dot-label ok",
        ImportOutcome::Updated | ImportOutcome::Unchanged | ImportOutcome::Ignored => "dot-label off",
        ImportOutcome::Collision | ImportOutcome::Held | ImportOutcome::MissingNoted | ImportOutcome::Gone => {
            "dot-label warn"
        }
        ImportOutcome::Rejected | ImportOutcome::Failed => "dot-label bad",
    }
}

const fn several(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Person => "people",
        ObjectKind::Group => "groups",
        ObjectKind::Device => "devices",
    }
}

pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn shown(number: u64) -> String {
    count_text(i64::try_from(number).unwrap_or(i64::MAX))
}

/// "1,200 people: 1,000 created, 200 unchanged; 3 groups: 3 created"
fn sentence(counts: &ImportCounts) -> String {
    let of = |(kind, read): (&ObjectKind, &u64)| {
        let became = ImportOutcome::ALL.iter().map(|outcome| (counts.of(*kind, *outcome), word(*outcome)));
        let became: Vec<String> = became
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{} {word}", shown(number)))
            .collect();
        let became = if became.is_empty() { String::new() } else { format!(": {}", became.join(", ")) };
        format!("{} {}{became}", shown(*read), several(*kind))
    };
    counts.read.iter().map(of).collect::<Vec<_>>().join("; ")
}

fn numbers(ask: &RunAsk, counts: &ImportCounts) -> Vec<Number> {
    let mut numbers = Vec::new();
    for (kind, read) in &counts.read {
        let label = format!("{} read", capital(several(*kind)));
        numbers.push(Number { label, number: shown(*read), href: None });
        for outcome in ImportOutcome::ALL {
            let number = counts.of(*kind, *outcome);
            if number == 0 {
                continue;
            }
            let rows = RunAsk {
                outcome: outcome.to_string(),
                kind: kind.to_string(),
                after: String::new(),
                source: ask.source.clone(),
                run: ask.run.clone(),
            };
            numbers.push(Number {
                label: format!("{} {}", capital(several(*kind)), word(*outcome)),
                number: shown(number),
                href: (*outcome != ImportOutcome::Unchanged).then(|| rows.link()),
            });
        }
    }
    numbers
}

fn result_line(line: ImportReportLine) -> ResultLine {
    let kind = match line.kind {
        ObjectKind::Person => "Person",
        ObjectKind::Group => "Group",
        ObjectKind::Device => "Device",
    };
    ResultLine {
        place: if line.locator.is_empty() { line.immutable_id.clone() } else { line.locator },
        immutable_id: line.immutable_id,
        kind: kind.to_owned(),
        outcome: (class(line.outcome).to_owned(), word(line.outcome).to_owned()),
        why: line.detail.unwrap_or_default(),
        person: line.person.map(|id| id.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_to_their_rows_and_the_unchanged_have_none() {
        let mut counts = ImportCounts::default();
        counts.read.insert(ObjectKind::Person, 1_200);
        counts.add(ObjectKind::Person, ImportOutcome::Unchanged);
        counts.add(ObjectKind::Person, ImportOutcome::Held);
        assert_eq!(sentence(&counts), "1,200 people: 1 unchanged, 1 waiting");
        let ask = RunAsk { source: "corp".to_owned(), run: "7".to_owned(), ..RunAsk::default() };
        let numbers = numbers(&ask, &counts);
        let links: Vec<_> = numbers.iter().map(|number| number.href.as_deref()).collect();
        assert_eq!(links, [None, None, Some("/console/sources/corp/imports/7?outcome=held&kind=person")]);
    }
}
