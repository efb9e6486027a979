//! U1, U2 and U3: a source decides.

use directory::{AdapterResult, PersonState, SourceMode};

use super::{
    Capture, Counter, Decision, Facts, Grant, HubAnswer, Page, Place, Row, SourceAnswer, SourceFacts, StandingAge,
    Write, outcome::extent,
};

pub(super) fn decide(facts: &Facts) -> Decision {
    match facts.place {
        Place::Source(source) => decide_as_mirrored(facts, &source),
        // No authority, or a verifier of the hub's that never decides alone.
        Place::Nowhere
        | Place::Hub(HubAnswer::Right { .. } | HubAnswer::Wrong | HubAnswer::NoPassword | HubAnswer::Paused) => {
            Decision::refuse(Row::D13b)
        }
    }
}

/// Rows D23 and D23b.
pub(super) fn decide_staged(facts: &Facts) -> Decision {
    let as_mirrored = decide(facts);
    if !as_mirrored.proves() {
        return as_mirrored.under(Row::D23b);
    }
    if !facts.policy.just_in_time_activation {
        let waiting = Decision::refuse(Row::D21).writing(Write::AuditWouldCreate).showing(Page::NotEnabledYet);
        return waiting.under(Row::D23);
    }
    let mut activated = as_mirrored.under(Row::D23);
    activated.writes.insert(0, Write::Activate);
    activated
}

/// The rows of U2 and U3, also for whom another row refers to them.
pub(super) fn decide_as_mirrored(facts: &Facts, source: &SourceFacts) -> Decision {
    match source.mode {
        SourceMode::Observe | SourceMode::Retired => Decision::refuse(Row::D27),
        SourceMode::Paused => down(facts, source),
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining => match source.answer {
            SourceAnswer::NotAsked if source.redirect => Decision::refuse(Row::D6t).counting(Counter::Identifier),
            SourceAnswer::NotAsked => Decision::refuse(Row::D13b),
            SourceAnswer::Repeated => Decision::refuse(Row::D7),
            SourceAnswer::Paused => Decision::refuse(Row::D2c),
            SourceAnswer::NoBudget => Decision::refuse(Row::Budget),
            SourceAnswer::Down => down(facts, source),
            SourceAnswer::Said { result, proves_password } => said(facts, source, result, proves_password),
        },
    }
}

fn said(facts: &Facts, source: &SourceFacts, result: AdapterResult, proves_password: bool) -> Decision {
    let page = specific_page(result, proves_password);
    match result {
        AdapterResult::Ok => proven(facts, source),
        AdapterResult::BadPassword => wrong(source),
        AdapterResult::NotFound => Decision::refuse(Row::D8).writing(Write::NoteMissing).counting(Counter::Hub),
        AdapterResult::Disabled | AdapterResult::AccountExpired => {
            let refused = Decision::refuse(Row::D9).showing(page);
            match (source.read_disabled || proves_password, source.holds_standing) {
                (true, true) => refused.writing(Write::DisableBySource),
                (true, false) => refused.writing(Write::EndSessionsProvenThere),
                (false, true | false) => refused,
            }
        }
        AdapterResult::Locked => Decision::refuse(Row::D10).writing(Write::CacheLock),
        AdapterResult::PasswordExpired | AdapterResult::MustChange => expired(facts, source, proves_password),
        AdapterResult::MfaRequired => Decision::refuse(Row::D12).showing(page),
        AdapterResult::NotAllowedNow => Decision::refuse(Row::D11b).showing(page),
        AdapterResult::SeveralEntries => Decision::refuse(Row::D13).writing(Write::AuditSeveralEntries),
        AdapterResult::Unverifiable => Decision::refuse(Row::D13b),
        // An odd answer about one account: the outage text, never D15, and no counter.
        AdapterResult::Unavailable => Decision::refuse(unreachable_row(facts)).showing(Page::Outage),
        AdapterResult::Misconfigured => {
            let mut told = down(facts, source).under(Row::D17);
            told.writes.push(Write::AuditMisconfigured);
            told
        }
    }
}

/// Row D11. Where the source can be written to, the password is changed there; else it is replaced here, if the person
/// would move anyway. With a shadow the source is to go on deciding, so nobody moves by it.
fn expired(facts: &Facts, source: &SourceFacts, proves_password: bool) -> Decision {
    let refused = Decision::refuse(Row::D11);
    if !proves_password {
        return refused;
    }
    match facts.person.standing {
        StandingAge::Fresh => {}
        StandingAge::InGrace | StandingAge::GraceOver => return Decision::refuse(unreachable_row(facts)),
    }
    if facts.policy.write_back {
        return refused.showing(Page::ChangeThere);
    }
    let theirs = matches!(facts.state, PersonState::Mirrored | PersonState::Shadow);
    let trusted = !facts.person.privileged && !facts.person.holds_role;
    if theirs && trusted && !facts.policy.shadow && offers_password(facts, source) {
        return refused.writing(Write::Refresh).showing(Page::SetPassword);
    }
    refused.showing(Page::PasswordExpired)
}

/// Row D6, and its kin for redirect sources and disagreeing verifiers.
fn proven(facts: &Facts, source: &SourceFacts) -> Decision {
    match facts.person.standing {
        StandingAge::Fresh => {}
        // Another source says who may be here, and it has been silent for too long.
        StandingAge::InGrace | StandingAge::GraceOver => return Decision::refuse(unreachable_row(facts)),
    }
    if source.redirect && offers_password(facts, source) {
        return Decision::refuse(Row::D6r).writing(Write::Refresh).showing(Page::SetPassword);
    }
    let kept = capture(facts, source);
    let mut decision = Decision::let_in(Row::D6, extent(facts, source.is_credential_authority)).writing(Write::Refresh);
    let differs = facts.state == PersonState::Shadow && source.shadow == Some(HubAnswer::Wrong);
    if differs {
        decision = decision.under(Row::D24).writing(Write::AuditParity);
        if !source.settled {
            decision = decision.writing(Write::DeleteShadow);
        }
    }
    match kept {
        Some(kind) => decision.writing(Write::Capture(kind)),
        None => decision,
    }
}

fn wrong(source: &SourceFacts) -> Decision {
    let refused = Decision::refuse(Row::D7).writing(Write::RememberWrongPassword).counting(Counter::Hub);
    match source.shadow {
        // What the hub kept is no longer the password: row D24 deletes it, also without proof.
        Some(HubAnswer::Right { .. }) => {
            refused.under(Row::D24).writing(Write::AuditParity).writing(Write::DeleteShadow)
        }
        Some(HubAnswer::Wrong | HubAnswer::NoPassword | HubAnswer::Paused) | None => refused,
    }
}

/// Rows D14 to D16: transport troubles change nothing.
fn down(facts: &Facts, source: &SourceFacts) -> Decision {
    if !facts.offline_is_allowed() || !source.is_credential_authority {
        return Decision::refuse(unreachable_row(facts));
    }
    match source.shadow {
        Some(HubAnswer::Right { .. }) => Decision {
            grant: Grant::Session { extent: extent(facts, true), offline: true },
            counter: Counter::Clear,
            page: Page::Banner,
            ..Decision::refuse(Row::D15)
        },
        Some(HubAnswer::Wrong | HubAnswer::NoPassword) => Decision::refuse(Row::D15b).counting(Counter::Hub),
        // Paused by consecutive failures, or not compared.
        Some(HubAnswer::Paused) | None => Decision::refuse(Row::D16),
    }
}

/// D14, or D16 for somebody with a captured verifier.
const fn unreachable_row(facts: &Facts) -> Row {
    match facts.state {
        PersonState::Shadow => Row::D16,
        PersonState::Unknown
        | PersonState::Staged
        | PersonState::Mirrored
        | PersonState::VerifierImported
        | PersonState::Migrated
        | PersonState::DisabledByHub
        | PersonState::DisabledBySource
        | PersonState::Merged => Row::D14,
    }
}

/// What becomes of the proven password (row D6): nothing before it has settled, nothing at another source than the
/// credential authority.
pub(super) fn capture(facts: &Facts, source: &SourceFacts) -> Option<Capture> {
    // After a redirect there is no password to keep.
    if !source.is_credential_authority || !source.settled || source.redirect {
        return None;
    }
    let applies = capture_applies(facts, source);
    // Who is migrated stays so: row D1b renews the verifier where capture applies and never turns back to U3.
    let owned = facts.state == PersonState::Migrated || facts.state == PersonState::VerifierImported;
    if applies && (owned || !facts.policy.shadow) {
        return Some(Capture::TakeOver);
    }
    let kept = facts.policy.shadow || facts.policy.outage_sign_in;
    (kept && !owned).then_some(Capture::Shadow)
}

/// Whether the mode of the source, or a wave, moves people here.
const fn capture_applies(facts: &Facts, source: &SourceFacts) -> bool {
    match source.mode {
        SourceMode::Capture | SourceMode::Draining => true,
        SourceMode::Active => facts.policy.capture_wave,
        SourceMode::Observe | SourceMode::Paused | SourceMode::Retired => false,
    }
}

/// Row D6r: whether who came back by redirect is asked to set a password here. Not with less than they had there (a
/// second factor), nor with an identity whose case is open (semantics, section 2.5).
pub(super) const fn offers_password(facts: &Facts, source: &SourceFacts) -> bool {
    source.is_credential_authority
        && !source.second_factor
        && !facts.person.restricted_reach
        && capture_applies(facts, source)
}

/// Only who proved the password may read why it was not enough.
pub(super) const fn specific_page(result: AdapterResult, proves_password: bool) -> Page {
    if !proves_password {
        return Page::Refusal;
    }
    match result {
        AdapterResult::Disabled | AdapterResult::AccountExpired => Page::Disabled,
        AdapterResult::NotAllowedNow => Page::NotAllowedNow,
        AdapterResult::MfaRequired => Page::ContinueThere,
        AdapterResult::PasswordExpired | AdapterResult::MustChange => Page::PasswordExpired,
        AdapterResult::Ok
        | AdapterResult::BadPassword
        | AdapterResult::NotFound
        | AdapterResult::Locked
        | AdapterResult::SeveralEntries
        | AdapterResult::Unverifiable
        | AdapterResult::Unavailable
        | AdapterResult::Misconfigured => Page::Refusal,
    }
}
