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

/// Looks up a code, else people.
#[server(prefix = "/api", endpoint = "find-person")]
pub async fn find_person(q: String) -> Result<Finding, ApiError> {
    use crate::{caller::failed, person::read};
    let (hub, finder): (_, hub::kernel::capability::FindPeople) = crate::caller::permit().await?;
    let mut finding = Finding { code: false, trace: None, people: Vec::new(), more: false, q: q.trim().to_owned() };
    if let Some(code) = as_code(&finding.q) {
        finding.code = true;
        if let Some(trace) = hub.trace_by_code(&finder, &code).await.map_err(failed)? {
            let person = match trace.person {
                Some(id) => Some((id.to_string(), hub.name_of(id).await.map_err(failed)?)),
                None => None,
            };
            finding.trace = Some(read::trace(trace, person, &read::Names::read(&hub).await?));
            return Ok(finding);
        }
    }
    if !finding.q.is_empty() {
        let ask = hub::people::PeopleAsk { text: finding.q.clone(), size: 8, ..hub::people::PeopleAsk::default() };
        let page = hub.people_page(&finder, &ask).await.map_err(failed)?;
        finding.more = page.next.is_some();
        finding.people = page.people.into_iter().map(PersonLine::from).collect();
    }
    Ok(finding)
}

/// Whether a text has the form of a code: `R4T-9KD`, however it was typed. Returns it as it is stored.
#[cfg(any(feature = "ssr", test))]
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
