//! Entries of directories of which nobody was made yet.

mod api;
#[cfg(feature = "ssr")]
mod read;
mod view;

pub use api::{ListWaiting, WaitingAsk, WaitingLine, WaitingPage as WaitingData};
pub use view::{WaitingPage, waiting_view};
