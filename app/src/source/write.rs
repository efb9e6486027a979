//! From the form to the hub: text becomes settings, and every mistake names its field.

use std::str::FromStr;

use directory::{
    AttributeName, ConnectorSettings, HostChoice, LdapObjects, LdapSettings, LockoutSettings, ProfileSettings, Source,
    SourceDraft, SourceKind, SourceMode, TransportSecurity,
};
use hub::{Hub, kernel::capability::ManageSources, sources::ConnectionTest};

use super::{
    api::{TestReport, TestStep},
    fields,
    form::SourceForm,
};
use crate::{caller::failed, problem::ApiError};

/// Saves the form and says where to go on.
pub(super) async fn save(hub: &Hub, by: &ManageSources, form: SourceForm) -> Result<String, ApiError> {
    let source = hub.source_by_name(&by.into(), &form.original).await.map_err(failed)?.source;
    let secret = (!form.bind_password.is_empty()).then(|| form.bind_password.clone().into());
    let revision = form.revision;
    let draft = draft_over(form, &source)?;
    let change = hub.update_source(by, source.id, revision, draft, secret).await.map_err(failed)?;
    Ok(link_after(&change.source.name, change.proposal.is_some(), "saved"))
}

/// Tries the settings without saving them.
pub(super) async fn test(hub: &Hub, by: &ManageSources, form: SourceForm) -> Result<TestReport, ApiError> {
    let secret = (!form.bind_password.is_empty()).then(|| form.bind_password.clone().into());
    let source = hub.source_by_name(&by.into(), &form.original).await.map_err(failed)?.source;
    let (id, draft) = (Some(source.id), draft_over(form, &source)?);
    let steps = hub.test_source_connection(by, ConnectionTest { draft, id, secret }).await.map_err(failed)?;
    Ok(TestReport { steps: steps.into_iter().map(TestStep::from).collect(), person: None })
}

/// What the form makes of a source.
fn draft_over(form: SourceForm, source: &Source) -> Result<SourceDraft, ApiError> {
    let values = form.values.clone();
    // The profile has a page of its own.
    let draft = SourceDraft { profile: source.profile.clone(), ..draft(form, source.mode)? };
    if source.connector.ldap().is_some() {
        return Ok(keep_authority(draft, source));
    }
    let own = |name: &&AttributeName| values.contains_key(&format!("own-{name}"));
    Ok(SourceDraft {
        connector: fields::read(&SourceDraft::from(source), &values)?,
        self_written: AttributeName::ALL.iter().filter(own).copied().collect(),
        ..draft
    })
}

/// Browsers send line breaks of their own making: an authority that nobody touched must not look changed, or the
/// service account's password would be asked for again.
fn keep_authority(mut draft: SourceDraft, source: &Source) -> SourceDraft {
    let (Some(before), Some(after)) = (source.connector.ldap(), draft.connector.ldap_mut()) else { return draft };
    let lines = |pem: &Option<String>| pem.as_deref().map(|pem| pem.trim().replace("\r\n", "\n"));
    if lines(&before.ca_pem) == lines(&after.ca_pem) {
        after.ca_pem.clone_from(&before.ca_pem);
    }
    draft
}

/// The page of the source, saying what happened.
pub(super) fn link_after(name: &str, proposed: bool, done: &str) -> String {
    let path = format!("/console/sources/{}", crate::link::encode(name));
    crate::link::with_query(&path, &[("done", if proposed { "proposed" } else { done })])
}

fn invalid(field: &str, message: impl Into<String>) -> ApiError {
    ApiError::Invalid { field: field.to_owned(), message: message.into() }
}

fn word<T: FromStr>(field: &str, text: &str) -> Result<T, ApiError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| invalid(field, error.to_string()))
}

fn number<T: FromStr>(field: &str, text: &str) -> Result<T, ApiError> {
    text.trim().parse().map_err(|_| invalid(field, format!("{text:?} is not a whole number.")))
}

fn optional<T: FromStr>(field: &str, text: &str) -> Result<Option<T>, ApiError> {
    if text.trim().is_empty() { Ok(None) } else { number(field, text).map(Some) }
}

/// The parts of a text between line breaks or commas.
fn parts(text: &str, separators: &[char]) -> Vec<String> {
    text.split(|c| separators.contains(&c)).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn minutes(field: &str, text: &str) -> Result<Option<u64>, ApiError> {
    let minutes: Option<u64> = optional(field, text)?;
    minutes.map(|m| m.checked_mul(60).ok_or_else(|| invalid(field, "That is too long."))).transpose()
}

fn draft(form: SourceForm, mode: SourceMode) -> Result<SourceDraft, ApiError> {
    let kind: SourceKind = word("kind", &form.kind)?;
    let lockout = LockoutSettings {
        threshold: optional("lockout_threshold", &form.lockout_threshold)?,
        window_seconds: minutes("lockout_window", &form.lockout_window_minutes)?,
        waiver: form.lockout_waiver,
    };
    let self_written = form.self_written.keys().map(|name| word("self_written", name)).collect::<Result<_, _>>()?;
    Ok(SourceDraft {
        connector: match kind {
            SourceKind::Ldap | SourceKind::ActiveDirectory => ConnectorSettings::Ldap(ldap(&form, kind)?),
            other => ConnectorSettings::preset(other),
        },
        name: form.name,
        label: form.label,
        kind,
        mode,
        just_in_time: form.just_in_time,
        domains: parts(&form.domains, &[',', '\n', ' ']),
        lockout,
        capture_settle_seconds: minutes("capture_settle_seconds", &form.capture_settle_minutes)?
            .unwrap_or_else(|| kind.capture_settle_seconds()),
        shadow: form.shadow,
        outage_sign_in: form.outage_sign_in,
        just_in_time_activation: form.just_in_time_activation,
        self_written,
        protected_groups: parts(&form.protected_groups, &['\n']),
        profile: ProfileSettings::default(),
        allow_plain: form.allow_plain,
    })
}

fn ldap(form: &SourceForm, kind: SourceKind) -> Result<LdapSettings, ApiError> {
    let urls = parts(&form.urls, &['\n', ' ', ','])
        .into_iter()
        .map(|text| {
            text.parse()
                .map_err(|_| invalid("urls", format!("{text:?} is not a URL such as ldaps://ldap.example.org.")))
        })
        .collect::<Result<_, _>>()?;
    let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let mapping = form
        .mapping
        .iter()
        .filter_map(|(name, value)| {
            text(value).map(|value| word::<AttributeName>("mapping", name).map(|name| (name, value)))
        })
        .collect::<Result<_, _>>()?;
    Ok(LdapSettings {
        urls,
        host_choice: text(&form.host_choice)
            .map_or(Ok(HostChoice::InOrder), |choice| word::<HostChoice>("host_choice", &choice))?,
        transport: word::<TransportSecurity>("transport", &form.transport)?,
        ca_pem: text(&form.ca_pem).map(|pem| pem.replace("\r\n", "\n")),
        bind_dn: form.bind_dn.trim().to_owned(),
        base_dn: form.base_dn.trim().to_owned(),
        person_filter: form.person_filter.trim().to_owned(),
        name_attributes: parts(&form.name_attributes, &[',', '\n', ' ']),
        id_attribute: form.id_attribute.trim().to_owned(),
        username_attribute: form.username_attribute.trim().to_owned(),
        mapping,
        objects: LdapObjects {
            group_base: text(&form.group_base),
            group_filter: filter(&form.group_filter, LdapObjects::usual_group_filter(kind)),
            device_base: text(&form.device_base),
            device_filter: filter(&form.device_filter, LdapObjects::usual_device_filter(kind)),
        },
        netbios_domain: text(&form.netbios_domain),
        connect_timeout_ms: number("connect_timeout_ms", &form.connect_timeout_ms)?,
        operation_timeout_ms: number("operation_timeout_ms", &form.operation_timeout_ms)?,
        connections: number("connections", &form.connections)?,
        page_size: number("page_size", &form.page_size)?,
    })
}

/// What the form says of a filter: as usual where it was left so, and empty where nothing is to be read.
fn filter(text: &str, usual: &str) -> Option<String> {
    let text = text.trim();
    (text != usual).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_filled_from_settings_gives_the_same_settings_back() {
        for kind in [SourceKind::Ldap, SourceKind::ActiveDirectory].iter() {
            let mut before = SourceDraft::preset(*kind);
            before.name = "corp".into();
            before.lockout.threshold = Some(5);
            before.lockout.window_seconds = Some(900);
            before.domains = vec!["example.test".into(), "example.org".into()];
            before.protected_groups = vec!["cn=a,dc=b".into(), "cn=c d,dc=b".into()];
            let ldap = before.connector.ldap_mut().unwrap();
            ldap.urls =
                vec!["ldaps://one.example.test".parse().unwrap(), "ldaps://two.example.test:1636".parse().unwrap()];
            ldap.objects.group_base = Some("ou=groups,dc=example,dc=test".into());
            ldap.objects.device_filter = Some(String::new());
            let form = super::super::read::form_of(&before, String::new(), 0);
            assert!(form.bind_password.is_empty());
            assert_eq!(draft(form, before.mode).unwrap(), before);
        }
    }

    #[test]
    fn a_form_of_any_other_kind_changes_nothing_it_does_not_show() {
        for kind in
            SourceKind::ALL.iter().filter(|kind| !matches!(kind, SourceKind::Ldap | SourceKind::ActiveDirectory))
        {
            let mut before = SourceDraft::preset(*kind);
            before.name = "corp".into();
            before.self_written = vec![AttributeName::Phone, AttributeName::Email];
            before.self_written.sort_unstable();
            before.protected_groups = vec!["Administrators".into()];
            before.allow_plain = before.connector.is_plain();
            let mut form = super::super::read::form_of(&before, String::new(), 0);
            let sent = |field: &&crate::wizard::WizardField| field.kind != "check" || field.value == "true";
            form.values = form.fields.iter().filter(sent).map(|f| (f.id.clone(), f.value.clone())).collect();
            let source = source(&before);
            let after = draft_over(form, &source).unwrap();
            let mut own = after.self_written.clone();
            own.sort_unstable();
            assert_eq!(SourceDraft { self_written: own, ..after }, before, "{kind}");
        }
    }

    fn source(draft: &SourceDraft) -> Source {
        let value = serde_json::json!({
            "id": "00000000-0000-4000-8000-000000000001", "revision": 1,
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        });
        let mut whole = serde_json::to_value(draft).unwrap();
        whole.as_object_mut().unwrap().remove("allow_plain");
        whole.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn a_mistake_names_its_field() {
        let form = super::super::read::form_of(&SourceDraft::preset(SourceKind::Ldap), String::new(), 0);
        let bad = SourceForm { connections: "many".into(), ..form };
        let Err(ApiError::Invalid { field, .. }) = draft(bad, SourceMode::Paused) else { panic!("refused") };
        assert_eq!(field, "connections");
    }
}
