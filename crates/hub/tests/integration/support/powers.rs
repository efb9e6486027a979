//! What an administrator may do.

use hub::kernel::capability::{
    Administer, FindPeople, HelpPeople, ManageApps, ManageSources, ReadAudit, ReadConfiguration,
};

/// An administrator's capabilities, by what they are used for.
#[derive(Debug, Clone, Copy)]
pub struct Powers {
    pub roles: Administer,
    pub sources: ManageSources,
    pub apps: ManageApps,
    pub read: ReadConfiguration,
    pub audit: ReadAudit,
    pub find: FindPeople,
    pub help: HelpPeople,
}

impl From<Administer> for Powers {
    fn from(roles: Administer) -> Self {
        Self {
            sources: (&roles).into(),
            apps: (&roles).into(),
            read: (&roles).into(),
            audit: (&roles).into(),
            find: (&roles).into(),
            help: (&roles).into(),
            roles,
        }
    }
}

impl std::ops::Deref for Powers {
    type Target = Administer;
    fn deref(&self) -> &Administer {
        &self.roles
    }
}
