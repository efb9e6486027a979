//! Connecting a directory step by step. Every step tries what it is about, live, and reports it; nothing is registered
//! before the last one. Between two steps a draft is kept, see `draft`.

mod advice;
mod draft;
mod person;
mod proposal;
mod report;
mod settle;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

pub use advice::{Advice, advice};
pub use connector::{
    AttributeSeen, Catalogue, Count, DiscoveryStage, Failure, FailureKind, LockoutFound, Survey, TableProposal,
    TableSeen, Vendor,
};
use directory::{
    AttributeMapping, AttributeName, LockoutSettings, Source, SourceDraft, SourceKind, SourceMode, TransportSecurity,
};
use draft::{Draft, State};
pub use person::PersonPreview;
pub use proposal::{Proposed, ProposedSetting, Take, differences};
pub use report::{Check, CheckTone, Report};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use settle::{adopt_kind, become_kind, ldap_of, propose};
use url::Url;
use uuid::Uuid;

use crate::{
    Hub, HubError,
    connections::entered_for,
    kernel::{AuditEvent, capability::ManageSources, record},
    registry::insert_source,
};

/// The steps, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WizardStep {
    Address,
    Account,
    People,
    Attributes,
    Lockout,
    Person,
    Finish,
}

impl WizardStep {
    pub const ALL: [Self; 7] =
        [Self::Address, Self::Account, Self::People, Self::Attributes, Self::Lockout, Self::Person, Self::Finish];

    /// As it stands in addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Account => "account",
            Self::People => "people",
            Self::Attributes => "attributes",
            Self::Lockout => "lockout",
            Self::Person => "person",
            Self::Finish => "finish",
        }
    }

    /// From an address.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }

    /// The one after.
    #[must_use]
    pub fn next(self) -> Self {
        Self::ALL.into_iter().find(|step| *step > self).unwrap_or(self)
    }
}

/// A draft as a page may see it: without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wizard {
    pub id: Uuid,
    pub revision: i64,
    pub settings: SourceDraft,
    /// The service account's password is there and need not be entered again.
    pub has_secret: bool,
    pub passed: BTreeSet<WizardStep>,
    pub reports: BTreeMap<WizardStep, Report>,
    pub survey: Option<Survey>,
    /// Tables to choose from, of a database.
    pub catalogue: Option<Catalogue>,
    pub person: Option<PersonPreview>,
    /// What was entered last could not be taken at all.
    pub problem: Option<WizardProblem>,
}

/// Input that could not be taken: kept with what was typed, so that nobody types it twice, with scripts or without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WizardProblem {
    pub step: WizardStep,
    pub field: String,
    pub message: String,
    /// Never a password.
    pub typed: BTreeMap<String, String>,
}

impl Wizard {
    /// The first step that was not gone through.
    #[must_use]
    pub fn open_step(&self) -> WizardStep {
        let steps = WizardStep::of(self.settings.kind).iter().copied();
        steps.into_iter().find(|step| !self.passed.contains(step)).unwrap_or(WizardStep::Finish)
    }
}

impl From<Draft> for Wizard {
    fn from(draft: Draft) -> Self {
        let state = &draft.state;
        Self {
            id: draft.id,
            revision: draft.revision,
            has_secret: state.has_secret(),
            settings: state.settings.clone(),
            passed: state.passed.clone(),
            reports: state.reports.clone(),
            survey: state.survey.clone(),
            catalogue: state.catalogue.clone(),
            person: state.person.clone(),
            problem: state.problem.clone(),
        }
    }
}

/// What was entered at one step.
pub enum WizardInput {
    Address {
        kind: SourceKind,
        urls: Vec<Url>,
        transport: TransportSecurity,
        allow_plain: bool,
        ca_pem: Option<String>,
    },
    /// Of every other kind, all at once: the first step. Its name and label come with the last.
    Settings {
        settings: Box<SourceDraft>,
        /// Empty = as entered before.
        secret: Option<SecretString>,
        /// Nothing is tried: what was proposed before is written into these settings, to be looked at.
        take: Option<Take>,
    },
    Account {
        bind_dn: String,
        /// Empty = as entered before.
        password: Option<SecretString>,
    },
    People {
        base_dn: String,
        person_filter: String,
        id_attribute: String,
        username_attribute: String,
        name_attributes: Vec<String>,
    },
    Attributes {
        mapping: AttributeMapping,
        self_written: Vec<AttributeName>,
        domains: Vec<String>,
        netbios_domain: Option<String>,
        protected_groups: Vec<String>,
    },
    Lockout(LockoutSettings),
    /// Nobody = go on without.
    Person {
        typed: String,
        password: Option<SecretString>,
    },
    Finish {
        name: String,
        label: String,
        just_in_time: bool,
        mode: SourceMode,
    },
}

impl WizardInput {
    const fn step(&self) -> WizardStep {
        match self {
            Self::Address { .. } | Self::Settings { .. } => WizardStep::Address,
            Self::Account { .. } => WizardStep::Account,
            Self::People { .. } => WizardStep::People,
            Self::Attributes { .. } => WizardStep::Attributes,
            Self::Lockout(_) => WizardStep::Lockout,
            Self::Person { .. } => WizardStep::Person,
            Self::Finish { .. } => WizardStep::Finish,
        }
    }
}

/// What a step led to.
pub enum WizardOutcome {
    /// The draft as it is now; the report of the step says how it went.
    Kept(Box<Wizard>),
    /// The last step: the directory is registered, and the draft is gone.
    Registered(Box<Source>),
}

impl Hub {
    /// A draft of the caller's own.
    pub async fn source_wizard(&self, by: &ManageSources, id: &str) -> Result<Wizard, HubError> {
        Ok(self.draft(by.person_id(), draft_id(id)?).await?.into())
    }

    /// Takes what was entered at one step, tries it, and keeps both. The first step makes the draft.
    pub async fn source_wizard_step(
        &self,
        by: &ManageSources,
        at: Option<(&str, i64)>,
        input: WizardInput,
    ) -> Result<WizardOutcome, HubError> {
        let step = input.step();
        let mut draft = match at {
            Some((id, revision)) => {
                let draft = self.draft(by.person_id(), draft_id(id)?).await?;
                if draft.revision != revision {
                    return Err(storage::StorageError::Stale { what: "This draft of a directory" }.into());
                }
                draft
            }
            None if step == WizardStep::Address => {
                let kind = match &input {
                    WizardInput::Settings { settings, .. } => settings.kind,
                    _ => SourceKind::Ldap,
                };
                Draft { id: Uuid::nil(), revision: 0, state: State::new(SourceDraft::preset(kind)) }
            }
            None => return Err(HubError::NotFound("This draft of a directory")),
        };
        let steps = WizardStep::of(draft.state.settings.kind);
        if let Some(before) = steps.iter().find(|before| **before < step && !draft.state.passed.contains(before)) {
            return Err(HubError::Refused(format!(
                "Go through the step “{}” first: this one stands on it.",
                before.as_str()
            )));
        }
        if let WizardInput::Finish { name, label, just_in_time, mode } = input {
            return self.finish_wizard(by, draft, (name, label), just_in_time, mode).await;
        }
        let passed = self.take_step(by, &mut draft.state, input).await?;
        draft.state.problem = None;
        if passed {
            draft.state.passed.insert(step);
        }
        let kept = match at {
            Some(_) => self.change_draft(by.person_id(), draft).await?,
            None => self.keep_draft(by.person_id(), draft.state).await?,
        };
        Ok(WizardOutcome::Kept(Box::new(kept.into())))
    }

    /// Keeps that something could not be taken. The first step makes the draft.
    pub async fn note_wizard_problem(
        &self,
        by: &ManageSources,
        kind: SourceKind,
        at: Option<(&str, i64)>,
        problem: WizardProblem,
    ) -> Result<Wizard, HubError> {
        let kept = match at {
            Some((id, _)) => {
                let mut draft = self.draft(by.person_id(), draft_id(id)?).await?;
                draft.state.problem = Some(problem);
                self.change_draft(by.person_id(), draft).await?
            }
            None => {
                let mut state = State::new(SourceDraft::preset(kind));
                state.problem = Some(problem);
                self.keep_draft(by.person_id(), state).await?
            }
        };
        Ok(kept.into())
    }

    /// One step; whether it went well enough to go on.
    async fn take_step(&self, by: &ManageSources, state: &mut State, input: WizardInput) -> Result<bool, HubError> {
        let step = input.step();
        let (checks, passed) = match input {
            WizardInput::Address { kind, urls, transport, allow_plain, ca_pem } => {
                let before = entered_for(&self.vault, &state.settings.connector);
                state.settings.allow_plain = allow_plain;
                let ldap = ldap_of(&mut state.settings);
                (ldap.urls, ldap.transport, ldap.ca_pem) = (urls, transport, ca_pem);
                state.settings = self.check_source_so_far(state.settings.clone())?;
                if before != entered_for(&self.vault, &state.settings.connector) {
                    // Entered for one host, a secret is never sent to another (Keycloak CVE-2024-5967).
                    state.forget_secret();
                }
                state.reopen(step);
                self.look_at_address(by, state, kind).await?
            }
            WizardInput::Settings { settings, secret, take } => {
                let looked = self.take_settings(state, *settings, secret, take)?;
                if let Some(looked) = looked { looked } else { self.look_at_settings(by, state).await? }
            }
            WizardInput::Account { bind_dn, password } => {
                let bind_dn = bind_dn.trim().to_owned();
                let other = ldap_of(&mut state.settings).bind_dn != bind_dn;
                if other {
                    state.forget_secret();
                }
                ldap_of(&mut state.settings).bind_dn = bind_dn;
                state.settings = self.check_source_so_far(state.settings.clone())?;
                if let Some(password) = &password {
                    state.remember(password);
                }
                state.reopen(step);
                self.look_with_account(by, state, other).await?
            }
            WizardInput::People { base_dn, person_filter, id_attribute, username_attribute, name_attributes } => {
                let ldap = ldap_of(&mut state.settings);
                (ldap.base_dn, ldap.person_filter) = (base_dn, person_filter);
                (ldap.id_attribute, ldap.username_attribute) = (id_attribute, username_attribute);
                ldap.name_attributes = name_attributes;
                state.settings = self.check_source_so_far(state.settings.clone())?;
                state.reopen(step);
                self.look_for_people(by, state).await?
            }
            WizardInput::Attributes { mapping, self_written, domains, netbios_domain, protected_groups } => {
                let ldap = ldap_of(&mut state.settings);
                (ldap.mapping, ldap.netbios_domain) = (mapping, netbios_domain);
                state.settings.self_written = self_written;
                state.settings.domains = domains;
                state.settings.protected_groups = protected_groups;
                state.settings = self.check_source_so_far(state.settings.clone())?;
                state.reopen(step);
                (attributes(state), true)
            }
            WizardInput::Lockout(lockout) => {
                state.settings.lockout = lockout;
                state.settings = self.check_source_so_far(state.settings.clone())?;
                state.reopen(step);
                self.look_at_lockout(by, state).await?
            }
            WizardInput::Person { typed, password } => {
                state.reopen(step);
                self.look_at_person(by, state, typed.trim(), password).await?
            }
            WizardInput::Finish { .. } => (Vec::new(), true),
        };
        state.reports.insert(step, Report { at: self.clock.now(), checks });
        Ok(passed)
    }

    async fn look_at_address(
        &self,
        by: &ManageSources,
        state: &mut State,
        kind: SourceKind,
    ) -> Result<Looked, HubError> {
        become_kind(&mut state.settings, kind);
        let source = self.unregistered(&state.settings);
        self.audit_look(by, &source, WizardStep::Address).await?;
        let discovery = self.connectors.discover(&source, None).ok_or_else(no_discovery)?;
        let greeting = discovery.greet().await;
        let mut checks = report::of_greeting(&greeting, self.clock.now());
        if let Some(introduction) = &greeting.introduction {
            checks.extend(adopt_kind(&mut state.settings, introduction.vendor));
        }
        Ok((checks, report::is_reached(&greeting)))
    }

    async fn look_with_account(&self, by: &ManageSources, state: &mut State, other: bool) -> Result<Looked, HubError> {
        let secret = state.secret();
        let source = self.unregistered(&state.settings);
        if secret.is_none() || ldap_of(&mut state.settings).bind_dn.is_empty() {
            let failure = Failure {
                kind: FailureKind::AccountMissing,
                endpoint: "the service account".to_owned(),
                detail: "enter its name and its password".to_owned(),
            };
            return Ok((vec![Check::failed("Service account", &failure)], false));
        }
        self.audit_look(by, &source, WizardStep::Account).await?;
        let discovery = self.connectors.discover(&source, secret).ok_or_else(no_discovery)?;
        let Some(place) = self.service_account_place(&source).await? else {
            let mut check = Check::new(
                CheckTone::Failed,
                "Service account",
                "not asked: the directory refused this account twice in the last quarter of an hour",
            );
            check.advice = Some(Advice {
                means: "A third wrong password might lock the service account.".to_owned(),
                remedy: "Make sure of its name and password, wait a quarter of an hour, and try again.".to_owned(),
                ask: "What are the full name (DN) and the password of the service account?".to_owned(),
            });
            return Ok((vec![check], false));
        };
        let found = discovery.survey().await;
        let accepted = found.as_ref().map_or_else(|failure| was_accepted(failure.kind), |_| Some(true));
        self.end_service_account(&source, place, accepted).await?;
        let survey = match found {
            Ok(survey) => survey,
            Err(failure) => return Ok((vec![Check::failed("Service account", &failure)], false)),
        };
        let mut checks = report::of_survey(&survey, &ldap_of(&mut state.settings).bind_dn.clone());
        checks.extend(adopt_kind(&mut state.settings, survey.introduction.vendor));
        if other || ldap_of(&mut state.settings).base_dn.is_empty() {
            propose(&mut state.settings, &survey);
        }
        state.survey = Some(survey);
        Ok((checks, true))
    }

    async fn look_for_people(&self, by: &ManageSources, state: &mut State) -> Result<Looked, HubError> {
        let source = self.unregistered(&state.settings);
        self.audit_look(by, &source, WizardStep::People).await?;
        let discovery = self.connectors.discover(&source, state.secret()).ok_or_else(no_discovery)?;
        let steps = discovery.inspect().await;
        let passed = steps.iter().all(|step| step.outcome.is_ok());
        for step in &steps {
            if matches!(&step.outcome, Err(failure) if failure.kind == FailureKind::AccountRefused) {
                // It was accepted a step ago: whatever happened, nobody tries it again and again from here.
                state.reopen(WizardStep::Account);
                state.forget_secret();
            }
        }
        Ok((steps.iter().map(report::of_step).collect(), passed))
    }

    async fn look_at_lockout(&self, by: &ManageSources, state: &mut State) -> Result<Looked, HubError> {
        let source = self.unregistered(&state.settings);
        self.audit_look(by, &source, WizardStep::Lockout).await?;
        let connector = self.connectors.connect(&source, state.secret().unwrap_or_default());
        let shown = match connector {
            Ok(connector) => connector.default_lockout().await,
            Err(trouble) => Err(trouble),
        };
        let shown = shown.map_err(|trouble| format!("{}: {}", trouble.endpoint, trouble.reason));
        let checks = report::of_limits(&shown, state.settings.lockout);
        let passed = checks.iter().all(|check| check.tone != CheckTone::Failed);
        Ok((checks, passed))
    }

    async fn look_at_person(
        &self,
        by: &ManageSources,
        state: &mut State,
        typed: &str,
        password: Option<SecretString>,
    ) -> Result<Looked, HubError> {
        if typed.is_empty() {
            let check = Check::new(CheckTone::Noted, "Test person", "nobody was tried");
            return Ok((vec![check], true));
        }
        if typed.len() > 256 || typed.chars().any(char::is_control) {
            return Err(HubError::Invalid { field: "person", message: "write the name of a test person".to_owned() });
        }
        let source = self.unregistered(&state.settings);
        self.audit_look(by, &source, WizardStep::Person).await?;
        let connector = self.connectors.connect(&source, state.secret().unwrap_or_default())?;
        let tried = self.try_person(&source, connector, typed, password).await?;
        let passed = tried.person.is_some() && tried.checks.iter().all(|check| check.tone != CheckTone::Failed);
        state.person = tried.person;
        Ok((tried.checks, passed))
    }

    async fn finish_wizard(
        &self,
        by: &ManageSources,
        draft: Draft,
        (name, label): (String, String),
        just_in_time: bool,
        mode: SourceMode,
    ) -> Result<WizardOutcome, HubError> {
        if !matches!(mode, SourceMode::Paused | SourceMode::Active) {
            return Err(HubError::Invalid { field: "mode", message: "a directory begins paused or active".to_owned() });
        }
        let settings = SourceDraft { name, label, just_in_time, mode, ..draft.state.settings.clone() };
        let secret = match draft.state.secret() {
            Some(secret) => secret,
            None if !settings.connector.needs_secret() => SecretString::default(),
            None => {
                let message = "enter the service account's password again".to_owned();
                return Err(HubError::Invalid { field: "bind_password", message });
            }
        };
        let prepared = self.prepare_new_source(settings, &secret).await?;
        let written: Result<(), HubError> = storage::write!(self.database, |tx| {
            // Whoever presses twice registers once.
            if !storage::source_drafts::delete(tx, draft.id, by.person_id()).await? {
                return Err(HubError::NotFound("This draft of a directory"));
            }
            insert_source(tx, self, by.actor(), &prepared).await
        });
        written?;
        self.state.connections.forget();
        Ok(WizardOutcome::Registered(Box::new(prepared.source)))
    }

    async fn audit_look(&self, by: &ManageSources, source: &Source, step: WizardStep) -> Result<(), HubError> {
        let servers: Vec<&str> = source.connector.urls().into_iter().map(Url::as_str).collect();
        let details = json!({ "step": step.as_str(), "servers": servers });
        let event = AuditEvent::new(by.actor(), "source.looked-at").details(details);
        storage::write!(self.database, |tx| { Ok(record(tx, &*self.clock, &*self.random, event.clone()).await?) })
    }
}

/// What a failed look says about the service account's password: in doubt it was sent, and not accepted; empty = it
/// never left.
const fn was_accepted(kind: FailureKind) -> Option<bool> {
    match kind {
        FailureKind::AccountRefused
        | FailureKind::Hostile
        | FailureKind::Overloaded
        | FailureKind::Referred
        | FailureKind::Refused => Some(false),
        FailureKind::BaseMissing
        | FailureKind::MayNotRead
        | FailureKind::NobodyFound
        | FailureKind::CutShort
        | FailureKind::ImmutableIdMissing
        | FailureKind::UsernameMissing => Some(true),
        FailureKind::Settings
        | FailureKind::AuthorityUnreadable
        | FailureKind::NameUnknown
        | FailureKind::AddressNotAllowed
        | FailureKind::NoAnswer
        | FailureKind::PortClosed
        | FailureKind::StartTlsRefused
        | FailureKind::NotTls
        | FailureKind::TlsFailed
        | FailureKind::IssuerUnknown
        | FailureKind::CertificateForOtherName
        | FailureKind::CertificateExpired
        | FailureKind::CertificateNotYetValid
        | FailureKind::CertificateUnusable
        | FailureKind::AccountMissing
        | FailureKind::EncryptionRequired => None,
    }
}

/// Checks, and whether one may go on.
type Looked = (Vec<Check>, bool);

/// As it stands in an address.
fn draft_id(text: &str) -> Result<Uuid, HubError> {
    text.parse().map_err(|_| HubError::NotFound("This draft of a directory"))
}

fn no_discovery() -> HubError {
    HubError::Refused("This server cannot look at directories of this kind.".to_owned())
}

/// Which of the chosen attributes the directory knows.
fn attributes(state: &State) -> Vec<Check> {
    let mut checks = Vec::new();
    let survey = state.survey.as_ref();
    for (name, attribute) in state.settings.connector.ldap().iter().flat_map(|ldap| &ldap.mapping) {
        let seen =
            survey.and_then(|survey| survey.attributes.iter().find(|seen| seen.name.eq_ignore_ascii_case(attribute)));
        let sample = survey.map_or(0, |survey| survey.sample);
        if let Some(seen) = seen.filter(|seen| sample > 0 && seen.single + seen.several == 0) {
            let known = if seen.in_schema == Some(false) {
                "the directory does not know it"
            } else {
                "no entry looked at has it"
            };
            checks.push(Check::new(CheckTone::Warned, name.as_str(), format!("{attribute}: {known}")));
        }
    }
    if checks.is_empty() {
        checks.push(Check::new(CheckTone::Passed, "Attributes", "taken as chosen"));
    }
    checks
}
