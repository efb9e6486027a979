//! Overview: is all well, and how far is the move.

mod api;
#[cfg(feature = "ssr")]
pub(crate) mod draw;
#[cfg(feature = "ssr")]
mod read;
mod sign_ins;
mod view;

pub use api::{DecisionLine, Figure, Mark, OverviewCard, ReadOverview, SourceHealthLine};
pub use sign_ins::{ListSignIns, SignInsAsk, SignInsLine, SignInsList, SignInsPage, sign_ins_view};
pub use view::{OverviewPage, overview_view};
