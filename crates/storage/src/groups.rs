//! Groups and memberships. A group keeps (source, immutable id); each membership keeps who said so.

use directory::{AccountId, GroupId, ImmutableId, PersonId, SourceId, fold};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{Queries, StorageError, Transaction, page_limit, row::params};

/// Groups and memberships, read or written through `0`.
pub struct Groups<'a, Q>(pub &'a mut Q);

/// A group, of a source or of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: GroupId,
    /// Empty = the hub's own.
    pub source_id: Option<SourceId>,
    pub immutable_id: ImmutableId,
    pub name: String,
}

/// Who said that a person is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Account(AccountId),
    /// The group's own list of members, at its source.
    List,
    Hub,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::List => f.write_str("list"),
            Self::Hub => f.write_str("hub"),
        }
    }
}

#[derive(FromRow)]
struct GroupRow {
    id: Uuid,
    source_id: Option<Uuid>,
    immutable_id: String,
    name: String,
}

impl From<GroupRow> for Group {
    fn from(row: GroupRow) -> Self {
        Self {
            id: row.id.into(),
            source_id: row.source_id.map(SourceId::from),
            immutable_id: row.immutable_id.into(),
            name: row.name,
        }
    }
}

const BY_ID: &str = "select id, source_id, immutable_id, name from directory_group where id = $1";
const BY_KEY: &str =
    "select id, source_id, immutable_id, name from directory_group where source_id = $1 and immutable_id = $2";
const OF_PERSON: &str = "select distinct g.id, g.source_id, g.immutable_id, g.name from membership m \
                         join directory_group g on g.id = m.group_id where m.person_id = $1 order by g.name, g.id";
const OF_ORIGIN: &str = "select g.id, g.source_id, g.immutable_id, g.name from membership m \
                         join directory_group g on g.id = m.group_id where m.person_id = $1 and m.origin = $2";
const NAMED: &str = "select id, source_id, immutable_id, name from directory_group \
                     where name >= $1 and name < $2 order by name, id limit $3";
const PUT: &str = "insert into directory_group (id, source_id, immutable_id, name, sort_name) \
    values ($1, $2, $3, $4, $5) on conflict (source_id, immutable_id) do update set name = excluded.name, \
    sort_name = excluded.sort_name \
    returning id, source_id, immutable_id, name";
const BIND: &str = "update client_group set immutable_id = $3 where source_id = $1 and name = $2 and immutable_id = ''";
const JOIN: &str = "insert into membership (group_id, person_id, origin) values ($1, $2, $3) \
                    on conflict (group_id, person_id, origin) do nothing";
const LEAVE: &str = "delete from membership where group_id = $1 and person_id = $2 and origin = $3";

impl<Q: Queries> Groups<'_, Q> {
    pub async fn by_id(&mut self, id: GroupId) -> Result<Option<Group>, StorageError> {
        Ok(self.0.fetch_optional::<GroupRow>(BY_ID, params![id.uuid()]).await?.map(Group::from))
    }

    pub async fn by_key(&mut self, source: SourceId, id: &ImmutableId) -> Result<Option<Group>, StorageError> {
        let row: Option<GroupRow> = self.0.fetch_optional(BY_KEY, params![source.uuid(), id.as_str()]).await?;
        Ok(row.map(Group::from))
    }

    /// Every group of a person, whoever said so.
    pub async fn of_person(&mut self, person: PersonId) -> Result<Vec<Group>, StorageError> {
        let rows: Vec<GroupRow> = self.0.fetch_all(OF_PERSON, params![person.uuid()]).await?;
        Ok(rows.into_iter().map(Group::from).collect())
    }

    /// The groups this origin put the person in.
    pub async fn of_origin(&mut self, person: PersonId, origin: Origin) -> Result<Vec<Group>, StorageError> {
        let rows: Vec<GroupRow> = self.0.fetch_all(OF_ORIGIN, params![person.uuid(), origin.to_string()]).await?;
        Ok(rows.into_iter().map(Group::from).collect())
    }

    /// Groups whose name begins so, for publishing them to a client.
    pub async fn named(&mut self, beginning: &str, size: u32) -> Result<Vec<Group>, StorageError> {
        let values = params![beginning, crate::search::after_prefix(beginning), page_limit(size) - 1];
        let rows: Vec<GroupRow> = self.0.fetch_all(NAMED, values).await?;
        Ok(rows.into_iter().map(Group::from).collect())
    }
}

impl Groups<'_, Transaction> {
    /// Adds the group of a source, or takes over its new name. `group.id` counts only if it is new. A client that it
    /// was published to before anybody met it holds it by its id from here on.
    pub async fn put(&mut self, group: &Group) -> Result<Group, StorageError> {
        let values = params![
            group.id.uuid(),
            group.source_id.map(SourceId::uuid),
            group.immutable_id.as_str(),
            group.name.clone(),
            fold(&group.name).as_str(),
        ];
        let stored: Group = self.0.fetch_one::<GroupRow>(PUT, values).await?.into();
        if let Some(source) = stored.source_id {
            let values = params![source.uuid(), stored.name.clone(), stored.immutable_id.as_str()];
            self.0.execute(BIND, values).await?;
        }
        Ok(stored)
    }

    pub async fn join(&mut self, group: GroupId, person: PersonId, origin: Origin) -> Result<(), StorageError> {
        self.0.execute(JOIN, params![group.uuid(), person.uuid(), origin.to_string()]).await.map(|_| ())
    }

    /// Ends the membership as far as this origin said so.
    pub async fn leave(&mut self, group: GroupId, person: PersonId, origin: Origin) -> Result<(), StorageError> {
        self.0.execute(LEAVE, params![group.uuid(), person.uuid(), origin.to_string()]).await.map(|_| ())
    }
}
