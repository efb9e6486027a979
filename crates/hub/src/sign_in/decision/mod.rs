//! The decision table of sign-in (semantics, section 3) as one total, pure function: [`decide`].
//!
//! Nothing here reads a clock, a database or a network. Every `match` names all its values: a state, mode or answer
//! without a row does not compile, and no wildcard arm stands in for one. Rows that wait for their own part of the
//! product (`docs/scope.md`) answer the generic page and open nothing.

#![deny(clippy::wildcard_enum_match_arm)]

mod delegated;
mod facts;
mod outcome;
mod owned;
#[cfg(test)]
mod properties;
mod row;
#[cfg(test)]
mod rows_test;
mod unknown;

use directory::PersonState;
pub use facts::{Facts, HubAnswer, PersonFacts, Place, PolicyFacts, SourceAnswer, SourceFacts, StandingAge};
pub use outcome::{Capture, Counter, Decision, Extent, Grant, Page, Write};
pub use row::Row;

/// What follows from an attempt. Total over (state and flags, place with mode and answer, policy).
#[must_use]
pub fn decide(facts: &Facts) -> Decision {
    match facts.state {
        PersonState::Unknown => unknown::decide(facts),
        PersonState::Staged => delegated::decide_staged(facts),
        PersonState::Mirrored | PersonState::Shadow => delegated::decide(facts),
        PersonState::VerifierImported | PersonState::Migrated => owned::decide(facts),
        PersonState::DisabledByHub | PersonState::DisabledBySource => Decision::refuse(Row::D25),
        // The broker goes on with the survivor before it asks; a record that is merged away has no right of its own.
        PersonState::Merged => Decision::refuse(Row::D26).writing(Write::AuditMergedAliasUsed),
    }
}
