//! The list of people: words, state and source; keyset pages; no total above ten thousand.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use directory::{CredentialAuthority, PersonId, PersonState, SourceId, search_words};
use storage::search::{After, COUNT_LIMIT, Counted, ListedPerson, PeopleFilter, Search};

use super::Labels;
use crate::{Hub, HubError, kernel::capability::FindPeople};

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleAsk {
    /// Beginnings of a name, e-mail address, username, employee number or phone number.
    pub text: String,
    /// Empty = everybody but merged records.
    pub state: Option<PersonState>,
    pub source: Option<SourceId>,
    /// [`PeopleList::next`] of the page before.
    pub after: Option<String>,
    pub size: u32,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleList {
    pub people: Vec<PersonLine>,
    /// "1,204"; "10,000+"; or "1,204+" where several filters that many people pass were checked on some of them only.
    pub count: String,
    /// Where the next page starts, if there is one.
    pub next: Option<String>,
}

/// One person in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonLine {
    pub id: PersonId,
    pub name: String,
    pub email: Option<String>,
    pub username: Option<String>,
    pub state: PersonState,
    pub disputed: bool,
    /// "Isthmus", the label of a source, or nobody.
    pub checked_by: Option<String>,
    /// Labels of the sources with an account of the person.
    pub sources: Vec<String>,
}

impl Hub {
    /// One page of people in the order of their names.
    pub async fn people_page(&self, _: &FindPeople, ask: &PeopleAsk) -> Result<PeopleList, HubError> {
        let filter = PeopleFilter { words: query_words(&ask.text), state: ask.state, source: ask.source };
        let after = ask.after.as_deref().map(read_cursor).transpose()?;
        let labels = Labels::read(self).await?;
        let mut reader = self.database.reader();
        let size = ask.size.clamp(1, 200);
        let mut found = Search(&mut reader).page(&filter, after.as_ref(), size).await?;
        let mut count = Search(&mut reader).count(&filter).await?;
        // Those on the page are there, whoever was looked at to count.
        count.number = count.number.max(i64::try_from(found.len()).unwrap_or(0));
        let more = found.len() > size as usize;
        found.truncate(size as usize);
        let next = found.last().filter(|_| more).map(write_cursor);
        let people = found.into_iter().map(|listed| line(listed, &labels)).collect();
        Ok(PeopleList { people, count: count_text(count), next })
    }
}

fn line(listed: ListedPerson, labels: &Labels) -> PersonLine {
    let ListedPerson { person, email, username, sources, .. } = listed;
    PersonLine {
        id: person.id,
        state: person.state(),
        disputed: person.disputed,
        checked_by: match person.credential_authority {
            CredentialAuthority::Hub => Some("Isthmus".to_owned()),
            CredentialAuthority::Source(id) => Some(labels.label(id)),
            CredentialAuthority::None => None,
        },
        name: person.display_name,
        email,
        username,
        sources: sources.into_iter().map(|id| labels.label(id)).collect(),
    }
}

/// The words to search for. A phone number is one word however it is grouped; anything else is split at spaces.
#[must_use]
pub fn query_words(text: &str) -> Vec<String> {
    let text = text.trim();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let only_phone_characters = text.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c));
    let grouped = text.len() > digits.len();
    // Without grouping it may as well be an employee number, unless it has the length and zero of a phone number.
    if only_phone_characters && digits.len() >= 5 && (grouped || (digits.starts_with('0') && digits.len() >= 8)) {
        return vec![digits.trim_start_matches('0').to_owned()];
    }
    search_words(text)
}

pub(super) fn count_text(count: Counted) -> String {
    let number = count.number.min(COUNT_LIMIT);
    let text = if number >= 1_000 { format!("{},{:03}", number / 1_000, number % 1_000) } else { number.to_string() };
    if count.complete && count.number <= COUNT_LIMIT { text } else { text + "+" }
}

fn write_cursor(last: &ListedPerson) -> String {
    let place = serde_json::json!([last.sort_name, last.person.id]);
    URL_SAFE_NO_PAD.encode(place.to_string())
}

fn read_cursor(text: &str) -> Result<After, HubError> {
    let place = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (sort_name, id): (String, PersonId) = place.ok_or_else(|| HubError::Invalid {
        field: "after",
        message: "this page address is cut or outdated: start from the first page".to_owned(),
    })?;
    Ok(After { sort_name, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_are_one_word_and_names_are_several() {
        assert_eq!(query_words("+47 21 09 44 61"), ["4721094461"]);
        assert_eq!(query_words("021 094 461"), ["21094461"]);
        assert_eq!(query_words("31882"), ["31882"]);
        assert_eq!(query_words("000123"), ["000123"]);
        assert_eq!(query_words(" José  Okafor"), ["jose", "okafor"]);
        assert!(query_words("  ").is_empty());
    }

    #[test]
    fn counts_end_at_ten_thousand() {
        let text = |number| count_text(Counted { number, complete: true });
        assert_eq!([7, 1_004, 10_000, 10_001].map(text), ["7", "1,004", "10,000", "10,000+"]);
        assert_eq!(count_text(Counted { number: 1_004, complete: false }), "1,004+");
    }

    #[test]
    fn a_cut_cursor_is_an_error_and_not_the_first_page() {
        assert!(read_cursor("WyJh").is_err());
    }
}
