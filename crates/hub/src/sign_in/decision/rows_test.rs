//! One test per row, named after it.

use directory::{
    AdapterResult::{self, *},
    MatchOutcome, PersonState,
    SourceMode::{self, *},
};

use super::*;

/// A healthy installation: nobody special, capture nowhere, just-in-time on.
fn facts(state: PersonState, place: Place) -> Facts {
    Facts {
        state,
        person: PersonFacts {
            disputed: false,
            restricted_reach: false,
            privileged: false,
            holds_role: false,
            break_glass: false,
            standing: StandingAge::Fresh,
        },
        place,
        policy: PolicyFacts {
            just_in_time: true,
            just_in_time_activation: true,
            matching: MatchOutcome::Create,
            candidate_has_authority: false,
            write_back: false,
            capture_wave: false,
            shadow: false,
            outage_sign_in: false,
            success_is_recent: true,
            standing_is_recent: true,
        },
    }
}

fn source(mode: SourceMode, answer: SourceAnswer) -> SourceFacts {
    SourceFacts {
        mode,
        redirect: false,
        answer,
        is_credential_authority: true,
        holds_standing: true,
        second_factor: false,
        read_disabled: false,
        settled: true,
        shadow: None,
    }
}

const fn said(result: AdapterResult) -> SourceAnswer {
    SourceAnswer::Said { result, proves_password: false }
}

const fn proves(result: AdapterResult) -> SourceAnswer {
    SourceAnswer::Said { result, proves_password: true }
}

fn at(state: PersonState, mode: SourceMode, answer: SourceAnswer) -> Facts {
    facts(state, Place::Source(source(mode, answer)))
}

fn with_source(mut facts: Facts, change: impl FnOnce(&mut SourceFacts)) -> Facts {
    if let Place::Source(source) = &mut facts.place {
        change(source);
    }
    facts
}

const RIGHT: HubAnswer = HubAnswer::Right { needs_rehash: false };
const U0: PersonState = PersonState::Unknown;
const U1: PersonState = PersonState::Staged;
const U2: PersonState = PersonState::Mirrored;
const U3: PersonState = PersonState::Shadow;
const U4: PersonState = PersonState::VerifierImported;
const U5: PersonState = PersonState::Migrated;

const EVERYWHERE: Grant = Grant::Session { extent: Extent::Everywhere, offline: false };
const OF_SOURCE: Grant = Grant::Session { extent: Extent::OfSource, offline: false };

/// (row, like, grant, counter, page) and the writes.
#[track_caller]
fn expect(facts: &Facts, row: Row, grant: Grant, writes: &[Write], counter: Counter, page: Page) -> Decision {
    let decision = decide(facts);
    assert_eq!(
        (decision.row, decision.grant, decision.writes.as_slice(), decision.counter, decision.page),
        (row, grant, writes, counter, page)
    );
    decision
}

#[track_caller]
fn refused(facts: &Facts, row: Row, counter: Counter) {
    expect(facts, row, Grant::No, &[], counter, Page::Refusal);
}

#[test]
fn d1_the_hub_lets_a_migrated_person_in() {
    expect(&facts(U5, Place::Hub(RIGHT)), Row::D1, EVERYWHERE, &[], Counter::Clear, Page::None);
    let old = facts(U5, Place::Hub(HubAnswer::Right { needs_rehash: true }));
    expect(&old, Row::D1, EVERYWHERE, &[Write::Rehash], Counter::Clear, Page::None);
}

#[test]
fn d1b_a_password_changed_at_the_source_is_asked_for_there() {
    for state in [U4, U5] {
        let right = expect(
            &at(state, Capture, said(Ok)),
            Row::D1b,
            EVERYWHERE,
            &[Write::Refresh, Write::Capture(super::Capture::TakeOver)],
            Counter::Clear,
            Page::None,
        );
        assert_eq!(right.like, Some(Row::D6));
        let wrong = decide(&at(state, Active, said(BadPassword)));
        assert_eq!((wrong.row, wrong.like, wrong.grant), (Row::D1b, Some(Row::D7), Grant::No));
        let down = decide(&at(state, Active, SourceAnswer::Down));
        assert_eq!((down.row, down.like, down.writes.len()), (Row::D1b, Some(Row::D14), 0));
        // Where capture does not apply the password proves and stays where it is.
        let active = decide(&at(state, Active, said(Ok)));
        assert_eq!(active.writes, [Write::Refresh]);
    }
}

#[test]
fn d1c_a_silent_standing_authority_is_bridged_for_a_while() {
    let aged = |standing, answer| {
        let mut facts = facts(U5, Place::Hub(answer));
        facts.person.standing = standing;
        facts
    };
    expect(&aged(StandingAge::InGrace, RIGHT), Row::D1c, EVERYWHERE, &[], Counter::Clear, Page::Banner);
    let over = expect(&aged(StandingAge::GraceOver, RIGHT), Row::D1c, Grant::No, &[], Counter::None, Page::Refusal);
    assert_eq!(over.like, Some(Row::D14));
    assert_eq!(decide(&aged(StandingAge::InGrace, HubAnswer::Wrong)).row, Row::D2);
}

#[test]
fn d2_a_wrong_password_of_the_hub_is_counted() {
    refused(&facts(U5, Place::Hub(HubAnswer::Wrong)), Row::D2, Counter::Hub);
}

#[test]
fn d2b_a_password_for_a_passkey_is_wrong() {
    refused(&facts(U5, Place::Hub(HubAnswer::NoPassword)), Row::D2b, Counter::Hub);
}

#[test]
fn d2c_after_a_hundred_failures_nothing_is_verified() {
    for state in [U4, U5] {
        refused(&facts(state, Place::Hub(HubAnswer::Paused)), Row::D2c, Counter::None);
    }
}

#[test]
fn d4_an_imported_verifier_lets_in_and_gives_way_to_one_of_the_hubs_own() {
    let decision = decide(&facts(U4, Place::Hub(RIGHT)));
    assert_eq!((decision.row, decision.grant, decision.counter), (Row::D4, EVERYWHERE, Counter::Clear));
    assert_eq!(decision.writes, [Write::ReplaceImported]);
    // While its source is silent nothing is written (D1c).
    let mut silent = facts(U4, Place::Hub(RIGHT));
    silent.person.standing = StandingAge::InGrace;
    assert_eq!((decide(&silent).row, decide(&silent).writes.len()), (Row::D1c, 0));
}

#[test]
fn d5_a_wrong_password_for_an_imported_verifier_is_counted() {
    refused(&facts(U4, Place::Hub(HubAnswer::Wrong)), Row::D5, Counter::Hub);
}

#[test]
fn d6_the_source_lets_in_and_capture_follows_the_mode() {
    let with = |mode, change: fn(&mut PolicyFacts)| {
        let mut facts = at(U2, mode, said(Ok));
        change(&mut facts.policy);
        decide(&facts)
    };
    let nothing = |_: &mut PolicyFacts| {};
    let plain = with(Active, nothing);
    assert_eq!((plain.row, plain.grant, plain.counter), (Row::D6, EVERYWHERE, Counter::Clear));
    assert_eq!(plain.writes, [Write::Refresh]);
    let taken = [Write::Refresh, Write::Capture(super::Capture::TakeOver)];
    let kept = [Write::Refresh, Write::Capture(super::Capture::Shadow)];
    assert_eq!(with(Capture, nothing).writes, taken);
    assert_eq!(with(Draining, nothing).writes, taken);
    assert_eq!(with(Active, |p| p.capture_wave = true).writes, taken);
    assert_eq!(with(Capture, |p| p.shadow = true).writes, kept);
    assert_eq!(with(Active, |p| p.outage_sign_in = true).writes, kept);
    assert_eq!(with(Capture, |p| p.outage_sign_in = true).writes, taken);
}

#[test]
fn d6_nothing_is_captured_before_the_password_has_settled_or_at_another_source() {
    let fresh = with_source(at(U2, Capture, said(Ok)), |s| s.settled = false);
    expect(&fresh, Row::D6, EVERYWHERE, &[Write::Refresh], Counter::Clear, Page::None);
    let elsewhere = with_source(at(U2, Capture, said(Ok)), |s| s.is_credential_authority = false);
    expect(&elsewhere, Row::D6, OF_SOURCE, &[Write::Refresh], Counter::Clear, Page::None);
}

#[test]
fn d6r_after_a_redirect_a_password_is_offered_where_capture_applies() {
    let redirect = with_source(at(U2, Capture, said(Ok)), |s| s.redirect = true);
    expect(&redirect, Row::D6r, Grant::No, &[Write::Refresh], Counter::None, Page::SetPassword);
    // Somebody new is made first.
    let new = with_source(at(U0, Capture, said(Ok)), |s| s.redirect = true);
    expect(&new, Row::D18, Grant::No, &[Write::Provision], Counter::None, Page::SetPassword);
    // No take-over while less would be asked for here than there, nor where capture does not apply.
    let strong = with_source(redirect, |s| s.second_factor = true);
    let active = with_source(at(U2, Active, said(Ok)), |s| s.redirect = true);
    for facts in [strong, active] {
        expect(&facts, Row::D6, EVERYWHERE, &[Write::Refresh], Counter::Clear, Page::None);
    }
    let elsewhere = with_source(redirect, |s| s.is_credential_authority = false);
    expect(&elsewhere, Row::D6, OF_SOURCE, &[Write::Refresh], Counter::Clear, Page::None);
}

#[test]
fn d6s_a_migrated_person_is_not_let_in_by_a_redirect() {
    let redirect = with_source(at(U5, Active, said(Ok)), |s| s.redirect = true);
    expect(&redirect, Row::D6s, Grant::No, &[], Counter::None, Page::SignInHere);
}

#[test]
fn d6t_a_password_for_a_redirect_source_is_counted_and_sent_nowhere() {
    for state in [U0, U2] {
        let typed = with_source(at(state, Active, SourceAnswer::NotAsked), |s| s.redirect = true);
        refused(&typed, Row::D6t, Counter::Identifier);
    }
}

#[test]
fn d7_a_wrong_password_is_remembered_and_counted_once() {
    let wrong = at(U2, Active, said(BadPassword));
    expect(&wrong, Row::D7, Grant::No, &[Write::RememberWrongPassword], Counter::Hub, Page::Refusal);
    refused(&at(U2, Active, SourceAnswer::Repeated), Row::D7, Counter::None);
}

#[test]
fn d8_a_missing_entry_is_noted_and_nothing_more() {
    let missing = at(U2, Active, said(NotFound));
    expect(&missing, Row::D8, Grant::No, &[Write::NoteMissing], Counter::Hub, Page::Refusal);
}

#[test]
fn d9_disabled_counts_where_the_source_says_who_may_be_here() {
    for result in [Disabled, AccountExpired] {
        refused(&at(U2, Active, said(result)), Row::D9, Counter::None);
        let read = with_source(at(U2, Active, said(result)), |s| s.read_disabled = true);
        expect(&read, Row::D9, Grant::No, &[Write::DisableBySource], Counter::None, Page::Refusal);
        let proven = at(U2, Active, proves(result));
        expect(&proven, Row::D9, Grant::No, &[Write::DisableBySource], Counter::None, Page::Disabled);
        let elsewhere = with_source(at(U2, Active, proves(result)), |s| s.holds_standing = false);
        expect(&elsewhere, Row::D9, Grant::No, &[Write::EndSessionsProvenThere], Counter::None, Page::Disabled);
    }
}

#[test]
fn d10_a_lock_is_cached_and_not_shown() {
    let locked = at(U2, Active, said(Locked));
    expect(&locked, Row::D10, Grant::No, &[Write::CacheLock], Counter::None, Page::Refusal);
}

#[test]
fn d11_an_old_password_is_changed_there_or_replaced_here_or_told_of() {
    for result in [PasswordExpired, MustChange] {
        refused(&at(U2, Capture, said(result)), Row::D11, Counter::None);
        let mut there = at(U2, Active, proves(result));
        expect(&there, Row::D11, Grant::No, &[], Counter::None, Page::PasswordExpired);
        there.policy.write_back = true;
        expect(&there, Row::D11, Grant::No, &[], Counter::None, Page::ChangeThere);
        let mut here = at(U2, Capture, proves(result));
        expect(&here, Row::D11, Grant::No, &[Write::Refresh], Counter::None, Page::SetPassword);
        here.policy.write_back = true;
        expect(&here, Row::D11, Grant::No, &[], Counter::None, Page::ChangeThere);
        here.policy.write_back = false;
        let barred: [fn(&mut Facts); 4] = [
            |facts| facts.person.privileged = true,
            |facts| facts.person.holds_role = true,
            |facts| facts.person.restricted_reach = true,
            |facts| facts.policy.shadow = true,
        ];
        for bar in barred {
            let mut facts = here;
            bar(&mut facts);
            expect(&facts, Row::D11, Grant::No, &[], Counter::None, Page::PasswordExpired);
        }
        let mut stale = at(U2, Capture, proves(result));
        stale.policy.write_back = true;
        stale.person.standing = StandingAge::InGrace;
        assert_eq!(decide(&stale).page, Page::Refusal);
    }
}

#[test]
fn d11b_not_now_is_said_to_who_proved_the_password() {
    let proven = at(U2, Active, proves(NotAllowedNow));
    expect(&proven, Row::D11b, Grant::No, &[], Counter::None, Page::NotAllowedNow);
    refused(&at(U2, Active, said(NotAllowedNow)), Row::D11b, Counter::None);
}

#[test]
fn d12_a_factor_of_the_source_leads_there() {
    refused(&at(U2, Active, said(MfaRequired)), Row::D12, Counter::None);
    expect(&at(U2, Active, proves(MfaRequired)), Row::D12, Grant::No, &[], Counter::None, Page::ContinueThere);
}

#[test]
fn d13_several_entries_are_a_finding_about_the_source() {
    let several = at(U2, Active, said(SeveralEntries));
    expect(&several, Row::D13, Grant::No, &[Write::AuditSeveralEntries], Counter::None, Page::Refusal);
}

#[test]
fn d13b_nothing_to_verify_with() {
    refused(&at(U2, Active, said(Unverifiable)), Row::D13b, Counter::None);
    refused(&facts(U2, Place::Nowhere), Row::D13b, Counter::None);
}

#[test]
fn d14_source_down_changes_nothing() {
    refused(&at(U2, Active, SourceAnswer::Down), Row::D14, Counter::None);
    refused(&at(U2, Paused, said(Ok)), Row::D14, Counter::None);
    // An odd answer about one account is no outage of the source, but reads like one.
    expect(&at(U2, Active, said(Unavailable)), Row::D14, Grant::No, &[], Counter::None, Page::Outage);
}

fn offline(shadow: Option<HubAnswer>) -> Facts {
    let mut facts = with_source(at(U3, Active, SourceAnswer::Down), |s| s.shadow = shadow);
    facts.policy.outage_sign_in = true;
    facts
}

#[test]
fn d15_the_outage_policy_lets_in_for_an_hour() {
    let grant = Grant::Session { extent: Extent::Everywhere, offline: true };
    expect(&offline(Some(RIGHT)), Row::D15, grant, &[], Counter::Clear, Page::Banner);
}

#[test]
fn d15b_a_wrong_password_offline_is_counted_by_the_hub() {
    refused(&offline(Some(HubAnswer::Wrong)), Row::D15b, Counter::Hub);
}

#[test]
fn d16_any_condition_of_the_outage_policy_not_met() {
    let unmet: [fn(&mut Facts); 6] = [
        |f| f.policy.outage_sign_in = false,
        |f| f.policy.success_is_recent = false,
        |f| f.policy.standing_is_recent = false,
        |f| f.person.privileged = true,
        |f| f.person.holds_role = true,
        |f| *f = with_source(*f, |s| s.shadow = None),
    ];
    for change in unmet {
        let mut facts = offline(Some(RIGHT));
        change(&mut facts);
        refused(&facts, Row::D16, Counter::None);
    }
    // An odd answer never reaches D15.
    let mut odd = offline(Some(RIGHT));
    odd = with_source(odd, |s| s.answer = said(Unavailable));
    expect(&odd, Row::D16, Grant::No, &[], Counter::None, Page::Outage);
}

#[test]
fn d17_a_source_that_refuses_the_hub_is_as_down() {
    for (state, like) in [(U0, Row::D22), (U2, Row::D14), (U3, Row::D16)] {
        let told = [Write::AuditMisconfigured];
        let decision =
            expect(&at(state, Active, said(Misconfigured)), Row::D17, Grant::No, &told, Counter::None, Page::Refusal);
        assert_eq!(decision.like, Some(like));
    }
    let down = with_source(offline(Some(RIGHT)), |s| s.answer = said(Misconfigured));
    assert_eq!(decide(&down).like, Some(Row::D15));
}

#[test]
fn d18_an_unknown_person_is_created_by_their_password() {
    expect(&at(U0, Active, said(Ok)), Row::D18, EVERYWHERE, &[Write::Provision], Counter::Clear, Page::None);
    let captured = [Write::Provision, Write::Capture(super::Capture::TakeOver)];
    expect(&at(U0, Capture, said(Ok)), Row::D18, EVERYWHERE, &captured, Counter::Clear, Page::None);
}

fn matching(outcome: MatchOutcome) -> Facts {
    let mut facts = at(U0, Active, said(Ok));
    facts.policy.matching = outcome;
    facts
}

#[test]
fn d18b_a_link_goes_only_to_somebody_without_an_authority() {
    let link = matching(MatchOutcome::Link);
    expect(&link, Row::D18b, EVERYWHERE, &[Write::Link], Counter::Clear, Page::None);
    let mut without_activation = link;
    without_activation.policy.just_in_time_activation = false;
    assert_eq!(decide(&without_activation).row, Row::D21);
}

#[test]
fn d19_who_meets_a_holder_gets_an_identity_within_reach_of_the_source() {
    let mut owned = matching(MatchOutcome::Link);
    owned.policy.candidate_has_authority = true;
    let disputed = [MatchOutcome::Review, MatchOutcome::Ambiguous, MatchOutcome::Taken, MatchOutcome::Collision];
    for facts in disputed.map(matching).into_iter().chain([owned]) {
        expect(&facts, Row::D19, OF_SOURCE, &[Write::ProvisionDisputed], Counter::Clear, Page::None);
    }
}

#[test]
fn d20_a_wrong_guess_about_an_unknown_person_writes_nothing() {
    let wrong = at(U0, Active, said(BadPassword));
    expect(&wrong, Row::D20, Grant::No, &[Write::RememberWrongPassword], Counter::Identifier, Page::Refusal);
    refused(&at(U0, Active, said(NotFound)), Row::D20, Counter::Identifier);
    refused(&facts(U0, Place::Nowhere), Row::D20, Counter::Identifier);
}

#[test]
fn d20b_other_refusals_of_an_unknown_person_write_nothing() {
    for result in [Disabled, Locked, PasswordExpired, MfaRequired, SeveralEntries, Unverifiable] {
        refused(&at(U0, Active, said(result)), Row::D20b, Counter::None);
    }
    expect(&at(U0, Active, proves(Disabled)), Row::D20b, Grant::No, &[], Counter::None, Page::Disabled);
    expect(&at(U0, Active, said(Unavailable)), Row::D20b, Grant::No, &[], Counter::None, Page::Outage);
}

#[test]
fn d21_a_right_password_is_not_enough_where_nobody_is_created() {
    let mut off = at(U0, Active, said(Ok));
    off.policy.just_in_time = false;
    let waiting = [off, at(U0, Draining, said(Ok)), matching(MatchOutcome::Ignored)];
    for facts in waiting {
        let told = [Write::AuditWouldCreate];
        expect(&facts, Row::D21, Grant::No, &told, Counter::None, Page::NotEnabledYet);
    }
}

#[test]
fn d22_an_unknown_person_of_a_source_that_is_down() {
    refused(&at(U0, Active, SourceAnswer::Down), Row::D22, Counter::None);
    refused(&at(U0, Paused, said(Ok)), Row::D22, Counter::None);
}

#[test]
fn d22b_an_unknown_person_of_a_source_not_asked_any_more() {
    for mode in [Observe, Retired] {
        refused(&at(U0, mode, SourceAnswer::NotAsked), Row::D22b, Counter::Identifier);
    }
}

#[test]
fn d23_a_staged_person_is_activated_by_their_password() {
    let writes = [Write::Activate, Write::Refresh];
    expect(&at(U1, Active, said(Ok)), Row::D23, EVERYWHERE, &writes, Counter::Clear, Page::None);
    let mut waiting = at(U1, Active, said(Ok));
    waiting.policy.just_in_time_activation = false;
    let told = [Write::AuditWouldCreate];
    let held = expect(&waiting, Row::D23, Grant::No, &told, Counter::None, Page::NotEnabledYet);
    assert_eq!(held.like, Some(Row::D21));
}

#[test]
fn d23b_any_other_answer_about_a_staged_person_is_as_for_a_mirrored_one() {
    for (answer, like) in [(said(BadPassword), Row::D7), (SourceAnswer::Down, Row::D14), (said(Locked), Row::D10)] {
        let staged = decide(&at(U1, Active, answer));
        let mirrored = decide(&at(U2, Active, answer));
        assert_eq!((staged.row, staged.like), (Row::D23b, Some(like)));
        assert_eq!((staged.writes, staged.counter), (mirrored.writes, mirrored.counter));
    }
}

#[test]
fn d24_where_the_two_verifiers_disagree_the_source_decides() {
    let differs = |answer, shadow, settled| {
        let mut facts = with_source(at(U3, Active, answer), |s| (s.shadow, s.settled) = (Some(shadow), settled));
        facts.policy.shadow = true;
        decide(&facts)
    };
    let renewed = differs(said(Ok), HubAnswer::Wrong, true);
    assert_eq!((renewed.row, renewed.like, renewed.grant), (Row::D24, Some(Row::D6), EVERYWHERE));
    let kept = Write::Capture(super::Capture::Shadow);
    assert_eq!(renewed.writes, [Write::Refresh, Write::AuditParity, kept]);
    let young = differs(said(Ok), HubAnswer::Wrong, false);
    assert_eq!(young.writes, [Write::Refresh, Write::AuditParity, Write::DeleteShadow]);
    let changed = differs(said(BadPassword), RIGHT, true);
    assert_eq!((changed.row, changed.like, changed.counter), (Row::D24, Some(Row::D7), Counter::Hub));
    assert_eq!(changed.writes, [Write::RememberWrongPassword, Write::AuditParity, Write::DeleteShadow]);
    assert_eq!(differs(said(Ok), RIGHT, true).row, Row::D6);
}

#[test]
fn d25_disabled_is_refused_without_asking() {
    for state in [PersonState::DisabledByHub, PersonState::DisabledBySource] {
        refused(&facts(state, Place::Hub(RIGHT)), Row::D25, Counter::None);
        refused(&at(state, Active, said(Ok)), Row::D25, Counter::None);
    }
}

#[test]
fn d26_a_merged_record_opens_nothing_itself() {
    let audited = [Write::AuditMergedAliasUsed];
    let merged = at(PersonState::Merged, Active, said(Ok));
    expect(&merged, Row::D26, Grant::No, &audited, Counter::None, Page::Refusal);
}

#[test]
fn d27_a_person_of_a_source_not_asked_any_more_is_stranded() {
    for (state, mode) in [(U2, Observe), (U3, Retired)] {
        refused(&at(state, mode, SourceAnswer::NotAsked), Row::D27, Counter::None);
    }
}

#[test]
fn d28_a_break_glass_administrator_waits_for_the_second_factor() {
    let mut glass = facts(U5, Place::Hub(RIGHT));
    glass.person.break_glass = true;
    expect(&glass, Row::D28, Grant::No, &[], Counter::None, Page::Code);
    glass.place = Place::Hub(HubAnswer::Wrong);
    expect(&glass, Row::D2, Grant::No, &[], Counter::Hub, Page::Refusal);
}

#[test]
fn d2c_holds_for_passwords_that_the_hub_compares_with_stored_ones() {
    for state in [U2, U3] {
        refused(&at(state, Active, SourceAnswer::Paused), Row::D2c, Counter::None);
    }
}

#[test]
fn budget_used_up_leaves_the_source_alone() {
    for state in [U0, U2, U3] {
        refused(&at(state, Active, SourceAnswer::NoBudget), Row::Budget, Counter::None);
    }
}
