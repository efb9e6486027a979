//! The rows an import left, written once more as fast as the database itself can: the limit that a bench measures
//! imports by.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use crate::Postgres;

/// What an import of people, groups and devices fills.
const TABLES: &[&str] = &[
    "person",
    "account",
    "attribute",
    "alias",
    "identifier_claim",
    "match_key",
    "search_token",
    "directory_group",
    "group_member",
    "membership",
    "import_result",
];

/// How many rows, and how long the database took for them: the same tables with the same indexes, empty, filled table
/// by table in one transaction.
#[derive(Debug, Clone, Copy)]
pub struct RawRows {
    pub rows: u64,
    pub took: Duration,
}

impl RawRows {
    /// For an SQLite file, in another file of this name.
    pub async fn sqlite(file: &str, raw: &str) -> Result<Self> {
        let mut connection = SqliteConnection::connect(&format!("sqlite://{raw}?mode=rwc")).await?;
        for setting in ["pragma journal_mode = wal", "pragma synchronous = full", "pragma foreign_keys = off"] {
            sqlx::query(setting).execute(&mut connection).await?;
        }
        let attach = format!("attach database '{}' as imported", file.replace('\'', "''"));
        sqlx::query(AssertSqlSafe(attach)).execute(&mut connection).await?;
        let mut filled = Vec::new();
        for table in TABLES {
            let made =
                "select sql from imported.sqlite_master where tbl_name = $1 and sql is not null order by type desc";
            for row in sqlx::query(made).bind(table).fetch_all(&mut connection).await? {
                sqlx::query(AssertSqlSafe(row.try_get::<String, _>(0)?)).execute(&mut connection).await?;
            }
            let named = "select name from pragma_table_xinfo($1) where hidden = 0";
            let columns: Vec<(String,)> = sqlx::query_as(named).bind(table).fetch_all(&mut connection).await?;
            filled.push((table, columns.into_iter().map(|(name,)| name).collect::<Vec<_>>().join(", ")));
        }
        let began = Instant::now();
        let mut rows = 0;
        let mut tx = connection.begin().await?;
        for (table, columns) in filled {
            let fill = format!("insert into main.{table} ({columns}) select {columns} from imported.{table}");
            rows += sqlx::query(AssertSqlSafe(fill)).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(Self { rows, took: began.elapsed() })
    }

    /// For a database of this cluster, in another schema of it.
    pub fn postgres(cluster: &Postgres, database: &str) -> Result<Self> {
        let mut fill = Vec::new();
        let mut count = Vec::new();
        cluster.psql(database, "create schema raw")?;
        for table in TABLES {
            cluster.psql(database, &format!("create table raw.{table} (like public.{table} including all)"))?;
            let columns = cluster.psql(
                database,
                &format!(
                    "select string_agg(column_name, ', ') from information_schema.columns where table_schema = 'public' \
                     and table_name = '{table}' and is_generated = 'NEVER'"
                ),
            )?;
            let columns = columns.trim();
            fill.push(format!("insert into raw.{table} ({columns}) select {columns} from public.{table}"));
            count.push(format!("(select count(*) from raw.{table})"));
        }
        let began = Instant::now();
        cluster.psql(database, &fill.join("; "))?;
        let took = began.elapsed();
        let rows = cluster.psql(database, &format!("select {}", count.join(" + ")))?;
        Ok(Self { rows: rows.trim().parse().context("a number of rows")?, took })
    }
}
