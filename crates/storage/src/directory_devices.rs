//! Computers, phones and tablets, each as one source sees it. Rows that are the same device share `same_device`.

use chrono::{DateTime, Utc};
use directory::{DeviceId, ImmutableId, ImportRunId, SourceDevice, SourceId, fold};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    Queries, StorageError, Transaction,
    bulk::{Column, Rows},
    lists::{Keys, Listed},
    page_limit,
    row::params,
};

/// Devices, read or written through `0`.
pub struct DirectoryDevices<'a, Q>(pub &'a mut Q);

/// One device at one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDevice {
    pub id: DeviceId,
    pub source_id: SourceId,
    pub immutable_id: ImmutableId,
    /// One value for all rows that are the same device.
    pub same_device: Uuid,
    pub name: String,
    pub locator: String,
    pub sid: Option<String>,
    pub serial_number: Option<String>,
    /// Folded serial number and manufacturer, if they tell devices apart.
    pub serial_key: Option<String>,
    pub manufacturer: Option<String>,
    pub model: Option<String>,
    pub operating_system: Option<String>,
    pub operating_system_version: Option<String>,
    pub enabled: bool,
    /// When its source saw it last.
    pub last_seen_at: Option<DateTime<Utc>>,
    pub read_at: DateTime<Utc>,
    pub digest: Option<Vec<u8>>,
    pub missing_since: Option<DateTime<Utc>>,
    pub gone_at: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct DeviceRow {
    id: Uuid,
    source_id: Uuid,
    immutable_id: String,
    same_device: Uuid,
    name: String,
    locator: String,
    sid: Option<String>,
    serial_number: Option<String>,
    serial_key: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    operating_system: Option<String>,
    operating_system_version: Option<String>,
    enabled: bool,
    last_seen_at: Option<DateTime<Utc>>,
    read_at: DateTime<Utc>,
    digest: Option<Vec<u8>>,
    missing_since: Option<DateTime<Utc>>,
    gone_at: Option<DateTime<Utc>>,
}

impl From<DeviceRow> for StoredDevice {
    fn from(row: DeviceRow) -> Self {
        Self {
            id: row.id.into(),
            source_id: row.source_id.into(),
            immutable_id: row.immutable_id.into(),
            same_device: row.same_device,
            name: row.name,
            locator: row.locator,
            sid: row.sid,
            serial_number: row.serial_number,
            serial_key: row.serial_key,
            manufacturer: row.manufacturer,
            model: row.model,
            operating_system: row.operating_system,
            operating_system_version: row.operating_system_version,
            enabled: row.enabled,
            last_seen_at: row.last_seen_at,
            read_at: row.read_at,
            digest: row.digest,
            missing_since: row.missing_since,
            gone_at: row.gone_at,
        }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, source_id, immutable_id, same_device, name, locator, sid, serial_number, serial_key, \
             manufacturer, model, operating_system, operating_system_version, enabled, last_seen_at, read_at, digest, \
             missing_since, gone_at from directory_device where ",
            $rest
        )
    };
}

const BY_ID: &str = select!("id = $1");
const SAME: &str = select!("same_device = $1 order by last_seen_at desc, id limit 100");
const KNOWN: &str = select!("source_id = $1 and immutable_id");
const BY_SID: &str = select!("sid = $1 and id <> $2 order by id limit 1");
const BY_SERIAL: &str = select!("serial_key = $1 and id <> $2 order by id limit 1");
const PAGE: &str = select!("(sort_name, id) > ($1, $2) order by sort_name, id limit $3");
const UNSEEN: &str = select!(
    "source_id = $1 and gone_at is null and read_at < $2 and (seen_by is null or seen_by <> $3) \
     and immutable_id > $4 order by immutable_id limit $5"
);
const COUNT: &str = "select count(*) from directory_device where source_id = $1 and gone_at is null";
const COUNT_UNSEEN: &str = "select count(*) from directory_device where source_id = $1 and gone_at is null \
                            and read_at < $2 and (seen_by is null or seen_by <> $3)";
const PUT: &str = "insert into directory_device (id, source_id, immutable_id, same_device, name, sort_name, locator, \
    sid, serial_number, serial_key, manufacturer, model, operating_system, operating_system_version, enabled, \
    last_seen_at, read_at, digest, seen_by, missing_since, gone_at) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) \
    on conflict (source_id, immutable_id) do update set same_device = excluded.same_device, name = excluded.name, \
    sort_name = excluded.sort_name, locator = excluded.locator, sid = excluded.sid, \
    serial_number = excluded.serial_number, serial_key = excluded.serial_key, manufacturer = excluded.manufacturer, \
    model = excluded.model, operating_system = excluded.operating_system, \
    operating_system_version = excluded.operating_system_version, enabled = excluded.enabled, \
    last_seen_at = excluded.last_seen_at, read_at = excluded.read_at, digest = excluded.digest, \
    seen_by = coalesce(excluded.seen_by, directory_device.seen_by), missing_since = excluded.missing_since, \
    gone_at = excluded.gone_at";
const SEE_ALL: &str = "update directory_device set seen_by = $1 where source_id = $2 and immutable_id";
const TOUCH_ALL: &str = "update directory_device set read_at = $1, seen_by = coalesce($2, seen_by) where id";
const MISS: &str = "update directory_device set missing_since = $2, gone_at = $3, digest = null where id = $1";
const OWNERS: &str = "select owner from device_owner where device_id = $1 order by owner";
const DISOWN: &str = "delete from device_owner where device_id = $1";

impl<Q: Queries> DirectoryDevices<'_, Q> {
    pub async fn by_id(&mut self, id: DeviceId) -> Result<Option<StoredDevice>, StorageError> {
        Ok(self.0.fetch_optional::<DeviceRow>(BY_ID, params![id.uuid()]).await?.map(StoredDevice::from))
    }

    /// The same device at every source that shows it, the newest sighting first.
    pub async fn same(&mut self, same_device: Uuid) -> Result<Vec<StoredDevice>, StorageError> {
        let rows: Vec<DeviceRow> = self.0.fetch_all(SAME, params![same_device]).await?;
        Ok(rows.into_iter().map(StoredDevice::from).collect())
    }

    /// One page in order of names: up to `size`, and one more if there is a next page.
    pub async fn page(&mut self, after: (&str, Uuid), size: u32) -> Result<Vec<StoredDevice>, StorageError> {
        let rows: Vec<DeviceRow> = self.0.fetch_all(PAGE, params![after.0, after.1, page_limit(size)]).await?;
        Ok(rows.into_iter().map(StoredDevice::from).collect())
    }

    /// Its owners as its source names them.
    pub async fn owners(&mut self, id: DeviceId) -> Result<Vec<ImmutableId>, StorageError> {
        let rows: Vec<(String,)> = self.0.fetch_all(OWNERS, params![id.uuid()]).await?;
        Ok(rows.into_iter().map(|(id,)| id.into()).collect())
    }

    /// How many devices of the source are there.
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
    ) -> Result<Vec<StoredDevice>, StorageError> {
        let values = params![source.uuid(), started, run.uuid(), after, i64::from(limit)];
        let rows: Vec<DeviceRow> = self.0.fetch_all(UNSEEN, values).await?;
        Ok(rows.into_iter().map(StoredDevice::from).collect())
    }
}

impl DirectoryDevices<'_, Transaction> {
    /// Those of these immutable ids that are known.
    pub async fn known(&mut self, source: SourceId, ids: &[&str]) -> Result<Vec<StoredDevice>, StorageError> {
        let listed = Listed { head: KNOWN, fixed: vec![source.uuid().into()], keys: Keys::Texts(ids) };
        let rows: Vec<DeviceRow> = listed.fetch(self.0).await?;
        Ok(rows.into_iter().map(StoredDevice::from).collect())
    }

    /// Another row that is the same device: by SID, else by serial number and manufacturer.
    pub async fn twin(
        &mut self,
        of: DeviceId,
        sid: Option<&str>,
        serial: Option<&str>,
    ) -> Result<Option<StoredDevice>, StorageError> {
        for (sql, key) in [(BY_SID, sid), (BY_SERIAL, serial)] {
            let Some(key) = key else { continue };
            let row: Option<DeviceRow> = self.0.fetch_optional(sql, params![key, of.uuid()]).await?;
            if let Some(row) = row {
                return Ok(Some(row.into()));
            }
        }
        Ok(None)
    }

    /// Adds the device, or writes what its source shows of it. `device.id` counts only if it is new.
    pub async fn put(&mut self, device: &StoredDevice, run: Option<ImportRunId>) -> Result<(), StorageError> {
        let values = params![
            device.id.uuid(),
            device.source_id.uuid(),
            device.immutable_id.as_str(),
            device.same_device,
            device.name.clone(),
            fold(&device.name).as_str(),
            device.locator.clone(),
            device.sid.clone(),
            device.serial_number.clone(),
            device.serial_key.clone(),
            device.manufacturer.clone(),
            device.model.clone(),
            device.operating_system.clone(),
            device.operating_system_version.clone(),
            device.enabled,
            device.last_seen_at,
            device.read_at,
            device.digest.clone(),
            run.map(ImportRunId::uuid),
            device.missing_since,
            device.gone_at,
        ];
        self.0.execute(PUT, values).await.map(|_| ())
    }

    /// Its owners are these.
    pub async fn set_owners(&mut self, id: DeviceId, owners: &[&str]) -> Result<(), StorageError> {
        self.0.execute(DISOWN, params![id.uuid()]).await?;
        let rows = Rows {
            table: "device_owner",
            columns: vec![
                ("device_id", Column::Id(vec![id.uuid(); owners.len()])),
                ("owner", Column::Text(owners.iter().map(|owner| (*owner).to_owned()).collect())),
            ],
            ending: "on conflict do nothing",
        };
        rows.insert(self.0).await.map(|_| ())
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
        ids: &[DeviceId],
        at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let fixed = vec![at.into(), run.map(ImportRunId::uuid).into()];
        Listed { head: TOUCH_ALL, fixed, keys: Keys::Ids(&ids) }.execute(self.0).await.map(|_| ())
    }

    /// Notes that it is not there.
    pub async fn miss(
        &mut self,
        device: DeviceId,
        since: DateTime<Utc>,
        gone_at: Option<DateTime<Utc>>,
    ) -> Result<(), StorageError> {
        self.0.execute(MISS, params![device.uuid(), since, gone_at]).await.map(|_| ())
    }
}

/// Serial numbers that makers never filled in.
const NOT_SERIALS: [&str; 12] = [
    "none",
    "unknown",
    "default string",
    "to be filled by o.e.m.",
    "to be filled by oem",
    "system serial number",
    "not specified",
    "not applicable",
    "n/a",
    "0123456789",
    "123456789",
    "invalid",
];

/// What tells devices of one manufacturer apart; none if it is a filler, too short, or one sign again and again.
#[must_use]
pub fn serial_key(device: &SourceDevice) -> Option<String> {
    let serial = fold(device.serial_number.as_deref()?.trim());
    let maker = fold(device.manufacturer.as_deref()?.trim());
    let (serial, maker) = (serial.as_str(), maker.as_str());
    let first = serial.chars().next()?;
    let filler = serial.chars().count() < 5 || NOT_SERIALS.contains(&serial) || serial.chars().all(|c| c == first);
    (!filler && !maker.is_empty() && !NOT_SERIALS.contains(&maker)).then(|| format!("{serial}\n{maker}"))
}
