//! Who an entry without an account is: matched against everybody who bears one of its values, before a person is made
//! of it. The one place for sign-ins and imports; `matching` decides, and whatever it doubts is a question.

use std::collections::{BTreeMap, BTreeSet};

use directory::{
    AccountStatus, AttributeName, CredentialAuthority, EmailAddress, LinkKind, MatchAttribute, MatchOutcome,
    MatchRules, PersonId, PersonState, Source, SourceEntry, SourceId, SourceKind,
};
use matching::{AccountFacts, Bearer, Candidate, Claim, Found, Newcomer, Outcome, Population, Verdict};
use storage::{
    Queries,
    accounts::Accounts,
    attributes::Attributes,
    matching::{BearerRow, MatchKey, Matching},
    people::People,
};

use super::values::{Values, owns};
use crate::HubError;

/// Bearers of one value that are looked at. One with more is certainly not unique.
const BEARERS: u32 = 50;
/// Candidates that are looked at closely.
const CANDIDATES: usize = 20;

/// What this entry is found by.
pub(super) fn keys(source: &Source, entry: &SourceEntry, values: &Values) -> Vec<MatchKey> {
    let mut keys = Vec::new();
    let mut add = |attribute: MatchAttribute, value: Option<&String>| {
        if let Some(value) = value
            && let Some(folded) = matching::look_up_key(value)
        {
            keys.push(MatchKey { attribute, folded, value: value.clone() });
        }
    };
    add(MatchAttribute::Username, values.username.as_ref());
    add(MatchAttribute::Email, values.attributes.get(&AttributeName::Email));
    add(MatchAttribute::EmployeeNumber, values.attributes.get(&AttributeName::EmployeeNumber));
    keys.extend(anchors(source, entry));
    keys
}

/// Keys shared with synchronised directories. An Active Directory object's own is its `objectGUID`, unless it carries
/// another one.
fn anchors(source: &Source, entry: &SourceEntry) -> Vec<MatchKey> {
    let own = (source.kind == SourceKind::ActiveDirectory).then_some(entry.immutable_id.as_str());
    let guid = entry.anchors.guid.as_deref().or(own).and_then(matching::guid);
    let sid = entry.anchors.sid.as_deref().and_then(matching::sid);
    let key = |attribute, value: String| MatchKey { attribute, folded: value.clone(), value };
    let guid = guid.map(|value| key(MatchAttribute::AnchorGuid, value));
    guid.into_iter().chain(sid.map(|value| key(MatchAttribute::AnchorSid, value))).collect()
}

/// The rules in force.
pub(crate) async fn rules_in_force(queries: &mut impl Queries) -> Result<MatchRules, HubError> {
    Ok(Matching(queries).rules().await?.map(|version| version.rules).unwrap_or_default())
}

/// The attributes that rules in force can link somebody by without a person looking, vetoes included; none if they
/// cannot.
pub(crate) async fn feeding(queries: &mut impl Queries) -> Result<BTreeSet<AttributeName>, HubError> {
    let rules = rules_in_force(queries).await?;
    if !rules.synchronised.is_empty() || rules.rules().any(|rule| rule.automatic) {
        return Ok(asked_by(&rules));
    }
    Ok(BTreeSet::new())
}

/// The attributes these rules ask about.
pub(super) fn asked_by(rules: &MatchRules) -> BTreeSet<AttributeName> {
    let terms = rules.rules().flat_map(|rule| &rule.terms).chain(rules.vetoes());
    terms.filter_map(|term| name_of(term.attribute)).collect()
}

/// Who it is, by the rules in force.
pub(super) async fn matched(
    queries: &mut impl Queries,
    source: &Source,
    entry: &SourceEntry,
    values: &Values,
) -> Result<Outcome, HubError> {
    let rules = rules_in_force(queries).await?;
    if rules.finds_nothing() {
        return Ok(Outcome::Create);
    }
    let newcomer = newcomer(queries, source, entry, values).await?;
    let keys = keys(source, entry, values);
    let verdicts = Matching(queries).verdicts(source.id, &entry.immutable_id).await?;
    decide(queries, &rules, source, &newcomer, &keys, &verdicts).await
}

/// The decision about a newcomer with these keys, under these rules.
async fn decide(
    queries: &mut impl Queries,
    rules: &MatchRules,
    source: &Source,
    newcomer: &Newcomer,
    keys: &[MatchKey],
    verdicts: &[(PersonId, bool)],
) -> Result<Outcome, HubError> {
    let mut sources = Sources::new(source);
    let mut population = Population::default();
    let mut people = BTreeSet::new();
    for (person, same) in verdicts {
        if *same && let Some(person) = People(queries).survivor(*person).await? {
            people.insert(person.id);
        }
    }
    for key in keys {
        let rows = Matching(queries).bearers(key.attribute, &key.folded, BEARERS + 1).await?;
        if rows.len() > usize::try_from(BEARERS).unwrap_or(usize::MAX) {
            population.crowded.insert(key.attribute);
        }
        for row in rows {
            let bearer = bearer(queries, &mut sources, row).await?;
            people.extend(bearer.person);
            population.bearers.push(bearer);
        }
    }
    let mut candidates = Vec::new();
    for id in people.into_iter().take(CANDIDATES) {
        candidates.extend(candidate(queries, &mut sources, id, verdicts).await?);
    }
    Ok(matching::decide(rules, newcomer, &candidates, &population))
}

async fn bearer(queries: &mut impl Queries, sources: &mut Sources, row: BearerRow) -> Result<Bearer, HubError> {
    let person = match row.person {
        Some(person) => People(queries).survivor(person).await?.map(|person| person.id),
        None => None,
    };
    let said_by = sources.get(queries, row.source).await?;
    Ok(Bearer {
        self_written: said_by.as_ref().is_none_or(|source| is_self_written(source, row.attribute)),
        source: row.source,
        immutable_id: row.immutable_id,
        person,
        attribute: row.attribute,
        value: row.value,
    })
}

async fn newcomer(
    queries: &mut impl Queries,
    source: &Source,
    entry: &SourceEntry,
    values: &Values,
) -> Result<Newcomer, HubError> {
    let mut claims: Vec<Claim> =
        keys(source, entry, values).into_iter().map(|key| claim(source, key.attribute, key.value)).collect();
    for (name, value) in &values.attributes {
        if let Some(attribute) = described_by(*name) {
            claims.push(claim(source, attribute, value.clone()));
        }
    }
    Ok(Newcomer {
        source: source.id,
        immutable_id: entry.immutable_id.clone(),
        kind: LinkKind::Primary,
        claims,
        // Groups that were not read may be the protected ones.
        privileged: entry.privileged || (!entry.groups_complete && !source.protected_groups.is_empty()),
        disabled: entry.status != AccountStatus::Active,
        population_known: Matching(queries).population_read_at(source.id).await?.is_some(),
    })
}

/// A person as matching sees them; nothing if there is no such person any more.
async fn candidate(
    queries: &mut impl Queries,
    sources: &mut Sources,
    id: PersonId,
    verdicts: &[(PersonId, bool)],
) -> Result<Option<Candidate>, HubError> {
    let Some(person) = People(queries).by_id(id).await? else { return Ok(None) };
    let mut claims = Vec::new();
    for row in Matching(queries).keys_of_person(id).await? {
        if let Some(source) = sources.get(queries, row.source).await? {
            claims.push(claim(&source, row.attribute, row.value));
        }
    }
    for attribute in Attributes(queries).of_person(id).await? {
        let named = match attribute.name {
            // Entered at the hub: found by no key of an account.
            AttributeName::Email if attribute.origin.is_none() => Some(MatchAttribute::Email),
            AttributeName::EmployeeNumber if attribute.origin.is_none() => Some(MatchAttribute::EmployeeNumber),
            other => described_by(other),
        };
        let Some(named) = named else { continue };
        claims.push(Claim {
            attribute: named,
            value: attribute.value,
            source: attribute.authority,
            self_written: attribute.self_written,
            verified: attribute.verified,
        });
    }
    let accounts = Accounts(queries).of_person(id).await?;
    let mut verdict = None;
    for (about, same) in verdicts {
        if People(queries).survivor(*about).await?.is_some_and(|person| person.id == id) {
            // Who was told apart once stays apart, whatever was said of a record that was merged since.
            verdict =
                Some(if *same && verdict != Some(Verdict::Different) { Verdict::Same } else { Verdict::Different });
        }
    }
    let state = person.state();
    Ok(Some(Candidate {
        person: id,
        claims,
        accounts: accounts
            .iter()
            .map(|account| AccountFacts {
                source: account.source_id,
                immutable_id: account.immutable_id.clone(),
                kind: account.kind,
                live: account.status != AccountStatus::Missing,
            })
            .collect(),
        authority: person.credential_authority,
        privileged: person.privileged || person.holds_role || accounts.iter().any(is_privileged),
        disabled: matches!(state, PersonState::DisabledBySource | PersonState::DisabledByHub | PersonState::Merged),
        disabled_by_hub: matches!(state, PersonState::DisabledByHub | PersonState::Merged),
        verdict,
    }))
}

/// An account with special rights, here or at its source.
fn is_privileged(account: &directory::Account) -> bool {
    account.privileged || matches!(account.kind, LinkKind::Admin | LinkKind::Service)
}

/// What describes people without identifying them.
const fn described_by(name: AttributeName) -> Option<MatchAttribute> {
    match name {
        AttributeName::DisplayName => Some(MatchAttribute::DisplayName),
        AttributeName::GivenName => Some(MatchAttribute::GivenName),
        AttributeName::FamilyName => Some(MatchAttribute::FamilyName),
        AttributeName::Department => Some(MatchAttribute::Department),
        AttributeName::Title => Some(MatchAttribute::Title),
        AttributeName::BirthDate => Some(MatchAttribute::BirthDate),
        AttributeName::NationalNumber => Some(MatchAttribute::NationalNumber),
        AttributeName::Email
        | AttributeName::Phone
        | AttributeName::EmployeeNumber
        | AttributeName::Locale
        | AttributeName::Custom(_) => None,
    }
}

const fn name_of(attribute: MatchAttribute) -> Option<AttributeName> {
    match attribute {
        MatchAttribute::Email => Some(AttributeName::Email),
        MatchAttribute::EmployeeNumber => Some(AttributeName::EmployeeNumber),
        MatchAttribute::DisplayName => Some(AttributeName::DisplayName),
        MatchAttribute::GivenName => Some(AttributeName::GivenName),
        MatchAttribute::FamilyName => Some(AttributeName::FamilyName),
        MatchAttribute::Department => Some(AttributeName::Department),
        MatchAttribute::Title => Some(AttributeName::Title),
        MatchAttribute::BirthDate => Some(AttributeName::BirthDate),
        MatchAttribute::NationalNumber => Some(AttributeName::NationalNumber),
        MatchAttribute::Username | MatchAttribute::AnchorGuid | MatchAttribute::AnchorSid => None,
    }
}

fn is_self_written(source: &Source, attribute: MatchAttribute) -> bool {
    name_of(attribute).is_some_and(|name| source.self_written.contains(&name))
}

/// What a source says, judged by how it is set now, not by how it was when it said so.
fn claim(source: &Source, attribute: MatchAttribute, value: String) -> Claim {
    let self_written = is_self_written(source, attribute);
    let owned =
        attribute == MatchAttribute::Email && EmailAddress::split(&value).is_some_and(|address| owns(source, &address));
    Claim { attribute, value, source: Some(source.id), self_written, verified: owned && !self_written }
}

/// The directories that say something about somebody here, each read once.
struct Sources(BTreeMap<SourceId, Option<Source>>);

impl Sources {
    fn new(first: &Source) -> Self {
        Self(BTreeMap::from([(first.id, Some(first.clone()))]))
    }

    async fn get(&mut self, queries: &mut impl Queries, id: SourceId) -> Result<Option<Source>, HubError> {
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let found = storage::sources::by_id(queries, id).await?.map(|stored| stored.source);
        self.0.insert(id, found.clone());
        Ok(found)
    }
}

/// The outcome as a word, with those it is about.
pub(super) fn asked_about(outcome: Outcome) -> Option<(MatchOutcome, Vec<Found>)> {
    match outcome {
        Outcome::Create => None,
        Outcome::Link(found) | Outcome::Queue(found) => Some((MatchOutcome::Link, vec![found])),
        Outcome::Review(found) => Some((MatchOutcome::Review, found)),
        Outcome::Ambiguous(found) => Some((MatchOutcome::Ambiguous, found)),
        Outcome::Taken(found) => Some((MatchOutcome::Taken, vec![found])),
    }
}

/// Whether somebody else than this source and the hub checks the person's password.
pub(super) const fn has_authority(authority: CredentialAuthority) -> bool {
    match authority {
        CredentialAuthority::None => false,
        CredentialAuthority::Source(_) | CredentialAuthority::Hub => true,
    }
}
