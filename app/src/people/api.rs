//! What the People page asks and is told.

use directory::PersonState;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    problem::ApiError,
    ui::Choice,
};

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
