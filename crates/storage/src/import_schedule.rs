//! When imports begin by themselves.

use chrono::{DateTime, Utc};
use directory::{ImportSchedule, SourceId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

#[derive(FromRow)]
struct ScheduleRow {
    source_id: Uuid,
    every_seconds: i64,
    full_every_seconds: i64,
}

impl From<ScheduleRow> for ImportSchedule {
    fn from(row: ScheduleRow) -> Self {
        let seconds = |stored: i64| u64::try_from(stored).unwrap_or_default();
        Self { every_seconds: seconds(row.every_seconds), full_every_seconds: seconds(row.full_every_seconds) }
    }
}

const ALL: &str = "select source_id, every_seconds, full_every_seconds from import_schedule order by source_id";
const OF_SOURCE: &str = "select source_id, every_seconds, full_every_seconds from import_schedule where source_id = $1";
const PUT: &str = "insert into import_schedule (source_id, every_seconds, full_every_seconds, updated_at) \
    values ($1, $2, $3, $4) on conflict (source_id) do update set every_seconds = excluded.every_seconds, \
    full_every_seconds = excluded.full_every_seconds, updated_at = excluded.updated_at";

/// Of every source that has one. Installations have tens of sources.
pub async fn all(queries: &mut impl Queries) -> Result<Vec<(SourceId, ImportSchedule)>, StorageError> {
    let rows: Vec<ScheduleRow> = queries.fetch_all(ALL, params![]).await?;
    Ok(rows.into_iter().map(|row| (row.source_id.into(), row.into())).collect())
}

/// Of one source; never by itself if nobody said otherwise.
pub async fn of_source(queries: &mut impl Queries, source: SourceId) -> Result<ImportSchedule, StorageError> {
    let row: Option<ScheduleRow> = queries.fetch_optional(OF_SOURCE, params![source.uuid()]).await?;
    Ok(row.map(ImportSchedule::from).unwrap_or_default())
}

pub async fn put(
    tx: &mut Transaction,
    source: SourceId,
    schedule: ImportSchedule,
    at: DateTime<Utc>,
) -> Result<(), StorageError> {
    let seconds = |wanted: u64| i64::try_from(wanted).unwrap_or(i64::MAX);
    let values = params![source.uuid(), seconds(schedule.every_seconds), seconds(schedule.full_every_seconds), at];
    tx.execute(PUT, values).await.map(|_| ())
}
