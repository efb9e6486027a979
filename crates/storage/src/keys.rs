//! Sealed values wherever they are, and which running server holds which sealing key.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, row::params};

/// A column that holds sealed values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedColumn {
    /// Bind passwords of sources.
    SourceSecret,
    /// Passwords of the accounts that may write at sources.
    SourceWriter,
    /// Private halves of signing keys.
    SigningKey,
    /// Secrets of the installation.
    Installation,
    /// Private halves of the keys that sign audit checkpoints.
    AuditKey,
    /// Directories that somebody is about to connect.
    SourceDraft,
}

/// One sealed value and the row it lives in, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    pub row: String,
    pub sealed: Vec<u8>,
}

#[derive(FromRow)]
struct ById {
    id: Uuid,
    sealed: Vec<u8>,
}

#[derive(FromRow)]
struct ByName {
    id: String,
    sealed: Vec<u8>,
}

#[derive(FromRow)]
struct Count {
    number: i64,
}

// A sealed value says in its second to ninth byte which key sealed it.
const SOURCES: &str = "select id, secret as sealed from source where substr(secret, 2, 8) <> $1 order by id limit $2";
const SOURCE_COUNT: &str = "select count(*) as number from source where substr(secret, 2, 8) <> $1";
const SOURCE_PUT: &str = "update source set secret = $2 where id = $1 and secret = $3";
const WRITERS: &str = "select source_id as id, secret as sealed from source_write_access \
                       where length(secret) > 0 and substr(secret, 2, 8) <> $1 order by source_id limit $2";
const WRITER_COUNT: &str = "select count(*) as number from source_write_access \
                            where length(secret) > 0 and substr(secret, 2, 8) <> $1";
const WRITER_PUT: &str = "update source_write_access set secret = $2 where source_id = $1 and secret = $3";
const KEYS: &str = "select id, sealed_private_key as sealed from signing_key \
                    where length(sealed_private_key) > 0 and substr(sealed_private_key, 2, 8) <> $1 order by id limit $2";
const KEY_COUNT: &str = "select count(*) as number from signing_key \
                         where length(sealed_private_key) > 0 and substr(sealed_private_key, 2, 8) <> $1";
const KEY_PUT: &str = "update signing_key set sealed_private_key = $2 where id = $1 and sealed_private_key = $3";
const SECRETS: &str =
    "select name as id, sealed from sealed_secret where substr(sealed, 2, 8) <> $1 order by name limit $2";
const SECRET_COUNT: &str = "select count(*) as number from sealed_secret where substr(sealed, 2, 8) <> $1";
const SECRET_PUT: &str = "update sealed_secret set sealed = $2 where name = $1 and sealed = $3";

const AUDIT_KEYS: &str = "select id, sealed_private_key as sealed from audit_key \
                          where substr(sealed_private_key, 2, 8) <> $1 order by id limit $2";
const AUDIT_KEY_COUNT: &str = "select count(*) as number from audit_key where substr(sealed_private_key, 2, 8) <> $1";
const AUDIT_KEY_PUT: &str = "update audit_key set sealed_private_key = $2 where id = $1 and sealed_private_key = $3";
const DRAFTS: &str = "select id, sealed from source_draft where substr(sealed, 2, 8) <> $1 order by id limit $2";
const DRAFT_COUNT: &str = "select count(*) as number from source_draft where substr(sealed, 2, 8) <> $1";
const DRAFT_PUT: &str = "update source_draft set sealed = $2 where id = $1 and sealed = $3";

impl SealedColumn {
    /// Every one there is. A column that is missing here would be lost with the old key: `sealed_by_other` is held
    /// against the whole database in a test.
    pub const ALL: [Self; 6] = [
        Self::SourceSecret,
        Self::SourceWriter,
        Self::SigningKey,
        Self::Installation,
        Self::AuditKey,
        Self::SourceDraft,
    ];

    /// Table and column, as bound into the ciphertext.
    #[must_use]
    pub const fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::SourceSecret => ("source", "secret"),
            Self::SourceWriter => ("source_write_access", "secret"),
            Self::SigningKey => ("signing_key", "sealed_private_key"),
            Self::Installation => ("sealed_secret", "sealed"),
            Self::AuditKey => ("audit_key", "sealed_private_key"),
            Self::SourceDraft => ("source_draft", "sealed"),
        }
    }

    /// Some values that a key other than this one sealed.
    pub async fn sealed_by_other(
        self,
        queries: &mut impl Queries,
        key_id: &[u8],
        limit: u32,
    ) -> Result<Vec<SealedRow>, StorageError> {
        let values = params![key_id.to_vec(), i64::from(limit)];
        let (by_id, sql) = match self {
            Self::SourceSecret => (true, SOURCES),
            Self::SourceWriter => (true, WRITERS),
            Self::SigningKey => (false, KEYS),
            Self::Installation => (false, SECRETS),
            Self::AuditKey => (false, AUDIT_KEYS),
            Self::SourceDraft => (true, DRAFTS),
        };
        if by_id {
            let rows: Vec<ById> = queries.fetch_all(sql, values).await?;
            return Ok(rows.into_iter().map(|r| SealedRow { row: r.id.to_string(), sealed: r.sealed }).collect());
        }
        let rows: Vec<ByName> = queries.fetch_all(sql, values).await?;
        Ok(rows.into_iter().map(|r| SealedRow { row: r.id, sealed: r.sealed }).collect())
    }

    /// How many values a key other than this one sealed.
    pub async fn count_sealed_by_other(self, queries: &mut impl Queries, key_id: &[u8]) -> Result<i64, StorageError> {
        let sql = match self {
            Self::SourceSecret => SOURCE_COUNT,
            Self::SourceWriter => WRITER_COUNT,
            Self::SigningKey => KEY_COUNT,
            Self::Installation => SECRET_COUNT,
            Self::AuditKey => AUDIT_KEY_COUNT,
            Self::SourceDraft => DRAFT_COUNT,
        };
        Ok(queries.fetch_one::<Count>(sql, params![key_id.to_vec()]).await?.number)
    }

    /// Replaces a value, unless somebody else did meanwhile.
    pub async fn replace(self, tx: &mut Transaction, old: &SealedRow, new: Vec<u8>) -> Result<bool, StorageError> {
        let (by_id, sql) = match self {
            Self::SourceSecret => (true, SOURCE_PUT),
            Self::SourceWriter => (true, WRITER_PUT),
            Self::SigningKey => (false, KEY_PUT),
            Self::Installation => (false, SECRET_PUT),
            Self::AuditKey => (false, AUDIT_KEY_PUT),
            Self::SourceDraft => (true, DRAFT_PUT),
        };
        let count = if by_id {
            let id: Uuid = old.row.parse().map_err(|_| StorageError::Inconsistent {
                table: self.place().0,
                column: "id",
                reason: "it is no id".to_owned(),
            })?;
            tx.execute(sql, params![id, new, old.sealed.clone()]).await?
        } else {
            tx.execute(sql, params![old.row.clone(), new, old.sealed.clone()]).await?
        };
        Ok(count > 0)
    }
}

#[derive(FromRow)]
struct SealedValue {
    sealed: Vec<u8>,
}

/// A sealed secret of the installation.
pub async fn installation_secret(queries: &mut impl Queries, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
    const SQL: &str = "select sealed from sealed_secret where name = $1";
    let row: Option<SealedValue> = queries.fetch_optional(SQL, params![name]).await?;
    Ok(row.map(|r| r.sealed))
}

/// Keeps a sealed secret of the installation, the first time.
pub async fn insert_installation_secret(tx: &mut Transaction, name: &str, sealed: Vec<u8>) -> Result<(), StorageError> {
    const SQL: &str = "insert into sealed_secret (name, sealed) values ($1, $2)";
    tx.execute(SQL, params![name, sealed]).await.map(|_| ())
}

/// Drops answers that wait for a browser's next page under another key: they live for two minutes, and are not worth
/// more.
pub async fn drop_answers_sealed_by_other(tx: &mut Transaction, key_id: &[u8]) -> Result<u64, StorageError> {
    const SQL: &str = "delete from kept_answer where substr(sealed_text, 2, 8) <> $1";
    tx.execute(SQL, params![key_id.to_vec()]).await
}

/// A server and the keys it held when it last said so.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct KeyHolder {
    pub server: String,
    pub host: String,
    /// Ids, separated by blanks; the first one seals.
    pub held: String,
    pub seen_at: DateTime<Utc>,
}

/// A server says which keys it holds.
pub async fn note_holder(tx: &mut Transaction, holder: KeyHolder) -> Result<(), StorageError> {
    const SQL: &str = "insert into key_holder (server, host, held, seen_at) values ($1, $2, $3, $4) \
                       on conflict (server) do update set host = excluded.host, held = excluded.held, \
                       seen_at = excluded.seen_at";
    tx.execute(SQL, params![holder.server, holder.host, holder.held, holder.seen_at]).await.map(|_| ())
}

/// A server that stops holds nothing any more; servers that have been silent since `before` are forgotten.
pub async fn forget_holder(tx: &mut Transaction, server: &str, before: DateTime<Utc>) -> Result<(), StorageError> {
    const SQL: &str = "delete from key_holder where server = $1 or seen_at < $2";
    tx.execute(SQL, params![server, before]).await.map(|_| ())
}

/// Servers that have spoken since.
pub async fn holders(queries: &mut impl Queries, since: DateTime<Utc>) -> Result<Vec<KeyHolder>, StorageError> {
    const SQL: &str = "select server, host, held, seen_at from key_holder where seen_at >= $1 order by host, server";
    queries.fetch_all(SQL, params![since]).await
}
