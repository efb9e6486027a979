//! What kind of stored password each account was seen to have at its source. Never the value.

use chrono::{DateTime, Utc};
use directory::{AccountId, SourceId, StoredScheme};
use sqlx::FromRow;

use crate::{
    Queries, StorageError, Transaction,
    row::{params, word},
};

#[derive(FromRow)]
struct SchemeRow {
    scheme: String,
    people: i64,
    moved: i64,
    read_at: DateTime<Utc>,
}

/// One kind of stored password at one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemeCount {
    pub scheme: StoredScheme,
    /// Accounts that were seen with it.
    pub people: i64,
    /// Of them, those whose password the hub checks by now.
    pub moved: i64,
    /// The latest reading.
    pub read_at: DateTime<Utc>,
}

const PUT: &str = "insert into stored_password (account_id, source_id, scheme, read_at) values ($1, $2, $3, $4) \
    on conflict (account_id) do update set scheme = excluded.scheme, read_at = excluded.read_at";
const BY_SCHEME: &str = "select s.scheme, count(*) as people, \
    count(case when p.credential_authority = 'hub' then 1 end) as moved, max(s.read_at) as read_at \
    from stored_password s join account a on a.id = s.account_id join person p on p.id = a.person_id \
    where s.source_id = $1 group by s.scheme order by count(*) desc, s.scheme";

/// Notes what was seen.
pub async fn put(
    tx: &mut Transaction,
    account: AccountId,
    source: SourceId,
    scheme: StoredScheme,
    at: DateTime<Utc>,
) -> Result<(), StorageError> {
    tx.execute(PUT, params![account.uuid(), source.uuid(), scheme.as_str(), at]).await.map(|_| ())
}

/// What a source's people were seen with, the most frequent first.
pub async fn by_scheme(queries: &mut impl Queries, source: SourceId) -> Result<Vec<SchemeCount>, StorageError> {
    let rows: Vec<SchemeRow> = queries.fetch_all(BY_SCHEME, params![source.uuid()]).await?;
    rows.into_iter()
        .map(|row| {
            let scheme = word("stored_password", "scheme", &row.scheme)?;
            Ok(SchemeCount { scheme, people: row.people, moved: row.moved, read_at: row.read_at })
        })
        .collect()
}
