//! How a source's servers are doing, as this process last met them. Each server of the hub sees for itself.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One server of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostHealth {
    /// "host:port".
    pub host: String,
    pub state: HostState,
    /// The next question goes to it; of sources that spread, to each that is so.
    pub in_use: bool,
    /// Connecting and TLS, in milliseconds, over the last few times.
    pub connect_ms: Option<u64>,
    /// One search, in milliseconds, over the last few times.
    pub search_ms: Option<u64>,
    pub last_success: Option<DateTime<Utc>>,
    pub last_trouble: Option<HostTrouble>,
    /// Consecutive failures since the last success.
    pub failures: u32,
}

/// What happened last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostTrouble {
    pub at: DateTime<Utc>,
    /// What happened and, where known, the remedy. No secret.
    pub reason: String,
}

/// The breaker of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostState {
    /// Nobody has asked it yet.
    Untried,
    Healthy,
    /// It failed lately: healthy ones are asked before it.
    Doubtful,
    /// It failed again and again: asked only where no other is left, and by the background check.
    Down,
    /// It refuses the hub itself; asked again only after minutes, because a service account can be locked too.
    Refusing,
}

impl HostState {
    /// As people read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Untried => "not asked yet",
            Self::Healthy => "healthy",
            Self::Doubtful => "failed lately",
            Self::Down => "down",
            Self::Refusing => "refuses the hub",
        }
    }

    /// Whether a question may well be answered there.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        match self {
            Self::Untried | Self::Healthy => true,
            Self::Doubtful | Self::Down | Self::Refusing => false,
        }
    }
}

impl std::fmt::Display for HostState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}
