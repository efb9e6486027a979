//! Who may work in the console: capabilities out of sessions, roles, and the links that set a first password.

mod password_rules;
mod roles;
mod session_roles;
mod set_up;

pub use password_rules::SHORTEST as PASSWORD_MINIMUM;
pub use roles::{NewHolder, RoleHolder};
pub use set_up::{Invitation, SetUpPage};
