//! Every figure of our own, with its default. An installation may change each.

use serde::{Deserialize, Serialize};

/// Installation-wide settings of sign-in, standing and throttling. Durations are seconds unless the name says
/// otherwise; rates are refusals per minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How old a reading at the standing authority may be before a sign-in reads again.
    pub status_max_age: u64,
    /// How long a person of a source that is down may still sign in with the hub's verifier (D1c).
    pub standing_grace: u64,
    /// The same for privileged people.
    pub standing_grace_privileged: u64,
    /// Distance of the two sightings that make a person missing.
    pub missing_confirmation: u64,
    /// How long names and identifiers of an account that is gone are held for its return.
    pub tombstone_grace: u64,
    /// How long the results of an import are kept.
    pub import_results: u64,
    /// Largest share of a source's people, in percent, that one sweep or import may find missing.
    pub removal_guard_percent: u32,
    /// People below which the removal guard does not count shares.
    pub removal_guard_minimum: u32,
    /// How long reading groups may delay the session of somebody who is known, in milliseconds; what takes longer is
    /// read after the sign-in.
    pub profile_patience_ms: u64,
    /// How often password-set times and standing are swept.
    pub sweep_interval: u64,
    /// Wrong passwords per window for a source whose lockout is off.
    pub budget_without_lockout: u32,
    /// The window of that budget.
    pub budget_without_lockout_window: u64,
    /// Refusals per minute for one (identifier, network).
    pub throttle_identifier: u32,
    /// Refusals per minute for one network (IPv4 address, IPv6 /64).
    pub throttle_network: u32,
    /// Refusals per minute for a listed office network.
    pub throttle_office: u32,
    /// Refusals per minute of the installation, above which answers slow by one grid step.
    pub throttle_installation: u32,
    /// Networks of offices, as CIDRs.
    pub office_networks: Vec<ipnet::IpNet>,
    /// The grid refusals are released on, in milliseconds.
    pub refusal_grid_ms: u64,
    /// Refusals of one typed identifier in 15 minutes from which the page says "Too many attempts".
    pub too_many_attempts: u32,
    /// Consecutive failures after which a hub-owned password is not verified for a while (D2c).
    pub consecutive_failures: u32,
    /// The first such pause; it doubles.
    pub consecutive_failures_pause: u64,
    /// The longest such pause.
    pub consecutive_failures_pause_limit: u64,
    /// Oldest success at the source that an offline sign-in may stand on (D15).
    pub offline_last_success: u64,
    /// Oldest standing reading that an offline sign-in may stand on (D15).
    pub offline_standing: u64,
    /// Length of an offline session.
    pub offline_session: u64,
    /// Length of a session.
    pub session: u64,
    /// A session ends when unused for this long.
    pub session_idle: u64,
    /// How long a wrong password is remembered as a keyed digest in memory (D7).
    pub wrong_password_memory: u64,
    /// How many people a change takes that is not one person's to make: 2, or 1 where one person runs the hub.
    pub approvals: u32,
    /// How long somebody must have been an administrator before they decide about such a change.
    pub approval_tenure: u64,
    /// How long somebody may take on the sign-in page.
    pub authorization_request: u64,
    /// How long an authorization code may be redeemed.
    pub authorization_code: u64,
    /// Length of an access token and an ID token.
    pub access_token: u64,
    /// Absolute length of a grant with offline access, however often it is refreshed.
    pub offline_access: u64,
    /// How long a signing key signs before another follows; 0 = until somebody rotates it.
    pub signing_key_period: u64,
    /// How long a signing key is published before it signs.
    pub signing_key_ahead: u64,
    /// Whether a session keeps the address it was opened from, for the list of a person's sessions.
    pub session_addresses: bool,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

impl Default for Policy {
    fn default() -> Self {
        Self {
            status_max_age: 24 * HOUR,
            standing_grace: 72 * HOUR,
            standing_grace_privileged: 24 * HOUR,
            missing_confirmation: 15 * MINUTE,
            tombstone_grace: 30 * 24 * HOUR,
            import_results: 90 * 24 * HOUR,
            removal_guard_percent: 20,
            removal_guard_minimum: 100,
            profile_patience_ms: 500,
            sweep_interval: 15 * MINUTE,
            budget_without_lockout: 10,
            budget_without_lockout_window: 15 * MINUTE,
            throttle_identifier: 10,
            throttle_network: 30,
            throttle_office: 600,
            throttle_installation: 600,
            office_networks: Vec::new(),
            refusal_grid_ms: 400,
            too_many_attempts: 3,
            consecutive_failures: 100,
            consecutive_failures_pause: 15 * MINUTE,
            consecutive_failures_pause_limit: 24 * HOUR,
            offline_last_success: 24 * HOUR,
            offline_standing: 4 * HOUR,
            offline_session: HOUR,
            session: 12 * HOUR,
            session_idle: 2 * HOUR,
            wrong_password_memory: 15 * MINUTE,
            approvals: 2,
            approval_tenure: 24 * HOUR,
            authorization_request: 30 * MINUTE,
            authorization_code: MINUTE,
            access_token: 10 * MINUTE,
            offline_access: 30 * 24 * HOUR,
            signing_key_period: 90 * 24 * HOUR,
            signing_key_ahead: 24 * HOUR,
            session_addresses: false,
        }
    }
}
