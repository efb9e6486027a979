//! Devices: the list, and one with its owners and the other sources that know it.

use chrono::{DateTime, TimeDelta, Utc};
use directory::{DeviceId, PersonId, fold};
use storage::browse::{Browse, BrowseFilter, DeviceRow, OwnerRow, Presence};

use super::{BrowseAsk, Labels, Which, counted, cut, read_cursor};
use crate::{Hub, HubError, kernel::capability::FindPeople};

/// A device that its source did not see for so long is probably in no use any more.
pub const UNSEEN_DAYS: i64 = 90;

/// One page of devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceList {
    pub devices: Vec<DeviceLine>,
    /// "1,204", or "10,000+".
    pub count: String,
    pub next: Option<String>,
    /// No name begins so: these have the number. The other filters do not count then.
    pub by_number: bool,
}

/// One device in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLine {
    pub id: DeviceId,
    pub name: String,
    /// The label of its source.
    pub source: String,
    /// The source's name in addresses.
    pub source_name: String,
    /// "Lenovo ThinkPad X13".
    pub model: String,
    /// "Debian 13".
    pub system: String,
    pub enabled: bool,
    /// When its source saw it last.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// That is longer ago than [`UNSEEN_DAYS`].
    pub unseen: bool,
    pub missing_since: Option<DateTime<Utc>>,
    pub gone_at: Option<DateTime<Utc>>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePage {
    pub line: DeviceLine,
    pub immutable_id: String,
    pub locator: String,
    pub serial_number: Option<String>,
    pub sid: Option<String>,
    pub read_at: DateTime<Utc>,
    pub owners: Vec<OwnerLine>,
    /// The same device at other sources, by SID or serial number.
    pub elsewhere: Vec<DeviceLine>,
}

/// An owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerLine {
    /// As the source names them.
    pub immutable_id: String,
    /// Empty while nobody with this id is known.
    pub person: Option<(PersonId, String)>,
}

impl Hub {
    /// One page of devices in the order of their names, or of their last sighting.
    pub async fn devices_page(&self, _: &FindPeople, ask: &BrowseAsk) -> Result<DeviceList, HubError> {
        let now = self.clock.now();
        let presence = match ask.which {
            Which::There => Presence::There,
            Which::Gone => Presence::Gone,
            Which::Unseen => Presence::UnseenSince(storage::to_microseconds(now - TimeDelta::days(UNSEEN_DAYS))),
        };
        let filter = BrowseFilter { beginning: fold(&ask.text).as_str().to_owned(), source: ask.source, presence };
        let after = ask.after.as_deref().map(read_cursor).transpose()?;
        let size = ask.size.clamp(1, 200);
        let labels = Labels::read(self).await?;
        let line = |row: DeviceRow| line(row, &labels, now);
        let mut reader = self.database.reader();
        let mut rows = Browse(&mut reader).devices(&filter, after.as_ref(), size).await?;
        if rows.is_empty() && after.is_none() && !filter.beginning.is_empty() {
            let numbered = Browse(&mut reader).devices_numbered(&filter.beginning, ask.text.trim(), size).await?;
            let count = counted(0, numbered.len());
            let devices: Vec<DeviceLine> = numbered.into_iter().map(line).collect();
            return Ok(DeviceList { by_number: !devices.is_empty(), devices, count, next: None });
        }
        let count = counted(Browse(&mut reader).count_devices(&filter).await?, rows.len());
        let next = cut(&mut rows, size, DeviceRow::place);
        Ok(DeviceList { devices: rows.into_iter().map(line).collect(), count, next, by_number: false })
    }

    /// One device; empty if there is no such device.
    pub async fn device_page(&self, _: &FindPeople, id: DeviceId) -> Result<Option<DevicePage>, HubError> {
        let labels = Labels::read(self).await?;
        let now = self.clock.now();
        let mut reader = self.database.reader();
        let Some(row) = Browse(&mut reader).device(id).await? else { return Ok(None) };
        let owners = Browse(&mut reader).owners(id).await?;
        let same = Browse(&mut reader).same(&row).await?;
        let elsewhere = same.into_iter().filter(|other| other.id() != id).map(|other| line(other, &labels, now));
        Ok(Some(DevicePage {
            immutable_id: row.immutable_id.clone(),
            locator: row.locator.clone(),
            serial_number: row.serial_number.clone(),
            sid: row.sid.clone(),
            read_at: row.read_at,
            owners: owners.into_iter().map(owner).collect(),
            elsewhere: elsewhere.collect(),
            line: line(row, &labels, now),
        }))
    }
}

/// The devices of somebody, and whether there are more than so many.
pub(in crate::people) fn devices(
    mut rows: Vec<DeviceRow>,
    size: u32,
    labels: &Labels,
    now: DateTime<Utc>,
) -> (Vec<DeviceLine>, bool) {
    let more = cut(&mut rows, size, DeviceRow::place).is_some();
    (rows.into_iter().map(|row| line(row, labels, now)).collect(), more)
}

fn owner(row: OwnerRow) -> OwnerLine {
    let person = row.person();
    OwnerLine { person: person.zip(row.display_name), immutable_id: row.owner }
}

fn line(row: DeviceRow, labels: &Labels, now: DateTime<Utc>) -> DeviceLine {
    let joined =
        |words: [&Option<String>; 2]| words.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    DeviceLine {
        id: row.id(),
        source: labels.label(row.source()),
        source_name: labels.name(row.source()),
        model: joined([&row.manufacturer, &row.model]),
        system: joined([&row.operating_system, &row.operating_system_version]),
        enabled: row.enabled,
        unseen: row.last_seen_at.is_some_and(|seen| now - seen > TimeDelta::days(UNSEEN_DAYS)),
        last_seen_at: row.last_seen_at,
        missing_since: row.missing_since,
        gone_at: row.gone_at,
        name: row.name,
    }
}
