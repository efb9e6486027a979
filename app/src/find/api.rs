//! Looking up whoever calls.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{people::PersonLine, person::TraceCard, problem::ApiError};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was searched for.
    pub q: String,
    /// What is typed reads like a code (`R4T-9KD`).
    pub code: bool,
    /// The attempt with that code.
    pub trace: Option<TraceCard>,
    /// The first people that fit, and whether there are more.
    pub people: Vec<PersonLine>,
    pub more: bool,
}

/// Whether a text has the form of a code: `R4T-9KD`, however it was typed. Returns it as it is stored.
#[must_use]
pub fn as_code(text: &str) -> Option<String> {
    let letters: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    let plain = letters.len() == 6 && letters.chars().all(|c| c.is_ascii_alphanumeric());
    // A word of six letters is more often a name; codes are read out with their hyphen or hold a digit.
    let marked = text.trim().chars().nth(3) == Some('-') || letters.chars().any(|c| c.is_ascii_digit());
    let letters = letters.to_ascii_uppercase();
    (plain && marked).then(|| format!("{}-{}", &letters[..3], &letters[3..]))
}

#[cfg(test)]
mod tests {
    use super::as_code;

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        for typed in ["R4T-9KD", " r4t-9kd ", "r4t9kd", "R4T 9KD"] {
            assert_eq!(as_code(typed).as_deref(), Some("R4T-9KD"), "{typed}");
        }
        assert_eq!(as_code("abc-def").as_deref(), Some("ABC-DEF"));
        for typed in ["", "Amara", "fatima", "1234567", "R4T-9KÅ", "a-b-c-d-e-f-g"] {
            assert_eq!(as_code(typed), None, "{typed}");
        }
    }
}
