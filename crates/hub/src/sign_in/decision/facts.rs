//! What a decision is made from.

use directory::{AdapterResult, MatchOutcome, PersonState, SourceMode};

/// Everything the table looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub state: PersonState,
    pub person: PersonFacts,
    pub place: Place,
    pub policy: PolicyFacts,
}

/// Flags of the person beside the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonFacts {
    /// An open case touches the person (U6). No row asks for it: a case never adds a right.
    pub disputed: bool,
    /// Born of row D19, and its case is open: sessions reach the clients of its source only.
    pub restricted_reach: bool,
    pub privileged: bool,
    pub holds_role: bool,
    pub break_glass: bool,
    pub standing: StandingAge,
}

/// How old the last reading at the standing authority is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingAge {
    /// Within `status_max_age`, or the hub is the authority.
    Fresh,
    /// Older, because the source is down, but within `standing_grace`.
    InGrace,
    /// Older than that.
    GraceOver,
}

/// Where the one decision about the password falls (semantics, section 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The hub's own verifier; no source is contacted.
    Hub(HubAnswer),
    Source(SourceFacts),
    /// Nobody can be asked: the name is borne by nobody or by several, or the person has no credential authority.
    Nowhere,
}

/// What the hub's own verifier says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HubAnswer {
    Right {
        needs_rehash: bool,
    },
    Wrong,
    /// A passkey and no password.
    NoPassword,
    /// Not verified: too many consecutive failures.
    Paused,
}

/// The source that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFacts {
    pub mode: SourceMode,
    /// It has no password field: people are sent there (OpenID providers).
    pub redirect: bool,
    pub answer: SourceAnswer,
    /// It is the person's credential authority, or would be that of the new person, or D1b asks it as such.
    pub is_credential_authority: bool,
    /// It is the person's standing authority.
    pub holds_standing: bool,
    /// The redirect source's own word shows a second factor (`amr`).
    pub second_factor: bool,
    /// The service account read the linked entry as disabled or expired.
    pub read_disabled: bool,
    /// The password there is older than `capture_settle`.
    pub settled: bool,
    /// What the hub's captured verifier says, where it was asked (U3).
    pub shadow: Option<HubAnswer>,
}

/// What the source said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceAnswer {
    /// The mode or the kind of source forbids to ask.
    NotAsked,
    /// The same wrong password as just before, answered from memory.
    Repeated,
    /// Too many consecutive failures of a password that the hub itself would compare (row D2c).
    Paused,
    /// The lockout budget is used up.
    NoBudget,
    /// No connection, TLS, time-out, rc 51/52, failing service bind, open breaker, paused.
    Down,
    Said {
        result: AdapterResult,
        /// The answer comes only with the right password.
        proves_password: bool,
    },
}

/// What the installation and the source are set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyFacts {
    pub just_in_time: bool,
    pub just_in_time_activation: bool,
    /// What matching says of an unknown account.
    pub matching: MatchOutcome,
    /// With [`MatchOutcome::Link`]: the candidate has another credential authority already.
    pub candidate_has_authority: bool,
    /// A capture wave with this person is under way.
    pub capture_wave: bool,
    pub shadow: bool,
    pub outage_sign_in: bool,
    /// The last success at the source is within `offline_last_success`.
    pub success_is_recent: bool,
    /// The standing was read within `offline_standing`.
    pub standing_is_recent: bool,
    /// An expired password can be changed at the source, by way of this hub (row D11).
    pub write_back: bool,
}

impl Facts {
    /// Whether the outage policy lets the hub's captured verifier decide while the source is down (row D15). The
    /// broker asks before it spends a verification.
    #[must_use]
    pub fn offline_is_allowed(&self) -> bool {
        self.state == PersonState::Shadow
            && self.policy.outage_sign_in
            && self.policy.success_is_recent
            && self.policy.standing_is_recent
            && !self.person.privileged
            && !self.person.holds_role
    }
}
