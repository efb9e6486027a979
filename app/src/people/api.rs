//! What the People page asks and is told.

use directory::PersonState;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{problem::ApiError, ui::Choice};

/// The whole state of the page, as it stands in the address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeopleAsk {
    /// Words to search for.
    pub q: String,
    /// One state, or empty for everybody but merged records.
    pub state: String,
    /// A source's name, or empty.
    pub source: String,
    /// Where the page before ended.
    pub after: String,
}

impl PeopleAsk {
    /// The address with this state.
    #[must_use]
    pub fn link(&self) -> String {
        let pairs = [("q", &*self.q), ("state", &*self.state), ("source", &*self.source), ("after", &*self.after)];
        crate::link::with_query("/console/people", &pairs)
    }

    /// Whether anything narrows the list.
    #[must_use]
    pub fn narrows(&self) -> bool {
        !(self.q.is_empty() && self.state.is_empty() && self.source.is_empty())
    }
}

/// One page of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleList {
    pub ask: PeopleAsk,
    pub lines: Vec<PersonLine>,
    /// "1,204", or "10,000+".
    pub count: String,
    /// Where the next page starts.
    pub next: Option<String>,
    /// The sources to filter by, by name.
    pub sources: Vec<Choice>,
}

/// One person in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonLine {
    pub id: String,
    pub name: String,
    pub email: Option<String>,
    pub username: Option<String>,
    pub state: PersonState,
    pub disputed: bool,
    /// "Isthmus", a source's label, or nothing.
    pub checked_by: Option<String>,
    /// The labels of the sources with an account of the person.
    pub sources: String,
}

/// Rows of one page.
#[cfg(feature = "ssr")]
const PAGE: u32 = 50;

/// One page of people.
#[server(prefix = "/api", endpoint = "people")]
pub async fn list_people(ask: PeopleAsk) -> Result<PeopleList, ApiError> {
    use crate::caller::failed;
    let (hub, finder): (_, hub::kernel::capability::FindPeople) = crate::caller::permit().await?;
    let sources = hub.sources_now().await.map_err(failed)?;
    let source = sources.iter().find(|live| live.source.name == ask.source).map(|live| live.source.id);
    if source.is_none() && !ask.source.is_empty() {
        return Err(crate::caller::not_found("The source of this filter"));
    }
    let wanted = hub::people::PeopleAsk {
        text: ask.q.clone(),
        state: ask.state.parse().ok(),
        source,
        after: Some(ask.after.clone()).filter(|after| !after.is_empty()),
        size: PAGE,
    };
    let page = hub.people_page(&finder, &wanted).await.map_err(failed)?;
    Ok(PeopleList {
        lines: page.people.into_iter().map(PersonLine::from).collect(),
        count: page.count,
        next: page.next,
        sources: sources.iter().map(|live| Choice::new(&live.source.name, &live.source.label)).collect(),
        ask,
    })
}

#[cfg(feature = "ssr")]
impl From<hub::people::PersonLine> for PersonLine {
    fn from(line: hub::people::PersonLine) -> Self {
        Self {
            id: line.id.to_string(),
            name: line.name,
            email: line.email,
            username: line.username,
            state: line.state,
            disputed: line.disputed,
            checked_by: line.checked_by,
            sources: line.sources.join(", "),
        }
    }
}

/// A count as people read it: "1,204".
#[must_use]
pub fn count_text(count: i64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digit.is_ascii_digit() && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{PeopleAsk, count_text};

    #[test]
    fn counts_are_grouped() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count_text(count), text);
        }
    }

    #[test]
    fn the_state_of_the_page_is_its_address() {
        let ask = PeopleAsk { q: "jo & co".into(), state: "migrated".into(), ..PeopleAsk::default() };
        assert_eq!(ask.link(), "/console/people?q=jo%20%26%20co&state=migrated");
        assert_eq!(PeopleAsk::default().link(), "/console/people");
    }
}
