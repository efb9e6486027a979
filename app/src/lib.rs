//! The pages of Isthmus: the door (sign-in, consent, sign-out, set-up; drawn by the server alone) and the console
//! (drawn by the server, woken in the browser, and working without scripts).
//!
//! Compiled twice: `ssr` for the server, `hydrate` for the browser. What a page shows is a plain struct beside the
//! page; its server functions turn the session into a capability, make one hub call, and present.

pub mod administrators;
pub mod approvals;
pub mod apps;
mod assets;
pub mod attributes;
pub mod audit;
pub mod browse;
#[cfg(feature = "ssr")]
mod caller;
pub mod console;
#[cfg(feature = "ssr")]
pub mod door;
pub mod find;
#[cfg(feature = "ssr")]
mod flash;
pub mod imports;
pub mod link;
pub mod overview;
pub mod people;
pub mod person;
pub mod problem;
pub mod source;
pub mod sources;
pub mod ui;
pub mod waiting;
pub mod wizard;

pub use assets::Assets;
#[cfg(feature = "ssr")]
pub use caller::Caller;
pub use console::App;
#[cfg(feature = "ssr")]
pub use console::shell;

/// The mark, for browsers' tabs: `/favicon.svg`.
#[cfg(feature = "ssr")]
pub const FAVICON: &str = include_str!("../favicon.svg");

#[cfg(all(test, feature = "ssr"))]
mod tests;
