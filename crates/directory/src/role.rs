//! Roles of the hub itself, and the one matrix of what each may do. Roles never come from attributes, groups, import
//! or merge.

use crate::words::words;

words! {
    /// What a person is in the console. Exercised only in a session proven by a hub-owned credential.
    Role, "role" {
        /// Everything; alone gives roles, keeps keys and secrets, and decides what needs two people.
        Administrator = "administrator",
        /// Directories, their rules, waves and applications.
        Operator = "operator",
        /// Decides cases: who is the same person, who gets a held name.
        Reviewer = "reviewer",
        /// Finds people, reads their sign-ins, does what is safe for them.
        HelpDesk = "help-desk",
        /// Reads all, changes nothing.
        Auditor = "auditor",
    }
}

words! {
    /// What may be done in the console. `hub::kernel::capability` has one capability for each.
    Permission, "permission" {
        FindPeople = "find-people",
        HelpPeople = "help-people",
        DecideCases = "decide-cases",
        ReadConfiguration = "read-configuration",
        ManageSources = "manage-sources",
        ManageApps = "manage-apps",
        ReadAudit = "read-audit",
        Administer = "administer",
    }
}

impl Role {
    /// The matrix. There is no other place that says who may do what; `docs/roles.md` is held to it by a test.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        use Permission as P;
        match self {
            Self::Administrator => true,
            Self::Operator => {
                matches!(permission, P::FindPeople | P::ReadConfiguration | P::ManageSources | P::ManageApps)
            }
            Self::Reviewer => matches!(permission, P::FindPeople | P::ReadConfiguration | P::DecideCases),
            Self::HelpDesk => matches!(permission, P::FindPeople | P::HelpPeople),
            Self::Auditor => matches!(permission, P::FindPeople | P::ReadConfiguration | P::ReadAudit),
        }
    }

    /// As people read it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Administrator => "Administrator",
            Self::Operator => "Operator",
            Self::Reviewer => "Reviewer",
            Self::HelpDesk => "Help desk",
            Self::Auditor => "Auditor",
        }
    }
}

impl Permission {
    /// What it allows, for the documentation and for whoever is refused.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::FindPeople => "Find people, read a person's page and sign-in traces",
            Self::HelpPeople => {
                "Safe actions for people: end their sessions, unlock here and at their directory (never for somebody who holds a role, unless by an administrator)"
            }
            Self::DecideCases => "Decide cases",
            Self::ReadConfiguration => "Read directories, applications, proposals and cases (never a secret)",
            Self::ManageSources => "Register, change, test and switch directories; rules and waves",
            Self::ManageApps => "Register and change applications, publish groups to them",
            Self::ReadAudit => "Read the audit log and who holds which role",
            Self::Administer => {
                "Give and take roles, make set-up links, new secrets of applications, keys; decide what needs a second person"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `docs/roles.md`, from the code.
    fn table() -> String {
        let mut lines = String::from("| permission |");
        for role in Role::ALL {
            lines.push_str(&format!(" {} |", role.label()));
        }
        lines.push_str(&format!("\n|---|{}", "---|".repeat(Role::ALL.len())));
        for permission in Permission::ALL {
            lines.push_str(&format!("\n| **`{permission}`**: {} |", permission.meaning()));
            for role in Role::ALL {
                lines.push_str(if role.may(*permission) { " yes |" } else { " – |" });
            }
        }
        lines
    }

    #[test]
    fn the_documented_matrix_is_the_one_in_force() {
        let documented = include_str!("../../../docs/roles.md");
        assert!(documented.contains(&table()), "put this table into docs/roles.md:\n\n{}\n", table());
    }

    #[test]
    fn who_only_reads_changes_nothing_and_only_administrators_administer() {
        for permission in Permission::ALL {
            let reads =
                matches!(permission, Permission::FindPeople | Permission::ReadConfiguration | Permission::ReadAudit);
            assert_eq!(Role::Auditor.may(*permission), reads, "the auditor reads all and does nothing: {permission}");
            assert!(Role::Administrator.may(*permission));
        }
        let administering: Vec<_> = Role::ALL.iter().filter(|role| role.may(Permission::Administer)).collect();
        assert_eq!(administering, [&Role::Administrator]);
    }
}
