//! The pages of Isthmus: the door (sign-in, consent, sign-out, set-up; drawn by the server alone) and the console
//! (drawn by the server, woken in the browser, and working without scripts).
//!
//! Compiled twice: `ssr` for the server, `hydrate` for the browser. What a page shows is a plain struct beside the
//! page; its server functions turn the session into a capability, make one hub call, and present.

mod assets;
pub mod link;
pub mod ui;

#[cfg(feature = "ssr")]
pub mod door;

pub use assets::Assets;
