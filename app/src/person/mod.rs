//! Person: what is going on with somebody, in words.

mod api;
#[cfg(feature = "ssr")]
pub(crate) mod read;
mod sessions;
mod trace;
mod view;

pub use api::{
    AccountCard, AuthorityLine, CaseLine, ChangeLine, GroupLine, PersonCard, ProfileLine, ReadPerson, SessionLine,
    SignInLine, TraceCard, TraceStepLine, TraceTone,
};
pub use trace::{TraceView, trace_panel};
pub use view::{PersonPage, person_view};
