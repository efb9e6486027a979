//! Attributes that the installation defines for itself.

mod api;
#[cfg(feature = "ssr")]
mod read;
mod view;

pub use api::{
    AttributeCard, AttributeForm, AttributeLine, AttributeList, ListAttributes, ReadAttribute, RemoveAttribute,
    SaveAttribute, Seen,
};
pub use view::{AttributePage, AttributesPage, NewAttributePage, attribute_view, attributes_view};
