//! Find a person: what help desk opens when the phone rings.

mod api;
mod view;

pub use api::{FindPerson, Finding};
pub use view::{FindPage, find_view};
