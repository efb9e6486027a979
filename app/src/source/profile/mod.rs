//! What becomes of what a source says: its mapping, tried on real entries, and how much its word counts.

mod api;
#[cfg(feature = "ssr")]
mod read;
mod view;

pub use api::{
    MappedCard, MappedRow, ProfileAnswer, ProfileCard, ProfileForm, ProfileLine, ReadSourceProfile, SaveSourceProfile,
};
pub use view::{SourceProfilePage, profile_view};
