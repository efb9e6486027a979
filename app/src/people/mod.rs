//! People: search, filter, browse the directory.

mod api;
mod view;

pub use api::{ListPeople, PeopleAsk, PeopleList, PersonLine};
pub use view::{PeoplePage, people_view};
