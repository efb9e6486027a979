//! The invariants listed after the table, over every combination of facts.

use directory::{AdapterResult, MatchOutcome, PersonState, SourceMode};
use proptest::{prelude::*, sample::select};

use super::*;

const STATES: [PersonState; 9] = [
    PersonState::Unknown,
    PersonState::Staged,
    PersonState::Mirrored,
    PersonState::Shadow,
    PersonState::VerifierImported,
    PersonState::Migrated,
    PersonState::DisabledByHub,
    PersonState::DisabledBySource,
    PersonState::Merged,
];

fn hub_answers() -> impl Strategy<Value = HubAnswer> {
    prop_oneof![
        any::<bool>().prop_map(|needs_rehash| HubAnswer::Right { needs_rehash }),
        Just(HubAnswer::Wrong),
        Just(HubAnswer::NoPassword),
        Just(HubAnswer::Paused),
    ]
}

fn answers() -> impl Strategy<Value = SourceAnswer> {
    prop_oneof![
        1 => Just(SourceAnswer::NotAsked),
        1 => Just(SourceAnswer::Repeated),
        1 => Just(SourceAnswer::Paused),
        1 => Just(SourceAnswer::NoBudget),
        2 => Just(SourceAnswer::Down),
        8 => (select(AdapterResult::ALL), any::<bool>()).prop_map(|(result, proves)| SourceAnswer::Said {
            result,
            proves_password: proves && !matches!(result, AdapterResult::BadPassword | AdapterResult::Locked),
        }),
    ]
}

prop_compose! {
    fn sources()(
        mode in select(SourceMode::ALL),
        (redirect, second_factor, is_credential_authority, holds_standing) in any::<(bool, bool, bool, bool)>(),
        (read_disabled, settled) in any::<(bool, bool)>(),
        answer in answers(),
        shadow in proptest::option::of(hub_answers()),
    ) -> SourceFacts {
        SourceFacts {
            mode, redirect, answer, is_credential_authority, holds_standing, second_factor, read_disabled, settled, shadow,
        }
    }
}

prop_compose! {
    fn situations()(
        state in select(&STATES[..]),
        (disputed, restricted_reach, privileged, holds_role, break_glass) in any::<(bool, bool, bool, bool, bool)>(),
        standing in select(&[StandingAge::Fresh, StandingAge::InGrace, StandingAge::GraceOver][..]),
        place in prop_oneof![
            2 => hub_answers().prop_map(Place::Hub),
            6 => sources().prop_map(Place::Source),
            1 => Just(Place::Nowhere),
        ],
        matching in select(MatchOutcome::ALL),
        (just_in_time, just_in_time_activation, candidate_has_authority, capture_wave) in any::<(bool, bool, bool, bool)>(),
        (shadow, outage_sign_in, success_is_recent, standing_is_recent, write_back) in any::<(bool, bool, bool, bool, bool)>(),
    ) -> Facts {
        Facts {
            state,
            person: PersonFacts { disputed, restricted_reach, privileged, holds_role, break_glass, standing },
            place,
            policy: PolicyFacts {
                just_in_time, just_in_time_activation, matching, candidate_has_authority, capture_wave,
                shadow, outage_sign_in, success_is_recent, standing_is_recent, write_back,
            },
        }
    }
}

/// Whether somebody showed in this attempt that they know the password.
fn is_proven(facts: &Facts) -> bool {
    match facts.place {
        Place::Hub(answer) => matches!(answer, HubAnswer::Right { .. }),
        Place::Source(source) => {
            let ours = matches!(source.shadow, Some(HubAnswer::Right { .. }));
            match source.answer {
                SourceAnswer::Down => ours,
                SourceAnswer::Said { .. } if source.mode == SourceMode::Paused => ours,
                SourceAnswer::Said { result: AdapterResult::Misconfigured, .. } => ours,
                SourceAnswer::Said { result, proves_password } => result == AdapterResult::Ok || proves_password,
                SourceAnswer::NotAsked | SourceAnswer::Repeated | SourceAnswer::Paused | SourceAnswer::NoBudget => {
                    ours && source.mode == SourceMode::Paused
                }
            }
        }
        Place::Nowhere => false,
    }
}

/// Counters, audit, trace, `missing_since`, what a service-account reading shows, what D24 deletes.
fn needs_no_proof(write: Write, facts: &Facts) -> bool {
    match write {
        Write::NoteMissing
        | Write::CacheLock
        | Write::AuditParity
        | Write::AuditSeveralEntries
        | Write::AuditMisconfigured
        | Write::AuditMergedAliasUsed
        | Write::AuditRedirectRefused
        | Write::RememberWrongPassword
        | Write::DeleteShadow => true,
        Write::DisableBySource | Write::EndSessionsProvenThere => {
            matches!(facts.place, Place::Source(source) if source.read_disabled)
        }
        Write::Rehash
        | Write::ReplaceImported
        | Write::Refresh
        | Write::Capture(_)
        | Write::Provision
        | Write::ProvisionDisputed
        | Write::Link
        | Write::Activate
        | Write::AuditWouldCreate => false,
    }
}

/// No session < one source's clients < everywhere; offline is less than online.
fn rights(decision: &Decision) -> u8 {
    match decision.grant {
        // After one more page.
        Grant::No if decision.page == Page::SetPassword => 4,
        Grant::No => 0,
        Grant::Session { extent, offline } => 1 + 2 * u8::from(extent == Extent::Everywhere) + u8::from(!offline),
    }
}

fn is_down(facts: &Facts) -> bool {
    let Place::Source(source) = facts.place else { return false };
    match source.mode {
        SourceMode::Paused => true,
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining => source.answer == SourceAnswer::Down,
        SourceMode::Observe | SourceMode::Retired => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn before_proof_nothing_about_people_is_written_and_nobody_is_let_in(facts in situations()) {
        let decision = decide(&facts);
        if !is_proven(&facts) {
            prop_assert_eq!(decision.grant, Grant::No);
            for write in &decision.writes {
                prop_assert!(needs_no_proof(*write, &facts), "{:?} in {:?}", write, decision);
            }
            prop_assert_ne!(decision.counter, Counter::Clear);
        }
    }

    #[test]
    fn transport_errors_change_no_state_and_no_counter(facts in situations()) {
        let decision = decide(&facts);
        let local = matches!(decision.like.unwrap_or(decision.row), Row::D15 | Row::D15b);
        if is_down(&facts) && !local {
            prop_assert_eq!(decision.grant, Grant::No);
            prop_assert_eq!(decision.counter, Counter::None);
            prop_assert!(decision.writes.is_empty() || facts.state == PersonState::Merged);
        }
    }

    #[test]
    fn no_state_gains_a_right_through_an_open_case(facts in situations()) {
        let closed = Facts { person: PersonFacts { disputed: false, restricted_reach: false, ..facts.person }, ..facts };
        let open = Facts { person: PersonFacts { disputed: true, ..facts.person }, ..facts };
        prop_assert!(rights(&decide(&open)) <= rights(&decide(&closed)));
        let born_of_it = Facts { person: PersonFacts { restricted_reach: true, ..open.person }, ..facts };
        prop_assert!(rights(&decide(&born_of_it)) <= rights(&decide(&open)));
    }

    #[test]
    fn a_source_that_is_not_asked_lets_nobody_in(facts in situations()) {
        if let Place::Source(source) = facts.place
            && matches!(source.mode, SourceMode::Observe | SourceMode::Retired)
        {
            prop_assert_eq!(decide(&facts).grant, Grant::No);
        }
    }

    #[test]
    fn nothing_is_captured_away_from_the_credential_authority_or_unsettled(facts in situations()) {
        if let Place::Source(source) = facts.place
            && (!source.is_credential_authority || !source.settled)
        {
            let captures = decide(&facts).writes.iter().any(|w| matches!(w, Write::Capture(_)));
            prop_assert!(!captures);
        }
    }

    #[test]
    fn a_proof_away_from_the_credential_authority_reaches_its_own_clients_only(facts in situations()) {
        if let Place::Source(source) = facts.place
            && !source.is_credential_authority
            && facts.state != PersonState::Unknown
        {
            let everywhere = Grant::Session { extent: Extent::Everywhere, offline: false };
            prop_assert_ne!(decide(&facts).grant, everywhere);
        }
    }

    #[test]
    fn roles_and_privileges_never_sign_in_offline(facts in situations()) {
        if let Grant::Session { offline: true, .. } = decide(&facts).grant {
            prop_assert!(!facts.person.privileged && !facts.person.holds_role);
            prop_assert_eq!(facts.state, PersonState::Shadow);
        }
    }

    #[test]
    fn only_who_proved_the_password_reads_a_specific_page(facts in situations()) {
        let decision = decide(&facts);
        if matches!(decision.page, Page::NotEnabledYet | Page::NotAllowedNow | Page::Disabled) {
            prop_assert!(is_proven(&facts), "{decision:?}");
        }
        prop_assert_eq!(decision.lets_in(), matches!(decision.page, Page::None | Page::Banner));
    }

    #[test]
    fn disabled_and_merged_people_are_never_let_in(facts in situations()) {
        let out = [PersonState::DisabledByHub, PersonState::DisabledBySource, PersonState::Merged];
        if out.contains(&facts.state) {
            prop_assert_eq!(decide(&facts).grant, Grant::No);
        }
    }
}
