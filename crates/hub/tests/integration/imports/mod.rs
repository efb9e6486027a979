//! Imports on both databases, from a directory that answers as told.

mod clock;
mod guards;
mod objects;
mod order;
mod people;
mod recomputed;
mod runs;
mod waiting;

use directory::{Account, ImportOutcome, ImportState, Person, Source, SourceMode};
use hub::{
    HubError,
    imports::{ImportReport, ImportReportLine, ImportRequest},
    kernel::Actor,
};
use storage::{accounts::Accounts, imports::Imports, people::People};
use tokio_util::sync::CancellationToken;

use crate::support::{TestHub, source_draft};

pub const FULL: ImportRequest = ImportRequest { full: true, dry_run: false };
pub const CHANGES: ImportRequest = ImportRequest { full: false, dry_run: false };
pub const DRY: ImportRequest = ImportRequest { full: false, dry_run: true };

/// A directory that can be read in pages of this size.
async fn readable(test: &TestHub, page_size: usize, delta: bool) -> Source {
    test.directory.can_be_read(page_size, delta);
    registered(test, "corp", SourceMode::Active).await
}

async fn registered(test: &TestHub, name: &str, mode: SourceMode) -> Source {
    let administrator = test.administrator(&format!("boss-{name}")).await;
    let mut draft = source_draft(name);
    draft.mode = mode;
    test.hub.register_source(&administrator.sources, draft, "secret".into()).await.unwrap()
}

async fn try_import(test: &TestHub, source: &Source, request: ImportRequest) -> Result<ImportReport, HubError> {
    let stop = CancellationToken::new();
    test.hub.import_source(source.id, request, Actor::CommandLine, &stop, &|_| {}).await
}

/// A run that is done.
async fn import(test: &TestHub, source: &Source, request: ImportRequest) -> ImportReport {
    let report = try_import(test, source, request).await.unwrap();
    assert_eq!(report.state, ImportState::Completed, "{report:?}");
    report
}

async fn results(test: &TestHub, report: &ImportReport) -> Vec<ImportReportLine> {
    let mut reader = test.hub.database.reader();
    let all = Imports(&mut reader).results(report.run, None, 0, 1_000).await.unwrap();
    all.into_iter()
        .map(|r| ImportReportLine {
            number: r.number,
            kind: r.kind,
            immutable_id: r.immutable_id,
            locator: r.locator,
            outcome: r.outcome,
            person: r.person_id,
            detail: r.detail,
        })
        .collect()
}

/// (immutable id, outcome) of everything but the unchanged.
async fn outcomes(test: &TestHub, report: &ImportReport) -> Vec<(String, ImportOutcome)> {
    results(test, report).await.into_iter().map(|line| (line.immutable_id, line.outcome)).collect()
}

async fn account(test: &TestHub, source: &Source, name: &str) -> Account {
    let id = format!("id-{name}").into();
    Accounts(&mut test.hub.database.reader()).by_immutable_id(source.id, &id).await.unwrap().unwrap()
}

async fn person(test: &TestHub, source: &Source, name: &str) -> Person {
    let account = account(test, source, name).await;
    People(&mut test.hub.database.reader()).by_id(account.person_id).await.unwrap().unwrap()
}
