//! The words of each step.

use std::{borrow::Cow, collections::BTreeMap};

use directory::{AttributeName, LdapSettings, SourceDraft, SourceKind};
use hub::{
    Hub,
    kernel::capability::ManageSources,
    sources::wizard::{Check, CheckTone, Report, Survey, Wizard, WizardStep},
};

use super::{
    api::{WizardCheck, WizardField, WizardLink, WizardPage, WizardReport},
    database,
    write::{kind as kind_of, link},
};
use crate::{
    caller::failed,
    problem::ApiError,
    source::{attribute_word, fields},
    ui::{Choice, kind_word},
};

/// A step of a draft; of none, the first one.
pub(super) async fn page(
    hub: &Hub,
    by: &ManageSources,
    draft: &str,
    step: &str,
    kind: &str,
) -> Result<WizardPage, ApiError> {
    if draft.is_empty() {
        return Ok(first(kind_of(kind)));
    }
    let wizard = hub.source_wizard(by, draft).await.map_err(failed)?;
    // A later step than the first open one cannot be shown yet.
    let open = wizard.open_step();
    let step = WizardStep::named(step).filter(|step| *step <= open).unwrap_or(open);
    Ok(compose(&wizard, step))
}

/// Nothing was entered yet, and no draft exists.
fn first(kind: SourceKind) -> WizardPage {
    let settings = SourceDraft::preset(kind);
    let others = SourceKind::ALL.iter().filter(|other| **other != kind && !(is_ldap(kind) && is_ldap(**other)));
    let link = |kind: &SourceKind| crate::link::with_query("/console/sources/new", &[("kind", kind.as_str())]);
    WizardPage {
        steps: steps(None, kind, WizardStep::Address),
        fields: if is_ldap(kind) { address(&settings) } else { whole(&settings, false) },
        others: others.map(|kind| (link(kind), kind_word(*kind).to_owned())).collect(),
        back: Some(("/console/sources".to_owned(), "Sources".to_owned())),
        ..frame(kind, WizardStep::Address)
    }
}

const fn is_ldap(kind: SourceKind) -> bool {
    matches!(kind, SourceKind::Ldap | SourceKind::ActiveDirectory)
}

/// All settings of a kind that is not LDAP.
fn whole(settings: &SourceDraft, has_secret: bool) -> Vec<WizardField> {
    let mut fields = vec![field("kind", "hidden", "", settings.kind.as_str(), "")];
    fields.extend(fields::fields(settings));
    if let Some(word) = fields::secret_word(settings.kind) {
        let hint = if has_secret {
            "Kept, sealed, and never shown. Leave it empty to use it again."
        } else {
            "Kept sealed and never shown again."
        };
        fields.push(field("bind_password", "password", word, "", hint));
    }
    fields.push(domains(settings, ""));
    fields.extend(limits(settings, "Leave it empty where passwords are checked here, or by a redirect."));
    if settings.connector.is_plain() || !settings.connector.urls().is_empty() {
        fields.push(field(
            "allow_plain",
            "check",
            "Let secrets cross the network unprotected",
            tick(settings.allow_plain),
            "Recorded in the audit log.",
        ));
    }
    fields
}

fn compose(wizard: &Wizard, step: WizardStep) -> WizardPage {
    let kind = wizard.settings.kind;
    let problem = wizard.problem.as_ref().filter(|problem| problem.step == step);
    let mut fields = fields(wizard, step);
    if let Some(problem) = problem {
        for field in &mut fields {
            retype(field, &problem.typed);
        }
    }
    let passed = wizard.passed.contains(&step) && problem.is_none();
    let next = step.next_of(kind);
    let (facts_title, facts) = facts(wizard, step);
    let offers = if step == WizardStep::Address { database::offer(wizard, &mut fields) } else { Vec::new() };
    WizardPage {
        draft: wizard.id.to_string(),
        revision: wizard.revision,
        steps: steps(Some(wizard), kind, step),
        problem: problem.map(|problem| (problem.field.clone(), problem.message.clone())),
        fields,
        report: wizard.reports.get(&step).map(|seen| report(seen, passed)),
        facts_title: facts_title.to_owned(),
        facts,
        offers,
        next: (passed && next != step).then(|| (link(wizard, next), word(kind, next).to_owned())),
        back: Some(match previous(kind, step) {
            Some(before) => (link(wizard, before), word(kind, before).to_owned()),
            None => ("/console/sources".to_owned(), "Sources".to_owned()),
        }),
        ..frame(kind, step)
    }
}

/// What stands on every step.
fn frame(kind: SourceKind, step: WizardStep) -> WizardPage {
    let (hint, go) = match step {
        WizardStep::Address if !is_ldap(kind) => ("read only; nothing is written there", "Try these settings"),
        WizardStep::Address => ("nothing is sent but a greeting", "Try the address"),
        WizardStep::Account => ("a read-only account is enough", "Sign in and look round"),
        WizardStep::People => ("proposed from what was found", "Look for people"),
        WizardStep::Attributes => ("empty = not read", "Take these"),
        WizardStep::Lockout => ("the hub always stops two wrong passwords before the directory would lock", "Check"),
        WizardStep::Person => ("neither creates nor captures anybody", "Try this person"),
        WizardStep::Finish => ("only now is anything saved", "Connect this directory"),
    };
    WizardPage {
        title: "Connect a directory".to_owned(),
        lede: "Nothing is saved, and nobody is asked for a password, until you say so on the last step.".to_owned(),
        step: step.as_str().to_owned(),
        heading: word(kind, step).to_owned(),
        hint: hint.to_owned(),
        go: go.to_owned(),
        ..WizardPage::default()
    }
}

const fn word(kind: SourceKind, step: WizardStep) -> &'static str {
    match step {
        WizardStep::Address if !is_ldap(kind) => kind_word(kind),
        WizardStep::Address => "Address",
        WizardStep::Account => "Service account",
        WizardStep::People => "Where people are",
        WizardStep::Attributes => "Attributes",
        WizardStep::Lockout => "Lockout safety",
        WizardStep::Person => "Test person",
        WizardStep::Finish => "Finish",
    }
}

fn previous(kind: SourceKind, step: WizardStep) -> Option<WizardStep> {
    WizardStep::of(kind).iter().copied().rev().find(|before| *before < step)
}

fn steps(wizard: Option<&Wizard>, kind: SourceKind, current: WizardStep) -> Vec<WizardLink> {
    let open = wizard.map_or(WizardStep::Address, Wizard::open_step);
    WizardStep::of(kind)
        .iter()
        .copied()
        .map(|step| WizardLink {
            label: word(kind, step).to_owned(),
            hint: wizard.map(|wizard| chosen(wizard, step)).unwrap_or_default(),
            href: wizard.filter(|_| step <= open).map(|wizard| link(wizard, step)).unwrap_or_default(),
            done: step != current && wizard.is_some_and(|wizard| wizard.passed.contains(&step)),
            current: step == current,
        })
        .collect()
}

/// What was chosen at a step, in a few letters.
fn chosen(wizard: &Wizard, step: WizardStep) -> String {
    let ldap = ldap(&wizard.settings);
    if !wizard.passed.contains(&step) {
        return String::new();
    }
    match step {
        WizardStep::Address if !is_ldap(wizard.settings.kind) => String::new(),
        WizardStep::Address => ldap.urls.first().and_then(|url| url.host_str()).unwrap_or_default().to_owned(),
        WizardStep::Account => ldap.bind_dn.clone(),
        WizardStep::People => ldap.base_dn.clone(),
        WizardStep::Person => {
            wizard.person.as_ref().map_or("nobody tried".to_owned(), |person| person.display_name.clone())
        }
        WizardStep::Attributes | WizardStep::Lockout | WizardStep::Finish => String::new(),
    }
}

fn ldap(settings: &SourceDraft) -> Cow<'_, LdapSettings> {
    settings.connector.ldap().map_or_else(|| Cow::Owned(LdapSettings::preset(SourceKind::Ldap)), Cow::Borrowed)
}

/// What was typed, where it could not be taken.
fn retype(field: &mut WizardField, typed: &BTreeMap<String, String>) {
    match field.kind.as_str() {
        "password" => {}
        "check" => field.value = typed.get(&field.id).cloned().unwrap_or_default(),
        _ => {
            if let Some(text) = typed.get(&field.id) {
                field.value.clone_from(text);
            }
        }
    }
}

fn field(id: &str, kind: &str, label: &str, value: impl Into<String>, hint: &str) -> WizardField {
    WizardField {
        id: id.to_owned(),
        kind: kind.to_owned(),
        label: label.to_owned(),
        value: value.into(),
        hint: hint.to_owned(),
        ..WizardField::default()
    }
}

fn required(field: WizardField) -> WizardField {
    WizardField { required: true, ..field }
}

fn tick(on: bool) -> &'static str {
    if on { "true" } else { "" }
}

fn fields(wizard: &Wizard, step: WizardStep) -> Vec<WizardField> {
    let settings = &wizard.settings;
    match step {
        WizardStep::Address if !is_ldap(settings.kind) => whole(settings, wizard.has_secret),
        WizardStep::Address => address(settings),
        WizardStep::Account => account(wizard),
        WizardStep::People => people(wizard),
        WizardStep::Attributes => attributes(wizard),
        WizardStep::Lockout => lockout(wizard),
        WizardStep::Person => vec![
            field("person", "text", "Test with this person", "", "A name as they type it. Empty = go on without."),
            field(
                "person_password",
                "password",
                "Their password (optional)",
                "",
                "Sent to the directory once for this test and not kept. Refused if the account stands near its lockout.",
            ),
        ],
        WizardStep::Finish => vec![
            required(field(
                "label",
                "text",
                "What people call it",
                settings.label.clone(),
                "Stands on the sign-in page where people choose their directory, such as Corporate LDAP.",
            )),
            required(field(
                "name",
                "text",
                "Short name",
                settings.name.clone(),
                "Small letters, digits and hyphens, such as corp-ldap. It does not change later.",
            )),
            field(
                "just_in_time",
                "check",
                "Create people when they first prove their password here",
                tick(settings.just_in_time),
                "",
            ),
            field(
                "switch_on",
                "check",
                "Switch it on now",
                "",
                "People can then sign in with it. Otherwise it is saved paused, and nobody is asked for a password.",
            ),
        ],
    }
}

fn address(settings: &SourceDraft) -> Vec<WizardField> {
    let ldap = ldap(settings);
    let urls: Vec<String> = ldap.urls.iter().map(|url| url.as_str().trim_end_matches('/').to_owned()).collect();
    let kinds = [SourceKind::Ldap, SourceKind::ActiveDirectory]
        .iter()
        .map(|kind| Choice::new(kind.as_str(), kind_word(*kind)))
        .collect();
    let transports = vec![
        Choice::new("tls", "TLS from the start (ldaps, 636)"),
        Choice::new("start-tls", "StartTLS (ldap, 389)"),
        Choice::new("plain", "No protection"),
    ];
    vec![
        required(field(
            "urls",
            "lines",
            "Servers",
            urls.join("\n"),
            "One URL per line, such as ldaps://ldap.example.org. All of them hold the same directory.",
        )),
        WizardField {
            choices: transports,
            ..field(
                "transport",
                "pick",
                "Transport",
                ldap.transport.as_str(),
                "The password of the service account is sent to these servers only, and never unencrypted unless you say so.",
            )
        },
        WizardField {
            choices: kinds,
            ..field(
                "kind",
                "pick",
                "Kind",
                settings.kind.as_str(),
                "Corrected by what the directory says about itself.",
            )
        },
        field(
            "ca_pem",
            "lines",
            "Certificate authority (PEM)",
            ldap.ca_pem.clone().unwrap_or_default(),
            "Only for a private authority. Empty = the authorities this server trusts.",
        ),
        field(
            "allow_plain",
            "check",
            "Let passwords cross the network unprotected",
            tick(settings.allow_plain),
            "Needed for “No protection”. Recorded in the audit log.",
        ),
    ]
}

fn account(wizard: &Wizard) -> Vec<WizardField> {
    let kept = wizard.has_secret;
    let hint = if kept {
        "Kept, sealed, with this draft and never shown. Leave it empty to use it again."
    } else {
        "Kept sealed and never shown again. If the servers or their encryption change, it is asked for again."
    };
    let ldap = ldap(&wizard.settings);
    let dn = "A full name, such as cn=isthmus,ou=services,dc=example,dc=org; in Active Directory also name@domain.";
    vec![
        required(field("bind_dn", "text", "Bind DN", ldap.bind_dn.clone(), dn)),
        WizardField { required: !kept, ..field("bind_password", "password", "Password", "", hint) },
    ]
}

fn people(wizard: &Wizard) -> Vec<WizardField> {
    let ldap = ldap(&wizard.settings);
    let survey = wizard.survey.as_ref();
    let choices = |found: Option<&Vec<(String, hub::sources::wizard::Count)>>| {
        found
            .into_iter()
            .flatten()
            .map(|(text, count)| Choice::new(text.clone(), format!("{text} ({count})")))
            .collect::<Vec<_>>()
    };
    let seen = survey.map(names_of).unwrap_or_default();
    let named = |id, label, value: &str, hint| WizardField {
        choices: seen.clone(),
        ..required(field(id, "text", label, value, hint))
    };
    vec![
        WizardField {
            choices: choices(survey.map(|survey| &survey.bases)),
            ..required(field("base_dn", "text", "Base DN", ldap.base_dn.clone(), "Entries outside of it are refused."))
        },
        WizardField {
            choices: choices(survey.map(|survey| &survey.filters)),
            ..required(field("person_filter", "text", "Filter that selects people", ldap.person_filter.clone(), ""))
        },
        named(
            "id_attribute",
            "Immutable id",
            &ldap.id_attribute,
            "Survives renames and moves. The link to a person hangs on it.",
        ),
        named("username_attribute", "Username", &ldap.username_attribute, "What people type as their name."),
        required(field(
            "name_attributes",
            "text",
            "Attributes a typed name is compared with",
            ldap.name_attributes.join(", "),
            "Separated by commas.",
        )),
    ]
}

/// Attributes that entries have.
fn names_of(survey: &Survey) -> Vec<Choice> {
    let has = |seen: &&hub::sources::wizard::AttributeSeen| seen.single + seen.several > 0;
    survey
        .attributes
        .iter()
        .filter(has)
        .map(|seen| {
            Choice::new(
                seen.name.clone(),
                format!("{} ({} of {})", seen.name, seen.single + seen.several, survey.sample),
            )
        })
        .collect()
}

fn attributes(wizard: &Wizard) -> Vec<WizardField> {
    let ldap = ldap(&wizard.settings);
    let seen = wizard.survey.as_ref().map(names_of).unwrap_or_default();
    let mut fields: Vec<WizardField> = AttributeName::ALL
        .iter()
        .map(|name| WizardField {
            choices: seen.clone(),
            ..field(
                &format!("mapping-{name}"),
                "text",
                &attribute_word(*name),
                ldap.mapping.get(name).cloned().unwrap_or_default(),
                "",
            )
        })
        .collect();
    let domains = wizard.survey.as_ref().map(|survey| &survey.domains).filter(|domains| !domains.is_empty());
    let domains = domains.map_or_else(String::new, |domains| {
        let found: Vec<String> = domains.iter().map(|(domain, count)| format!("{domain} ({count})")).collect();
        format!(" Addresses looked at end in {}.", found.join(", "))
    });
    fields.push(self::domains(&wizard.settings, &domains));
    if wizard.settings.kind == SourceKind::ActiveDirectory {
        fields.push(field(
            "netbios_domain",
            "text",
            "NetBIOS domain",
            ldap.netbios_domain.clone().unwrap_or_default(),
            "For people who type DOMAIN\\name.",
        ));
    }
    fields.push(field(
        "protected_groups",
        "lines",
        "Protected groups",
        wizard.settings.protected_groups.join("\n"),
        "One DN per line. Their members are privileged: never captured for outages, never reset by mail.",
    ));
    let own = |name: &AttributeName| wizard.settings.self_written.contains(name);
    fields.extend(AttributeName::ALL.iter().map(|name| {
        let label = format!("People can write this themselves there: {}", attribute_word(*name));
        field(&format!("own-{name}"), "check", &label, tick(own(name)), "")
    }));
    fields
}

fn domains(settings: &SourceDraft, found: &str) -> WizardField {
    field(
        "domains",
        "text",
        "E-mail domains it owns",
        settings.domains.join(", "),
        &format!(
            "Separated by commas. Only addresses of these are taken for verified and are names to sign in with.{found}"
        ),
    )
}

fn lockout(wizard: &Wizard) -> Vec<WizardField> {
    let by_itself = wizard.survey.as_ref().is_some_and(|survey| survey.lockout.read_at_sign_in);
    let hint = if by_itself {
        "The directory shows it, so leave this empty: it is read at every sign-in."
    } else {
        "The directory does not show it where it is read at sign-in. 0 = it never locks."
    };
    limits(&wizard.settings, hint)
}

fn limits(settings: &SourceDraft, hint: &str) -> Vec<WizardField> {
    let limits = settings.lockout;
    let minutes = limits.window_seconds.map(|seconds| seconds.div_ceil(60).to_string()).unwrap_or_default();
    let threshold = limits.threshold.map(|threshold| threshold.to_string()).unwrap_or_default();
    vec![
        field("lockout_threshold", "number", "Wrong passwords until it locks", threshold, hint),
        field(
            "lockout_window",
            "number",
            "Within how many minutes",
            minutes,
            "0 = wrong passwords never expire there.",
        ),
        field(
            "lockout_waiver",
            "check",
            "I accept a directory that locks at one or two wrong passwords",
            tick(limits.waiver),
            "It leaves no margin: one wrong password here may lock the account there.",
        ),
    ]
}

fn report(seen: &Report, passed: bool) -> WizardReport {
    let failed = seen.checks.iter().filter(|check| check.tone == CheckTone::Failed).count();
    let warned = seen.checks.iter().filter(|check| check.tone == CheckTone::Warned).count();
    let verdict = match (failed, warned) {
        (0, 0) => "All of it is fine.".to_owned(),
        (0, n) => format!("It works; {n} to know."),
        (n, _) if passed => format!("One can go on; {n} to mend."),
        (n, _) => format!("{n} to mend before going on."),
    };
    WizardReport { verdict, good: failed == 0, checks: seen.checks.iter().map(check).collect() }
}

fn check(check: &Check) -> WizardCheck {
    let tone = match check.tone {
        CheckTone::Passed => "pass",
        CheckTone::Noted => "wait",
        CheckTone::Warned => "warn",
        CheckTone::Failed => "fail",
    };
    let advice = check.advice.iter().flat_map(|advice| {
        let ask = Some(format!("Ask its administrator: “{}”", advice.ask)).filter(|_| !advice.ask.is_empty());
        [Some(advice.means.clone()), Some(advice.remedy.clone()), ask].into_iter().flatten()
    });
    WizardCheck {
        tone: tone.to_owned(),
        title: check.title.clone(),
        detail: check.detail.clone(),
        advice: advice.collect(),
        value: check.milliseconds.map(|ms| format!("{ms} ms")).unwrap_or_default(),
    }
}

/// The panel beside the report.
fn facts(wizard: &Wizard, step: WizardStep) -> (&'static str, Vec<(String, String)>) {
    let fact = |what: &str, value: String| (what.to_owned(), value);
    match step {
        WizardStep::Account => {
            let Some(survey) = &wizard.survey else { return ("", Vec::new()) };
            let list = |found: &[(String, hub::sources::wizard::Count)]| {
                found.iter().map(|(text, count)| format!("{text}: {count}")).collect::<Vec<_>>().join("; ")
            };
            let facts = vec![
                fact("Directory", survey.introduction.product.clone()),
                fact("People are below", list(&survey.bases)),
                fact("Filters", list(&survey.filters)),
                fact("Object classes", survey.classes.join(", ")),
                fact(
                    "E-mail domains",
                    survey.domains.iter().map(|(domain, _)| domain.clone()).collect::<Vec<_>>().join(", "),
                ),
                fact("Ways to sign in (SASL)", survey.introduction.sasl_mechanisms.join(", ")),
            ];
            ("What was found", facts.into_iter().filter(|(_, value)| !value.is_empty()).collect())
        }
        WizardStep::Person => {
            let Some(person) = &wizard.person else { return ("", Vec::new()) };
            let mut facts =
                vec![fact("Entry", person.locator.clone()), fact("Immutable id", person.immutable_id.clone())];
            facts.push(fact("Called", person.display_name.clone()));
            facts.extend(person.attributes.iter().map(|(name, value)| fact(&attribute_word(*name), value.clone())));
            facts.push(fact("Signs in as", person.aliases.join(", ")));
            facts.push(fact(
                "Groups",
                if person.groups.is_empty() { "none".to_owned() } else { person.groups.join(", ") },
            ));
            facts.push(fact("Privileged", if person.privileged { "yes" } else { "no" }.to_owned()));
            ("What would be created", facts)
        }
        WizardStep::Finish => ("What will be saved", summary(&wizard.settings)),
        WizardStep::Address => ("Proposed from what the account sees", database::proposed(wizard)),
        WizardStep::People | WizardStep::Attributes | WizardStep::Lockout => ("", Vec::new()),
    }
}

fn summary(settings: &SourceDraft) -> Vec<(String, String)> {
    let ldap = ldap(settings);
    let urls: Vec<&str> = ldap.urls.iter().map(|url| url.as_str().trim_end_matches('/')).collect();
    let domains = if settings.domains.is_empty() { "none".to_owned() } else { settings.domains.join(", ") };
    let lockout = match (settings.lockout.threshold, settings.lockout.window_seconds) {
        (None, _) => "read from the directory at every sign-in".to_owned(),
        (Some(0), _) => "never locks".to_owned(),
        (Some(n), window) => format!("after {n} wrong passwords in {} min", window.unwrap_or_default() / 60),
    };
    [
        ("Kind", kind_word(settings.kind).to_owned()),
        ("Servers", urls.join(", ")),
        ("Transport", ldap.transport.as_str().to_owned()),
        (
            "Authority",
            if ldap.ca_pem.is_some() { "a private one, as pasted" } else { "those this server trusts" }.to_owned(),
        ),
        ("Service account", ldap.bind_dn.clone()),
        ("Base DN", ldap.base_dn.clone()),
        ("People", ldap.person_filter.clone()),
        ("Immutable id", ldap.id_attribute.clone()),
        ("Username", ldap.username_attribute.clone()),
        ("E-mail domains", domains),
        ("Locks", lockout),
    ]
    .map(|(what, value)| (what.to_owned(), value))
    .to_vec()
}
