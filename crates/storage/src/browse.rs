//! Lists of groups and devices in keyset pages, and what stands beside one of them. Reads only.
//!
//! Every list is walked along an index, in the order it is shown; a name is searched by its beginning.

use chrono::{DateTime, Utc};
use directory::{DeviceId, GroupId, ImmutableId, PersonId, SourceId};
use sea_query::{Alias as Name, Expr, ExprTrait as _, Order, Query, SelectStatement};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, page_limit,
    row::params,
    search::{COUNT_LIMIT, after_prefix},
};

/// Groups and devices, read through `0`.
pub struct Browse<'a, Q>(pub &'a mut Q);

/// Which objects of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Presence {
    /// Those that are there.
    #[default]
    There,
    /// Twice not found at their source.
    Gone,
    /// Devices that are there, and that their source last saw before then; the longest unseen first.
    UnseenSince(DateTime<Utc>),
}

/// Which groups or devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrowseFilter {
    /// The name begins so; folded.
    pub beginning: String,
    pub source: Option<SourceId>,
    pub presence: Presence,
}

/// The last row of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub sort_name: String,
    /// Counts where the list is ordered by it.
    pub last_seen_at: Option<DateTime<Utc>>,
    pub id: Uuid,
}

/// One group in a list.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct GroupRow {
    id: Uuid,
    source_id: Option<Uuid>,
    pub immutable_id: String,
    pub name: String,
    pub sort_name: String,
    pub description: Option<String>,
    pub locator: Option<String>,
    pub read_at: Option<DateTime<Utc>>,
    pub missing_since: Option<DateTime<Utc>>,
    pub gone_at: Option<DateTime<Utc>>,
    /// People in it: up to [`MEMBERS`]` + 1`, which means "more".
    pub people: i64,
}

/// Members counted in a list.
pub const MEMBERS: i64 = 1_000;

/// One device in a list.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DeviceRow {
    id: Uuid,
    source_id: Uuid,
    pub immutable_id: String,
    same_device: Uuid,
    pub name: String,
    pub sort_name: String,
    pub locator: String,
    pub sid: Option<String>,
    pub serial_number: Option<String>,
    pub manufacturer: Option<String>,
    pub model: Option<String>,
    pub operating_system: Option<String>,
    pub operating_system_version: Option<String>,
    pub enabled: bool,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub read_at: DateTime<Utc>,
    pub missing_since: Option<DateTime<Utc>>,
    pub gone_at: Option<DateTime<Utc>>,
}

impl GroupRow {
    #[must_use]
    pub fn id(&self) -> GroupId {
        self.id.into()
    }

    /// Empty = the hub's own.
    #[must_use]
    pub fn source(&self) -> Option<SourceId> {
        self.source_id.map(SourceId::from)
    }

    /// Where a list goes on after it.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { sort_name: self.sort_name.clone(), last_seen_at: None, id: self.id }
    }
}

impl DeviceRow {
    #[must_use]
    pub fn id(&self) -> DeviceId {
        self.id.into()
    }

    #[must_use]
    pub fn source(&self) -> SourceId {
        self.source_id.into()
    }

    /// Where a list goes on after it.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { sort_name: self.sort_name.clone(), last_seen_at: self.last_seen_at, id: self.id }
    }
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct MemberRow {
    person_id: Uuid,
    pub display_name: String,
    /// An account's id, `list` or `hub`; one row for each.
    pub origin: String,
}

impl MemberRow {
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.person_id.into()
    }
}

/// A group that another one lists, or is listed by.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct NearGroup {
    id: Uuid,
    pub name: String,
}

impl NearGroup {
    #[must_use]
    pub fn id(&self) -> GroupId {
        self.id.into()
    }
}

/// One membership of a person.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct MembershipRow {
    id: Uuid,
    source_id: Option<Uuid>,
    pub name: String,
    pub origin: String,
}

impl MembershipRow {
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.id.into()
    }

    #[must_use]
    pub fn source(&self) -> Option<SourceId> {
        self.source_id.map(SourceId::from)
    }
}

/// An owner of a device: as its source names them, and who that is, if the hub knows.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct OwnerRow {
    pub owner: String,
    person_id: Option<Uuid>,
    pub display_name: Option<String>,
}

impl OwnerRow {
    #[must_use]
    pub fn person(&self) -> Option<PersonId> {
        self.person_id.map(PersonId::from)
    }
}

macro_rules! group_columns {
    () => {
        "g.id, g.source_id, g.immutable_id, g.name, coalesce(g.sort_name, '') as sort_name, g.description, g.locator, \
         g.read_at, g.missing_since, g.gone_at, (select count(*) from (select 1 from membership m \
         where m.group_id = g.id group by m.person_id limit 1001) as some_rows) as people"
    };
}
macro_rules! device_columns {
    () => {
        "d.id, d.source_id, d.immutable_id, d.same_device, d.name, d.sort_name, d.locator, d.sid, d.serial_number, \
         d.manufacturer, d.model, d.operating_system, d.operating_system_version, d.enabled, d.last_seen_at, \
         d.read_at, d.missing_since, d.gone_at"
    };
}

const GROUP: &str = concat!("select ", group_columns!(), " from directory_group g where g.id = $1");
const DEVICE: &str = concat!("select ", device_columns!(), " from directory_device d where d.id = $1");
const SAME: &str = concat!(
    "select ",
    device_columns!(),
    " from directory_device d where d.same_device = $1 order by d.last_seen_at desc, d.id limit 100"
);
const BY_SERIAL: &str = concat!(
    "select ",
    device_columns!(),
    " from directory_device d where d.serial_key >= $1 and d.serial_key < $2 order by d.serial_key, d.id limit $3"
);
const BY_SID: &str =
    concat!("select ", device_columns!(), " from directory_device d where d.sid = $1 order by d.id limit $2");
const OF_OWNER: &str = concat!(
    "select ",
    device_columns!(),
    " from account a join device_owner o on o.owner = a.immutable_id \
     join directory_device d on d.id = o.device_id and d.source_id = a.source_id \
     where a.person_id = $1 order by d.sort_name, d.id limit $2"
);
const OWNERS: &str = "select o.owner, p.id as person_id, p.display_name from directory_device d \
    join device_owner o on o.device_id = d.id \
    left join account a on a.source_id = d.source_id and a.immutable_id = o.owner \
    left join person p on p.id = a.person_id where d.id = $1 order by o.owner limit 100";
const MEMBERS_PAGE: &str = "select m.person_id, p.display_name, m.origin from membership m \
    join person p on p.id = m.person_id where m.group_id = $1 and m.person_id > $2 \
    order by m.person_id, m.origin limit $3";
/// Only so many of its direct members are looked at: a group of a hundred thousand people lists few groups.
const WITHIN: &str = "select g.id, g.name from (select member from group_member where group_id = $1 \
    order by member limit 20001) as listed join directory_group g on g.source_id = $2 \
    and g.immutable_id = listed.member order by g.name, g.id limit $3";
const AROUND: &str = "select g.id, g.name from group_member m join directory_group g on g.id = m.group_id \
    where m.member = $1 and g.source_id = $2 order by g.name, g.id limit $3";
const LISTED: &str = "select count(*) from (select 1 from group_member where group_id = $1 limit 20001) as some_rows";
const APPS: &str = "select distinct c.id, c.name from client_group p join client c on c.id = p.client_id \
    where p.source_id = $1 and p.immutable_id = $2 order by c.name, c.id";
const MEMBERSHIPS: &str = "select g.id, g.source_id, g.name, m.origin from membership m \
    join directory_group g on g.id = m.group_id where m.person_id = $1 order by g.name, g.id, m.origin limit $2";

fn column(table: &'static str, column: &'static str) -> Expr {
    Expr::col((Name::new(table), Name::new(column)))
}

/// `select … from <table> <alias> where <filter>`, without columns, order and limit.
fn filtered(table: &'static str, alias: &'static str, filter: &BrowseFilter) -> SelectStatement {
    let mut select = Query::select();
    select.from_as(Name::new(table), Name::new(alias));
    if !filter.beginning.is_empty() {
        select
            .and_where(column(alias, "sort_name").gte(filter.beginning.as_str()))
            .and_where(column(alias, "sort_name").lt(after_prefix(&filter.beginning)));
    }
    if let Some(source) = filter.source {
        select.and_where(column(alias, "source_id").eq(source.uuid()));
    }
    match filter.presence {
        Presence::There => select.and_where(column(alias, "gone_at").is_null()),
        Presence::Gone => select.and_where(column(alias, "gone_at").is_not_null()),
        Presence::UnseenSince(then) => {
            select.and_where(column(alias, "gone_at").is_null()).and_where(column(alias, "last_seen_at").lt(then))
        }
    };
    select.take()
}

/// In the order of the list, after the place.
fn ordered(select: &mut SelectStatement, alias: &'static str, filter: &BrowseFilter, after: Option<&Place>, size: u32) {
    let by = match filter.presence {
        Presence::There | Presence::Gone => "sort_name",
        Presence::UnseenSince(_) => "last_seen_at",
    };
    if let Some(after) = after {
        let key = Expr::tuple([column(alias, by), column(alias, "id")]);
        let first = match (filter.presence, after.last_seen_at) {
            (Presence::UnseenSince(_), Some(seen)) => Expr::val(seen),
            _ => Expr::val(after.sort_name.as_str()),
        };
        select.and_where(key.gt(Expr::tuple([first, Expr::val(after.id)])));
    }
    select
        .order_by((Name::new(alias), Name::new(by)), Order::Asc)
        .order_by((Name::new(alias), Name::new("id")), Order::Asc)
        .limit(u64::try_from(page_limit(size)).unwrap_or(1));
}

impl<Q: Queries> Browse<'_, Q> {
    /// One page of groups: up to `size`, and one more if there is a next page.
    pub async fn groups(
        &mut self,
        filter: &BrowseFilter,
        after: Option<&Place>,
        size: u32,
    ) -> Result<Vec<GroupRow>, StorageError> {
        let mut select = filtered("directory_group", "g", filter);
        select.expr(Expr::cust(group_columns!()));
        ordered(&mut select, "g", filter, after, size);
        self.0.fetch_page(&select).await
    }

    /// One page of devices, likewise.
    pub async fn devices(
        &mut self,
        filter: &BrowseFilter,
        after: Option<&Place>,
        size: u32,
    ) -> Result<Vec<DeviceRow>, StorageError> {
        let mut select = filtered("directory_device", "d", filter);
        select.expr(Expr::cust(device_columns!()));
        ordered(&mut select, "d", filter, after, size);
        self.0.fetch_page(&select).await
    }

    /// How many groups pass: up to [`COUNT_LIMIT`]` + 1`, which means "more".
    pub async fn count_groups(&mut self, filter: &BrowseFilter) -> Result<i64, StorageError> {
        self.count(filtered("directory_group", "g", filter)).await
    }

    /// How many devices pass, likewise.
    pub async fn count_devices(&mut self, filter: &BrowseFilter) -> Result<i64, StorageError> {
        self.count(filtered("directory_device", "d", filter)).await
    }

    async fn count(&mut self, mut passing: SelectStatement) -> Result<i64, StorageError> {
        passing.expr(Expr::val(1)).limit(u64::try_from(COUNT_LIMIT + 1).unwrap_or(1));
        let count = Query::select().expr(Expr::cust("count(*)")).from_subquery(passing, Name::new("some_rows")).take();
        let rows: Vec<(i64,)> = self.0.fetch_page(&count).await?;
        Ok(rows.first().map_or(0, |(number,)| *number))
    }

    /// Devices whose serial number begins so (folded), or with exactly this SID.
    pub async fn devices_numbered(
        &mut self,
        number: &str,
        sid: &str,
        size: u32,
    ) -> Result<Vec<DeviceRow>, StorageError> {
        let values = params![number, after_prefix(number), page_limit(size)];
        let mut rows: Vec<DeviceRow> = self.0.fetch_all(BY_SERIAL, values).await?;
        let with_sid: Vec<DeviceRow> = self.0.fetch_all(BY_SID, params![sid, page_limit(size)]).await?;
        rows.extend(with_sid);
        Ok(rows)
    }

    pub async fn group(&mut self, id: GroupId) -> Result<Option<GroupRow>, StorageError> {
        self.0.fetch_optional(GROUP, params![id.uuid()]).await
    }

    pub async fn device(&mut self, id: DeviceId) -> Result<Option<DeviceRow>, StorageError> {
        self.0.fetch_optional(DEVICE, params![id.uuid()]).await
    }

    /// The same device wherever it is known, itself included, the newest sighting first.
    pub async fn same(&mut self, device: &DeviceRow) -> Result<Vec<DeviceRow>, StorageError> {
        self.0.fetch_all(SAME, params![device.same_device]).await
    }

    /// Its owners as its source names them.
    pub async fn owners(&mut self, device: DeviceId) -> Result<Vec<OwnerRow>, StorageError> {
        self.0.fetch_all(OWNERS, params![device.uuid()]).await
    }

    /// The devices of somebody, at every source where they have an account.
    pub async fn devices_of(&mut self, person: PersonId, size: u32) -> Result<Vec<DeviceRow>, StorageError> {
        self.0.fetch_all(OF_OWNER, params![person.uuid(), page_limit(size)]).await
    }

    /// Memberships in a group behind this person, in the order in which people came to the hub: so many rows, one for
    /// each who says so.
    pub async fn members(
        &mut self,
        group: GroupId,
        after: PersonId,
        rows: u32,
    ) -> Result<Vec<MemberRow>, StorageError> {
        self.0.fetch_all(MEMBERS_PAGE, params![group.uuid(), after.uuid(), i64::from(rows)]).await
    }

    /// How many members its source lists, groups included: up to 20,001, which means "more".
    pub async fn listed(&mut self, group: GroupId) -> Result<i64, StorageError> {
        let (listed,): (i64,) = self.0.fetch_one(LISTED, params![group.uuid()]).await?;
        Ok(listed)
    }

    /// Groups among the first 20,000 members it lists.
    pub async fn within(
        &mut self,
        group: GroupId,
        source: SourceId,
        size: u32,
    ) -> Result<Vec<NearGroup>, StorageError> {
        self.0.fetch_all(WITHIN, params![group.uuid(), source.uuid(), i64::from(size)]).await
    }

    /// Groups that list it.
    pub async fn around(
        &mut self,
        id: &ImmutableId,
        source: SourceId,
        size: u32,
    ) -> Result<Vec<NearGroup>, StorageError> {
        self.0.fetch_all(AROUND, params![id.as_str(), source.uuid(), i64::from(size)]).await
    }

    /// Applications it is published to: (id, name).
    pub async fn published_to(
        &mut self,
        id: &ImmutableId,
        source: SourceId,
    ) -> Result<Vec<(String, String)>, StorageError> {
        self.0.fetch_all(APPS, params![source.uuid(), id.as_str()]).await
    }

    /// The groups of a person, a row for each who says so.
    pub async fn memberships(&mut self, person: PersonId, size: u32) -> Result<Vec<MembershipRow>, StorageError> {
        self.0.fetch_all(MEMBERSHIPS, params![person.uuid(), page_limit(size)]).await
    }
}
