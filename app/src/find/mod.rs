//! Find a person: what help desk opens when the phone rings.

mod api;
mod view;

pub use api::{Finding, FindPerson};
pub use view::{FindPage, find_view};
