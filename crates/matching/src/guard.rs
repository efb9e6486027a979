//! What turns a link into a question (semantics, section 6: guards for an automatic LINK).

use std::collections::{BTreeMap, BTreeSet};

use directory::{CredentialAuthority, Folding, MatchAttribute, MatchRules, MatchTerm, PersonId, SourceId};

use crate::{
    decide::{Candidate, Claim, Newcomer, Population, is_self},
    normal::{normalised, same},
};

/// Why a candidate who fits is not linked by a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Nobody answers for what the newcomer's directory says.
    NewcomerNotTrusted(MatchAttribute),
    /// Nor for what the candidate's says.
    CandidateNotTrusted(MatchAttribute),
    /// Neither side's address is of a domain its directory owns.
    NotVerified,
    /// Somebody else bears the value, on one side or the other.
    NotUnique(MatchAttribute),
    /// The newcomer's directory was never read whole: somebody else there may bear the value.
    PopulationUnknown,
    /// The two differ in an identifier that cannot differ.
    Contradiction(MatchAttribute),
    /// Only names agree.
    NamesAlone,
    /// An account with special rights, or a role of the hub.
    Privileged,
    Disabled,
    DisabledByHub,
    /// The newcomer's directory checks the candidate's password already, by another account: a link would hand the
    /// person over to the newcomer.
    AuthorityHere,
}

impl Doubt {
    /// For whoever decides.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::NewcomerNotTrusted(attribute) => {
                format!("nobody has declared that the new account's directory can be trusted with the {}", attribute.label())
            }
            Self::CandidateNotTrusted(attribute) => {
                format!("nobody has declared that the person's directory can be trusted with the {}", attribute.label())
            }
            Self::NotVerified => "the e-mail address is of no domain that one of the two directories owns".to_owned(),
            Self::NotUnique(attribute) => format!("somebody else has the same {}", attribute.label()),
            Self::PopulationUnknown => {
                "the new account's directory has not been read whole yet, so somebody else there may have the same value".to_owned()
            }
            Self::Contradiction(attribute) => format!("the two differ in the {}", attribute.label()),
            Self::NamesAlone => "only names agree".to_owned(),
            Self::Privileged => "one of the two has special rights".to_owned(),
            Self::Disabled => "one of the two is disabled".to_owned(),
            Self::DisabledByHub => "the person is disabled here".to_owned(),
            Self::AuthorityHere => {
                "the person's password is checked by the new account's directory already, by another account".to_owned()
            }
        }
    }
}

/// Guards about one identifying value that both bear. Empty = it can be built on.
pub(crate) fn doubts_of_term(
    rules: &MatchRules,
    term: &MatchTerm,
    newcomer: &Newcomer,
    candidate: PersonId,
    (ours, theirs): (&Claim, &Claim),
    population: &Population,
) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if !rules.trusts(newcomer.source, term.attribute) {
        doubts.push(Doubt::NewcomerNotTrusted(term.attribute));
    }
    if theirs.source.is_some_and(|source| !rules.trusts(source, term.attribute)) {
        doubts.push(Doubt::CandidateNotTrusted(term.attribute));
    }
    if term.attribute == MatchAttribute::Email && !ours.verified && !theirs.verified {
        doubts.push(Doubt::NotVerified);
    }
    if !newcomer.population_known {
        doubts.push(Doubt::PopulationUnknown);
    }
    // Judged by the coarsest comparison, whatever the rule's own: two who differ by a hyphen alone are a doubt.
    let unique = is_unique(term.attribute, &ours.value, newcomer, candidate, population)
        && is_unique(term.attribute, &theirs.value, newcomer, candidate, population);
    if !unique {
        doubts.push(Doubt::NotUnique(term.attribute));
    }
    doubts
}

/// Unique on both sides: nobody else at the newcomer's directory, at most one object in each other, and nobody but
/// the candidate among the people they belong to.
fn is_unique(
    attribute: MatchAttribute,
    value: &str,
    newcomer: &Newcomer,
    candidate: PersonId,
    population: &Population,
) -> bool {
    if population.crowded.contains(&attribute) {
        return false;
    }
    let mut seen: BTreeMap<SourceId, BTreeSet<&str>> = BTreeMap::new();
    for bearer in &population.bearers {
        let bears = bearer.attribute == attribute && !bearer.self_written;
        if !bears || is_self(newcomer, bearer) || !same(&bearer.value, value, Folding::Zeros) {
            continue;
        }
        if bearer.source == newcomer.source || bearer.person.is_some_and(|person| person != candidate) {
            return false;
        }
        seen.entry(bearer.source).or_default().insert(bearer.immutable_id.as_str());
    }
    seen.values().all(|ids| ids.len() == 1)
}

/// Guards about the two sides, whatever rule found them. A reviewer has looked at all but the first and the last.
pub(crate) fn doubts_of_sides(
    rules: &MatchRules,
    newcomer: &Newcomer,
    candidate: &Candidate,
    reviewed: bool,
) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if newcomer.privileged || candidate.privileged {
        doubts.push(Doubt::Privileged);
    }
    if candidate.disabled_by_hub {
        doubts.push(Doubt::DisabledByHub);
    }
    if newcomer.disabled || (candidate.disabled && !reviewed) {
        doubts.push(Doubt::Disabled);
    }
    if !reviewed {
        if candidate.authority == CredentialAuthority::Source(newcomer.source) {
            doubts.push(Doubt::AuthorityHere);
        }
        doubts.extend(contradictions(rules, newcomer, candidate));
    }
    doubts
}

/// Identifiers that both have and that differ. One that differs is enough, even if another account's agrees.
fn contradictions(rules: &MatchRules, newcomer: &Newcomer, candidate: &Candidate) -> BTreeSet<Doubt> {
    let mut found = BTreeSet::new();
    for term in rules.vetoes() {
        let values = |claims: &[Claim]| -> BTreeSet<String> {
            let named = claims.iter().filter(|claim| claim.attribute == term.attribute);
            named.filter_map(|claim| normalised(&claim.value, term.folding)).collect()
        };
        let (ours, theirs) = (values(&newcomer.claims), values(&candidate.claims));
        if ours.iter().any(|ours| theirs.iter().any(|theirs| ours != theirs)) {
            found.insert(Doubt::Contradiction(term.attribute));
        }
    }
    found
}
