//! From what was seen to what is shown: checks with words and advice.

use chrono::{DateTime, Utc};
use connector::{
    CertificateFacts, DiscoveryStage, DiscoveryStep, Failure, FailureKind, Greeting, Introduction, LockoutFound,
    Survey, Vendor,
};
use directory::{LockoutReading, LockoutSettings};
use serde::{Deserialize, Serialize};

use super::advice::{Advice, advice};

/// What the last try of a step saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub at: DateTime<Utc>,
    pub checks: Vec<Check>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckTone {
    Passed,
    /// Worth knowing; nothing is wrong.
    Noted,
    Warned,
    Failed,
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub tone: CheckTone,
    pub title: String,
    pub detail: String,
    pub advice: Option<Advice>,
    pub milliseconds: Option<u64>,
}

impl Check {
    pub(super) fn new(tone: CheckTone, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { tone, title: title.into(), detail: detail.into(), advice: None, milliseconds: None }
    }

    pub(super) fn failed(title: &str, failure: &Failure) -> Self {
        let detail = format!("{}: {}", failure.endpoint, failure.detail);
        Self { advice: Some(advice(failure.kind)), ..Self::new(CheckTone::Failed, title, detail) }
    }
}

const fn title(stage: DiscoveryStage) -> &'static str {
    match stage {
        DiscoveryStage::Resolve => "Name",
        DiscoveryStage::Connect => "Connection",
        DiscoveryStage::Tls => "Encryption",
        DiscoveryStage::RootDse => "Kind of directory",
        DiscoveryStage::Account => "Service account",
        DiscoveryStage::Base => "Base",
        DiscoveryStage::People => "People",
        DiscoveryStage::ImmutableId => "Immutable id",
        DiscoveryStage::Username => "Username",
    }
}

pub(super) fn of_step(step: &DiscoveryStep) -> Check {
    let check = match &step.outcome {
        Ok(detail) => Check::new(CheckTone::Passed, title(step.stage), detail.clone()),
        Err(failure) => Check::failed(title(step.stage), failure),
    };
    Check { milliseconds: Some(step.milliseconds), ..check }
}

/// Every server in turn. The certificates follow the step they belong to, also when they were refused.
pub(super) fn of_greeting(greeting: &Greeting, now: DateTime<Utc>) -> Vec<Check> {
    let mut checks = Vec::new();
    for server in &greeting.servers {
        for step in &server.steps {
            checks.push(of_step(step));
            if step.stage == DiscoveryStage::Tls {
                checks.extend(
                    server.certificates.iter().enumerate().map(|(place, facts)| certificate(place, facts, now)),
                );
            }
        }
    }
    checks.extend(greeting.introduction.iter().flat_map(abilities));
    checks
}

/// Whether at least one server can be used.
pub(super) fn is_reached(greeting: &Greeting) -> bool {
    let good = |steps: &[DiscoveryStep]| {
        steps.iter().any(|step| step.stage == DiscoveryStage::Tls) && steps.iter().all(|step| step.outcome.is_ok())
    };
    greeting.servers.iter().any(|server| good(&server.steps))
}

/// Soon, for a certificate.
const SOON: i64 = 30;

fn certificate(place: usize, facts: &CertificateFacts, now: DateTime<Utc>) -> Check {
    let day = |at: DateTime<Utc>| at.format("%-d %B %Y").to_string();
    let own = facts.subject == facts.issuer;
    let names = if facts.names.is_empty() { String::new() } else { format!(", for {}", facts.names.join(", ")) };
    let issuer = if own { "signed by itself".to_owned() } else { format!("issued by {}", facts.issuer) };
    let detail = format!(
        "{}{names}; {issuer}; valid from {} to {}; SHA-256 {}",
        facts.subject,
        day(facts.not_before),
        day(facts.not_after),
        facts.fingerprint
    );
    let left = (facts.not_after - now).num_days();
    let tone = if (0..SOON).contains(&left) { CheckTone::Warned } else { CheckTone::Noted };
    let title = match (place, facts.is_authority) {
        (0, _) => "Certificate of the server",
        (_, true) => "Certificate of an authority",
        (_, false) => "Certificate sent along",
    };
    let check = Check::new(tone, title, detail);
    if tone == CheckTone::Noted {
        return check;
    }
    Check {
        advice: Some(Advice {
            means: format!("It ends in {left} days. Nobody can sign in through this directory after that."),
            remedy: "Have it renewed in time.".to_owned(),
            ask: "When will the directory's certificate be renewed?".to_owned(),
        }),
        ..check
    }
}

/// What the directory says it can do, as far as it matters here.
fn abilities(introduction: &Introduction) -> Vec<Check> {
    let has = |oid: &str| introduction.controls.iter().any(|known| known == oid);
    let mut checks = Vec::new();
    // RFC 2696.
    if !introduction.controls.is_empty() && !has("1.2.840.113556.1.4.319") {
        let detail = "the directory does not offer paged results: not everybody can be read regularly (RFC 2696)";
        checks.push(Check {
            advice: Some(advice(FailureKind::CutShort)),
            ..Check::new(CheckTone::Warned, "Paged reading", detail)
        });
    }
    if !introduction.naming_contexts.is_empty() {
        checks.push(Check::new(CheckTone::Noted, "Trees", introduction.naming_contexts.join("; ")));
    }
    checks
}

/// The word for a make.
pub(super) fn make(introduction: &Introduction) -> String {
    let own = &introduction.product;
    match introduction.vendor {
        Vendor::Unknown if own.is_empty() => "of unknown make: it is treated as plain LDAP".to_owned(),
        Vendor::Unknown => format!("{own}: not known here, so it is treated as plain LDAP"),
        Vendor::ActiveDirectory | Vendor::OpenLdap | Vendor::Directory389 => own.clone(),
    }
}

/// What the service account sees.
pub(super) fn of_survey(survey: &Survey, bind_dn: &str) -> Vec<Check> {
    let mut checks = vec![
        Check::new(CheckTone::Passed, "Service account", format!("{} accepts {bind_dn}", survey.endpoint)),
        Check::new(CheckTone::Passed, "Kind of directory", make(&survey.introduction)),
    ];
    match survey.bases.first() {
        Some((base, count)) => {
            checks.push(Check::new(CheckTone::Passed, "People", format!("{count} found below {base}")));
        }
        None => checks.push(Check {
            tone: CheckTone::Warned,
            ..Check::failed(
                "People",
                &Failure {
                    kind: FailureKind::MayNotRead,
                    endpoint: survey.endpoint.clone(),
                    detail: "nobody was found anywhere; you can still enter the base yourself".to_owned(),
                },
            )
        }),
    }
    if survey.sample > 0 {
        checks.push(attribute(survey, "Immutable id", &survey.proposal.id_attribute));
        checks.push(attribute(survey, "Username", &survey.proposal.username_attribute));
    }
    let schema = survey.attributes.iter().any(|seen| seen.in_schema.is_some());
    if !schema {
        let detail = "the schema cannot be read with this account: only what entries show is known";
        checks.push(Check::new(CheckTone::Noted, "Schema", detail));
    }
    checks.extend(of_lockout(&survey.lockout));
    checks.extend(survey.remarks.iter().map(|remark| Check::new(CheckTone::Warned, "Worth knowing", remark.clone())));
    checks
}

fn attribute(survey: &Survey, title: &str, name: &str) -> Check {
    let seen = survey.attributes.iter().find(|seen| seen.name == name).map_or(0, |seen| seen.single);
    let tone = if seen == survey.sample { CheckTone::Passed } else { CheckTone::Warned };
    Check::new(tone, title, format!("{name}: {seen} of the {} entries looked at have it", survey.sample))
}

/// A policy in words.
pub(super) fn policy(threshold: Option<u32>, window: Option<u64>) -> String {
    let minutes = |seconds: u64| {
        if seconds.is_multiple_of(60) { format!("{} minutes", seconds / 60) } else { format!("{seconds} seconds") }
    };
    match (threshold, window) {
        (Some(0), _) => "never locks an account".to_owned(),
        (Some(n), Some(0)) => format!("locks after {n} wrong passwords, which are never forgotten"),
        (Some(n), Some(seconds)) => format!("locks after {n} wrong passwords within {}", minutes(seconds)),
        (Some(n), None) => format!("locks after {n} wrong passwords; within which time cannot be read"),
        (None, _) => "does not show when it locks".to_owned(),
    }
}

pub(super) fn of_lockout(lockout: &LockoutFound) -> Vec<Check> {
    let mut checks = Vec::new();
    match &lockout.read_at {
        Some(at) => {
            let words = policy(lockout.threshold, lockout.window_seconds);
            checks.push(Check::new(CheckTone::Passed, "Lockout", format!("the directory {words} ({at})")));
        }
        None => checks.push(Check {
            advice: Some(Advice {
                means: "Without these figures the hub does not know how many wrong passwords it may let through, and \
                        could lock people out. The directory stays paused until they are known."
                    .to_owned(),
                remedy: "Enter them on the step for lockout safety, or let the service account read the policy."
                    .to_owned(),
                ask: "After how many wrong passwords does the directory lock an account, within which time, and may \
                      the service account read that policy?"
                    .to_owned(),
            }),
            ..Check::new(CheckTone::Warned, "Lockout", lockout.unreadable.first().cloned().unwrap_or_default())
        }),
    }
    let special =
        lockout.special.iter().map(|(name, threshold, window)| format!("{name} {}", policy(*threshold, *window)));
    let special: Vec<String> = special.collect();
    if !special.is_empty() {
        checks.push(Check::new(CheckTone::Noted, "Policies for some", special.join("; ")));
    }
    let known = usize::from(lockout.read_at.is_none());
    checks.extend(
        lockout.unreadable.iter().skip(known).map(|text| Check::new(CheckTone::Noted, "Not to be seen", text.clone())),
    );
    checks
}

/// What would hold at a sign-in: what the directory shows, and what was entered.
pub(super) fn of_limits(shown: &Result<LockoutReading, String>, entered: LockoutSettings) -> Vec<Check> {
    let mut checks = Vec::new();
    let reading = match shown {
        Ok(reading) => *reading,
        Err(why) => {
            checks.push(Check::new(CheckTone::Warned, "Asked the directory", why.clone()));
            LockoutReading::default()
        }
    };
    let threshold = reading.threshold.or(entered.threshold);
    let window = reading.window_seconds.or(entered.window_seconds);
    let known = threshold == Some(0) || (threshold.is_some() && window.is_some());
    let origin = if reading.threshold.is_some() { "as it shows itself" } else { "as you entered" };
    if !known {
        let missing = LockoutFound {
            unreadable: vec!["the directory shows no figures, and none are entered".to_owned()],
            ..LockoutFound::default()
        };
        checks.extend(of_lockout(&missing));
        return checks;
    }
    checks.push(Check::new(
        CheckTone::Passed,
        "Lockout",
        format!("the directory {} ({origin})", policy(threshold, window)),
    ));
    let budget = match threshold {
        Some(0) | None => {
            "at most ten wrong passwords in a quarter of an hour reach the directory for one account".to_owned()
        }
        Some(n) if n <= 2 => {
            let tone = if entered.waiver { CheckTone::Warned } else { CheckTone::Failed };
            let detail = "this leaves no margin: one wrong password through the hub may lock somebody out";
            checks.push(Check {
                advice: Some(Advice {
                    means: "The hub always stops two wrong passwords before the directory would lock. Here there is no room for that.".to_owned(),
                    remedy: "Have the threshold raised, or tick that you accept it.".to_owned(),
                    ask: "Can the threshold for wrong passwords be raised to three or more?".to_owned(),
                }),
                ..Check::new(tone, "Margin", detail)
            });
            return checks;
        }
        Some(n) => format!("at most {} wrong passwords reach the directory for one account in that time", n - 2),
    };
    checks.push(Check::new(CheckTone::Passed, "Margin", budget));
    checks
}
