//! From one new record and those who bear its values to LINK, a question, or CREATE.

use std::collections::{BTreeMap, BTreeSet};

use directory::{
    CredentialAuthority, ImmutableId, LinkKind, MatchAttribute, MatchRule, MatchRules, MatchTerm, PersonId, SourceId,
};

use crate::{
    guard::{Doubt, doubts_of_sides, doubts_of_term},
    normal::same,
};

/// One value that somebody says of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub attribute: MatchAttribute,
    pub value: String,
    /// Who says it; empty = the hub.
    pub source: Option<SourceId>,
    /// The person can write it there: never a match key (semantics, section 1).
    pub self_written: bool,
    /// An e-mail address of a domain its source owns, and not self-written.
    pub verified: bool,
}

/// A record without a link: an entry just read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    pub source: SourceId,
    pub immutable_id: ImmutableId,
    pub kind: LinkKind,
    pub claims: Vec<Claim>,
    pub privileged: bool,
    pub disabled: bool,
    /// Its directory was read whole at least once, so that a second bearer of a value would be known.
    pub population_known: bool,
}

/// A person who bears one of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub person: PersonId,
    pub claims: Vec<Claim>,
    pub accounts: Vec<AccountFacts>,
    pub authority: CredentialAuthority,
    /// A role of the hub, or an account with special rights.
    pub privileged: bool,
    /// Their standing authority does not let them in.
    pub disabled: bool,
    /// An administrator does not let them in.
    pub disabled_by_hub: bool,
    /// What a reviewer decided about these two.
    pub verdict: Option<Verdict>,
}

/// One account of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    pub source: SourceId,
    pub immutable_id: ImmutableId,
    pub kind: LinkKind,
    /// Not missing at its source.
    pub live: bool,
}

/// A reviewer's decision. It beats every rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Same,
    Different,
}

/// Somebody who bears a value, whether a person was made of them or not: this is what "unique" is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    pub source: SourceId,
    pub immutable_id: ImmutableId,
    pub person: Option<PersonId>,
    pub attribute: MatchAttribute,
    pub value: String,
    pub self_written: bool,
}

/// Everybody who bears one of the newcomer's values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Population {
    pub bearers: Vec<Bearer>,
    /// Values with more bearers than were read: certainly not unique.
    pub crowded: BTreeSet<MatchAttribute>,
}

/// A candidate with what speaks for and against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub person: PersonId,
    /// Thousandths, at most 1000.
    pub score: u16,
    /// Names of the rules that found them.
    pub rules: Vec<String>,
    /// Why they were not linked, if they were not.
    pub doubts: Vec<Doubt>,
    /// Two directories declared as synchronised share the key.
    pub synchronised: bool,
}

/// What matching says of a newcomer (semantics, section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Create,
    /// One definite candidate, every guard passes, and the rules that say so may link by themselves.
    Link(Found),
    /// The same, but a reviewer is to agree first.
    Queue(Found),
    Review(Vec<Found>),
    Ambiguous(Vec<Found>),
    /// The best candidate has a live account of the same source and kind.
    Taken(Found),
}

/// What a reviewer's "the same" is called among the rules.
const REVIEWED: &str = "decided by a reviewer";
const SYNCHRONISED: &str = "synchronised directories";

/// What speaks for a candidate so far.
#[derive(Default)]
struct Score {
    /// Of all rules that found them.
    all: u16,
    /// Of those whose guards pass.
    sound: u16,
    /// Of those that may link by themselves as well.
    automatic: u16,
    rules: Vec<String>,
    doubts: BTreeSet<Doubt>,
    synchronised: bool,
    reviewed: bool,
}

/// The decision. The order of candidates and bearers does not matter.
#[must_use]
pub fn decide(rules: &MatchRules, newcomer: &Newcomer, candidates: &[Candidate], population: &Population) -> Outcome {
    let candidates: BTreeMap<PersonId, &Candidate> = candidates
        .iter()
        .filter(|candidate| candidate.verdict != Some(Verdict::Different))
        .map(|candidate| (candidate.person, candidate))
        .collect();
    let mut scores: BTreeMap<PersonId, Score> = candidates.keys().map(|id| (*id, Score::default())).collect();
    let definite = |scores: &BTreeMap<PersonId, Score>| scores.values().filter(|s| s.all >= rules.definite).count();

    before_rules(rules, newcomer, &candidates, population, &mut scores);
    for tier in &rules.tiers {
        if definite(&scores) == 1 {
            break;
        }
        for (id, candidate) in &candidates {
            let Some(score) = scores.get_mut(id) else { continue };
            for rule in &tier.rules {
                ask(rules, rule, newcomer, candidate, population, score);
            }
        }
    }
    conclude(rules, newcomer, &candidates, scores)
}

/// What is stronger than any rule: a reviewer's word, and the key of synchronised directories.
fn before_rules(
    rules: &MatchRules,
    newcomer: &Newcomer,
    candidates: &BTreeMap<PersonId, &Candidate>,
    population: &Population,
    scores: &mut BTreeMap<PersonId, Score>,
) {
    let reviewed = candidates.values().any(|candidate| candidate.verdict == Some(Verdict::Same));
    for (id, candidate) in candidates {
        let Some(score) = scores.get_mut(id) else { continue };
        if candidate.verdict == Some(Verdict::Same) {
            (score.all, score.sound, score.automatic, score.reviewed) = (1000, 1000, 1000, true);
            score.rules.push(REVIEWED.to_owned());
        } else if !reviewed && shares_anchor(rules, newcomer, candidate) {
            (score.all, score.synchronised) = (1000, true);
            score.rules.push(SYNCHRONISED.to_owned());
            let alone = anchors(newcomer).all(|claim| {
                let bears = |b: &&Bearer| b.attribute == claim.attribute && b.value == claim.value;
                let mut others = population.bearers.iter().filter(bears).filter(|b| !is_self(newcomer, b));
                !population.crowded.contains(&claim.attribute)
                    && others.all(|b| b.source != newcomer.source && b.person.is_none_or(|person| person == *id))
            });
            if alone {
                (score.sound, score.automatic) = (1000, 1000);
            } else {
                score.doubts.insert(Doubt::NotUnique(MatchAttribute::AnchorGuid));
            }
        }
    }
}

fn anchors(newcomer: &Newcomer) -> impl Iterator<Item = &Claim> {
    newcomer.claims.iter().filter(|claim| claim.attribute.is_anchor() && !claim.self_written)
}

/// Keys are compared as they are: whoever reads them writes them in one spelling.
fn shares_anchor(rules: &MatchRules, newcomer: &Newcomer, candidate: &Candidate) -> bool {
    anchors(newcomer).any(|ours| {
        candidate.claims.iter().any(|theirs| {
            theirs.attribute == ours.attribute
                && !theirs.self_written
                && theirs.value == ours.value
                && theirs.source.is_some_and(|s| rules.synchronised.iter().any(|pair| pair.joins(s, newcomer.source)))
        })
    })
}

pub(crate) fn is_self(newcomer: &Newcomer, bearer: &Bearer) -> bool {
    bearer.source == newcomer.source && bearer.immutable_id == newcomer.immutable_id
}

/// One rule about one candidate.
fn ask(
    rules: &MatchRules,
    rule: &MatchRule,
    newcomer: &Newcomer,
    candidate: &Candidate,
    population: &Population,
    score: &mut Score,
) {
    if rule.ignore_if_matched_by.iter().any(|other| score.rules.contains(other)) {
        return;
    }
    let pairs: Vec<_> = rule.terms.iter().map(|term| (term, equal_pairs(term, newcomer, candidate))).collect();
    if pairs.is_empty() || pairs.iter().any(|(_, pairs)| pairs.is_empty()) {
        return;
    }
    let mut doubts = BTreeSet::new();
    for (term, pairs) in pairs.iter().filter(|(term, _)| term.attribute.identifies()) {
        let found: Vec<_> = pairs
            .iter()
            .map(|pair| doubts_of_term(rules, term, newcomer, candidate.person, *pair, population))
            .collect();
        if !found.iter().any(Vec::is_empty) {
            doubts.extend(found.into_iter().flatten());
        }
    }
    if !rule.terms.iter().any(|term| term.attribute.identifies()) {
        doubts.insert(Doubt::NamesAlone);
    }
    let add = |to: &mut u16| *to = to.saturating_add(rule.weight).min(1000);
    add(&mut score.all);
    score.rules.push(rule.name.clone());
    if doubts.is_empty() {
        add(&mut score.sound);
        if rule.automatic {
            add(&mut score.automatic);
        }
    }
    score.doubts.extend(doubts);
}

/// Values of the two that this term holds to be equal.
fn equal_pairs<'a>(term: &MatchTerm, newcomer: &'a Newcomer, candidate: &'a Candidate) -> Vec<(&'a Claim, &'a Claim)> {
    let of = |claims: &'a [Claim]| {
        claims.iter().filter(|claim| claim.attribute == term.attribute && !claim.self_written).collect::<Vec<_>>()
    };
    let theirs = of(&candidate.claims);
    let ours = of(&newcomer.claims);
    ours.iter()
        .flat_map(|ours| theirs.iter().map(move |theirs| (*ours, *theirs)))
        .filter(|(ours, theirs)| same(&ours.value, &theirs.value, term.folding))
        .collect()
}

fn conclude(
    rules: &MatchRules,
    newcomer: &Newcomer,
    candidates: &BTreeMap<PersonId, &Candidate>,
    scores: BTreeMap<PersonId, Score>,
) -> Outcome {
    let mut found: Vec<(Found, &Candidate, Score)> = scores
        .into_iter()
        .filter(|(_, score)| score.all >= rules.candidate && score.all > 0)
        .filter_map(|(id, score)| candidates.get(&id).map(|candidate| (id, *candidate, score)))
        .map(|(id, candidate, mut score)| {
            score.doubts.extend(doubts_of_sides(rules, newcomer, candidate, score.reviewed));
            let found = Found {
                person: id,
                score: score.all,
                rules: std::mem::take(&mut score.rules),
                doubts: score.doubts.iter().cloned().collect(),
                synchronised: score.synchronised,
            };
            (found, candidate, score)
        })
        .collect();
    // Best first; the id makes the order the same every time.
    found.sort_by_key(|(f, _, _)| (std::cmp::Reverse(f.score), f.person));
    let definite = found.iter().filter(|(f, _, _)| f.score >= rules.definite).count();
    let all = |found: Vec<(Found, &Candidate, Score)>| found.into_iter().map(|(f, _, _)| f).collect::<Vec<_>>();
    if definite > 1 {
        found.truncate(definite);
        return Outcome::Ambiguous(all(found));
    }
    let Some((best, candidate, score)) = found.first() else { return Outcome::Create };
    let alone_at_the_top = found.get(1).is_none_or(|(next, _, _)| next.score < best.score);
    if alone_at_the_top && is_taken(newcomer, candidate) {
        return Outcome::Taken(best.clone());
    }
    let blocked = !doubts_of_sides(rules, newcomer, candidate, score.reviewed).is_empty();
    if definite == 0 || blocked || score.sound < rules.definite {
        return Outcome::Review(all(found));
    }
    // What other rules doubted is no doubt about this: those whose guards pass suffice.
    let linked = Found { doubts: Vec::new(), ..best.clone() };
    if score.automatic < rules.definite { Outcome::Queue(linked) } else { Outcome::Link(linked) }
}

fn is_taken(newcomer: &Newcomer, candidate: &Candidate) -> bool {
    candidate.accounts.iter().any(|account| {
        account.source == newcomer.source
            && account.kind == newcomer.kind
            && account.live
            && account.immutable_id != newcomer.immutable_id
    })
}
