//! What never happens, over every mixture of records, people and rules; and the rows of section 6 by name.

use std::collections::BTreeSet;

use directory::{
    CredentialAuthority, Folding, LinkKind, MatchAttribute, MatchRule, MatchRules, MatchTerm, MatchTier, PersonId,
    SourceId, SynchronisedPair, TrustedAttribute,
};
use proptest::{prelude::*, sample::select};

use crate::*;

fn source(n: u8) -> SourceId {
    uuid(n).into()
}

fn person(n: u8) -> PersonId {
    uuid(100 + n).into()
}

fn uuid(n: u8) -> uuid::Uuid {
    uuid::Uuid::from_bytes([n; 16])
}

const EMAIL: MatchAttribute = MatchAttribute::Email;
const NUMBER: MatchAttribute = MatchAttribute::EmployeeNumber;

fn claim(from: u8, attribute: MatchAttribute, value: &str) -> Claim {
    let verified = attribute == EMAIL;
    Claim { attribute, value: value.to_owned(), source: Some(source(from)), self_written: false, verified }
}

fn rule(name: &str, terms: &[(MatchAttribute, Folding)], weight: u16) -> MatchRule {
    MatchRule {
        name: name.to_owned(),
        terms: terms
            .iter()
            .map(|(attribute, folding)| MatchTerm { attribute: *attribute, folding: *folding })
            .collect(),
        weight,
        ignore_if_matched_by: Vec::new(),
        automatic: true,
    }
}

/// Number, then address; sources 1, 2 and 3 trusted for both.
fn usual() -> MatchRules {
    MatchRules {
        tiers: vec![
            MatchTier { rules: vec![rule("number", &[(NUMBER, Folding::Zeros)], 1000)] },
            MatchTier { rules: vec![rule("address", &[(EMAIL, Folding::Case)], 1000)] },
        ],
        trusted: (1..=3)
            .flat_map(|s| [EMAIL, NUMBER].map(|attribute| TrustedAttribute { source: source(s), attribute }))
            .collect(),
        ..MatchRules::default()
    }
}

/// Entry "new" at source 2.
fn newcomer(claims: Vec<Claim>) -> Newcomer {
    Newcomer {
        source: source(2),
        immutable_id: "new".to_owned().into(),
        kind: LinkKind::Primary,
        claims,
        privileged: false,
        disabled: false,
        population_known: true,
    }
}

/// Person `n` with one account at source 1.
fn candidate(n: u8, claims: Vec<Claim>) -> Candidate {
    Candidate {
        person: person(n),
        claims,
        accounts: vec![account(n, 1)],
        authority: CredentialAuthority::None,
        privileged: false,
        disabled: false,
        disabled_by_hub: false,
        verdict: None,
    }
}

fn account(n: u8, at: u8) -> AccountFacts {
    AccountFacts { source: source(at), immutable_id: format!("a{n}").into(), kind: LinkKind::Primary, live: true }
}

/// Everybody who bears what the candidates say.
fn population(candidates: &[Candidate]) -> Population {
    let bearers = candidates.iter().flat_map(|candidate| {
        candidate.claims.iter().filter_map(|claim| {
            let account = candidate.accounts.iter().find(|a| Some(a.source) == claim.source)?;
            Some(Bearer {
                source: account.source,
                immutable_id: account.immutable_id.clone(),
                person: Some(candidate.person),
                attribute: claim.attribute,
                value: claim.value.clone(),
                self_written: claim.self_written,
            })
        })
    });
    Population { bearers: bearers.collect(), crowded: BTreeSet::new() }
}

fn said(rules: &MatchRules, newcomer: &Newcomer, candidates: &[Candidate]) -> Outcome {
    decide(rules, newcomer, candidates, &population(candidates))
}

fn review(outcome: &Outcome) -> BTreeSet<Doubt> {
    let Outcome::Review(found) = outcome else { panic!("{outcome:?}") };
    found.iter().flat_map(|found| found.doubts.iter().copied()).collect()
}

#[test]
fn link_one_definite_candidate_whom_every_guard_passes() {
    let ada = candidate(1, vec![claim(1, NUMBER, "0042")]);
    let Outcome::Link(found) = said(&usual(), &newcomer(vec![claim(2, NUMBER, "42")]), &[ada]) else {
        panic!("not linked")
    };
    assert_eq!((found.person, found.rules), (person(1), vec!["number".to_owned()]));
}

#[test]
fn create_where_nobody_fits_or_no_rule_is_there() {
    let ada = candidate(1, vec![claim(1, NUMBER, "42")]);
    let new = newcomer(vec![claim(2, NUMBER, "43")]);
    assert_eq!(said(&usual(), &new, std::slice::from_ref(&ada)), Outcome::Create);
    let same = newcomer(vec![claim(2, NUMBER, "42")]);
    assert_eq!(said(&MatchRules::default(), &same, &[ada]), Outcome::Create);
}

#[test]
fn queue_where_the_rule_may_not_link_by_itself() {
    let mut rules = usual();
    rules.tiers[0].rules[0].automatic = false;
    let ada = candidate(1, vec![claim(1, NUMBER, "42")]);
    assert!(matches!(said(&rules, &newcomer(vec![claim(2, NUMBER, "42")]), &[ada]), Outcome::Queue(_)));
}

#[test]
fn ambiguous_two_definite_candidates() {
    let people = [candidate(1, vec![claim(1, EMAIL, "a@x.test")]), candidate(2, vec![claim(1, EMAIL, "A@x.test")])];
    let Outcome::Ambiguous(found) = said(&usual(), &newcomer(vec![claim(2, EMAIL, "a@X.test")]), &people) else {
        panic!("not ambiguous")
    };
    assert_eq!(found.len(), 2);
}

#[test]
fn taken_the_candidate_has_a_live_account_of_the_same_source_and_kind() {
    let mut ada = candidate(1, vec![claim(1, NUMBER, "42")]);
    ada.accounts.push(account(1, 2));
    let new = newcomer(vec![claim(2, NUMBER, "42")]);
    assert!(matches!(said(&usual(), &new, std::slice::from_ref(&ada)), Outcome::Taken(_)));
    // An account of another kind, or one that is gone, is in nobody's way.
    ada.accounts[1].kind = LinkKind::Admin;
    assert!(matches!(said(&usual(), &new, std::slice::from_ref(&ada)), Outcome::Link(_)));
    (ada.accounts[1].kind, ada.accounts[1].live) = (LinkKind::Primary, false);
    assert!(matches!(said(&usual(), &new, &[ada]), Outcome::Link(_)));
}

#[test]
fn the_first_tier_with_one_definite_candidate_is_the_last_that_is_asked() {
    let people = [candidate(1, vec![claim(1, NUMBER, "42")]), candidate(2, vec![claim(1, EMAIL, "a@x.test")])];
    let new = newcomer(vec![claim(2, NUMBER, "42"), claim(2, EMAIL, "a@x.test")]);
    let Outcome::Link(found) = said(&usual(), &new, &people) else { panic!("not linked") };
    assert_eq!(found.person, person(1));
}

#[test]
fn weights_add_up_and_a_rule_can_be_ignored_after_another() {
    let mut rules = usual();
    let half = |name: &str, attribute| rule(name, &[(attribute, Folding::Case)], 500);
    rules.tiers = vec![MatchTier { rules: vec![half("number", NUMBER), half("address", EMAIL)] }];
    let ada = candidate(1, vec![claim(1, NUMBER, "42"), claim(1, EMAIL, "a@x.test")]);
    let both = newcomer(vec![claim(2, NUMBER, "42"), claim(2, EMAIL, "a@x.test")]);
    assert!(matches!(said(&rules, &both, std::slice::from_ref(&ada)), Outcome::Link(_)));
    let one = newcomer(vec![claim(2, EMAIL, "a@x.test")]);
    assert!(matches!(said(&rules, &one, std::slice::from_ref(&ada)), Outcome::Review(_)));
    rules.tiers[0].rules[1].ignore_if_matched_by = vec!["number".to_owned()];
    let Outcome::Review(found) = said(&rules, &both, &[ada]) else { panic!("the second rule was asked") };
    assert_eq!(found[0].score, 500);
}

#[test]
fn names_alone_never_link() {
    let mut rules = usual();
    let terms = [MatchAttribute::Username, MatchAttribute::FamilyName, MatchAttribute::GivenName];
    rules.tiers[0].rules = vec![rule("names", &terms.map(|attribute| (attribute, Folding::Case)), 1000)];
    let claims = |from| terms.iter().map(|attribute| claim(from, *attribute, "smith")).collect::<Vec<_>>();
    let outcome = said(&rules, &newcomer(claims(2)), &[candidate(1, claims(1))]);
    assert_eq!(review(&outcome), BTreeSet::from([Doubt::NamesAlone]));
}

#[test]
fn an_address_links_only_if_one_of_the_two_directories_owns_its_domain() {
    let unowned = |from| Claim { verified: false, ..claim(from, EMAIL, "a@x.test") };
    let doubts = review(&said(&usual(), &newcomer(vec![unowned(2)]), &[candidate(1, vec![unowned(1)])]));
    assert_eq!(doubts, BTreeSet::from([Doubt::NotVerified]));
    let owned = candidate(1, vec![claim(1, EMAIL, "a@x.test")]);
    assert!(matches!(said(&usual(), &newcomer(vec![unowned(2)]), &[owned]), Outcome::Link(_)));
}

#[test]
fn a_self_written_value_is_no_match_key() {
    let own = |from| Claim { self_written: true, ..claim(from, NUMBER, "42") };
    let real = |from| claim(from, NUMBER, "42");
    for (ours, theirs) in [(own(2), real(1)), (real(2), own(1))] {
        assert_eq!(said(&usual(), &newcomer(vec![ours]), &[candidate(1, vec![theirs])]), Outcome::Create);
    }
}

#[test]
fn what_differs_in_a_stronger_identifier_is_asked_about() {
    let ada = candidate(1, vec![claim(1, EMAIL, "a@x.test"), claim(1, NUMBER, "42")]);
    let new = newcomer(vec![claim(2, EMAIL, "a@x.test"), claim(2, NUMBER, "43")]);
    assert_eq!(review(&said(&usual(), &new, &[ada])), BTreeSet::from([Doubt::Contradiction(NUMBER)]));
}

#[test]
fn not_the_same_is_remembered_and_beats_rules() {
    let mut ada = candidate(1, vec![claim(1, NUMBER, "42")]);
    ada.verdict = Some(Verdict::Different);
    assert_eq!(said(&usual(), &newcomer(vec![claim(2, NUMBER, "42")]), &[ada]), Outcome::Create);
}

#[test]
fn a_reviewers_same_links_a_rehire_and_nobody_with_special_rights() {
    let mut ada = candidate(1, vec![claim(1, NUMBER, "41")]);
    (ada.verdict, ada.disabled, ada.authority) = (Some(Verdict::Same), true, CredentialAuthority::Source(source(2)));
    let new = newcomer(vec![claim(2, NUMBER, "42")]);
    assert!(matches!(said(&usual(), &new, std::slice::from_ref(&ada)), Outcome::Link(_)));
    ada.privileged = true;
    assert_eq!(review(&said(&usual(), &new, &[ada])), BTreeSet::from([Doubt::Privileged]));
}

#[test]
fn synchronised_directories_link_by_their_key_and_others_do_not() {
    let guid = "03020100-0504-0706-0809-0a0b0c0d0e0f";
    let ada = candidate(1, vec![claim(1, MatchAttribute::AnchorGuid, guid)]);
    let mut new = newcomer(vec![claim(2, MatchAttribute::AnchorGuid, guid)]);
    // Uniqueness is what the synchronisation itself guarantees.
    new.population_known = false;
    let mut rules = usual();
    assert_eq!(said(&rules, &new, std::slice::from_ref(&ada)), Outcome::Create);
    rules.synchronised = vec![SynchronisedPair { one: source(2), other: source(1) }];
    let Outcome::Link(found) = said(&rules, &new, std::slice::from_ref(&ada)) else { panic!("not linked") };
    assert!(found.synchronised);
    rules.synchronised[0].one = source(3);
    assert_eq!(said(&rules, &new, &[ada]), Outcome::Create);
}

#[test]
fn a_crowded_value_links_nobody() {
    let ada = candidate(1, vec![claim(1, NUMBER, "42")]);
    let mut crowd = population(std::slice::from_ref(&ada));
    crowd.crowded.insert(NUMBER);
    let outcome = decide(&usual(), &newcomer(vec![claim(2, NUMBER, "42")]), &[ada], &crowd);
    assert_eq!(review(&outcome), BTreeSet::from([Doubt::NotUnique(NUMBER)]));
}

#[test]
fn a_value_must_be_unique_on_both_sides() {
    let ada = candidate(1, vec![claim(1, NUMBER, "42")]);
    let new = newcomer(vec![claim(2, NUMBER, "42")]);
    // Somebody else at the newcomer's directory; a second object at the candidate's; another person anywhere.
    for (at, id, whose) in [(2, "x", None), (1, "x", None), (1, "x", Some(1)), (3, "x", Some(2)), (2, "x", Some(1))] {
        let mut more = population(std::slice::from_ref(&ada));
        more.bearers.push(Bearer {
            source: source(at),
            immutable_id: id.to_owned().into(),
            person: whose.map(person),
            attribute: NUMBER,
            value: "0-42".to_owned(),
            self_written: false,
        });
        let outcome = decide(&usual(), &new, std::slice::from_ref(&ada), &more);
        assert_eq!(review(&outcome), BTreeSet::from([Doubt::NotUnique(NUMBER)]), "{at} {whose:?}");
        // The same person at a third directory, and the newcomer itself, are in nobody's way.
        let last = more.bearers.last_mut().unwrap();
        (last.source, last.person) = (source(3), Some(person(1)));
        assert!(matches!(decide(&usual(), &new, std::slice::from_ref(&ada), &more), Outcome::Link(_)));
    }
}

#[test]
fn nobody_is_linked_out_of_a_directory_that_was_never_read_whole_or_that_nobody_trusts() {
    let ada = candidate(1, vec![claim(1, NUMBER, "42")]);
    let mut new = newcomer(vec![claim(2, NUMBER, "42")]);
    new.population_known = false;
    assert_eq!(review(&said(&usual(), &new, std::slice::from_ref(&ada))), BTreeSet::from([Doubt::PopulationUnknown]));
    new.population_known = true;
    let trusting = |at: &[u8]| {
        let mut rules = usual();
        rules.trusted.retain(|t| at.iter().any(|n| source(*n) == t.source));
        rules
    };
    for (at, doubt) in [(&[1][..], Doubt::NewcomerNotTrusted(NUMBER)), (&[2], Doubt::CandidateNotTrusted(NUMBER))] {
        assert_eq!(review(&said(&trusting(at), &new, std::slice::from_ref(&ada))), BTreeSet::from([doubt]));
    }
}

#[test]
fn faulty_rules_are_told_in_words() {
    assert_eq!(check(&usual()), []);
    let mut rules = usual();
    rules.tiers[1].rules[0].name = "number".to_owned();
    rules.tiers[0].rules[0].ignore_if_matched_by = vec!["address".to_owned()];
    rules.tiers[0].rules.push(rule("names", &[(MatchAttribute::FamilyName, Folding::Case)], 0));
    rules.trusted.push(TrustedAttribute { source: source(1), attribute: MatchAttribute::Username });
    rules.synchronised.push(SynchronisedPair { one: source(1), other: source(1) });
    rules.definite = 1001;
    let faults: Vec<String> = check(&rules).iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 7, "{faults:#?}");
}

// Any mixture ------------------------------------------------------------------------------------------------------

fn claims(from: u8) -> impl Strategy<Value = Vec<Claim>> {
    let value = select(&["42", "042", "4-2", "43", "a@x.test", "A@X.test", "n/a", "smith"][..]);
    let attribute =
        select(&[EMAIL, NUMBER, MatchAttribute::Username, MatchAttribute::FamilyName, MatchAttribute::AnchorGuid][..]);
    let one = (attribute, value, prop::bool::weighted(0.15), any::<bool>()).prop_map(
        move |(attribute, value, self_written, owned)| Claim {
            attribute,
            value: value.to_owned(),
            source: Some(source(from)),
            self_written,
            verified: attribute == EMAIL && owned && !self_written,
        },
    );
    prop::collection::vec(one, 0..4)
}

prop_compose! {
    fn candidates()(drawn in prop::collection::vec((1u8..4, claims(0), 1u8..4, 0u8..8, 0u8..8, 0u8..6), 0..4))
        -> Vec<Candidate> {
        drawn.into_iter().enumerate().map(|(n, (at, mut claims, authority, privileged, disabled, verdict))| {
            let n = u8::try_from(n).unwrap();
            for claim in &mut claims {
                claim.source = Some(source(at));
            }
            Candidate {
                accounts: vec![account(n, at)],
                authority: match authority {
                    1 => CredentialAuthority::None,
                    2 => CredentialAuthority::Hub,
                    _ => CredentialAuthority::Source(source(at)),
                },
                privileged: privileged == 0,
                disabled: disabled == 0,
                disabled_by_hub: disabled == 1,
                verdict: match verdict { 0 => Some(Verdict::Different), 1 => Some(Verdict::Same), _ => None },
                ..candidate(n, claims)
            }
        }).collect()
    }
}

prop_compose! {
    fn newcomers()(claims in claims(2), privileged in 0u8..8, known in 0u8..8) -> Newcomer {
        Newcomer { privileged: privileged == 0, population_known: known != 0, ..newcomer(claims) }
    }
}

prop_compose! {
    fn rule_sets()(
        weights in prop::collection::vec(100u16..1001, 4),
        foldings in prop::collection::vec(select(Folding::ALL), 4),
        untrusted in prop::collection::vec(0usize..6, 0..3),
        (split, synchronised, automatic) in (0usize..4, any::<bool>(), 0u8..4),
    ) -> MatchRules {
        let attributes = [NUMBER, EMAIL, MatchAttribute::Username, MatchAttribute::FamilyName];
        let mut made: Vec<MatchRule> = (0..4)
            .map(|n| rule(&format!("r{n}"), &[(attributes[n], foldings[n])], weights[n]))
            .collect();
        made[0].automatic = automatic != 0;
        made[3].terms.push(MatchTerm { attribute: MatchAttribute::Username, folding: foldings[0] });
        let second = made.split_off(split);
        let mut rules = usual();
        rules.tiers = vec![MatchTier { rules: made }, MatchTier { rules: second }];
        for at in untrusted {
            rules.trusted.retain(|t| Some(t) != usual().trusted.get(at));
        }
        if synchronised {
            rules.synchronised.push(SynchronisedPair { one: source(2), other: source(1) });
        }
        rules
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// The one that matters: whoever is linked by a rule passed every guard, checked here by other means.
    #[test]
    fn whatever_the_rules_say_nobody_is_linked_past_a_guard(
        rules in rule_sets(), new in newcomers(), people in candidates()
    ) {
        let Outcome::Link(found) = said(&rules, &new, &people) else { return Ok(()) };
        let linked = people.iter().find(|c| c.person == found.person).unwrap();
        prop_assert!(linked.verdict != Some(Verdict::Different));
        prop_assert!(!new.privileged && !linked.privileged && !linked.disabled_by_hub);
        let taken = linked.accounts.iter().any(|a| a.source == new.source && a.live);
        prop_assert!(!taken);
        if linked.verdict == Some(Verdict::Same) {
            return Ok(());
        }
        prop_assert!(!linked.disabled);
        prop_assert!(linked.authority != CredentialAuthority::Source(new.source));
        let values = |claims: &[Claim], attribute: MatchAttribute| -> Vec<Claim> {
            claims.iter().filter(|c| c.attribute == attribute && !c.self_written).cloned().collect()
        };
        if found.synchronised {
            let shared = values(&new.claims, MatchAttribute::AnchorGuid)
                .iter()
                .any(|ours| linked.claims.iter().any(|c| c.attribute == ours.attribute && c.value == ours.value));
            prop_assert!(shared && !rules.synchronised.is_empty());
            return Ok(());
        }
        prop_assert!(new.population_known);
        // At least one identifier agrees that both sides are trusted for and that nobody else bears.
        let sound = [NUMBER, EMAIL].iter().any(|attribute| {
            values(&new.claims, *attribute).iter().any(|ours| {
                let agrees = values(&linked.claims, *attribute).iter().any(|theirs| {
                    same(&ours.value, &theirs.value, Folding::Zeros)
                        && rules.trusts(theirs.source.unwrap(), *attribute)
                        && (*attribute != EMAIL || ours.verified || theirs.verified)
                });
                let others = people.iter().filter(|c| c.person != linked.person).any(|other| {
                    values(&other.claims, *attribute).iter().any(|c| same(&c.value, &ours.value, Folding::Zeros))
                });
                agrees && !others && rules.trusts(new.source, *attribute)
            })
        });
        prop_assert!(sound);
        for ours in new.claims.iter().filter(|c| c.attribute == NUMBER) {
            for theirs in linked.claims.iter().filter(|c| c.attribute == NUMBER) {
                let silent = look_up_key(&ours.value).is_none() || look_up_key(&theirs.value).is_none();
                prop_assert!(silent || same(&ours.value, &theirs.value, Folding::Zeros));
            }
        }
    }

    #[test]
    fn the_order_in_which_people_are_found_does_not_matter(
        rules in rule_sets(), new in newcomers(), people in candidates()
    ) {
        let mut turned = people.clone();
        turned.reverse();
        prop_assert_eq!(said(&rules, &new, &people), said(&rules, &new, &turned));
    }

    #[test]
    fn somebody_else_with_the_same_value_never_makes_a_link_of_a_question(
        rules in rule_sets(), new in newcomers(), people in candidates(), value in select(&["42", "a@x.test"][..]), at in 1u8..4
    ) {
        let before = said(&rules, &new, &people);
        let mut more = population(&people);
        for attribute in [EMAIL, NUMBER] {
            more.bearers.push(Bearer {
                source: source(at),
                immutable_id: "other".to_owned().into(),
                person: None,
                attribute,
                value: value.to_owned(),
                self_written: false,
            });
        }
        let after = decide(&rules, &new, &people, &more);
        prop_assert!(!matches!(after, Outcome::Link(_)) || before == after);
    }

    #[test]
    fn without_rules_everybody_is_new(new in newcomers(), mut people in candidates()) {
        for candidate in &mut people {
            candidate.verdict = None;
        }
        prop_assert_eq!(said(&MatchRules::default(), &new, &people), Outcome::Create);
    }

    /// Whatever is equal under one folding is equal under the next, so the stored key finds every match.
    #[test]
    fn one_stored_key_finds_what_any_rule_would(one in "\\PC{0,12}", other in "\\PC{0,12}") {
        for text in [&one, &other] {
            let recased = text.to_uppercase();
            if same(text, &recased, Folding::Case) {
                prop_assert_eq!(look_up_key(text), look_up_key(&recased));
            }
        }
        let mut equal = false;
        for folding in Folding::ALL {
            let now = same(&one, &other, *folding);
            prop_assert!(!equal || now, "{} after a finer one", folding);
            equal = now;
        }
        if equal {
            prop_assert_eq!(look_up_key(&one), look_up_key(&other));
        }
    }

    #[test]
    fn odd_keys_never_panic(text in "\\PC{0,60}") {
        let _ = (guid(&text), sid(&text), look_up_key(&text));
    }

    #[test]
    fn every_guid_survives_its_immutable_id(bytes in prop::array::uniform16(any::<u8>())) {
        let text = uuid::Uuid::from_bytes_le(bytes).to_string();
        prop_assume!(text.bytes().any(|b| b != b'0' && b != b'-'));
        prop_assert_eq!(guid(&base64(&bytes)), Some(text));
    }
}

/// Sixteen bytes as RFC 4648 writes them.
fn base64(bytes: &[u8; 16]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut three = [0u8; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for at in 0..4 {
            let digit = usize::try_from((bits >> (18 - 6 * at)) & 63).unwrap();
            text.push(if at <= chunk.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    text
}
