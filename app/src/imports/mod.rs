//! Imports of one directory: its runs, what became of each object, starting and ending them.

mod api;
mod panel;
#[cfg(feature = "ssr")]
pub(crate) mod read;
mod run_view;
#[cfg(feature = "ssr")]
mod schedule;

pub use api::{
    CancelImport, ImportsCard, Number, ReadImport, ResultLine, RunAsk, RunCard, RunLine, ScheduleCard,
    SetImportSchedule, StartImport,
};
pub(crate) use panel::imports_panel;
pub use run_view::{ImportRunPage, import_run_view};
