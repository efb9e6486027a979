//! Rules of matching: the text people write, its checks, and who has to agree. A rule that links wrongly gives one
//! person's accounts to another, so rules that can link by themselves take two people.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use directory::{
    Folding, MatchAttribute, MatchRule, MatchRules, MatchTerm, MatchTier, SourceId, SynchronisedPair, TrustedAttribute,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::{
    Queries, Transaction,
    matching::{Matching, RulesVersion},
    proposals::StoredProposal,
};

use super::{FieldChange, Proposal, invalid};
use crate::{
    Hub, HubError, HubParts,
    kernel::{Actor, AuditEvent, record},
};

pub(crate) const KIND: &str = "match.rules";
const LIFETIME: TimeDelta = TimeDelta::days(30);

/// The text.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    /// From which score a candidate is the one, and from which they are worth a question.
    definite: Option<f64>,
    candidate: Option<f64>,
    contradictions: Option<Vec<String>>,
    synchronised: Vec<(String, String)>,
    trust: BTreeMap<String, Vec<MatchAttribute>>,
    rule: Vec<RuleText>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    name: String,
    /// Rules of one tier are asked together, tiers in the order of their numbers.
    #[serde(default = "first")]
    tier: u16,
    /// `employee_number`, or with what does not count: `employee_number:form`.
    #[serde(rename = "match")]
    terms: Vec<String>,
    #[serde(default = "whole")]
    score: f64,
    #[serde(default)]
    automatic: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignore_if_matched_by: Vec<String>,
}

const fn first() -> u16 {
    1
}

const fn whole() -> f64 {
    1.0
}

/// What came of new rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RulesChange {
    /// They are those in force.
    Unchanged,
    /// They are in force from now on, as this version.
    InForce(i64),
    /// They can link people by themselves: a second person decides.
    Proposed(Proposal),
}

/// Reads the text; every fault is told.
async fn read(queries: &mut impl Queries, text: &str) -> Result<MatchRules, HubError> {
    let document: Document =
        toml::from_str(text).map_err(|error| invalid("rules", error.message().trim_end().to_owned()))?;
    let mut sources = BTreeMap::new();
    for stored in storage::sources::all(queries).await? {
        sources.insert(stored.source.name.clone(), stored.source.id);
    }
    let source = |name: &String| -> Result<SourceId, HubError> {
        sources.get(name).copied().ok_or_else(|| invalid("rules", format!("there is no directory {name:?}")))
    };
    let mut rules = MatchRules::default();
    if let Some(score) = document.definite {
        rules.definite = thousandths(score);
    }
    if let Some(score) = document.candidate {
        rules.candidate = thousandths(score);
    }
    if let Some(terms) = &document.contradictions {
        rules.contradictions = terms.iter().map(|text| term(text)).collect::<Result<_, _>>()?;
    }
    for (one, other) in &document.synchronised {
        rules.synchronised.push(SynchronisedPair { one: source(one)?, other: source(other)? });
    }
    for (name, attributes) in &document.trust {
        let source = source(name)?;
        rules.trusted.extend(attributes.iter().map(|attribute| TrustedAttribute { source, attribute: *attribute }));
    }
    let mut tiers: BTreeMap<u16, MatchTier> = BTreeMap::new();
    for rule in document.rule {
        let terms = rule.terms.iter().map(|text| term(text)).collect::<Result<_, _>>()?;
        tiers.entry(rule.tier).or_default().rules.push(MatchRule {
            name: rule.name,
            terms,
            weight: thousandths(rule.score),
            ignore_if_matched_by: rule.ignore_if_matched_by,
            automatic: rule.automatic,
        });
    }
    rules.tiers = tiers.into_values().collect();
    let faults: Vec<String> = matching::check(&rules).iter().map(ToString::to_string).collect();
    if faults.is_empty() { Ok(rules) } else { Err(invalid("rules", faults.join("; "))) }
}

/// Out of range is out of range afterwards as well: the check says so.
fn thousandths(score: f64) -> u16 {
    let scaled = (score * 1000.0).round();
    if scaled.is_nan() || scaled <= 0.0 {
        return 0;
    }
    (1..=1000).find(|n| f64::from(*n) >= scaled).unwrap_or(u16::MAX)
}

fn term(text: &str) -> Result<MatchTerm, HubError> {
    let (attribute, folding) = text.split_once(':').map_or((text, None), |(a, f)| (a, Some(f)));
    let fault = |error: directory::UnknownWord| invalid("rules", error.to_string());
    let attribute: MatchAttribute = attribute.trim().parse().map_err(fault)?;
    let folding = match folding {
        Some(folding) => folding.trim().parse().map_err(fault)?,
        None => usual(attribute),
    };
    Ok(MatchTerm { attribute, folding })
}

/// What does not count, where nothing is said.
const fn usual(attribute: MatchAttribute) -> Folding {
    match attribute {
        MatchAttribute::EmployeeNumber => Folding::Zeros,
        MatchAttribute::Username | MatchAttribute::Email => Folding::Case,
        MatchAttribute::DisplayName
        | MatchAttribute::GivenName
        | MatchAttribute::FamilyName
        | MatchAttribute::Department
        | MatchAttribute::Title => Folding::Form,
        MatchAttribute::BirthDate
        | MatchAttribute::NationalNumber
        | MatchAttribute::AnchorGuid
        | MatchAttribute::AnchorSid => Folding::Exact,
    }
}

/// The text of rules, as [`read`] reads it.
async fn write(queries: &mut impl Queries, rules: &MatchRules) -> Result<String, HubError> {
    let mut names = BTreeMap::new();
    for stored in storage::sources::all(queries).await? {
        names.insert(stored.source.id, stored.source.name.clone());
    }
    let name = |id: &SourceId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
    let terms = |terms: &[MatchTerm]| terms.iter().map(|t| format!("{}:{}", t.attribute, t.folding)).collect();
    let score = |thousandths: u16| f64::from(thousandths) / 1000.0;
    let mut trust: BTreeMap<String, Vec<MatchAttribute>> = BTreeMap::new();
    for trusted in &rules.trusted {
        trust.entry(name(&trusted.source)).or_default().push(trusted.attribute);
    }
    let mut rule = Vec::new();
    for (tier, group) in (1u16..).zip(&rules.tiers) {
        rule.extend(group.rules.iter().map(|r| RuleText {
            name: r.name.clone(),
            tier,
            terms: terms(&r.terms),
            score: score(r.weight),
            automatic: r.automatic,
            ignore_if_matched_by: r.ignore_if_matched_by.clone(),
        }));
    }
    let document = Document {
        definite: Some(score(rules.definite)),
        candidate: Some(score(rules.candidate)),
        contradictions: Some(terms(&rules.contradictions)),
        synchronised: rules.synchronised.iter().map(|pair| (name(&pair.one), name(&pair.other))).collect(),
        trust,
        rule,
    };
    toml::to_string(&document).map_err(|error| HubError::Internal(error.to_string()))
}

/// Whether these could link anybody without a person looking.
fn can_link(rules: &MatchRules) -> bool {
    !rules.synchronised.is_empty() || rules.rules().any(|rule| rule.automatic)
}

impl Hub {
    /// The rules in force as text; the text of none, if there never were any.
    pub async fn match_rules_text(&self) -> Result<String, HubError> {
        let mut reader = self.database.reader();
        let rules = Matching(&mut reader).rules().await?.map(|version| version.rules).unwrap_or_default();
        write(&mut reader, &rules).await
    }

    /// Puts rules in force, or proposes them to a second person if they can link anybody by themselves.
    pub async fn change_match_rules(&self, actor: Actor, text: &str, dry_run: bool) -> Result<RulesChange, HubError> {
        let rules = read(&mut self.database.reader(), text).await?;
        let policy = self.policy_now().await?;
        storage::write!(self.database, |tx| {
            let before = Matching(tx).rules().await?;
            if before.as_ref().map(|before| &before.rules).unwrap_or(&MatchRules::default()) == &rules {
                return Ok(RulesChange::Unchanged);
            }
            let version = before.map_or(0, |before| before.version) + 1;
            if policy.approvals > 1 && can_link(&rules) {
                return propose(tx, self, actor, (version, &rules), dry_run).await.map(RulesChange::Proposed);
            }
            if !dry_run {
                put(tx, self, actor, (version, &rules), None).await?;
            }
            Ok::<_, HubError>(RulesChange::InForce(version))
        })
    }
}

async fn put(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    (version, rules): (i64, &MatchRules),
    proposed_by: Option<String>,
) -> Result<(), HubError> {
    let approved_by = proposed_by.is_some().then(|| actor.to_string());
    let added = RulesVersion {
        version,
        rules: rules.clone(),
        changed_by: proposed_by.unwrap_or_else(|| actor.to_string()),
        approved_by,
        changed_at: hub.clock.now(),
    };
    if !Matching(tx).add_rules(&added).await? {
        return Err(HubError::Refused("Somebody else has changed the rules meanwhile.".to_owned()));
    }
    let details = json!({ "version": version, "rules": rules });
    Ok(record(tx, &*hub.clock, &*hub.random, AuditEvent::new(actor, "match.rules-changed").details(details)).await?)
}

#[derive(Serialize, Deserialize)]
struct Payload {
    /// The version these would be. Another one in force meanwhile makes them outdated.
    version: i64,
    rules: MatchRules,
    text: String,
}

impl Payload {
    fn of(stored: &StoredProposal) -> Result<Self, HubError> {
        serde_json::from_value(stored.payload.clone()).map_err(|error| {
            storage::StorageError::Inconsistent { table: "proposal", column: "payload", reason: error.to_string() }
                .into()
        })
    }
}

async fn propose(
    tx: &mut Transaction,
    hub: &HubParts,
    actor: Actor,
    (version, rules): (i64, &MatchRules),
    dry_run: bool,
) -> Result<Proposal, HubError> {
    let now = hub.clock.now();
    let text = write(tx, rules).await?;
    let payload = json!({ "version": version, "rules": rules, "text": text });
    let waiting = storage::proposals::open(tx).await?;
    if let Some(same) =
        waiting.iter().find(|p| p.kind == KIND && p.payload == payload && now < p.proposed_at + LIFETIME)
    {
        return Ok(same.into());
    }
    let stored = StoredProposal {
        id: hub.random.id(now).into(),
        kind: KIND.to_owned(),
        summary: format!("Rules of matching, version {version}: {} rules", rules.rules().count()),
        payload,
        proposed_by: actor.to_string(),
        proposed_at: now,
        decided: None,
    };
    if !dry_run {
        storage::proposals::insert(tx, &stored).await?;
        let details = json!({ "proposal": stored.id, "version": version });
        let event = AuditEvent::new(actor, "match.rules-proposed").details(details);
        record(tx, &*hub.clock, &*hub.random, event).await?;
    }
    Ok((&stored).into())
}

/// A proposal against the rules in force: the two texts, and why it can no longer be made.
pub(crate) async fn compare(hub: &Hub, proposal: &StoredProposal) -> Result<(FieldChange, Option<String>), HubError> {
    let payload = Payload::of(proposal)?;
    let current = Matching(&mut hub.database.reader()).rules().await?;
    let outdated = if hub.clock.now() >= proposal.proposed_at + LIFETIME {
        Some("This was proposed more than 30 days ago. Propose it again if it is still wanted.".to_owned())
    } else if current.map_or(0, |current| current.version) + 1 != payload.version {
        Some("The rules were changed since this was proposed. Refuse it, and propose it again.".to_owned())
    } else {
        None
    };
    let before = hub.match_rules_text().await?;
    Ok((FieldChange { field: "rules".to_owned(), before, after: payload.text }, outdated))
}

/// Puts proposed rules in force. The caller has made sure that a second person agrees, and ends the proposal.
pub(crate) async fn carry_out(
    tx: &mut Transaction,
    hub: &Hub,
    actor: Actor,
    proposal: &StoredProposal,
) -> Result<(), HubError> {
    let payload = Payload::of(proposal)?;
    let current = Matching(tx).rules().await?.map_or(0, |current| current.version);
    if current + 1 != payload.version || hub.clock.now() >= proposal.proposed_at + LIFETIME {
        return Err(HubError::Refused("The rules were changed since this was proposed.".to_owned()));
    }
    put(tx, hub, actor, (payload.version, &payload.rules), Some(proposal.proposed_by.clone())).await
}
