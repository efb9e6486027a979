//! The first step of every kind but LDAP: its settings are entered at once, and tried.

use std::collections::BTreeMap;

use connector::{Catalogue, Connector, ProbeStep, Trouble};
use credential::legacy::{self, Hints};
use directory::{SourceDraft, SourceKind, StoredScheme};
use secrecy::SecretString;

use super::{Advice, Check, CheckTone, Looked, Take, WizardStep, draft::State, proposal};
use crate::{Hub, HubError, connections::entered_for, kernel::capability::ManageSources};

impl WizardStep {
    /// The steps of a kind, in order. A kind whose settings are entered at once has fewer.
    #[must_use]
    pub const fn of(kind: SourceKind) -> &'static [Self] {
        match kind {
            SourceKind::Ldap | SourceKind::ActiveDirectory => &Self::ALL,
            SourceKind::Sql | SourceKind::Entra | SourceKind::OpenId | SourceKind::Scim | SourceKind::File => {
                &[Self::Address, Self::Person, Self::Finish]
            }
        }
    }

    /// The one after, for this kind.
    #[must_use]
    pub fn next_of(self, kind: SourceKind) -> Self {
        Self::of(kind).iter().copied().find(|step| *step > self).unwrap_or(self)
    }
}

impl Hub {
    /// Takes the settings. If what was proposed is to be written into them, that is all for now; so it is if the hub
    /// has nothing to show there. Otherwise they are to be tried.
    pub(super) fn take_settings(
        &self,
        state: &mut State,
        settings: SourceDraft,
        secret: Option<SecretString>,
        take: Option<Take>,
    ) -> Result<Option<Looked>, HubError> {
        let before = entered_for(&self.vault, &state.settings.connector);
        state.settings = self.check_source_so_far(settings)?;
        let same_place = before == entered_for(&self.vault, &state.settings.connector);
        if !same_place {
            // Entered for one host, a secret is never sent to another (Keycloak CVE-2024-5967).
            state.forget_secret();
        }
        if let Some(secret) = &secret {
            state.remember(secret);
        }
        let catalogue = state.catalogue.take().filter(|_| same_place);
        state.reopen(WizardStep::Address);
        if let Some(how) = take {
            return Ok(Some((self.take_proposal(state, catalogue, how)?, false)));
        }
        if state.settings.connector.needs_secret() && !state.has_secret() {
            let mut check = Check::new(CheckTone::Failed, "Secret", "not asked: the hub has no secret to show there");
            check.advice = Some(advice("Enter it: it is kept sealed, and only for the address it was entered for."));
            return Ok(Some((vec![check], false)));
        }
        Ok(None)
    }

    /// Writes what was proposed into the settings. The proposal is the draft's own: a browser only says to take it.
    fn take_proposal(
        &self,
        state: &mut State,
        catalogue: Option<Catalogue>,
        how: Take,
    ) -> Result<Vec<Check>, HubError> {
        let Some(proposal) = catalogue.as_ref().and_then(|catalogue| catalogue.proposal.as_ref()) else {
            let mut check = Check::new(CheckTone::Warned, "Proposal", "there is none for this address");
            check.advice = Some(advice("Try the settings: then what the account sees is looked at."));
            return Ok(vec![check]);
        };
        let mut settings = state.settings.clone();
        let checks = proposal::take(&mut settings.connector, proposal, how);
        state.settings = self.check_source_so_far(settings)?;
        state.catalogue = catalogue;
        Ok(checks)
    }

    /// Connects with the settings, and reports what was seen.
    pub(super) async fn look_at_settings(&self, by: &ManageSources, state: &mut State) -> Result<Looked, HubError> {
        let source = self.unregistered(&state.settings);
        self.audit_look(by, &source, WizardStep::Address).await?;
        let connector = match self.connectors.connect(&source, state.secret().unwrap_or_default()) {
            Ok(connector) => connector,
            Err(trouble) => {
                let mut check = Check::new(CheckTone::Failed, "Settings", trouble.reason);
                check.advice = Some(advice("Correct them and try again."));
                return Ok((vec![check], false));
            }
        };
        let steps = connector.probe().await;
        let passed = !steps.is_empty() && steps.iter().all(|step| step.passed);
        let connected = steps.first().is_some_and(|step| step.passed);
        let mut checks: Vec<Check> = steps.into_iter().map(of_probe).collect();
        if connected {
            // Without it the form is filled in by hand.
            state.catalogue = match connector.catalogue().await {
                Ok(catalogue) => catalogue,
                Err(trouble) => {
                    let detail = format!("not seen: {}", trouble.reason);
                    checks.push(Check::new(CheckTone::Warned, "Tables to choose from", detail));
                    None
                }
            };
        }
        if passed && source.connector.hands_passwords_over() && source.connector.takes_passwords() {
            checks.push(stored_passwords(&*connector).await);
        }
        Ok((checks, passed))
    }
}

/// People whose stored passwords are looked at.
const LOOKED_AT: usize = 20;

/// How the passwords of the first people are stored, and whether the hub can check such.
async fn stored_passwords(connector: &dyn Connector) -> Check {
    const TITLE: &str = "Stored passwords";
    let (kinds, people) = match kinds_of_stored(connector).await {
        Ok(seen) => seen,
        Err(trouble) => {
            let mut check = Check::new(CheckTone::Warned, TITLE, format!("not seen: {}", trouble.reason));
            check.advice = Some(advice("Until they can be read nobody of this directory can sign in: try again."));
            return check;
        }
    };
    let named: Vec<String> = kinds.iter().map(|(kind, number)| format!("{kind} {number}")).collect();
    let detail = match named.is_empty() {
        true => "nobody was found".to_owned(),
        false => format!("of the first {people} people: {}", named.join(", ")),
    };
    let none = kinds.keys().all(|kind| *kind == StoredScheme::None);
    let foreign = kinds.keys().any(|kind| *kind != StoredScheme::None && !kind.is_verifiable());
    let mut check = Check::new(if foreign || none { CheckTone::Warned } else { CheckTone::Passed }, TITLE, detail);
    check.advice = if foreign {
        Some(advice("Some cannot be checked here: is it the right column? If it is, their owners need a new password."))
    } else {
        none.then(|| advice("None of them has a password there: is it the right column?"))
    };
    check
}

/// Each kind of stored password with the number of people, and how many people were looked at.
async fn kinds_of_stored(connector: &dyn Connector) -> Result<(BTreeMap<StoredScheme, usize>, usize), Trouble> {
    let page = connector.page(None).await?;
    let (mut kinds, mut people) = (BTreeMap::new(), 0);
    for entry in page.entries.iter().take(LOOKED_AT) {
        let stored = connector.stored_password(entry).await?;
        let kind = stored.map_or(StoredScheme::None, |stored| legacy::scheme_of(&stored, &Hints::default()));
        *kinds.entry(kind).or_default() += 1;
        people += 1;
    }
    Ok((kinds, people))
}

fn advice(remedy: &str) -> Advice {
    Advice { means: String::new(), remedy: remedy.to_owned(), ask: String::new() }
}

fn of_probe(step: ProbeStep) -> Check {
    let tone = if step.passed { CheckTone::Passed } else { CheckTone::Failed };
    let mut check = Check::new(tone, step.name, step.detail);
    check.advice = step.remedy.as_deref().map(advice);
    check.milliseconds = Some(step.milliseconds);
    check
}
