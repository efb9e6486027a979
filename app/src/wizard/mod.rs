//! Connecting a directory, step by step: one page that draws whatever step the server composes. Every field, word and
//! piece of advice comes from there, so that the browser's half knows nothing of directories.

mod api;
#[cfg(feature = "ssr")]
mod database;
#[cfg(feature = "ssr")]
mod read;
mod view;
#[cfg(feature = "ssr")]
mod write;

pub use api::{ReadWizard, WizardCheck, WizardField, WizardLink, WizardPage, WizardReport, WizardStep};
pub use view::{NewSourcePage, field, wizard_view};
