//! U0: neither the name nor the immutable id is known. Nothing is written without proof.

use directory::{AdapterResult, MatchOutcome, SourceMode};

use super::{
    Counter, Decision, Extent, Facts, HubAnswer, Page, Place, Row, SourceAnswer, SourceFacts, Write,
    delegated::{capture, offers_password, specific_page},
};

pub(super) fn decide(facts: &Facts) -> Decision {
    let source = match facts.place {
        Place::Source(source) => source,
        // Borne by nobody, or by two: the same refusal. The hub keeps no verifier of somebody it does not know.
        Place::Nowhere
        | Place::Hub(HubAnswer::Right { .. } | HubAnswer::Wrong | HubAnswer::NoPassword | HubAnswer::Paused) => {
            return Decision::refuse(Row::D20).counting(Counter::Identifier);
        }
    };
    match source.mode {
        SourceMode::Observe | SourceMode::Retired => Decision::refuse(Row::D22b).counting(Counter::Identifier),
        SourceMode::Paused => Decision::refuse(Row::D22),
        SourceMode::Active | SourceMode::Capture => answered(facts, &source, facts.policy.just_in_time),
        SourceMode::Draining => answered(facts, &source, false),
    }
}

fn answered(facts: &Facts, source: &SourceFacts, creates: bool) -> Decision {
    match source.answer {
        SourceAnswer::NotAsked if source.redirect => Decision::refuse(Row::D6t).counting(Counter::Identifier),
        SourceAnswer::NotAsked => Decision::refuse(Row::D20).counting(Counter::Identifier),
        SourceAnswer::Repeated => Decision::refuse(Row::D20),
        // Counted by person, and nobody is one yet: the throttle alone limits guesses.
        SourceAnswer::Paused => Decision::refuse(Row::D2c),
        SourceAnswer::NoBudget => Decision::refuse(Row::Budget),
        SourceAnswer::Down => Decision::refuse(Row::D22),
        SourceAnswer::Said { result, proves_password } => match result {
            AdapterResult::Ok => proven(facts, source, creates),
            AdapterResult::BadPassword => {
                Decision::refuse(Row::D20).writing(Write::RememberWrongPassword).counting(Counter::Identifier)
            }
            AdapterResult::NotFound => Decision::refuse(Row::D20).counting(Counter::Identifier),
            AdapterResult::Misconfigured => {
                Decision::refuse(Row::D22).under(Row::D17).writing(Write::AuditMisconfigured)
            }
            AdapterResult::Unavailable => Decision::refuse(Row::D20b).showing(Page::Outage),
            // As row D11: whoever is new often has a password that must be changed.
            AdapterResult::PasswordExpired | AdapterResult::MustChange
                if proves_password && creates && facts.policy.write_back =>
            {
                Decision::refuse(Row::D20b).showing(Page::ChangeThere)
            }
            AdapterResult::Disabled
            | AdapterResult::AccountExpired
            | AdapterResult::Locked
            | AdapterResult::PasswordExpired
            | AdapterResult::MustChange
            | AdapterResult::NotAllowedNow
            | AdapterResult::MfaRequired
            | AdapterResult::SeveralEntries
            | AdapterResult::Unverifiable => {
                Decision::refuse(Row::D20b).showing(specific_page(result, proves_password))
            }
        },
    }
}

fn proven(facts: &Facts, source: &SourceFacts, creates: bool) -> Decision {
    let not_enabled = || Decision::refuse(Row::D21).writing(Write::AuditWouldCreate).showing(Page::NotEnabledYet);
    if !creates {
        return not_enabled();
    }
    match facts.policy.matching {
        // As row D6r, for somebody who is made by it.
        MatchOutcome::Create | MatchOutcome::Linked if source.redirect && offers_password(facts, source) => {
            Decision::refuse(Row::D18).writing(Write::Provision).showing(Page::SetPassword)
        }
        MatchOutcome::Create | MatchOutcome::Linked => {
            let created = Decision::let_in(Row::D18, Extent::Everywhere).writing(Write::Provision);
            match capture(facts, source) {
                Some(kind) => created.writing(Write::Capture(kind)),
                None => created,
            }
        }
        MatchOutcome::Link if facts.policy.candidate_has_authority => disputed(),
        MatchOutcome::Link if facts.policy.just_in_time_activation => {
            Decision::let_in(Row::D18b, Extent::Everywhere).writing(Write::Link)
        }
        MatchOutcome::Review | MatchOutcome::Ambiguous | MatchOutcome::Taken | MatchOutcome::Collision => disputed(),
        // Ignored by a filter or an administrator, held for a reviewer, or an account that matching says is gone.
        MatchOutcome::Link | MatchOutcome::Ignored | MatchOutcome::Gone | MatchOutcome::Returned => not_enabled(),
    }
}

/// Row D19: an identity of its own, within the reach of its source until its case is decided.
fn disputed() -> Decision {
    Decision::let_in(Row::D19, Extent::OfSource).writing(Write::ProvisionDisputed)
}
