//! People: search, filter, browse the directory.

mod api;
mod view;

pub use api::{ListPeople, PeopleAsk, PeopleList, PersonLine, count_text};
pub use view::{PeoplePage, people_view};
