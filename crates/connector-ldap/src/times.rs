//! The two ways directories write times.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// Ticks of 100 ns between 1601 and 1970.
const EPOCH_DIFFERENCE: i64 = 116_444_736_000_000_000;

/// AD's count of 100 ns since 1601; empty for 0 and for "never" ([MS-ADTS]: the largest number).
pub(crate) fn from_filetime(ticks: i64) -> Option<DateTime<Utc>> {
    if ticks <= 0 || ticks == i64::MAX {
        return None;
    }
    DateTime::from_timestamp_micros(ticks.checked_sub(EPOCH_DIFFERENCE)? / 10)
}

/// AD's negative count of 100 ns for a length of time, in seconds; "never" and 0 are both 0.
pub(crate) fn interval(ticks: i64) -> u64 {
    if ticks == i64::MIN { 0 } else { ticks.unsigned_abs() / 10_000_000 }
}

/// Generalized time (RFC 4517 3.3.13) in UTC, as OpenLDAP writes it, with or without a fraction.
pub(crate) fn from_generalized(text: &str) -> Option<DateTime<Utc>> {
    let digits = text.strip_suffix('Z')?;
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    // Minutes and seconds may be left out.
    let padded = match whole.len() {
        10 => format!("{whole}0000"),
        12 => format!("{whole}00"),
        14 => whole.to_owned(),
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(&padded, "%Y%m%d%H%M%S").ok()?.and_utc();
    let micros: i64 = if fraction.is_empty() { 0 } else { format!("{fraction:0<6.6}").parse().ok()? };
    time.checked_add_signed(TimeDelta::microseconds(micros))
}

/// `seconds` after `time`; the end of time if that is further than it goes.
pub(crate) fn after(time: DateTime<Utc>, seconds: u64) -> DateTime<Utc> {
    i64::try_from(seconds)
        .ok()
        .and_then(TimeDelta::try_seconds)
        .and_then(|delta| time.checked_add_signed(delta))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_time_are_read() {
        assert_eq!(from_filetime(132_223_104_000_000_000).unwrap().to_rfc3339(), "2020-01-01T00:00:00+00:00");
        assert_eq!((from_filetime(0), from_filetime(i64::MAX), from_filetime(-1)), (None, None, None));
        assert_eq!((interval(-9_000_000_000), interval(i64::MIN), interval(0)), (900, 0, 0));
        assert_eq!(from_generalized("20200101000000Z").unwrap().to_rfc3339(), "2020-01-01T00:00:00+00:00");
        assert_eq!(from_generalized("20200101120000.123456Z").unwrap().timestamp_subsec_micros(), 123_456);
        assert_eq!(from_generalized("2020010112Z").unwrap().to_rfc3339(), "2020-01-01T12:00:00+00:00");
        for odd in ["", "Z", "20201301000000Z", "20200101000000", "20200101000000.xZ", "2020é101000000Z"] {
            assert_eq!(from_generalized(odd), None, "{odd}");
        }
        assert_eq!(after(DateTime::<Utc>::MAX_UTC, u64::MAX), DateTime::<Utc>::MAX_UTC);
    }
}
