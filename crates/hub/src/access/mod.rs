//! Who may work in the console: capabilities out of sessions, roles, what a second person decides, the links that set a
//! first password, and the break-glass administrator.

mod approvals;
mod break_glass;
mod names;
mod roles;
mod session_roles;
mod set_up;

pub use approvals::{Approval, ApprovalLine};
pub use break_glass::{BreakGlassCode, CodeAnswer};
pub use roles::{Held, NewHolder, RoleHolder};
pub use set_up::{Invitation, SetUpPage};
