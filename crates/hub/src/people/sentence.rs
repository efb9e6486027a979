//! The status of a person in plain words: who checks the password, what is wrong, what comes next.

use chrono::{DateTime, Utc};
use directory::{
    Account, CredentialAuthority, Person, PersonState, Source, SourceId, SourceMode, Standing, StandingAuthority,
    VerifierOrigin,
};
use storage::verifiers::Verifier;

use super::Labels;

/// What the sentence is made of.
pub(super) struct Facts<'a> {
    pub(super) person: &'a Person,
    pub(super) accounts: &'a [Account],
    pub(super) verifier: Option<&'a Verifier>,
    /// The name of the person this record was merged into.
    pub(super) survivor: Option<&'a str>,
    /// Open cases.
    pub(super) cases: usize,
    pub(super) now: DateTime<Utc>,
}

/// A time as it stands in a sentence.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y at %H:%M UTC").to_string()
}

/// The sentence; two or three, if something is wrong.
pub(super) fn of(facts: &Facts<'_>, labels: &Labels) -> String {
    let mut parts = vec![status(facts, labels)];
    parts.extend(locked(facts, labels));
    parts.extend(missing(facts, labels));
    match facts.cases {
        0 => {}
        1 => parts.push("A case is open and waits for a decision.".to_owned()),
        n => parts.push(format!("{n} cases are open and wait for a decision.")),
    }
    parts.join(" ")
}

fn status(facts: &Facts<'_>, labels: &Labels) -> String {
    let name = &facts.person.display_name;
    match facts.person.state() {
        PersonState::Unknown => format!("{name} is not known here."),
        PersonState::Merged => {
            format!("This record was merged into {}.", facts.survivor.unwrap_or("another person"))
        }
        PersonState::DisabledByHub => match &facts.person.disabled_by_hub {
            Some(reason) => format!("{name} is disabled here and cannot sign in: {reason}."),
            None => format!("{name} is disabled here and cannot sign in."),
        },
        PersonState::DisabledBySource => disabled_by_source(facts, labels),
        PersonState::Staged => format!("{name} is prepared here but not activated yet."),
        PersonState::Mirrored | PersonState::Shadow => at_source(facts, labels),
        PersonState::VerifierImported => format!(
            "{name} signs in here with the password imported from the old directory; the first sign-in renews how it \
             is stored."
        ),
        PersonState::Migrated => migrated(facts, labels),
    }
}

fn disabled_by_source(facts: &Facts<'_>, labels: &Labels) -> String {
    let name = &facts.person.display_name;
    let source = match facts.person.standing_authority {
        StandingAuthority::Source(id) => labels.label(id),
        StandingAuthority::Hub => "Isthmus".to_owned(),
    };
    let says = match facts.person.standing {
        Standing::Disabled => "says that the account is disabled",
        Standing::Expired => "says that the account's validity is over",
        Standing::Missing | Standing::Active => "no longer shows the account",
    };
    format!("{name} cannot sign in: {source} {says}. As soon as it shows the account active again, {name} is back.")
}

fn at_source(facts: &Facts<'_>, labels: &Labels) -> String {
    let name = &facts.person.display_name;
    let CredentialAuthority::Source(id) = facts.person.credential_authority else {
        return format!("{name} has no password anywhere: nobody checks one, so they cannot sign in yet.");
    };
    let label = labels.label(id);
    let Some(source) = labels.source(id) else { return format!("{name} signs in with the {label} password.") };
    let compared = facts.person.state() == PersonState::Shadow;
    let beside = if compared { " Isthmus keeps a copy of it to compare." } else { "" };
    let start = format!("{name} signs in with the {label} password.{beside}");
    match source.mode {
        SourceMode::Active => start,
        SourceMode::Capture | SourceMode::Draining if captures(source) => {
            format!("{start} The next sign-in moves it here.")
        }
        SourceMode::Capture | SourceMode::Draining => start,
        SourceMode::Paused => {
            format!("{name} cannot sign in right now: {label} checks the password, and it is paused.")
        }
        SourceMode::Observe | SourceMode::Retired => {
            format!("{name} cannot sign in: {label} checked the password, and it is no longer asked.")
        }
    }
}

const fn captures(source: &Source) -> bool {
    !source.shadow
}

fn migrated(facts: &Facts<'_>, labels: &Labels) -> String {
    let name = &facts.person.display_name;
    let Some(verifier) = facts.verifier else {
        return format!("{name} has no password here yet: send them a set-up link.");
    };
    match (verifier.origin, verifier.source_id) {
        (VerifierOrigin::Captured | VerifierOrigin::Imported, Some(source)) => format!(
            "{name} has moved: Isthmus checks the password, which came from {} on {}.{}",
            labels.label(source),
            moment(verifier.made_at),
            still_allowed_by(facts, labels),
        ),
        (VerifierOrigin::Captured | VerifierOrigin::Imported | VerifierOrigin::Hub, _) => format!(
            "Isthmus checks {name}'s password, which was set here on {}.{}",
            moment(verifier.made_at),
            still_allowed_by(facts, labels),
        ),
    }
}

/// The password has moved, the standing has not.
fn still_allowed_by(facts: &Facts<'_>, labels: &Labels) -> String {
    match facts.person.standing_authority {
        StandingAuthority::Source(id) => {
            format!(" {} still says whether {} may be here.", labels.label(id), facts.person.display_name)
        }
        StandingAuthority::Hub => String::new(),
    }
}

/// A lock matters only where the password is checked.
fn locked(facts: &Facts<'_>, labels: &Labels) -> Option<String> {
    let CredentialAuthority::Source(id) = facts.person.credential_authority else { return None };
    let until = account_at(facts, id)?.locked_until.filter(|until| *until > facts.now)?;
    let label = labels.label(id);
    Some(if until == DateTime::<Utc>::MAX_UTC {
        format!("The account is locked at {label} until somebody unlocks it there.")
    } else {
        format!("The account is locked at {label} until {}.", moment(until))
    })
}

fn missing(facts: &Facts<'_>, labels: &Labels) -> Option<String> {
    let StandingAuthority::Source(id) = facts.person.standing_authority else { return None };
    let since = account_at(facts, id)?.missing_since?;
    (facts.person.standing == Standing::Active).then(|| {
        format!("{} did not show the account on {}; nothing follows from one look.", labels.label(id), moment(since))
    })
}

fn account_at<'a>(facts: &Facts<'a>, source: SourceId) -> Option<&'a Account> {
    facts.accounts.iter().find(|account| account.source_id == source)
}
