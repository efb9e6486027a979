//! Groups as their sources list them, with direct members, and the memberships of people that follow.

use chrono::{DateTime, Utc};
use directory::{GroupId, ImmutableId, ImportRunId, PersonId, SourceId};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    bulk::{Column, Rows},
    lists::{Keys, Listed},
    row::params,
};

/// Groups with their members, read or written through `0`.
pub struct GroupMembers<'a, Q>(pub &'a mut Q);

/// A group as its source shows it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
struct ListedRow {
    id: Uuid,
    immutable_id: String,
    name: String,
    description: Option<String>,
    locator: Option<String>,
    digest: Option<Vec<u8>>,
    read_at: Option<DateTime<Utc>>,
    missing_since: Option<DateTime<Utc>>,
    gone_at: Option<DateTime<Utc>>,
}

/// A group as its source shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    pub id: GroupId,
    pub source_id: SourceId,
    pub immutable_id: ImmutableId,
    pub name: String,
    pub description: Option<String>,
    pub locator: Option<String>,
    /// What the entry read like when it was written; empty = write it again.
    pub digest: Option<Vec<u8>>,
    /// Empty = it is known from the entries of its members alone.
    pub read_at: Option<DateTime<Utc>>,
    pub missing_since: Option<DateTime<Utc>>,
    pub gone_at: Option<DateTime<Utc>>,
}

macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "select id, immutable_id, name, description, locator, digest, read_at, missing_since, gone_at \
             from directory_group where source_id = $1 and ",
            $rest
        )
    };
}

const KNOWN: &str = listed!("immutable_id");
const UNSEEN: &str = listed!(
    "gone_at is null and read_at is not null and read_at < $2 and (seen_by is null or seen_by <> $3) \
     and immutable_id > $4 order by immutable_id limit $5"
);
const COUNT: &str = "select count(*) from directory_group where source_id = $1 and read_at is not null \
                     and gone_at is null";
const COUNT_UNSEEN: &str = "select count(*) from directory_group where source_id = $1 and gone_at is null \
    and read_at is not null and read_at < $2 and (seen_by is null or seen_by <> $3)";
const WRITE: &str = "update directory_group set name = $2, description = $3, locator = $4, digest = $5, read_at = $6, \
    seen_by = coalesce($7, seen_by), missing_since = null, gone_at = null where id = $1";
const SEE_ALL: &str = "update directory_group set seen_by = $1 where source_id = $2 and immutable_id";
const TOUCH_ALL: &str = "update directory_group set read_at = $1, seen_by = coalesce($2, seen_by) where id";
const MISS: &str = "update directory_group set missing_since = $2, gone_at = $3, digest = null where id = $1";
const MEMBERS: &str = "select member from group_member where group_id = $1 order by member";
const PAGE: &str = "select member from group_member where group_id = $1 and member > $2 order by member limit $3";
const REMOVE: &str = "delete from group_member where group_id = $1 and member";
/// The group and every group it is in, at one source; a circle ends by itself.
const UNSETTLE: &str = "update directory_group set unsettled = $3 where id in (\
    with recursive above(id) as (select cast($1 as uuid) \
    union select m.group_id from above a join directory_group g on g.id = a.id \
    join group_member m on m.member = g.immutable_id \
    join directory_group u on u.id = m.group_id and u.source_id = $2) select id from above)";
const UNSETTLE_SQLITE: &str = "update directory_group set unsettled = $3 where id in (\
    with recursive above(id) as (select $1 \
    union select m.group_id from above a join directory_group g on g.id = a.id \
    join group_member m on m.member = g.immutable_id \
    join directory_group u on u.id = m.group_id and u.source_id = $2) select id from above)";
const LISTING: &str = "select distinct g.id from group_member m join directory_group g on g.id = m.group_id \
                       where g.source_id = $1 and m.member";
const UNSETTLED: &str = "select id from directory_group where source_id = $1 and unsettled = $2 order by id limit 1";
const SETTLE: &str = "update directory_group set unsettled = $2 where id = $1";
/// Everybody in the group, its groups within included. A group that is gone lends nobody to the groups it was in.
macro_rules! inside {
    () => {
        "with recursive inside(id) as (select g.id from directory_group g where g.id = $1 and g.gone_at is null \
         union select within.id from inside i join group_member m on m.group_id = i.id \
         join directory_group within on within.source_id = $2 and within.immutable_id = m.member \
         and within.gone_at is null), \
         people(id) as (select a.person_id from inside i join group_member m on m.group_id = i.id \
         join account a on a.source_id = $2 and a.immutable_id = m.member) "
    };
}
const JOIN_ALL: &str = concat!(
    inside!(),
    "insert into membership (group_id, person_id, origin) select distinct $1, people.id, 'list' from people where true \
     on conflict (group_id, person_id, origin) do nothing"
);
const JOIN_ALL_POSTGRES: &str = concat!(
    inside!(),
    "insert into membership (group_id, person_id, origin) select distinct cast($1 as uuid), people.id, 'list' \
     from people where true on conflict (group_id, person_id, origin) do nothing"
);
const LEAVE_ALL: &str = concat!(
    inside!(),
    "delete from membership where group_id = $1 and origin = 'list' and person_id not in (select id from people)"
);

impl<Q: Queries> GroupMembers<'_, Q> {
    /// How many groups of the source were listed by it and are there.
    pub async fn count(&mut self, source: SourceId) -> Result<i64, StorageError> {
        let (count,): (i64,) = self.0.fetch_one(COUNT, params![source.uuid()]).await?;
        Ok(count)
    }

    /// How many of them this import has not seen.
    pub async fn count_unseen(
        &mut self,
        source: SourceId,
        (started, run): (DateTime<Utc>, ImportRunId),
    ) -> Result<i64, StorageError> {
        let (count,): (i64,) = self.0.fetch_one(COUNT_UNSEEN, params![source.uuid(), started, run.uuid()]).await?;
        Ok(count)
    }

    pub async fn unseen(
        &mut self,
        source: SourceId,
        (started, run): (DateTime<Utc>, ImportRunId),
        after: &str,
        limit: u32,
    ) -> Result<Vec<ListedGroup>, StorageError> {
        let values = params![source.uuid(), started, run.uuid(), after, i64::from(limit)];
        let rows: Vec<ListedRow> = self.0.fetch_all(UNSEEN, values).await?;
        Ok(rows.into_iter().map(|row| ListedGroup::of(source, row)).collect())
    }

    /// Direct members, by immutable id, after `after`.
    pub async fn members(&mut self, group: GroupId, after: &str, limit: u32) -> Result<Vec<ImmutableId>, StorageError> {
        let rows: Vec<(String,)> =
            self.0.fetch_all(PAGE, params![group.uuid(), after, crate::page_limit(limit)]).await?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// A group whose members changed since the memberships of people were derived.
    pub async fn unsettled(&mut self, source: SourceId) -> Result<Option<GroupId>, StorageError> {
        let row: Option<(Uuid,)> = self.0.fetch_optional(UNSETTLED, params![source.uuid(), true]).await?;
        Ok(row.map(|(id,)| id.into()))
    }
}

impl ListedGroup {
    fn of(source: SourceId, row: ListedRow) -> Self {
        Self {
            id: row.id.into(),
            source_id: source,
            immutable_id: row.immutable_id.into(),
            name: row.name,
            description: row.description,
            locator: row.locator,
            digest: row.digest,
            read_at: row.read_at,
            missing_since: row.missing_since,
            gone_at: row.gone_at,
        }
    }
}

impl GroupMembers<'_, Transaction> {
    /// Those of these immutable ids that are known.
    pub async fn known(&mut self, source: SourceId, ids: &[&str]) -> Result<Vec<ListedGroup>, StorageError> {
        let listed = Listed { head: KNOWN, fixed: vec![source.uuid().into()], keys: Keys::Texts(ids) };
        let rows: Vec<ListedRow> = listed.fetch(self.0).await?;
        Ok(rows.into_iter().map(|row| ListedGroup::of(source, row)).collect())
    }

    /// Writes what the source shows of it; it is there.
    pub async fn write(&mut self, group: &ListedGroup, run: Option<ImportRunId>) -> Result<(), StorageError> {
        let values = params![
            group.id.uuid(),
            group.name.clone(),
            group.description.clone(),
            group.locator.clone(),
            group.digest.clone(),
            group.read_at,
            run.map(ImportRunId::uuid),
        ];
        self.0.execute(WRITE, values).await.map(|_| ())
    }

    /// Notes that an import saw them, readable or not.
    pub async fn see_all(&mut self, source: SourceId, run: ImportRunId, ids: &[&str]) -> Result<(), StorageError> {
        let fixed = vec![run.uuid().into(), source.uuid().into()];
        Listed { head: SEE_ALL, fixed, keys: Keys::Texts(ids) }.execute(self.0).await.map(|_| ())
    }

    /// Notes a reading that changed nothing.
    pub async fn touch_all(
        &mut self,
        run: Option<ImportRunId>,
        ids: &[GroupId],
        at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let fixed = vec![at.into(), run.map(ImportRunId::uuid).into()];
        Listed { head: TOUCH_ALL, fixed, keys: Keys::Ids(&ids) }.execute(self.0).await.map(|_| ())
    }

    /// Notes that it is not there.
    pub async fn miss(
        &mut self,
        group: GroupId,
        since: DateTime<Utc>,
        gone_at: Option<DateTime<Utc>>,
    ) -> Result<(), StorageError> {
        self.0.execute(MISS, params![group.uuid(), since, gone_at]).await.map(|_| ())
    }

    /// Every direct member.
    pub async fn all_members(&mut self, group: GroupId) -> Result<Vec<String>, StorageError> {
        let rows: Vec<(String,)> = self.0.fetch_all(MEMBERS, params![group.uuid()]).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Lists members; how many were not listed yet.
    pub async fn add(&mut self, group: GroupId, members: &[&str]) -> Result<u64, StorageError> {
        let rows = Rows {
            table: "group_member",
            columns: vec![
                ("group_id", Column::Id(vec![group.uuid(); members.len()])),
                ("member", Column::Text(members.iter().map(|m| (*m).to_owned()).collect())),
            ],
            ending: "on conflict do nothing",
        };
        rows.insert(self.0).await
    }

    /// Lists them no longer; how many were.
    pub async fn remove(&mut self, group: GroupId, members: &[&str]) -> Result<u64, StorageError> {
        let fixed = vec![group.uuid().into()];
        Listed { head: REMOVE, fixed, keys: Keys::Texts(members) }.execute(self.0).await
    }

    /// The memberships of people in this group, and in all it is in, have to be derived again.
    pub async fn unsettle(&mut self, source: SourceId, group: GroupId) -> Result<(), StorageError> {
        let sql = match self.0 {
            Transaction::Sqlite(_) => UNSETTLE_SQLITE,
            Transaction::Postgres(_) => UNSETTLE,
        };
        self.0.execute(sql, params![group.uuid(), source.uuid(), true]).await.map(|_| ())
    }

    /// The groups of a source that list one of these ids.
    pub async fn listing(&mut self, source: SourceId, members: &[&str]) -> Result<Vec<GroupId>, StorageError> {
        let listed = Listed { head: LISTING, fixed: vec![source.uuid().into()], keys: Keys::Texts(members) };
        let rows: Vec<(Uuid,)> = listed.fetch(self.0).await?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// Derives who is in the group, through groups within as well; how many memberships (began, ended). Memberships
    /// that people's own entries or the hub speak of are another origin's.
    pub async fn settle(&mut self, source: SourceId, group: GroupId) -> Result<(u64, u64), StorageError> {
        let join = match self.0 {
            Transaction::Sqlite(_) => JOIN_ALL,
            Transaction::Postgres(_) => JOIN_ALL_POSTGRES,
        };
        let began = self.0.execute(join, params![group.uuid(), source.uuid()]).await?;
        let ended = self.0.execute(LEAVE_ALL, params![group.uuid(), source.uuid()]).await?;
        self.0.execute(SETTLE, params![group.uuid(), false]).await?;
        Ok((began, ended))
    }

    /// The people who are in the group because its list says so.
    pub async fn people(&mut self, group: GroupId, limit: u32) -> Result<Vec<PersonId>, StorageError> {
        const PEOPLE: &str = "select person_id from membership where group_id = $1 and origin = 'list' \
                              order by person_id limit $2";
        let rows: Vec<(Uuid,)> = self.0.fetch_all(PEOPLE, params![group.uuid(), i64::from(limit)]).await?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }
}
