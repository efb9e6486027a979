//! One source: its page, its settings, its tests.

mod api;
#[cfg(feature = "ssr")]
pub(crate) mod fields;
mod form;
mod form_parts;
mod mode;
mod profile;
#[cfg(feature = "ssr")]
mod read;
mod test_panel;
mod view;
#[cfg(feature = "ssr")]
mod write;
mod write_access;

pub use api::{
    FoundPerson, HostLine, PasswordLine, PersonTest, ReadSource, SaveAnswer, SaveSource, SetMode, SettingsOf,
    SourceCard, TestPassword, TestReport, TestStep,
};
pub use form::{EditSourcePage, SourceForm, settings_view};
#[cfg(feature = "ssr")]
pub(crate) use form_parts::attribute_word;
pub use profile::{
    MappedCard, MappedRow, ProfileAnswer, ProfileCard, ProfileForm, ProfileLine, ReadSourceProfile, SaveSourceProfile,
    SourceProfilePage, profile_view,
};
pub use view::{SourcePage, source_view};
pub use write_access::{SaveWriteAccess, WriteForm};
