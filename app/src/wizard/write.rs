//! From a step's form to the hub, and to the address of the page that shows how it went.

use std::{collections::BTreeMap, str::FromStr};

use directory::{AttributeName, LockoutSettings, SourceDraft, SourceKind, SourceMode};
use hub::{
    Hub, HubError,
    kernel::capability::ManageSources,
    sources::wizard::{Take, Wizard, WizardInput, WizardOutcome, WizardProblem, WizardStep},
};

use crate::{caller::failed, problem::ApiError, source::fields};

/// A field that cannot be taken, and why.
struct Wrong(String, String);

type Values = BTreeMap<String, String>;

/// Fields with passwords: never kept with what was typed.
const PASSWORDS: [&str; 2] = ["bind_password", "person_password"];

/// Takes one step; where to go on.
pub(super) async fn take(
    hub: &Hub,
    by: &ManageSources,
    step: &str,
    (draft, revision): (&str, i64),
    mut values: Values,
) -> Result<String, ApiError> {
    let step = WizardStep::named(step).ok_or_else(|| crate::caller::not_found("This step"))?;
    let at = Some((draft, revision)).filter(|(draft, _)| !draft.is_empty());
    let (kind, taken) = match whole(hub, by, step, at, &values).await? {
        Some((kind, settings)) => (kind, settings),
        None => (SourceKind::Ldap, input(step, &values)),
    };
    let (field, message) = match taken {
        Ok(input) => match hub.source_wizard_step(by, at, input).await {
            Ok(WizardOutcome::Kept(wizard)) => return Ok(link(&wizard, step)),
            Ok(WizardOutcome::Registered(source)) => {
                let path = format!("/console/sources/{}", crate::link::encode(&source.name));
                return Ok(crate::link::with_query(&path, &[("done", "saved")]));
            }
            Err(HubError::Invalid { field, message }) => (field.to_owned(), message),
            Err(HubError::Refused(message)) => (String::new(), message),
            Err(HubError::Source(trouble)) => (String::new(), trouble.to_string()),
            Err(other) => return Err(failed(other)),
        },
        Err(Wrong(field, message)) => (field, message),
    };
    values.retain(|name, _| !PASSWORDS.contains(&name.as_str()));
    let problem = WizardProblem { step, field, message, typed: values };
    let wizard = hub.note_wizard_problem(by, kind, at, problem).await.map_err(failed)?;
    Ok(link(&wizard, step))
}

/// The page of a step. The revision is there so that every answer has an address of its own.
pub(super) fn link(wizard: &Wizard, step: WizardStep) -> String {
    let (id, revision) = (wizard.id.to_string(), wizard.revision.to_string());
    crate::link::with_query("/console/sources/new", &[("draft", &id), ("step", step.as_str()), ("seen", &revision)])
}

fn input(step: WizardStep, values: &Values) -> Result<WizardInput, Wrong> {
    let text = |name: &str| values.get(name).map(|text| text.trim().to_owned()).unwrap_or_default();
    let some = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
    let ticked = |name: &str| values.contains_key(name);
    let secret = |name: &str| values.get(name).filter(|text| !text.is_empty()).map(|text| text.clone().into());
    Ok(match step {
        WizardStep::Address => WizardInput::Address {
            kind: word("kind", &text("kind"))?,
            urls: urls(&text("urls"))?,
            transport: word("transport", &text("transport"))?,
            allow_plain: ticked("allow_plain"),
            ca_pem: some("ca_pem").map(|pem| pem.replace("\r\n", "\n")),
        },
        WizardStep::Account => WizardInput::Account { bind_dn: text("bind_dn"), password: secret("bind_password") },
        WizardStep::People => WizardInput::People {
            base_dn: text("base_dn"),
            person_filter: text("person_filter"),
            id_attribute: text("id_attribute"),
            username_attribute: text("username_attribute"),
            name_attributes: parts(&text("name_attributes"), &[',', '\n', ' ']),
        },
        WizardStep::Attributes => WizardInput::Attributes {
            mapping: AttributeName::ALL
                .iter()
                .filter_map(|name| some(&format!("mapping-{name}")).map(|attribute| (*name, attribute)))
                .collect(),
            self_written: AttributeName::ALL.iter().copied().filter(|name| ticked(&format!("own-{name}"))).collect(),
            domains: parts(&text("domains"), &[',', '\n', ' ']),
            netbios_domain: some("netbios_domain"),
            protected_groups: parts(&text("protected_groups"), &['\n']),
        },
        WizardStep::Lockout => WizardInput::Lockout(limits(values)?),
        WizardStep::Person => WizardInput::Person { typed: text("person"), password: secret("person_password") },
        WizardStep::Finish => WizardInput::Finish {
            name: text("name"),
            label: text("label"),
            just_in_time: ticked("just_in_time"),
            mode: if ticked("switch_on") { SourceMode::Active } else { SourceMode::Paused },
        },
    })
}

fn limits(values: &Values) -> Result<LockoutSettings, Wrong> {
    let text = |name: &str| values.get(name).map(|text| text.trim()).unwrap_or_default();
    let too_long = || Wrong("lockout_window".to_owned(), "That is too long.".to_owned());
    Ok(LockoutSettings {
        threshold: number("lockout_threshold", text("lockout_threshold"))?,
        window_seconds: match number::<u64>("lockout_window", text("lockout_window"))? {
            Some(minutes) => Some(minutes.checked_mul(60).ok_or_else(too_long)?),
            None => None,
        },
        waiver: values.contains_key("lockout_waiver"),
    })
}

/// The first step of a kind whose settings are entered at once; nothing if this is another step, or one of LDAP.
async fn whole(
    hub: &Hub,
    by: &ManageSources,
    step: WizardStep,
    at: Option<(&str, i64)>,
    values: &Values,
) -> Result<Option<(SourceKind, Result<WizardInput, Wrong>)>, ApiError> {
    if step != WizardStep::Address {
        return Ok(None);
    }
    let before = match at {
        Some((draft, _)) => hub.source_wizard(by, draft).await.map_err(failed)?.settings,
        None => SourceDraft::preset(kind(values.get("kind").map(String::as_str).unwrap_or_default())),
    };
    let kind = before.kind;
    if matches!(kind, SourceKind::Ldap | SourceKind::ActiveDirectory) {
        return Ok(None);
    }
    let taken = fields::read(&before, values)
        .map_err(|error| match error {
            ApiError::Invalid { field, message } => Wrong(field, message),
            other => Wrong(String::new(), other.to_string()),
        })
        .and_then(|connector| {
            let settings = SourceDraft {
                connector,
                domains: parts(values.get("domains").map(String::as_str).unwrap_or_default(), &[',', '\n', ' ']),
                lockout: limits(values)?,
                allow_plain: values.contains_key("allow_plain"),
                ..before
            };
            let secret = values.get("bind_password").filter(|text| !text.is_empty());
            let secret = secret.map(|text| text.clone().into());
            Ok(WizardInput::Settings { settings: Box::new(settings), secret, take: take_of(values)? })
        });
    Ok(Some((kind, taken)))
}

/// Which button was pressed: none of a proposal's, or one.
fn take_of(values: &Values) -> Result<Option<Take>, Wrong> {
    match values.get("take").map(String::as_str) {
        None => Ok(None),
        Some("empty") => Ok(Some(Take::Empty)),
        Some("all") => Ok(Some(Take::All)),
        Some(_) => Err(Wrong(String::new(), "Press one of the buttons.".to_owned())),
    }
}

fn word<T: FromStr>(field: &'static str, text: &str) -> Result<T, Wrong>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| Wrong(field.to_owned(), error.to_string()))
}

fn number<T: FromStr>(field: &'static str, text: &str) -> Result<Option<T>, Wrong> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Wrong(field.to_owned(), format!("{text:?} is not a whole number.")))
}

fn parts(text: &str, separators: &[char]) -> Vec<String> {
    text.split(|c| separators.contains(&c)).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn urls<T: FromStr>(text: &str) -> Result<Vec<T>, Wrong> {
    parts(text, &['\n', ' ', ','])
        .into_iter()
        .map(|text| {
            text.parse().map_err(|_| {
                Wrong("urls".to_owned(), format!("{text:?} is not a URL such as ldaps://ldap.example.org."))
            })
        })
        .collect()
}

/// The kind an address asks for.
pub(super) fn kind(text: &str) -> SourceKind {
    text.parse().unwrap_or(SourceKind::Ldap)
}
