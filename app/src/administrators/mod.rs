//! Administrators: who works in the console, and as what.

mod api;
mod view;

pub use api::{
    GiveRole, HeldRole, HolderLine, HolderList, InviteHolder, Invited, ListHolders, RenewInvitation, TakeRole,
};
pub use view::{AdministratorsPage, administrators_view};
