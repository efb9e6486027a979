//! From the hub's words to the page's.

use std::collections::BTreeMap;

use directory::{
    AccountStatus, AttributeName, HostChoice, LdapObjects, LdapSettings, LockoutReading, SessionId, Source,
    SourceDraft, SourceMode,
};
use hub::{
    Hub,
    kernel::capability::{ManageSources, ReadConfiguration},
    sources::{ConnectionTest, HostHealth, HostState, PersonFound, SourceOverview},
};

use super::{
    api::{FoundPerson, HostLine, PasswordLine, PersonTest, SourceCard, TestReport, TestStep},
    fields,
    form::SourceForm,
    form_parts::attribute_word,
    write_access::WriteForm,
};
use crate::{caller::failed, flash, problem::ApiError, sources::SourceLine, ui::mode_meaning, wizard::WizardField};

/// The page of a source.
pub(super) fn card(overview: &SourceOverview, test: Option<TestReport>, notice: String, editable: bool) -> SourceCard {
    let line = SourceLine::from(overview);
    let source = &overview.source;
    SourceCard {
        name: line.name,
        label: line.label,
        kind: line.kind,
        mode: line.mode,
        meaning: meaning(source).to_owned(),
        takes_passwords: source.connector.takes_passwords(),
        revision: source.revision,
        down: line.down,
        trouble: line.trouble,
        people: line.people,
        hosts: hosts(overview),
        facts: facts(source),
        passwords: Vec::new(),
        imports: None,
        updated_at: source.updated_at.into(),
        test,
        notice,
        editable,
    }
}

/// A filter as the form shows it: the usual one where nothing is said.
fn filter(own: Option<&String>, usual: &str) -> String {
    own.map_or_else(|| usual.to_owned(), Clone::clone)
}

/// What a directory does for people in its mode.
fn meaning(source: &Source) -> &'static str {
    let asked = match source.mode {
        SourceMode::Active | SourceMode::Capture | SourceMode::Draining => true,
        SourceMode::Observe | SourceMode::Paused | SourceMode::Retired => false,
    };
    if asked && !source.connector.takes_passwords() && !source.connector.redirects() {
        return "It says who there is, and knows no passwords.";
    }
    mode_meaning(source.mode)
}

/// One kind of stored password, and what follows for its people.
pub(super) fn password_line(coverage: hub::stored_passwords::Coverage) -> PasswordLine {
    let remark = if coverage.scheme.is_verifiable() {
        "verified here"
    } else {
        "cannot be verified here: they need a new password"
    };
    PasswordLine {
        scheme: coverage.scheme.to_string(),
        people: format!("{} people, {} of them checked here by now", coverage.people, coverage.moved),
        remark: remark.to_owned(),
        read_at: coverage.read_at.into(),
    }
}

/// Every server of the settings. One that nobody has asked, because the source is paused or new, says so.
fn hosts(overview: &SourceOverview) -> Vec<HostLine> {
    if overview.health.hosts.is_empty() {
        let untried = |host: String| HostLine {
            host,
            state: ("dot-label off".to_owned(), "not asked".to_owned()),
            hint: String::new(),
            last_success: None,
            last_trouble: None,
        };
        let urls = overview.source.connector.urls();
        return urls.into_iter().map(|url| untried(url.authority().to_owned())).collect();
    }
    let several = overview.health.hosts.len() > 1;
    let line = |host: &HostHealth| {
        let class = match host.state {
            HostState::Untried => "off",
            HostState::Healthy => "ok",
            HostState::Doubtful | HostState::Down | HostState::Refusing => "bad",
        };
        let mut hint =
            if several { vec![if host.in_use { "In use." } else { "Stands by." }.to_owned()] } else { Vec::new() };
        hint.extend(host.connect_ms.map(|ms| format!("Connects in {ms} ms.")));
        hint.extend(host.search_ms.map(|ms| format!("Answers in {ms} ms.")));
        HostLine {
            host: host.host.clone(),
            state: (format!("dot-label {class}"), host.state.word().to_owned()),
            hint: hint.join(" "),
            last_success: host.last_success.map(Into::into),
            last_trouble: host.last_trouble.as_ref().map(|trouble| (trouble.at.into(), trouble.reason.clone())),
        }
    };
    overview.health.hosts.iter().map(line).collect()
}

/// What the form for writing starts from; none for kinds that cannot be written to.
pub(super) async fn write_form(
    hub: &Hub,
    by: &ReadConfiguration,
    source: &Source,
) -> Result<Option<WriteForm>, ApiError> {
    if source.connector.ldap().is_none() || source.mode == SourceMode::Retired {
        return Ok(None);
    }
    let access = hub.write_access(by, source.id).await.map_err(failed)?;
    let live = hub.live_source(source.id).await.map_err(failed)?;
    Ok(Some(WriteForm {
        source: source.name.clone(),
        write_dn: access.bind_dn,
        write_password: String::new(),
        unlock_at_source: access.unlock_at_source,
        password_write_back: access.password_write_back,
        trouble: live.write_trouble().unwrap_or_default().to_owned(),
    }))
}

/// The same at a glance.
pub(super) fn writing_fact(form: &WriteForm) -> (String, String) {
    let does = match (form.unlock_at_source, form.password_write_back) {
        (true, true) => "unlocks accounts, changes expired passwords",
        (true, false) => "unlocks accounts",
        (false, true) => "changes expired passwords",
        (false, false) => "off",
    };
    let trouble = if form.trouble.is_empty() { String::new() } else { format!("; not in use: {}", form.trouble) };
    ("Writing there".to_owned(), format!("{does}{trouble}"))
}

fn facts(source: &Source) -> Vec<(String, String)> {
    let yes = |on: bool| if on { "yes" } else { "no" }.to_owned();
    let domains = if source.domains.is_empty() { "none".to_owned() } else { source.domains.join(", ") };
    let lockout = match (source.lockout.threshold, source.lockout.window_seconds) {
        (None, _) => "as the directory shows it".to_owned(),
        (Some(0), _) => "never locks".to_owned(),
        (Some(n), Some(seconds)) if seconds > 0 => format!("after {n} wrong passwords in {} min", seconds / 60),
        (Some(n), _) => format!("after {n} wrong passwords"),
    };
    let mut facts = Vec::new();
    if let Some(ldap) = source.connector.ldap() {
        let choice = match ldap.host_choice {
            HostChoice::InOrder => "the first healthy one",
            HostChoice::Spread => "all healthy ones in turn",
        };
        facts.push(("Server asked", choice.to_owned()));
        facts.push(("Transport", ldap.transport.as_str().to_owned()));
        facts.push(("Service account", ldap.bind_dn.clone()));
        facts.push(("Base DN", ldap.base_dn.clone()));
    }
    let mut facts: Vec<(String, String)> =
        facts.into_iter().map(|(what, value): (&str, String)| (what.to_owned(), value)).collect();
    let own = fields::fields(&SourceDraft::from(source));
    let short = own.into_iter().filter(|field| field.kind != "lines" && !field.value.is_empty());
    facts.extend(short.map(|field| (field.label, field.value)));
    let common = [
        ("E-mail domains", domains),
        ("Creates people", yes(source.just_in_time)),
        ("Locks", lockout),
        ("Compares (U3)", yes(source.shadow)),
        ("Signs in while down", yes(source.outage_sign_in)),
    ];
    facts.extend(common.map(|(what, value)| (what.to_owned(), value)));
    facts
}

/// The live test that an address asks for: the stored settings, and a named person without a password.
pub(super) async fn report(
    hub: &Hub,
    by: &ManageSources,
    source: &Source,
    person: &str,
) -> Result<TestReport, ApiError> {
    let test = ConnectionTest { draft: SourceDraft::from(source), id: Some(source.id), secret: None };
    let steps = hub.test_source_connection(by, test).await.map_err(failed)?;
    let reached = steps.iter().all(|step| step.passed);
    let person = if person.trim().is_empty() || !reached {
        None
    } else {
        let test = hub.test_source_person(by, source.id, person, None).await.map_err(failed)?;
        Some(person_test(person.to_owned(), test))
    };
    Ok(TestReport { steps: steps.into_iter().map(TestStep::from).collect(), person })
}

impl From<hub::sources::ProbeStep> for TestStep {
    fn from(step: hub::sources::ProbeStep) -> Self {
        let hub::sources::ProbeStep { name, passed, detail, remedy, milliseconds } = step;
        Self { name, passed, detail, remedy, milliseconds }
    }
}

/// What a test of a person said.
pub(super) fn person_test(typed: String, test: hub::sources::PersonTest) -> PersonTest {
    PersonTest {
        typed,
        found: test.found.map(found),
        verdict: test.summary,
        password: test.verdict.map(|v| format!("{} answered “{}”: {}", v.endpoint, v.result, v.reason)),
    }
}

fn found(person: PersonFound) -> FoundPerson {
    let status = match person.status {
        AccountStatus::Active => "active",
        AccountStatus::Disabled => "disabled",
        AccountStatus::Expired => "expired",
        AccountStatus::Missing => "missing",
    };
    let privileged = if person.privileged { ", privileged" } else { "" };
    let mut attributes: Vec<(String, String)> =
        person.attributes.into_iter().map(|(name, value)| (attribute_word(name), value)).collect();
    if let Some(username) = person.username {
        attributes.insert(0, ("Username".to_owned(), username));
    }
    FoundPerson {
        locator: person.locator,
        immutable_id: person.immutable_id,
        attributes,
        groups: person.groups,
        status: format!("{status}{privileged}"),
        lockout: lockout(person.lockout),
    }
}

fn lockout(reading: LockoutReading) -> String {
    let threshold = match reading.threshold {
        None => "the directory does not show when it locks".to_owned(),
        Some(0) => "the directory never locks".to_owned(),
        Some(n) => format!("locks after {n} wrong passwords"),
    };
    reading.failures.map_or_else(|| threshold.clone(), |n| format!("{threshold}; counts {n} now"))
}

fn place(name: &str) -> String {
    format!("source-test:{name}")
}

/// Keeps a test's answer for a browser without scripts.
pub(super) async fn keep_report(hub: &Hub, session: SessionId, name: &str, test: &PersonTest) {
    let report = TestReport { steps: Vec::new(), person: Some(test.clone()) };
    if let Ok(text) = serde_json::to_string(&report) {
        flash::keep(hub, session, &place(name), text).await;
    }
}

/// Takes it.
pub(super) async fn kept_report(hub: &Hub, session: SessionId, name: &str) -> Option<TestReport> {
    let text = flash::take(hub, session, &place(name)).await?;
    serde_json::from_str(&text).ok()
}

/// The fields of a kind that is not LDAP, with what its people write themselves.
fn own_fields(draft: &SourceDraft) -> Vec<WizardField> {
    let mut own = fields::fields(draft);
    if !own.is_empty() {
        own.extend(AttributeName::ALL.iter().map(|name| WizardField {
            id: format!("own-{name}"),
            label: format!("People can write this themselves there: {}", attribute_word(*name)),
            value: if draft.self_written.contains(name) { "true" } else { "" }.to_owned(),
            kind: "check".to_owned(),
            ..WizardField::default()
        }));
    }
    own
}

/// The form that these settings fill.
pub(super) fn form_of(draft: &SourceDraft, original: String, revision: i64) -> SourceForm {
    let ldap = draft.connector.ldap().cloned().unwrap_or_else(|| LdapSettings::preset(draft.kind));
    let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let tick = |name: &str| (name.to_owned(), "true".to_owned());
    SourceForm {
        writing: None,
        original,
        revision,
        name: draft.name.clone(),
        label: draft.label.clone(),
        kind: draft.kind.to_string(),
        urls: ldap
            .urls
            .iter()
            .map(|url| url.to_string().trim_end_matches('/').to_owned())
            .collect::<Vec<_>>()
            .join("\n"),
        host_choice: ldap.host_choice.to_string(),
        transport: ldap.transport.to_string(),
        allow_plain: draft.allow_plain,
        ca_pem: ldap.ca_pem.clone().unwrap_or_default(),
        bind_dn: ldap.bind_dn.clone(),
        bind_password: String::new(),
        base_dn: ldap.base_dn.clone(),
        person_filter: ldap.person_filter.clone(),
        name_attributes: ldap.name_attributes.join(", "),
        id_attribute: ldap.id_attribute.clone(),
        username_attribute: ldap.username_attribute.clone(),
        netbios_domain: ldap.netbios_domain.clone().unwrap_or_default(),
        group_base: ldap.objects.group_base.clone().unwrap_or_default(),
        group_filter: filter(ldap.objects.group_filter.as_ref(), LdapObjects::usual_group_filter(draft.kind)),
        device_base: ldap.objects.device_base.clone().unwrap_or_default(),
        device_filter: filter(ldap.objects.device_filter.as_ref(), LdapObjects::usual_device_filter(draft.kind)),
        mapping: ldap.mapping.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        self_written: draft.self_written.iter().map(|name| tick(name.as_str())).collect::<BTreeMap<_, _>>(),
        domains: draft.domains.join(", "),
        just_in_time: draft.just_in_time,
        just_in_time_activation: draft.just_in_time_activation,
        lockout_threshold: number(draft.lockout.threshold.map(u64::from)),
        lockout_window_minutes: number(draft.lockout.window_seconds.map(|s| s.div_ceil(60))),
        lockout_waiver: draft.lockout.waiver,
        capture_settle_minutes: draft.capture_settle_seconds.div_ceil(60).to_string(),
        shadow: draft.shadow,
        outage_sign_in: draft.outage_sign_in,
        protected_groups: draft.protected_groups.join("\n"),
        connect_timeout_ms: ldap.connect_timeout_ms.to_string(),
        operation_timeout_ms: ldap.operation_timeout_ms.to_string(),
        connections: ldap.connections.to_string(),
        page_size: ldap.page_size.to_string(),
        fields: own_fields(draft),
        secret_word: fields::secret_word(draft.kind).unwrap_or_default().to_owned(),
        values: BTreeMap::new(),
    }
}
