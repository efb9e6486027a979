//! Imports: runs, how far each got, and what became of each object.

use chrono::{DateTime, Utc};
use directory::{ImportOutcome, ImportRunId, ImportScope, ImportState, ObjectKind, PersonId, SourceId};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    bulk::{Column, Rows},
    page_limit,
    row::{params, word},
};

/// Imports, read or written through `0`.
pub struct Imports<'a, Q>(pub &'a mut Q);

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportRun {
    pub id: ImportRunId,
    pub source_id: SourceId,
    pub scope: ImportScope,
    pub state: ImportState,
    pub dry_run: bool,
    pub started_by: String,
    pub source_revision: i64,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    pub cancel_requested: bool,
    /// Numbers by kind of object.
    pub counts: Value,
}

/// Where the reading of one kind is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportCursor {
    pub kind: ObjectKind,
    pub run_id: Option<ImportRunId>,
    pub stage: CursorStage,
    pub whole: bool,
    pub nameless: bool,
    pub position: Option<Vec<u8>>,
    pub delta: Option<Vec<u8>>,
    pub source_revision: i64,
}

/// How far a run is with one kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorStage {
    Reading,
    /// Everything was read; what is absent is being looked at.
    Absent,
    Done,
}

impl CursorStage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Absent => "absent",
            Self::Done => "done",
        }
    }

    fn of(text: &str) -> Result<Self, StorageError> {
        match text {
            "reading" => Ok(Self::Reading),
            "absent" => Ok(Self::Absent),
            "done" => Ok(Self::Done),
            other => Err(StorageError::Inconsistent {
                table: "import_cursor",
                column: "stage",
                reason: format!("{other:?} is not a stage"),
            }),
        }
    }
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportResult {
    pub number: i64,
    pub kind: ObjectKind,
    pub immutable_id: String,
    pub locator: String,
    pub outcome: ImportOutcome,
    pub person_id: Option<PersonId>,
    pub detail: Option<String>,
}

#[derive(FromRow)]
struct RunRow {
    id: Uuid,
    source_id: Uuid,
    scope: String,
    state: String,
    dry_run: bool,
    started_by: String,
    source_revision: i64,
    started_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    cancel_requested: bool,
    counts: Value,
}

impl TryFrom<RunRow> for ImportRun {
    type Error = StorageError;
    fn try_from(row: RunRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id.into(),
            source_id: row.source_id.into(),
            scope: word("import_run", "scope", &row.scope)?,
            state: word("import_run", "state", &row.state)?,
            dry_run: row.dry_run,
            started_by: row.started_by,
            source_revision: row.source_revision,
            started_at: row.started_at,
            updated_at: row.updated_at,
            ended_at: row.ended_at,
            reason: row.reason,
            cancel_requested: row.cancel_requested,
            counts: row.counts,
        })
    }
}

#[derive(FromRow)]
struct CursorRow {
    kind: String,
    run_id: Option<Uuid>,
    stage: String,
    whole: bool,
    nameless: bool,
    position: Option<Vec<u8>>,
    delta: Option<Vec<u8>>,
    source_revision: i64,
}

impl TryFrom<CursorRow> for ImportCursor {
    type Error = StorageError;
    fn try_from(row: CursorRow) -> Result<Self, StorageError> {
        Ok(Self {
            kind: word("import_cursor", "kind", &row.kind)?,
            run_id: row.run_id.map(ImportRunId::from),
            stage: CursorStage::of(&row.stage)?,
            whole: row.whole,
            nameless: row.nameless,
            position: row.position,
            delta: row.delta,
            source_revision: row.source_revision,
        })
    }
}

#[derive(FromRow)]
struct ResultRow {
    number: i64,
    kind: String,
    immutable_id: String,
    locator: String,
    outcome: String,
    person_id: Option<Uuid>,
    detail: Option<String>,
}

impl TryFrom<ResultRow> for ImportResult {
    type Error = StorageError;
    fn try_from(row: ResultRow) -> Result<Self, StorageError> {
        Ok(Self {
            number: row.number,
            kind: word("import_result", "kind", &row.kind)?,
            immutable_id: row.immutable_id,
            locator: row.locator,
            outcome: word("import_result", "outcome", &row.outcome)?,
            person_id: row.person_id.map(PersonId::from),
            detail: row.detail,
        })
    }
}

macro_rules! runs {
    ($rest:literal) => {
        concat!(
            "select id, source_id, scope, state, dry_run, started_by, source_revision, started_at, updated_at, \
             ended_at, reason, cancel_requested, counts from import_run where ",
            $rest
        )
    };
}

const BY_ID: &str = runs!("id = $1");
const OF_SOURCE: &str = runs!("source_id = $1 order by started_at desc, id desc limit $2");
const UNFINISHED: &str =
    runs!("source_id = $1 and state in ('running', 'interrupted') order by started_at, id limit 100");
const INSERT: &str = "insert into import_run (id, source_id, scope, state, dry_run, started_by, source_revision, \
    started_at, updated_at, ended_at, reason, cancel_requested, counts) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
const UPDATE: &str = "update import_run set scope = $2, state = $3, updated_at = $4, ended_at = $5, reason = $6, \
    counts = $7 where id = $1 returning cancel_requested";
const LAST_BEGUN: &str = runs!("source_id = $1 and dry_run = $2 order by started_at desc, id desc limit 1");
const LAST_BEGUN_AS: &str =
    runs!("source_id = $1 and dry_run = $2 and scope = $3 order by started_at desc, id desc limit 1");
const REQUEST_CANCEL: &str = "update import_run set cancel_requested = $2 where id = $1 \
                              and state in ('running', 'interrupted')";
const CURSORS: &str = "select kind, run_id, stage, whole, nameless, position, delta, source_revision \
                       from import_cursor where source_id = $1 order by kind";
const PUT_CURSOR: &str = "insert into import_cursor (source_id, kind, run_id, stage, whole, nameless, position, delta, \
    source_revision) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (source_id, kind) do update set \
    run_id = excluded.run_id, stage = excluded.stage, whole = excluded.whole, nameless = excluded.nameless, \
    position = excluded.position, delta = excluded.delta, source_revision = excluded.source_revision";
const FORGET_CURSORS: &str = "delete from import_cursor where source_id = $1";
const RESULTS: &str = "select number, kind, immutable_id, locator, outcome, person_id, detail from import_result \
                       where run_id = $1 and number > $2 order by number limit $3";
const RESULTS_WITH: &str = "select number, kind, immutable_id, locator, outcome, person_id, detail from import_result \
                            where run_id = $1 and outcome = $2 and number > $3 order by number limit $4";
const RESULTS_OF: &str = "select number, kind, immutable_id, locator, outcome, person_id, detail from import_result \
                          where run_id = $1 and kind = $2 and number > $3 order by number limit $4";
const RESULTS_OF_WITH: &str = "select number, kind, immutable_id, locator, outcome, person_id, detail \
                               from import_result where run_id = $1 and kind = $2 and outcome = $3 and number > $4 \
                               order by number limit $5";
const OLD: &str = runs!("state not in ('running', 'interrupted') and started_at < $1 order by started_at, id limit 20");
const FORGET_RESULTS: &str = "delete from import_result where run_id = $1 and number >= $2 and number < $3";
const COUNT_RESULTS: &str = "select count(*) from import_result where run_id = $1";
const FORGET_RUN: &str = "delete from import_run where id = $1";

impl<Q: Queries> Imports<'_, Q> {
    pub async fn by_id(&mut self, id: ImportRunId) -> Result<Option<ImportRun>, StorageError> {
        self.0.fetch_optional::<RunRow>(BY_ID, params![id.uuid()]).await?.map(ImportRun::try_from).transpose()
    }

    /// The newest runs of a source, newest first.
    pub async fn of_source(&mut self, source: SourceId, size: u32) -> Result<Vec<ImportRun>, StorageError> {
        let rows: Vec<RunRow> = self.0.fetch_all(OF_SOURCE, params![source.uuid(), i64::from(size)]).await?;
        rows.into_iter().map(ImportRun::try_from).collect()
    }

    /// The newest run that was no dry one, of this scope if it is given.
    pub async fn last_begun(
        &mut self,
        source: SourceId,
        scope: Option<ImportScope>,
    ) -> Result<Option<ImportRun>, StorageError> {
        let row: Option<RunRow> = match scope {
            None => self.0.fetch_optional(LAST_BEGUN, params![source.uuid(), false]).await?,
            Some(scope) => self.0.fetch_optional(LAST_BEGUN_AS, params![source.uuid(), false, scope.as_str()]).await?,
        };
        row.map(ImportRun::try_from).transpose()
    }

    /// Runs that are under way, or were when their process died.
    pub async fn unfinished(&mut self, source: SourceId) -> Result<Vec<ImportRun>, StorageError> {
        let rows: Vec<RunRow> = self.0.fetch_all(UNFINISHED, params![source.uuid()]).await?;
        rows.into_iter().map(ImportRun::try_from).collect()
    }

    pub async fn cursors(&mut self, source: SourceId) -> Result<Vec<ImportCursor>, StorageError> {
        let rows: Vec<CursorRow> = self.0.fetch_all(CURSORS, params![source.uuid()]).await?;
        rows.into_iter().map(ImportCursor::try_from).collect()
    }

    /// One page of results after `after`: up to `size`, and one more if there is a next page.
    pub async fn results(
        &mut self,
        run: ImportRunId,
        outcome: Option<ImportOutcome>,
        after: i64,
        size: u32,
    ) -> Result<Vec<ImportResult>, StorageError> {
        let rows: Vec<ResultRow> = match outcome {
            None => self.0.fetch_all(RESULTS, params![run.uuid(), after, page_limit(size)]).await?,
            Some(outcome) => {
                let values = params![run.uuid(), outcome.as_str(), after, page_limit(size)];
                self.0.fetch_all(RESULTS_WITH, values).await?
            }
        };
        rows.into_iter().map(ImportResult::try_from).collect()
    }

    /// The same of one kind of object.
    pub async fn results_of(
        &mut self,
        run: ImportRunId,
        kind: ObjectKind,
        outcome: Option<ImportOutcome>,
        after: i64,
        size: u32,
    ) -> Result<Vec<ImportResult>, StorageError> {
        let rows: Vec<ResultRow> = match outcome {
            None => {
                let values = params![run.uuid(), kind.as_str(), after, page_limit(size)];
                self.0.fetch_all(RESULTS_OF, values).await?
            }
            Some(outcome) => {
                let values = params![run.uuid(), kind.as_str(), outcome.as_str(), after, page_limit(size)];
                self.0.fetch_all(RESULTS_OF_WITH, values).await?
            }
        };
        rows.into_iter().map(ImportResult::try_from).collect()
    }

    /// Finished runs that began before.
    pub async fn older_than(&mut self, before: DateTime<Utc>) -> Result<Vec<ImportRun>, StorageError> {
        let rows: Vec<RunRow> = self.0.fetch_all(OLD, params![before]).await?;
        rows.into_iter().map(ImportRun::try_from).collect()
    }
}

impl Imports<'_, Transaction> {
    pub async fn insert(&mut self, run: &ImportRun) -> Result<(), StorageError> {
        let values = params![
            run.id.uuid(),
            run.source_id.uuid(),
            run.scope.as_str(),
            run.state.as_str(),
            run.dry_run,
            run.started_by.clone(),
            run.source_revision,
            run.started_at,
            run.updated_at,
            run.ended_at,
            run.reason.clone(),
            run.cancel_requested,
            run.counts.clone(),
        ];
        self.0.execute(INSERT, values).await.map(|_| ())
    }

    /// Writes how far it is; whether somebody asked to cancel it.
    pub async fn update(&mut self, run: &ImportRun) -> Result<bool, StorageError> {
        let values = params![
            run.id.uuid(),
            run.scope.as_str(),
            run.state.as_str(),
            run.updated_at,
            run.ended_at,
            run.reason.clone(),
            run.counts.clone(),
        ];
        let (cancel,): (bool,) = self.0.fetch_one(UPDATE, values).await?;
        Ok(cancel)
    }

    /// Asks the run to end; false if it has ended already.
    pub async fn request_cancel(&mut self, id: ImportRunId) -> Result<bool, StorageError> {
        Ok(self.0.execute(REQUEST_CANCEL, params![id.uuid(), true]).await? > 0)
    }

    pub async fn put_cursor(&mut self, source: SourceId, cursor: &ImportCursor) -> Result<(), StorageError> {
        let values = params![
            source.uuid(),
            cursor.kind.as_str(),
            cursor.run_id.map(ImportRunId::uuid),
            cursor.stage.as_str(),
            cursor.whole,
            cursor.nameless,
            cursor.position.clone(),
            cursor.delta.clone(),
            cursor.source_revision,
        ];
        self.0.execute(PUT_CURSOR, values).await.map(|_| ())
    }

    /// The next run reads everything.
    pub async fn forget_cursors(&mut self, source: SourceId) -> Result<(), StorageError> {
        self.0.execute(FORGET_CURSORS, params![source.uuid()]).await.map(|_| ())
    }

    pub async fn add_results(&mut self, run: ImportRunId, results: &[ImportResult]) -> Result<(), StorageError> {
        let all = || results.iter();
        let rows = Rows {
            table: "import_result",
            columns: vec![
                ("run_id", Column::Id(vec![run.uuid(); results.len()])),
                ("number", Column::Number(all().map(|r| r.number).collect())),
                ("kind", Column::Text(all().map(|r| r.kind.as_str().to_owned()).collect())),
                ("immutable_id", Column::Text(all().map(|r| r.immutable_id.clone()).collect())),
                ("locator", Column::Text(all().map(|r| r.locator.clone()).collect())),
                ("outcome", Column::Text(all().map(|r| r.outcome.as_str().to_owned()).collect())),
                ("person_id", Column::MaybeId(all().map(|r| r.person_id.map(PersonId::uuid)).collect())),
                ("detail", Column::MaybeText(all().map(|r| r.detail.clone()).collect())),
            ],
            ending: "",
        };
        rows.insert(self.0).await.map(|_| ())
    }

    /// Forgets results of a run whose number is in `[from, until)`; how many are left of it in all.
    pub async fn forget_results(&mut self, run: ImportRunId, from: i64, until: i64) -> Result<i64, StorageError> {
        self.0.execute(FORGET_RESULTS, params![run.uuid(), from, until]).await?;
        let (left,): (i64,) = self.0.fetch_one(COUNT_RESULTS, params![run.uuid()]).await?;
        Ok(left)
    }

    /// Forgets a run whose results are forgotten.
    pub async fn forget(&mut self, run: ImportRunId) -> Result<(), StorageError> {
        self.0.execute(FORGET_RUN, params![run.uuid()]).await.map(|_| ())
    }
}
