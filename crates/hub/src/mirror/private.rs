//! Birth date and national number: read to tell people apart, and for nothing else.
//!
//! The number itself is never written. Right after the mapping, before anything is compared, stored, shown or logged, a
//! keyed digest takes its place: equal numbers are equal, and nobody can find one by trying all of them.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use data_encoding::HEXLOWER;
use directory::{AttributeName, Folding, Source};

use crate::kernel::vault::Vault;

/// What takes the place of the value wherever somebody may look.
pub(crate) const KEPT_AS_DIGEST: &str = "known, and kept as a digest only";

/// ISO 8601, as directories have days (schac and generalized time of RFC 4517), and as databases write moments. A day
/// that stands before its month, or after it, is not guessed: an expression says what is meant.
const DAYS: [&str; 2] = ["%Y-%m-%d", "%Y%m%d"];
const MOMENTS: [&str; 4] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y%m%d%H%M%SZ"];
/// What systems write where there is nothing to write.
const NO_DAYS: [&str; 3] = ["0001-01-01", "1900-01-01", "9999-12-31"];

/// Whether a national number is read there.
pub(super) fn is_read(source: &Source) -> bool {
    let number = AttributeName::NationalNumber;
    source.profile.expressions.contains_key(&number)
        || source.connector.mapping().is_some_and(|mapping| mapping.contains_key(&number))
}

/// Brings both into the form they are stored and compared in. One that cannot be read is a fault: what was there stays.
pub(super) fn settle(
    vault: &Vault,
    attributes: &mut BTreeMap<AttributeName, String>,
    faults: &mut BTreeMap<AttributeName, String>,
) {
    if let Some(text) = attributes.remove(&AttributeName::BirthDate) {
        match day(&text) {
            Some(day) if NO_DAYS.contains(&day.to_string().as_str()) => {}
            Some(day) => drop(attributes.insert(AttributeName::BirthDate, day.to_string())),
            None => {
                let why = "it is no day: write an expression that makes one like 1984-02-29";
                faults.insert(AttributeName::BirthDate, why.to_owned());
            }
        }
    }
    if let Some(number) = attributes.remove(&AttributeName::NationalNumber)
        // Spaces, dots and hyphens are how people write it. A value that says nothing tells nobody apart.
        && let Some(number) = matching::normalised(&number, Folding::Form)
    {
        let digest = vault.keyed_digest("national number", number.as_bytes());
        attributes.insert(AttributeName::NationalNumber, HEXLOWER.encode(&digest));
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    let day = DAYS.iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok());
    let moment = || MOMENTS.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    day.or_else(|| moment().map(|moment| moment.date()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birth_date_is_read_and_never_guessed() {
        let read = |text: &str| day(text).map(|day| day.to_string());
        for text in ["1984-02-29", "19840229", "1984-02-29 00:00:00", "1984-02-29T00:00:00.000Z", "19840229000000Z"] {
            assert_eq!(read(text).as_deref(), Some("1984-02-29"), "{text}");
        }
        for text in ["", "29.02.1984", "02/03/1984", "1983-02-29", "1984", "840229", "tomorrow"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
