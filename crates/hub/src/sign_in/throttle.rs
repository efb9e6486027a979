//! The throttle (semantics, section 2.3): only refusals count, and nobody is refused for the installation alone.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use directory::{Policy, metric};
use storage::{Queries, throttle::Throttle};

use crate::{HubError, kernel::vault::Vault};

const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// Refusals of one typed identifier add up to "Too many attempts" over this time.
pub(super) const TOO_MANY_WINDOW: TimeDelta = TimeDelta::minutes(15);

/// Who is asking, as far as the throttle is concerned.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// Keyed digest of what was typed, folded.
    pub(super) identifier: Vec<u8>,
    /// Keyed digest of the IPv4 address, or of the IPv6 /64.
    pub(super) network: Vec<u8>,
    /// The network is an office's.
    office: bool,
}

impl Caller {
    pub(super) fn of(vault: &Vault, policy: &Policy, folded_identifier: &str, address: IpAddr) -> Self {
        let address = address.to_canonical();
        let network = match address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets()[..8].to_vec(),
        };
        Self {
            identifier: vault.keyed_digest("typed identifier", folded_identifier.as_bytes()),
            network: vault.keyed_digest("network", &network),
            office: policy.office_networks.iter().any(|cidr| cidr.contains(&address)),
        }
    }
}

/// What the throttle says before anything is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Throttled {
    pub(super) refused: bool,
    /// The installation is under fire: one more grid step.
    pub(super) slowed: bool,
    /// Refusals of this identifier from this network in the last minute, for the trace.
    pub(super) refusals: i64,
}

pub(super) async fn check(
    queries: &mut impl Queries,
    policy: &Policy,
    caller: &Caller,
    known_device: bool,
    now: DateTime<Utc>,
) -> Result<Throttled, HubError> {
    let counts = Throttle(queries).counts(&caller.identifier, &caller.network, now - WINDOW).await?;
    let network_limit = if caller.office { policy.throttle_office } else { policy.throttle_network };
    let too_many_of_it = counts.identifier >= i64::from(policy.throttle_identifier);
    // Browsers the person signed in with before pass the limits that a neighbour could use up.
    let too_many_from_there = !known_device && counts.network >= i64::from(network_limit);
    if too_many_of_it || too_many_from_there {
        let limit = if too_many_of_it { "identifier" } else { "network" };
        metrics::counter!(metric::THROTTLE_REFUSALS, "limit" => limit).increment(1);
    }
    Ok(Throttled {
        refused: too_many_of_it || too_many_from_there,
        slowed: !known_device && counts.installation >= i64::from(policy.throttle_installation),
        refusals: counts.identifier,
    })
}

/// The pause after this many consecutive failures (row D2c): none below the limit, then doubling.
pub(super) fn pause_after(policy: &Policy, failures: i64) -> Option<TimeDelta> {
    let beyond = u32::try_from(failures - i64::from(policy.consecutive_failures)).ok()?;
    let pause = policy.consecutive_failures_pause.saturating_mul(1u64.checked_shl(beyond.min(40)).unwrap_or(u64::MAX));
    let pause = pause.min(policy.consecutive_failures_pause_limit);
    Some(TimeDelta::seconds(i64::try_from(pause).unwrap_or(86_400)))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretSlice;

    use super::*;

    #[test]
    fn d2c_the_pause_starts_at_the_hundredth_failure_and_doubles_to_a_day() {
        let policy = Policy::default();
        let minutes = |failures| pause_after(&policy, failures).map(|pause| pause.num_minutes());
        assert_eq!(minutes(99), None);
        assert_eq!([100, 101, 102, 106, 107, 5_000].map(minutes), [15, 30, 60, 960, 1_440, 1_440].map(Some));
    }

    #[test]
    fn an_ipv6_neighbourhood_is_one_network_and_a_mapped_address_is_its_ipv4() {
        let vault = Vault::new(&SecretSlice::from(vec![1; 32])).unwrap();
        let network = |text: &str| Caller::of(&vault, &Policy::default(), "a", text.parse().unwrap()).network;
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
