//! How the directories are doing, in words: what this process saw of each, without dialling. For the console, metrics
//! and `doctor`; it names servers and no person.

use connector::{BreakerState, HostHealth, HostState};
use directory::{SourceId, SourceMode};
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::LiveSource;
use crate::{Hub, HubError};

/// One directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHealth {
    pub source: SourceId,
    pub name: String,
    pub label: String,
    pub mode: SourceMode,
    pub condition: SourceCondition,
    /// The condition and its reason, in one sentence.
    pub sentence: String,
    /// In the order of the settings; empty for a source without a connector.
    pub hosts: Vec<HostHealth>,
}

/// What a sign-in would find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceCondition {
    /// Nobody has asked it since this server started, or since its settings changed.
    Unknown,
    Healthy,
    /// It answers, but not all of its servers do.
    Degraded,
    Down,
    /// It refuses the hub itself, or its settings cannot be used: an administrator must act.
    Misconfigured,
    /// Paused or retired: it is not asked.
    NotContacted,
}

impl SourceCondition {
    /// As people read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "not asked yet",
            Self::Healthy => "healthy",
            Self::Degraded => "partly down",
            Self::Down => "down",
            Self::Misconfigured => "misconfigured",
            Self::NotContacted => "not contacted",
        }
    }
}

impl LiveSource {
    /// How it is doing, as far as this process knows.
    #[must_use]
    pub fn health(&self) -> SourceHealth {
        let (condition, sentence, hosts) = match self.connector() {
            Ok(connector) => {
                let hosts = connector.hosts();
                let (condition, sentence) = judge(connector.breaker(), &hosts);
                (condition, sentence, hosts)
            }
            Err(trouble) => match self.source.mode {
                SourceMode::Paused | SourceMode::Retired => {
                    (SourceCondition::NotContacted, "It is not asked in this mode.".to_owned(), Vec::new())
                }
                SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Observe => {
                    (SourceCondition::Misconfigured, sentence(&trouble.reason), Vec::new())
                }
            },
        };
        SourceHealth {
            source: self.source.id,
            name: self.source.name.clone(),
            label: self.source.label.clone(),
            mode: self.source.mode,
            condition,
            sentence,
            hosts,
        }
    }
}

fn judge(breaker: BreakerState, hosts: &[HostHealth]) -> (SourceCondition, String) {
    let usable = hosts.iter().filter(|host| host.state.is_usable()).count();
    let reason = || {
        let troubled = hosts.iter().filter(|host| !host.state.is_usable());
        let last = troubled.filter_map(|host| host.last_trouble.as_ref()).max_by_key(|trouble| trouble.at);
        last.map(|trouble| trouble.reason.clone()).unwrap_or_default()
    };
    let refusing = !hosts.is_empty() && hosts.iter().all(|host| host.state == HostState::Refusing);
    if refusing {
        return (SourceCondition::Misconfigured, sentence(&format!("It refuses the hub itself: {}", reason())));
    }
    if breaker == BreakerState::Open || (usable == 0 && !hosts.is_empty()) {
        return (SourceCondition::Down, sentence(&format!("It does not answer: {}", reason())));
    }
    if usable < hosts.len() {
        let text = format!("{usable} of {} servers answer. The last trouble: {}", hosts.len(), reason());
        return (SourceCondition::Degraded, sentence(&text));
    }
    if hosts.iter().all(|host| host.state == HostState::Untried) {
        return (SourceCondition::Unknown, "Nobody has asked it since this server started.".to_owned());
    }
    (SourceCondition::Healthy, "It answers.".to_owned())
}

/// Ends like a sentence, whatever the directory's own words ended like.
fn sentence(text: &str) -> String {
    format!("{}.", text.trim().trim_end_matches([':', '.']))
}

impl Hub {
    /// Every directory's health, by name. Dials nobody.
    pub async fn source_health(&self) -> Result<Vec<SourceHealth>, HubError> {
        Ok(self.sources_now().await?.iter().map(|live| live.health()).collect())
    }

    /// Looks at the servers that are in trouble, and at those that stand by, as often as each is worth, so that a
    /// recovery is seen before anybody tries to sign in. Returns the directories with a server that came back.
    pub async fn check_hosts(&self) -> Result<Vec<SourceId>, HubError> {
        let sources = self.sources_now().await?;
        let asked = sources.iter().filter_map(|live| Some((live.source.id, live.connector().ok()?)));
        let checked = join_all(asked.map(|(id, connector)| async move { (id, connector.check_hosts().await) })).await;
        Ok(checked.into_iter().filter(|(_, recovered)| *recovered).map(|(id, _)| id).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(state: HostState) -> HostHealth {
        HostHealth {
            host: "a:636".into(),
            state,
            in_use: true,
            connect_ms: None,
            search_ms: None,
            last_success: None,
            last_trouble: None,
            failures: 0,
        }
    }

    #[test]
    fn the_condition_is_that_of_the_servers_together() {
        use HostState::{Doubtful, Down, Healthy, Refusing, Untried};
        for (hosts, breaker, condition) in [
            (&[Untried, Untried][..], BreakerState::Closed, SourceCondition::Unknown),
            (&[Healthy, Untried], BreakerState::Closed, SourceCondition::Healthy),
            (&[Down, Healthy], BreakerState::Closed, SourceCondition::Degraded),
            (&[Doubtful, Down], BreakerState::Closed, SourceCondition::Down),
            (&[Healthy], BreakerState::Open, SourceCondition::Down),
            (&[Refusing, Refusing], BreakerState::Open, SourceCondition::Misconfigured),
            (&[Refusing, Down], BreakerState::Closed, SourceCondition::Down),
            (&[], BreakerState::Closed, SourceCondition::Unknown),
        ] {
            let list: Vec<_> = hosts.iter().copied().map(host).collect();
            let (found, sentence) = judge(breaker, &list);
            assert_eq!(found, condition, "{hosts:?}");
            assert!(sentence.ends_with('.') && !sentence.ends_with("..") && !sentence.contains(":."), "{sentence}");
        }
    }
}
