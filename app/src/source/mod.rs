//! One source: its page, its settings, its tests.

mod api;
mod form;
mod form_parts;
mod mode;
mod test_panel;
mod view;

pub use api::{
    FoundPerson, PersonTest, ReadSource, SaveSource, SetMode, SettingsOf, SourceCard, TestPassword, TestReport, TestStep,
};
pub use form::{EditSourcePage, NewSourcePage, SourceForm, settings_view};
pub use view::{SourcePage, source_view};
