//! Sources: every directory people still come from.

mod api;
mod view;

pub use api::{ListSources, SourceLine, SourceList};
pub use view::{SourcesPage, health, sources_view};
