//! Whether rules can mean what they say.

use std::collections::BTreeSet;

use directory::{MatchRule, MatchRules};

/// Why rules are not accepted; for whoever wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    #[error("a rule has no name: give each a short name, which cases and the log will use")]
    NoName,
    #[error("rule {0:?}: the name is longer than 60 characters or has control characters")]
    BadName(String),
    #[error("two rules are called {0:?}: names are unique")]
    SameName(String),
    #[error("rule {0:?} compares nothing: name at least one attribute")]
    NoTerms(String),
    #[error("rule {0:?} names {1} twice")]
    SameTerm(String, &'static str),
    #[error("rule {0:?} compares names only: add username, email or employee_number, by which people are looked up")]
    NotLookedUp(String),
    #[error("rule {0:?} names a synchronisation key: declare the two directories as synchronised instead")]
    Anchor(String),
    #[error("rule {0:?}: its score must be more than 0 and at most 1")]
    Weight(String),
    #[error("rule {0:?} is ignored after {1:?}, which is not a rule asked before it or beside it")]
    UnknownRule(String, String),
    #[error("`definite` must be more than 0 and at most 1, and `candidate` more than 0 and not above it")]
    Thresholds,
    #[error("only email and employee_number can be trusted: {0} names nobody")]
    NotIdentifying(&'static str),
    #[error("only email, employee_number, birth_date and national_number can contradict: {0} names nobody")]
    NoContradiction(&'static str),
    #[error("a directory is synchronised with itself: name two")]
    SynchronisedWithItself,
    #[error("more than {MOST} rules")]
    TooMany,
}

/// More rules than anybody can think through.
const MOST: usize = 50;
const NAME_LENGTH: usize = 60;

/// Every fault, so that they can be mended in one go.
#[must_use]
pub fn check(rules: &MatchRules) -> Vec<RuleFault> {
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    for tier in &rules.tiers {
        known.extend(tier.rules.iter().map(|rule| rule.name.as_str()));
        for rule in &tier.rules {
            check_rule(rule, &known, &mut faults);
        }
    }
    let mut names = BTreeSet::new();
    for rule in rules.rules() {
        if !names.insert(rule.name.as_str()) {
            faults.push(RuleFault::SameName(rule.name.clone()));
        }
    }
    if rules.rules().count() > MOST {
        faults.push(RuleFault::TooMany);
    }
    if rules.definite == 0 || rules.definite > 1000 || rules.candidate == 0 || rules.candidate > rules.definite {
        faults.push(RuleFault::Thresholds);
    }
    let trusted = rules.trusted.iter().map(|t| t.attribute);
    faults.extend(trusted.filter(|a| !a.identifies()).map(|a| RuleFault::NotIdentifying(a.as_str())));
    let vetoes = rules.contradictions.iter().map(|t| t.attribute);
    faults.extend(vetoes.filter(|a| !a.contradicts()).map(|a| RuleFault::NoContradiction(a.as_str())));
    if rules.synchronised.iter().any(|pair| pair.one == pair.other) {
        faults.push(RuleFault::SynchronisedWithItself);
    }
    faults
}

fn check_rule(rule: &MatchRule, known: &BTreeSet<&str>, faults: &mut Vec<RuleFault>) {
    let name = || rule.name.clone();
    if rule.name.trim().is_empty() {
        faults.push(RuleFault::NoName);
    } else if rule.name.chars().count() > NAME_LENGTH || rule.name.chars().any(char::is_control) {
        faults.push(RuleFault::BadName(name()));
    }
    if rule.terms.is_empty() {
        faults.push(RuleFault::NoTerms(name()));
    } else if !rule.terms.iter().any(|term| term.attribute.is_looked_up()) {
        faults.push(RuleFault::NotLookedUp(name()));
    }
    let mut seen = BTreeSet::new();
    for term in &rule.terms {
        if !seen.insert(term.attribute) {
            faults.push(RuleFault::SameTerm(name(), term.attribute.as_str()));
        }
        if term.attribute.is_anchor() {
            faults.push(RuleFault::Anchor(name()));
        }
    }
    if rule.weight == 0 || rule.weight > 1000 {
        faults.push(RuleFault::Weight(name()));
    }
    for other in &rule.ignore_if_matched_by {
        if other == &rule.name || !known.contains(other.as_str()) {
            faults.push(RuleFault::UnknownRule(name(), other.clone()));
        }
    }
}
