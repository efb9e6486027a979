//! Groups and devices as pages show them: lists in keyset pages, and one of them with what stands beside it. Reads only.

mod devices;
mod groups;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
pub(super) use devices::devices;
pub use devices::{DeviceLine, DeviceList, DevicePage, OwnerLine, UNSEEN_DAYS};
use directory::SourceId;
pub(super) use groups::origin_text;
pub use groups::{GroupList, GroupPage, ListedGroup, MemberLine};
use storage::{
    browse::Place,
    search::{COUNT_LIMIT, Counted},
};
use uuid::Uuid;

use super::{Labels, list::count_text};
use crate::HubError;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrowseAsk {
    /// The beginning of a name; of devices also of a serial number, or a SID.
    pub text: String,
    pub source: Option<SourceId>,
    pub which: Which,
    /// Where the page before ended.
    pub after: Option<String>,
    pub size: u32,
}

/// Which groups or devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Which {
    #[default]
    There,
    /// Twice not found at their source.
    Gone,
    /// Devices that nobody has seen for [`UNSEEN_DAYS`], the longest unseen first.
    Unseen,
}

impl std::str::FromStr for Which {
    type Err = HubError;
    fn from_str(text: &str) -> Result<Self, HubError> {
        match text {
            "" => Ok(Self::There),
            "gone" => Ok(Self::Gone),
            "unseen" => Ok(Self::Unseen),
            _ => Err(HubError::Invalid { field: "which", message: "Choose one of the list.".to_owned() }),
        }
    }
}

/// "1,204", or "10,000+".
fn counted(number: i64, on_the_page: usize) -> String {
    let number = number.max(i64::try_from(on_the_page).unwrap_or(0));
    count_text(Counted { number: number.min(COUNT_LIMIT + 1), complete: true })
}

/// Digits of a number up to the limit of what was counted.
fn at_most(number: i64, limit: i64) -> String {
    let text = count_text(Counted { number: number.min(limit), complete: true });
    if number > limit { text + "+" } else { text }
}

fn write_cursor(place: &Place) -> String {
    let place = serde_json::json!([place.sort_name, place.last_seen_at, place.id]);
    URL_SAFE_NO_PAD.encode(place.to_string())
}

fn read_cursor(text: &str) -> Result<Place, HubError> {
    let place = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (sort_name, last_seen_at, id): (String, Option<DateTime<Utc>>, Uuid) =
        place.ok_or_else(|| HubError::Invalid {
            field: "after",
            message: "this page address is cut or outdated: start from the first page".to_owned(),
        })?;
    Ok(Place { sort_name, last_seen_at: last_seen_at.map(storage::to_microseconds), id })
}

/// Cuts what was asked for beyond the page, and says where the next one starts.
fn cut<T>(rows: &mut Vec<T>, size: u32, place: impl Fn(&T) -> Place) -> Option<String> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    rows.last().filter(|_| more).map(|last| write_cursor(&place(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_the_address_and_a_cut_one_is_an_error() {
        let place = Place { sort_name: "ågot".to_owned(), last_seen_at: Some(DateTime::UNIX_EPOCH), id: Uuid::nil() };
        assert_eq!(read_cursor(&write_cursor(&place)).unwrap(), place);
        assert!(read_cursor("WyJh").is_err());
        assert_eq!((at_most(7, 1_000), at_most(1_001, 1_000)), ("7".to_owned(), "1,000+".to_owned()));
    }
}
