//! Groups and devices: search, filter, browse, and one of them. One shape serves both: what differs is words, and those
//! are composed on the server.

mod api;
mod list_view;
mod object_view;
#[cfg(feature = "ssr")]
mod read;

pub use api::{
    BrowseAsk, BrowseLine, BrowseList, Fact, Linked, LinkedPanel, ListDevices, ListGroups, ObjectCard, ReadDevice,
    ReadGroup,
};
pub use list_view::{DevicesPage, GroupsPage, browse_view};
pub(crate) use object_view::linked_panel;
pub use object_view::{DevicePage, GroupPage, object_view};
#[cfg(feature = "ssr")]
pub(crate) use read::device_link;
