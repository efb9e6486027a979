//! U4 and U5: the hub decides, unless the password was changed at the source it was captured from (row D1b).

use directory::{AdapterResult, PersonState, SourceMode};

use super::{
    Counter, Decision, Facts, HubAnswer, Page, Place, Row, SourceAnswer, SourceFacts, StandingAge, Write, delegated,
    outcome::extent,
};

pub(super) fn decide(facts: &Facts) -> Decision {
    match facts.place {
        Place::Hub(answer) => at_the_hub(facts, answer),
        Place::Source(source) if source.redirect => redirected(&source),
        Place::Source(source) => changed_at_the_source(facts, &source),
        // A hub authority without any verifier: there is nothing to compare with.
        Place::Nowhere => Decision::refuse(Row::D13b),
    }
}

fn at_the_hub(facts: &Facts, answer: HubAnswer) -> Decision {
    let imported = facts.state == PersonState::VerifierImported;
    let needs_rehash = match answer {
        HubAnswer::Paused => return Decision::refuse(Row::D2c),
        HubAnswer::NoPassword => return Decision::refuse(Row::D2b).counting(Counter::Hub),
        HubAnswer::Wrong if imported => return Decision::refuse(Row::D5).counting(Counter::Hub),
        HubAnswer::Wrong => return Decision::refuse(Row::D2).counting(Counter::Hub),
        HubAnswer::Right { needs_rehash } => needs_rehash,
    };
    // The password alone lets no break-glass administrator in: the code printed on the host comes next.
    if facts.person.break_glass {
        return Decision::refuse(Row::D28).showing(Page::Code);
    }
    match facts.person.standing {
        StandingAge::GraceOver => return Decision::refuse(Row::D14).under(Row::D1c),
        StandingAge::InGrace => return Decision::let_in(Row::D1c, extent(facts, true)).showing(Page::Banner),
        StandingAge::Fresh => {}
    }
    if imported {
        return Decision::let_in(Row::D4, extent(facts, true)).writing(Write::ReplaceImported);
    }
    let decision = Decision::let_in(Row::D1, extent(facts, true));
    if needs_rehash { decision.writing(Write::Rehash) } else { decision }
}

fn redirected(source: &SourceFacts) -> Decision {
    match source.mode {
        SourceMode::Paused => return Decision::refuse(Row::D14),
        // Somebody who has moved away is told so by a provider in any mode: it was asked before the hub knew who came.
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Observe | SourceMode::Retired => {
        }
    }
    match source.answer {
        SourceAnswer::Down => Decision::refuse(Row::D14),
        SourceAnswer::Said { result: AdapterResult::Ok, .. } => Decision::refuse(Row::D6s).showing(Page::SignInHere),
        SourceAnswer::NotAsked
        | SourceAnswer::Repeated
        | SourceAnswer::Paused
        | SourceAnswer::NoBudget
        | SourceAnswer::Said { .. } => Decision::refuse(Row::D6t).counting(Counter::Identifier),
    }
}

/// Row D1b: as the U2 row, in a source that still decides about passwords. In any other mode the verifier the hub has
/// is the last word, and the broker does not come here.
fn changed_at_the_source(facts: &Facts, source: &SourceFacts) -> Decision {
    match source.mode {
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining | SourceMode::Paused => {
            delegated::decide_as_mirrored(facts, source).under(Row::D1b)
        }
        SourceMode::Observe | SourceMode::Retired => Decision::refuse(Row::D27).under(Row::D1b),
    }
}
