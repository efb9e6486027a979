//! Accounts: the links of (source, immutable id) to people, with what was last read there.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use directory::{Account, AccountId, ImmutableId, ImportRunId, PersonId, SourceId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    lists::{Keys, Listed},
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
    read_at = $7, missing_since = $8, locked_until = $9, privileged = $10, freed_at = null where id = $1";
const SET_DIGEST: &str = "update account set digest = $2 where id = $1";
const UNSEEN: &str = select!(
    "source_id = $1 and status <> 'missing' and read_at < $2 and (seen_by is null or seen_by <> $3) \
     and immutable_id > $4 order by immutable_id limit $5"
);
const COUNT_UNSEEN: &str = "select count(*) from account where source_id = $1 and status <> 'missing' and read_at < $2 \
                            and (seen_by is null or seen_by <> $3)";
const MISSED: &str = select!(
    "source_id = $1 and status <> 'missing' and missing_since is not null and missing_since <= $2 \
     and immutable_id > $3 order by immutable_id limit $4"
);
const GONE_SINCE: &str = select!(
    "source_id = $1 and status = 'missing' and missing_since < $2 and freed_at is null order by immutable_id limit $3"
);
const SET_FREED: &str = "update account set freed_at = $2 where id = $1";
const KNOWN: &str =
    "select id, person_id, immutable_id, kind, digest from account where source_id = $1 and immutable_id";
const ACTIVE: &str = "select immutable_id from account where source_id = $1 and status = 'active' and immutable_id";
const SEE_ALL: &str = "update account set seen_by = $1 where source_id = $2 and immutable_id";
const TOUCH_ALL: &str = "update account set read_at = $1, seen_by = coalesce($2, seen_by) where id";
const TOUCH_STANDING_ALL: &str = "update person set standing_read_at = $1 where standing_source_id = $2 and id";
const TOUCH: &str = "update account set read_at = $2 where id = $1";
const TOUCH_STANDING: &str = "update person set standing_read_at = $2 where exists (select 1 from account a \
    where a.id = $1 and a.person_id = person.id and a.source_id = person.standing_source_id and a.kind = 'primary')";
const SET_UNLOCKED: &str = "update account set unlocked_at = $2 where id = $1";
const SET_LOCKED: &str = "update account set locked_until = $2 where id = $1";

/// An account as a batch of entries is compared with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAccount {
    pub id: AccountId,
    pub person_id: PersonId,
    pub immutable_id: String,
    /// The standing of its person may hang on it.
    pub primary: bool,
    /// What its entry read like when it was written.
    pub digest: Option<Vec<u8>>,
}

#[derive(FromRow)]
struct KnownRow {
    id: Uuid,
    person_id: Uuid,
    immutable_id: String,
    kind: String,
    digest: Option<Vec<u8>>,
}

impl From<KnownRow> for KnownAccount {
    fn from(row: KnownRow) -> Self {
        Self {
            id: row.id.into(),
            person_id: row.person_id.into(),
            immutable_id: row.immutable_id,
            primary: row.kind == "primary",
            digest: row.digest,
        }
    }
}

/// "Until somebody unlocks it" as both databases can keep and compare it.
pub(crate) fn storable(until: DateTime<Utc>) -> DateTime<Utc> {
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

    /// Accounts that are there as far as the hub knows, and that this import has not seen: in the order of their
    /// immutable ids, after `after`.
    pub async fn unseen(
        &mut self,
        source: SourceId,
        (started, run): (DateTime<Utc>, ImportRunId),
        after: &str,
        limit: u32,
    ) -> Result<Vec<Account>, StorageError> {
        let values = params![source.uuid(), started, run.uuid(), after, i64::from(limit)];
        let rows: Vec<AccountRow> = self.0.fetch_all(UNSEEN, values).await?;
        rows.into_iter().map(Account::try_from).collect()
    }

    /// How many of them.
    pub async fn count_unseen(
        &mut self,
        source: SourceId,
        (started, run): (DateTime<Utc>, ImportRunId),
    ) -> Result<i64, StorageError> {
        let (count,): (i64,) = self.0.fetch_one(COUNT_UNSEEN, params![source.uuid(), started, run.uuid()]).await?;
        Ok(count)
    }

    /// Accounts that were not there once, at that time or before, and have not been looked for since.
    pub async fn missed_once(
        &mut self,
        source: SourceId,
        until: DateTime<Utc>,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Account>, StorageError> {
        let rows: Vec<AccountRow> =
            self.0.fetch_all(MISSED, params![source.uuid(), until, after, i64::from(limit)]).await?;
        rows.into_iter().map(Account::try_from).collect()
    }

    /// Accounts gone since before then, whose names are still held for their return.
    pub async fn gone_since(
        &mut self,
        source: SourceId,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Account>, StorageError> {
        let rows: Vec<AccountRow> =
            self.0.fetch_all(GONE_SINCE, params![source.uuid(), before, i64::from(limit)]).await?;
        rows.into_iter().map(Account::try_from).collect()
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

    /// Those of these immutable ids that have an account.
    pub async fn known(&mut self, source: SourceId, ids: &[&str]) -> Result<Vec<KnownAccount>, StorageError> {
        let listed = Listed { head: KNOWN, fixed: vec![source.uuid().into()], keys: Keys::Texts(ids) };
        let rows: Vec<KnownRow> = listed.fetch(self.0).await?;
        Ok(rows.into_iter().map(KnownAccount::from).collect())
    }

    /// Those of these immutable ids whose account was active when it was read last.
    pub async fn active(&mut self, source: SourceId, ids: &[&str]) -> Result<Vec<String>, StorageError> {
        let listed = Listed { head: ACTIVE, fixed: vec![source.uuid().into()], keys: Keys::Texts(ids) };
        let rows: Vec<(String,)> = listed.fetch(self.0).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Notes that an import saw these entries, readable or not.
    pub async fn see_all(&mut self, source: SourceId, run: ImportRunId, ids: &[&str]) -> Result<(), StorageError> {
        let fixed = vec![run.uuid().into(), source.uuid().into()];
        Listed { head: SEE_ALL, fixed, keys: Keys::Texts(ids) }.execute(self.0).await.map(|_| ())
    }

    /// As [`Accounts::touch`], of many, and that this import saw them.
    pub async fn touch_all(
        &mut self,
        source: SourceId,
        run: Option<ImportRunId>,
        known: &[&KnownAccount],
        at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let ids: Vec<Uuid> = known.iter().map(|k| k.id.uuid()).collect();
        let fixed = vec![at.into(), run.map(ImportRunId::uuid).into()];
        Listed { head: TOUCH_ALL, fixed, keys: Keys::Ids(&ids) }.execute(self.0).await?;
        let primary: Vec<Uuid> = known.iter().filter(|k| k.primary).map(|k| k.person_id.uuid()).collect();
        let fixed = vec![at.into(), source.uuid().into()];
        Listed { head: TOUCH_STANDING_ALL, fixed, keys: Keys::Ids(&primary) }.execute(self.0).await.map(|_| ())
    }

    /// Its names are free since then, until it is there again.
    pub async fn set_freed(&mut self, id: AccountId, at: DateTime<Utc>) -> Result<(), StorageError> {
        self.0.execute(SET_FREED, params![id.uuid(), at]).await.map(|_| ())
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
