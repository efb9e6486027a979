//! Entries that an import has read and decides about when it has read everything: what becomes of them depends on the
//! others. They are kept as they were read, for as long as the run goes on.

use directory::{ImmutableId, ImportRunId, SourceEntry, SourceId};
use sqlx::FromRow;

use crate::{
    Queries, StorageError, Transaction,
    bulk::{Column, Rows},
    lists::{Keys, Listed},
    row::params,
};

/// What runs have set aside, read or written through `0`.
pub struct SetAside<'a, Q>(pub &'a mut Q);

/// Why an entry waits for the end of the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// An account that was active is read as disabled: there may be too many of these.
    Disabled,
    /// It would be linked to somebody, if nobody else turns up who fits as well.
    Link,
}

impl Aside {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Link => "link",
        }
    }
}

#[derive(FromRow)]
struct EntryRow {
    immutable_id: String,
    entry: String,
}

const COUNT: &str = "select count(*) from import_set_aside where run_id = $1 and reason = $2";
const NEXT: &str = "select immutable_id, entry from import_set_aside where run_id = $1 and immutable_id > $2 \
                    order by immutable_id limit $3";
const TAKE_BACK: &str = "delete from import_set_aside where run_id = $1 and immutable_id";
const FORGET: &str = "delete from import_set_aside where run_id = $1";
const FORGET_ENDED: &str = "delete from import_set_aside where run_id in (select id from import_run \
                            where source_id = $1 and state not in ('running', 'interrupted'))";

impl<Q: Queries> SetAside<'_, Q> {
    /// How many entries wait for this reason.
    pub async fn count(&mut self, run: ImportRunId, reason: Aside) -> Result<i64, StorageError> {
        let (count,): (i64,) = self.0.fetch_one(COUNT, params![run.uuid(), reason.as_str()]).await?;
        Ok(count)
    }

    /// The next of them, in the order of their ids. One that cannot be read any more is its id alone.
    pub async fn next(
        &mut self,
        run: ImportRunId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(ImmutableId, Option<SourceEntry>)>, StorageError> {
        let rows: Vec<EntryRow> = self.0.fetch_all(NEXT, params![run.uuid(), after, i64::from(limit)]).await?;
        Ok(rows.into_iter().map(|row| (row.immutable_id.into(), serde_json::from_str(&row.entry).ok())).collect())
    }
}

impl SetAside<'_, Transaction> {
    /// Sets these entries aside, as they read now.
    pub async fn put(&mut self, run: ImportRunId, entries: &[(Aside, SourceEntry)]) -> Result<(), StorageError> {
        // Serialising plain data cannot fail; an empty text would be an entry that cannot be read, and is told.
        let text = |entry: &SourceEntry| serde_json::to_string(entry).unwrap_or_default();
        let rows = Rows {
            table: "import_set_aside",
            columns: vec![
                ("run_id", Column::Id(vec![run.uuid(); entries.len()])),
                (
                    "immutable_id",
                    Column::Text(entries.iter().map(|(_, e)| e.immutable_id.as_str().to_owned()).collect()),
                ),
                ("reason", Column::Text(entries.iter().map(|(reason, _)| reason.as_str().to_owned()).collect())),
                ("entry", Column::Text(entries.iter().map(|(_, e)| text(e)).collect())),
            ],
            ending: "on conflict (run_id, immutable_id) do update set reason = excluded.reason, entry = excluded.entry",
        };
        rows.insert(self.0).await.map(|_| ())
    }

    /// It is decided about these, or they were read again.
    pub async fn take_back(&mut self, run: ImportRunId, ids: &[&str]) -> Result<(), StorageError> {
        let fixed = vec![run.uuid().into()];
        Listed { head: TAKE_BACK, fixed, keys: Keys::Texts(ids) }.execute(self.0).await.map(|_| ())
    }

    /// The run has ended.
    pub async fn forget(&mut self, run: ImportRunId) -> Result<(), StorageError> {
        self.0.execute(FORGET, params![run.uuid()]).await.map(|_| ())
    }

    /// What was left by runs of this source that do not go on.
    pub async fn forget_ended(&mut self, source: SourceId) -> Result<(), StorageError> {
        self.0.execute(FORGET_ENDED, params![source.uuid()]).await.map(|_| ())
    }
}
