//! Who may work in the console: capabilities out of sessions, roles, and the links that set a first password.

mod session_roles;
