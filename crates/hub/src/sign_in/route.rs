//! The way an attempt leads to a source: by client, domain, or the only source there is; never by the person.

use std::sync::Arc;

use directory::{Client, SourceId, SourceMode, TypedName, fold};

use super::{SignInAttempt, SignInPage, answer::DirectoryChoice, grid::RouteKey};
use crate::{Hub, HubError, connections::LiveSource};

/// Whether passwords are sent to a source in this mode, or would be if it were not paused.
pub(super) const fn is_asked(mode: SourceMode) -> bool {
    match mode {
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Paused => true,
        SourceMode::Observe | SourceMode::Retired => false,
    }
}

/// The route of one attempt.
pub(super) struct Route {
    pub(super) key: RouteKey,
    /// Where an unknown person is looked for, one group after the other.
    pub(super) groups: Vec<Vec<Arc<LiveSource>>>,
    /// The client's original sources, in order.
    pub(super) originals: Vec<SourceId>,
    /// "Which directory?", answered.
    pub(super) chosen: Option<Arc<LiveSource>>,
    /// The source that is declared to own the typed domain.
    pub(super) domain_owner: Option<SourceId>,
    /// The console: names of the hub's own come first.
    pub(super) console: bool,
}

impl Route {
    pub(super) fn of(attempt: &SignInAttempt, client: Option<&Client>, sources: &[Arc<LiveSource>]) -> Self {
        let chosen = attempt.directory.as_deref().filter(|name| !name.is_empty());
        let chosen = chosen.and_then(|name| sources.iter().find(|s| s.source.name == name)).cloned();
        let owner = domain_owner(&attempt.identifier, sources);
        let originals = client.map(|c| c.original_sources.clone()).unwrap_or_default();
        let mut groups: Vec<Vec<Arc<LiveSource>>> = Vec::new();
        if let Some(chosen) = &chosen {
            groups.push(vec![Arc::clone(chosen)]);
        } else {
            let by_id = |id: &SourceId| sources.iter().find(|s| s.source.id == *id).cloned();
            groups.push(originals.iter().filter_map(by_id).collect());
            groups.push(owner.iter().filter_map(by_id).collect());
            groups.push(sources.iter().filter(|s| is_asked(s.source.mode)).cloned().collect());
            groups.retain(|group| !group.is_empty());
        }
        let key =
            RouteKey { client: attempt.client.clone(), directory: chosen.as_ref().map(|s| s.source.id), domain: owner };
        Self { key, groups, originals, chosen, domain_owner: owner, console: client.is_none() }
    }

    /// Whether a source this route leads to is down: then every refused attempt on it reads the outage text.
    pub(super) fn is_down(&self, hub: &Hub) -> bool {
        let Some(first) = self.groups.first() else { return false };
        let (memory, now) = (&hub.state.sign_in, hub.clock.now());
        first.iter().any(|s| is_asked(s.source.mode) && (s.is_down() || memory.failed_lately(s.source.id, now)))
    }
}

/// The source that owns the domain of `name@domain` or `DOMAIN\name`.
pub(super) fn domain_owner(identifier: &str, sources: &[Arc<LiveSource>]) -> Option<SourceId> {
    let owns = |live: &Arc<LiveSource>| match TypedName::parse(identifier) {
        TypedName::AtDomain(address) => live.source.domains.iter().any(|d| fold(d).as_str() == address.domain),
        TypedName::Down { domain, .. } => {
            let netbios = live.source.connector.ldap().and_then(|ldap| ldap.netbios_domain.as_deref());
            netbios.is_some_and(|netbios| fold(netbios) == fold(&domain))
        }
        TypedName::Bare(_) => false,
    };
    let mut owners = sources.iter().filter(|live| owns(live));
    match (owners.next(), owners.next()) {
        (Some(one), None) => Some(one.source.id),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

impl Hub {
    /// What the sign-in page shows. "Which directory?" is there for everybody where the route leaves several
    /// namespaces, and for nobody where it leaves one.
    pub async fn sign_in_page(&self, client: Option<&directory::ClientId>) -> Result<SignInPage, HubError> {
        let client = match client {
            Some(id) => Some(self.client_of_attempt(id).await?),
            None => None,
        };
        let sources = self.sources_now().await?;
        let originals = client.as_ref().map(|c| c.original_sources.as_slice()).unwrap_or_default();
        let offered: Vec<_> =
            sources.iter().filter(|s| originals.is_empty() || originals.contains(&s.source.id)).collect();
        // Retired sources stand there by their label: their captured people still choose them.
        let asked = offered.iter().filter(|s| is_asked(s.source.mode)).count();
        let choice =
            |s: &&Arc<LiveSource>| DirectoryChoice { value: s.source.name.clone(), label: s.source.label.clone() };
        let directories =
            if asked > 1 || (asked == 1 && offered.len() > 1) { offered.iter().map(choice).collect() } else { vec![] };
        Ok(SignInPage { directories, client_name: client.map(|c| c.name) })
    }

    pub(super) async fn client_of_attempt(&self, id: &directory::ClientId) -> Result<Client, HubError> {
        let stored = storage::clients::by_id(&mut self.database.reader(), id).await?;
        Ok(stored.ok_or(HubError::NotFound("The application"))?.client)
    }
}
