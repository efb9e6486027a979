//! Accounts: the links of (source, immutable id) to people, with what was last read there.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use directory::{Account, AccountId, ImmutableId, PersonId, SourceId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    row::{params, word},
};

/// Accounts, read or written through `0`.
pub struct Accounts<'a, Q>(pub &'a mut Q);

#[derive(FromRow)]
struct AccountRow {
    id: Uuid,
    source_id: Uuid,
    immutable_id: String,
    person_id: Uuid,
    kind: String,
    locator: String,
    username: Option<String>,
    status: String,
    password_set_at: Option<DateTime<Utc>>,
    read_at: DateTime<Utc>,
    missing_since: Option<DateTime<Utc>>,
    locked_until: Option<DateTime<Utc>>,
    privileged: bool,
    unlocked_at: Option<DateTime<Utc>>,
}

impl TryFrom<AccountRow> for Account {
    type Error = StorageError;
    fn try_from(row: AccountRow) -> Result<Self, StorageError> {
        Ok(Self {
            id: row.id.into(),
            source_id: row.source_id.into(),
            immutable_id: row.immutable_id.into(),
            person_id: row.person_id.into(),
            kind: word("account", "kind", &row.kind)?,
            locator: row.locator,
            username: row.username,
            status: word("account", "status", &row.status)?,
            password_set_at: row.password_set_at,
            read_at: row.read_at,
            missing_since: row.missing_since,
            locked_until: row.locked_until.map(from_storable),
            privileged: row.privileged,
            unlocked_at: row.unlocked_at,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, source_id, immutable_id, person_id, kind, locator, username, status, password_set_at, read_at, \
             missing_since, locked_until, privileged, unlocked_at from account where ",
            $rest
        )
    };
}

const BY_ID: &str = select!("id = $1");
const BY_IMMUTABLE_ID: &str = select!("source_id = $1 and immutable_id = $2");
const OF_PERSON: &str = select!("person_id = $1 order by kind <> 'primary', read_at, id limit 100");
const NOT_READ_SINCE: &str =
    select!("source_id = $1 and read_at < $2 and immutable_id > $3 order by immutable_id limit $4");
const DIGEST: &str = "select id, digest from account where source_id = $1 and immutable_id = $2";
const COUNT: &str = "select count(*) from account where source_id = $1 and status <> 'missing'";
const COUNT_NOT_READ_SINCE: &str = "select count(*) from account where source_id = $1 and read_at < $2 \
                                    and status <> 'missing'";
const INSERT: &str = "insert into account (id, source_id, immutable_id, person_id, kind, locator, username, status, \
    password_set_at, read_at, missing_since, locked_until, privileged) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict (source_id, immutable_id) do nothing";
const UPDATE: &str = "update account set kind = $2, locator = $3, username = $4, status = $5, password_set_at = $6, \
    read_at = $7, missing_since = $8, locked_until = $9, privileged = $10 where id = $1";
const SET_DIGEST: &str = "update account set digest = $2 where id = $1";
const TOUCH: &str = "update account set read_at = $2 where id = $1";
const TOUCH_STANDING: &str = "update person set standing_read_at = $2 where exists (select 1 from account a \
    where a.id = $1 and a.person_id = person.id and a.source_id = person.standing_source_id and a.kind = 'primary')";
const SET_UNLOCKED: &str = "update account set unlocked_at = $2 where id = $1";
const SET_LOCKED: &str = "update account set locked_until = $2 where id = $1";

/// "Until somebody unlocks it" as both databases can keep and compare it.
fn storable(until: DateTime<Utc>) -> DateTime<Utc> {
    until.min(end_of_time())
}

fn from_storable(until: DateTime<Utc>) -> DateTime<Utc> {
    if until >= end_of_time() { DateTime::<Utc>::MAX_UTC } else { until }
}

fn end_of_time() -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(9999, 12, 31).map_or(DateTime::<Utc>::MAX_UTC, |day| day.and_time(NaiveTime::MIN).and_utc())
}

impl<Q: Queries> Accounts<'_, Q> {
    pub async fn by_id(&mut self, id: AccountId) -> Result<Option<Account>, StorageError> {
        self.0.fetch_optional::<AccountRow>(BY_ID, params![id.uuid()]).await?.map(Account::try_from).transpose()
    }

    /// The link of this immutable id. Its person may have been merged: see [`crate::people::People::survivor`].
    pub async fn by_immutable_id(
        &mut self,
        source: SourceId,
        id: &ImmutableId,
    ) -> Result<Option<Account>, StorageError> {
        let row: Option<AccountRow> =
            self.0.fetch_optional(BY_IMMUTABLE_ID, params![source.uuid(), id.as_str()]).await?;
        row.map(Account::try_from).transpose()
    }

    /// All accounts of a person, primary ones first.
    pub async fn of_person(&mut self, person: PersonId) -> Result<Vec<Account>, StorageError> {
        let rows: Vec<AccountRow> = self.0.fetch_all(OF_PERSON, params![person.uuid()]).await?;
        rows.into_iter().map(Account::try_from).collect()
    }

    /// Accounts that no reading touched since, in the order of their immutable ids, after `after`.
    pub async fn not_read_since(
        &mut self,
        source: SourceId,
        since: DateTime<Utc>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Account>, StorageError> {
        let values = params![source.uuid(), since, after, i64::from(limit)];
        let rows: Vec<AccountRow> = self.0.fetch_all(NOT_READ_SINCE, values).await?;
        rows.into_iter().map(Account::try_from).collect()
    }

    /// The link of this immutable id and what its entry read like when it was written last.
    pub async fn digest(
        &mut self,
        source: SourceId,
        id: &ImmutableId,
    ) -> Result<Option<(AccountId, Option<Vec<u8>>)>, StorageError> {
        let row: Option<(Uuid, Option<Vec<u8>>)> =
            self.0.fetch_optional(DIGEST, params![source.uuid(), id.as_str()]).await?;
        Ok(row.map(|(id, digest)| (id.into(), digest)))
    }

    /// How many accounts of the source are there, as far as the hub knows.
    pub async fn count(&mut self, source: SourceId) -> Result<i64, StorageError> {
        let (count,): (i64,) = self.0.fetch_one(COUNT, params![source.uuid()]).await?;
        Ok(count)
    }

    /// How many of them no reading touched since.
    pub async fn count_not_read_since(&mut self, source: SourceId, since: DateTime<Utc>) -> Result<i64, StorageError> {
        let (count,): (i64,) = self.0.fetch_one(COUNT_NOT_READ_SINCE, params![source.uuid(), since]).await?;
        Ok(count)
    }
}

impl Accounts<'_, Transaction> {
    /// Adds the link; false if somebody else was faster.
    pub async fn insert(&mut self, account: &Account) -> Result<bool, StorageError> {
        let values = params![
            account.id.uuid(),
            account.source_id.uuid(),
            account.immutable_id.as_str(),
            account.person_id.uuid(),
            account.kind.as_str(),
            account.locator.clone(),
            account.username.clone(),
            account.status.as_str(),
            account.password_set_at,
            account.read_at,
            account.missing_since,
            account.locked_until.map(storable),
            account.privileged,
        ];
        Ok(self.0.execute(INSERT, values).await? > 0)
    }

    /// Writes everything but ids and the person.
    pub async fn update(&mut self, account: &Account) -> Result<(), StorageError> {
        let values = params![
            account.id.uuid(),
            account.kind.as_str(),
            account.locator.clone(),
            account.username.clone(),
            account.status.as_str(),
            account.password_set_at,
            account.read_at,
            account.missing_since,
            account.locked_until.map(storable),
            account.privileged,
        ];
        self.0.execute(UPDATE, values).await.map(|_| ())
    }

    /// What the entry read like when it was written; empty = write it again, whatever it reads.
    pub async fn set_digest(&mut self, id: AccountId, digest: Option<Vec<u8>>) -> Result<(), StorageError> {
        self.0.execute(SET_DIGEST, params![id.uuid(), digest]).await.map(|_| ())
    }

    /// Notes a reading that changed nothing, on the account and, where the source is that authority, on the
    /// standing of its person.
    pub async fn touch(&mut self, id: AccountId, at: DateTime<Utc>) -> Result<(), StorageError> {
        self.0.execute(TOUCH, params![id.uuid(), at]).await?;
        self.0.execute(TOUCH_STANDING, params![id.uuid(), at]).await.map(|_| ())
    }

    /// Unlocked in the hub.
    pub async fn set_unlocked(&mut self, id: AccountId, at: DateTime<Utc>) -> Result<(), StorageError> {
        self.0.execute(SET_UNLOCKED, params![id.uuid(), at]).await.map(|_| ())
    }

    /// The source's lock, as just seen (row D10).
    pub async fn set_locked_until(&mut self, id: AccountId, until: Option<DateTime<Utc>>) -> Result<(), StorageError> {
        self.0.execute(SET_LOCKED, params![id.uuid(), until.map(storable)]).await.map(|_| ())
    }
}
