//! Roles of the hub itself. They never come from attributes, groups, import or merge.

use crate::words::words;

words! {
    /// What a person may do in the console, exercised only in a session proven by a hub-owned credential.
    HubRole, "role" {
        /// Everything: sources, applications, people, roles, secrets.
        Administrator = "administrator",
        /// Finds people, reads sign-in traces.
        HelpDesk = "help-desk",
    }
}
