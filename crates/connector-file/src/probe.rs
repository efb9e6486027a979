//! A live test of a source, one step after the other, each with what to do if it fails.

use connector::{ProbeStep, SourceFolder, Trouble};
use directory::ObjectKind;

use crate::{Parts, index::IndexOf, objects, snapshot::Place};

pub(crate) fn steps(parts: &Parts) -> Vec<ProbeStep> {
    let mut steps = Vec::new();
    let mut clock = (parts.now)();
    let mut step = |name: &str, outcome: Result<String, Trouble>| {
        let now = (parts.now)();
        let milliseconds = now.duration_since(clock).unwrap_or_default().as_millis();
        clock = now;
        let passed = outcome.is_ok();
        let (detail, remedy) = match outcome {
            Ok(detail) => (detail, None),
            Err(trouble) => (trouble.reason, Some("Put the file in order, or correct the settings.".to_owned())),
        };
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        steps.push(ProbeStep { name: name.to_owned(), passed, detail, remedy, milliseconds });
        passed
    };
    if step("Folder", folder(parts, &parts.folder)) {
        let mut kinds = vec![("People", ObjectKind::Person)];
        kinds.extend(parts.settings.groups_path.is_some().then_some(("Groups", ObjectKind::Group)));
        kinds.extend(parts.settings.devices_path.is_some().then_some(("Devices", ObjectKind::Device)));
        for (word, kind) in kinds {
            let name = |what: &str| format!("{word}: {what}");
            let opened = parts.snapshot(kind).map(|_| parts.settings.path_of(kind).unwrap_or_default().to_owned());
            if step(&name("file"), opened) && step(&name("columns"), columns(parts, kind)) {
                step(&name("records"), records(parts, kind));
            }
        }
    }
    steps
}

fn folder(parts: &Parts, folder: &SourceFolder) -> Result<String, Trouble> {
    match std::fs::metadata(folder.path()) {
        Ok(facts) if facts.is_dir() => Ok(folder.path().display().to_string()),
        Ok(_) => Err(parts.odd(format!("{} is no folder", folder.path().display()))),
        Err(error) => Err(parts.odd(format!(
            "the folder of source files {} cannot be opened ({error}): make it, or name another with --source-files",
            folder.path().display()
        ))),
    }
}

fn columns(parts: &Parts, kind: ObjectKind) -> Result<String, Trouble> {
    parts.snapshot(kind)?.records(&parts.settings, Place::BEGINNING)?;
    Ok(format!("{} can be read", parts.settings.format))
}

/// The first page says what the rest will be like; the index has looked at all of it.
fn records(parts: &Parts, kind: ObjectKind) -> Result<String, Trouble> {
    let snapshot = parts.snapshot(kind)?;
    let index = parts.index(IndexOf::Ids(kind), &snapshot)?;
    let mut records = snapshot.records(&parts.settings, Place::BEGINNING)?;
    let page = objects::page(&parts.settings, kind, &index, &mut records).map_err(|why| parts.odd(why))?;
    let first = page.rejected.first().map(|bad| format!("{}: {}", bad.locator, bad.reason));
    match (page.changes.len(), first) {
        (0, None) => Err(parts.odd(format!("the file has no {kind} in it"))),
        (0, Some(first)) => Err(parts.odd(format!("no {kind} could be read. {first}"))),
        (_, None) => Ok(format!("{} with an id", index.len())),
        (_, Some(first)) => {
            Ok(format!("{} with an id; {} of the first cannot be read: {first}", index.len(), page.rejected.len()))
        }
    }
}
