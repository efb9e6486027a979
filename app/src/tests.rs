//! The console's pages with fixed data: empty, full, and with hostile values. `ISTHMUS_LOOK=DIR` also writes them
//! there, in the document of the console, to be looked at.

mod attributes;
mod browse;
mod imports;
mod person;
mod problems;
mod profile;
mod waiting;
mod watch;

use directory::{ClientAuthentication, ConsentPolicy, PersonState, SourceKind, SourceMode};
use leptos::prelude::*;

use crate::{
    administrators::{HeldRole, HolderLine, HolderList, Invited, administrators_view},
    approvals::{ApprovalCard, ApprovalLine, ApprovalList, Change, approval_view, approvals_view},
    apps::{AppCard, AppForm, AppLine, AppList, Snippet, app_settings_view, app_view, apps_view},
    console::framed_for_tests,
    find::{Finding, find_view},
    people::{PeopleAsk, PeopleList, PersonLine, people_view},
    person::{TraceCard, TraceStepLine, TraceTone},
    source::{
        FoundPerson, HostLine, PersonTest, SourceCard, SourceForm, TestReport, TestStep, WriteForm, settings_view,
        source_view,
    },
    sources::{SourceLine, SourceList, sources_view},
    ui::{Choice, Moment},
    wizard::{WizardCheck, WizardField, WizardLink, WizardPage, WizardReport, wizard_view},
};

const HOSTILE: &str = "<img src=x onerror=alert(1)>";
const LONG: &str = "Maximiliane Wilhelmine Auguste von Hohenstein-Ilmenau zu Schwarzburg-Sondershausen";
const RTL: &str = "عائشة الخطيب";

fn keep(name: &str, page: impl FnOnce() -> AnyView) {
    let owner = Owner::new();
    let folder = std::env::var("ISTHMUS_LOOK").ok();
    let html = owner.with(|| {
        leptos_meta::provide_meta_context();
        provide_context(leptos_router::location::RequestUrl::new("/console/people"));
        if folder.is_some() { framed_for_tests(page).to_html() } else { page().to_html() }
    });
    assert!(!html.contains("<img"), "{name}: values are escaped");
    assert!(!html.contains(" style="), "{name}: the policy forbids inline styles");
    if let Some(folder) = folder {
        let head = "<meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'><title>x</title><link rel=stylesheet href=/assets/app.css>";
        let html = format!("<!DOCTYPE html><html lang=en><head>{head}</head><body>{html}</body></html>");
        std::fs::write(format!("{folder}/{name}.html"), html).expect("a folder to look at");
        return;
    }
    insta::assert_snapshot!(name, html.replace("><", ">\n<"));
}

fn moment() -> Moment {
    Moment { exact: "2026-11-23T10:42:07Z".into(), text: "23 Nov 2026, 10:42 UTC".into() }
}

fn line(name: &str, state: PersonState, checked_by: &str) -> PersonLine {
    PersonLine {
        id: "0198c0de-0000-7000-8000-000000000001".into(),
        name: name.into(),
        email: Some(format!("{}@tessaro.example", name.to_lowercase().replace(' ', "."))),
        username: Some("username".into()),
        state,
        disputed: false,
        checked_by: Some(checked_by.into()).filter(|text: &String| !text.is_empty()),
        sources: "Corporate LDAP".into(),
    }
}

fn sources() -> Vec<Choice> {
    vec![Choice::new("corp-ldap", "Corporate LDAP"), Choice::new("lagos-ad", "Lagos office AD")]
}

#[test]
fn people() {
    let empty = PeopleList { ask: PeopleAsk::default(), lines: vec![], count: "0".into(), next: None, sources: vec![] };
    keep("people-nobody", || people_view(empty.clone()));
    keep("people-nobody-yet", || people_view(PeopleList { sources: sources(), ..empty.clone() }));
    let ask = PeopleAsk { q: HOSTILE.into(), state: "migrated".into(), ..PeopleAsk::default() };
    keep("people-no-match", || people_view(PeopleList { ask, sources: sources(), ..empty.clone() }));
    let disputed = PersonLine { disputed: true, ..line("Chiara Bellini", PersonState::Mirrored, "Corporate LDAP") };
    let bare =
        PersonLine { email: None, username: None, sources: String::new(), ..line(HOSTILE, PersonState::Merged, "") };
    let lines = vec![
        line("Aino Virtanen", PersonState::Migrated, "Isthmus"),
        line("Amara Okafor", PersonState::Mirrored, "Corporate LDAP"),
        disputed,
        line("Elif Şahin", PersonState::Shadow, "Corporate LDAP"),
        line("Fatou Diallo", PersonState::VerifierImported, "Isthmus"),
        line("Josefina Quiroga", PersonState::DisabledBySource, "Corporate LDAP"),
        line("Kwame Mensah-Bonsu", PersonState::DisabledByHub, "Isthmus"),
        line(LONG, PersonState::Staged, ""),
        line(RTL, PersonState::Migrated, "Isthmus"),
        bare,
    ];
    let ask = PeopleAsk { after: "x".into(), ..PeopleAsk::default() };
    keep("people-full", || {
        people_view(PeopleList { ask, lines, count: "10,000+".into(), next: Some("y z".into()), sources: sources() })
    });
}

fn trace() -> TraceCard {
    let step = |ms, title: &str, text: &str, note: Option<&str>, tone| TraceStepLine {
        ms,
        title: title.into(),
        text: text.into(),
        note: note.map(Into::into),
        tone,
    };
    TraceCard {
        code: "M7Q-2HX".into(),
        at: moment(),
        client: "kontor-orders".into(),
        person: Some(("0198c0de-0000-7000-8000-000000000001".into(), "Amara Okafor".into())),
        source_label: Some("Corporate LDAP".into()),
        endpoint: Some("ldap2.tessaro.example:636".into()),
        steps: vec![
            step(0, "Identifier", "The name typed is known; one person, one account.", None, TraceTone::Ok),
            step(
                1,
                "Source chosen",
                "Corporate LDAP, because the person’s password is checked there.",
                Some("credential authority"),
                TraceTone::Ok,
            ),
            step(
                2,
                "Lockout budget",
                "The source locks at 6 wrong passwords. 2 came through here, so one more was allowed.",
                None,
                TraceTone::Ok,
            ),
            step(
                43,
                "Source answered: locked",
                "ldap2.tessaro.example:636 said invalidCredentials (49), accountLocked.",
                Some(HOSTILE),
                TraceTone::Bad,
            ),
            step(44, "Decision D10", "No session.", None, TraceTone::End),
        ],
        row: "D10".into(),
        signed_in: false,
        say: "Your account is locked in Corporate LDAP. It opens by itself, or they can open it.".into(),
        took_ms: 44,
    }
}

#[test]
fn find() {
    let nothing = Finding { q: String::new(), code: false, trace: None, people: vec![], more: false };
    keep("find", || find_view(nothing.clone()));
    keep("find-nobody", || find_view(Finding { q: HOSTILE.into(), ..nothing.clone() }));
    keep("find-code", || {
        find_view(Finding { q: "m7q2hx".into(), code: true, trace: Some(trace()), ..nothing.clone() })
    });
    let people = vec![
        line("Amara Okafor", PersonState::Mirrored, "Corporate LDAP"),
        line(RTL, PersonState::Migrated, "Isthmus"),
    ];
    keep("find-people", || find_view(Finding { q: "a".into(), people, more: true, ..nothing.clone() }));
}

fn source_line(name: &str, label: &str, mode: SourceMode, down: bool, trouble: Option<&str>) -> SourceLine {
    SourceLine {
        name: name.into(),
        label: label.into(),
        kind: SourceKind::Ldap,
        address: "ldaps://ldap.tessaro.example".into(),
        mode,
        down,
        trouble: trouble.map(Into::into),
        people: "9,412".into(),
        domains: "tessaro.example".into(),
    }
}

#[test]
fn source_list() {
    keep("sources-none", || sources_view(SourceList { lines: vec![], editable: true }));
    let lines = vec![
        source_line("corp-ldap", "Corporate LDAP", SourceMode::Capture, false, None),
        source_line(
            "lagos-ad",
            "Lagos office AD",
            SourceMode::Active,
            true,
            Some("the bind password was entered for another host or other TLS settings: enter it again"),
        ),
        source_line("kontor", HOSTILE, SourceMode::Paused, true, None),
        source_line("old", LONG, SourceMode::Retired, true, None),
    ];
    keep("sources-full", || sources_view(SourceList { lines, editable: true }));
}

fn source_card(test: Option<TestReport>) -> SourceCard {
    SourceCard {
        name: "corp-ldap".into(),
        label: "Corporate LDAP".into(),
        kind: SourceKind::Ldap,
        mode: SourceMode::Paused,
        meaning: crate::ui::mode_meaning(SourceMode::Paused).into(),
        takes_passwords: true,
        revision: 3,
        down: true,
        trouble: None,
        people: "0".into(),
        hosts: vec![
            HostLine {
                host: "ldap1.tessaro.example:636".into(),
                state: ("dot-label bad".into(), "failed lately".into()),
                hint: "Stands by. Connects in 3 ms.".into(),
                last_success: Some(moment()),
                last_trouble: Some((moment(), HOSTILE.into())),
            },
            HostLine {
                host: LONG.into(),
                state: ("dot-label off".into(), "not asked yet".into()),
                hint: "In use.".into(),
                last_success: None,
                last_trouble: None,
            },
        ],
        passwords: Vec::new(),
        imports: None,
        facts: vec![
            ("Server asked".into(), "the first healthy one".into()),
            ("Base DN".into(), "dc=tessaro,dc=example".into()),
        ],
        updated_at: moment(),
        test,
        notice: "saved".into(),
        editable: true,
    }
}

#[test]
fn one_source() {
    keep("source", || source_view(source_card(None)));
    let step = |name: &str, passed, detail: &str, remedy: Option<&str>| TestStep {
        name: name.into(),
        passed,
        detail: detail.into(),
        remedy: remedy.map(Into::into),
        milliseconds: 12,
    };
    let person = PersonTest {
        typed: "fatima.yusuf".into(),
        found: Some(FoundPerson {
            locator: "uid=fatima.yusuf,ou=people,dc=tessaro,dc=example".into(),
            immutable_id: "7c1e22aa-4d0a-4b5e-9f0e-1f5a2b3c4b04".into(),
            attributes: vec![("Display name".into(), HOSTILE.into()), ("E-mail".into(), "fatima.yusuf@tessaro.example".into())],
            groups: vec!["staff".into(), "finance".into()],
            status: "active".into(),
            lockout: "locks after 5 wrong passwords; counts 0 now".into(),
        }),
        verdict: "Found one entry; no password was tried. A sign-in would create this person in the hub. Nothing was changed.".into(),
        password: None,
    };
    let report = TestReport {
        steps: vec![
            step("Connect", true, "ldap.tessaro.example:636 answers", None),
            step("TLS", true, "the certificate names the host", None),
            step(
                "Base DN",
                false,
                "dc=tesaro,dc=example does not exist",
                Some("Check the base DN. This server offers dc=tessaro,dc=example."),
            ),
        ],
        person: Some(person),
    };
    keep("source-tested", || source_view(source_card(Some(report))));
}

#[test]
fn source_settings() {
    let form = SourceForm {
        host_choice: "in-order".into(),
        original: "corp-ldap".into(),
        revision: 3,
        label: HOSTILE.into(),
        kind: "active-directory".into(),
        transport: "tls".into(),
        person_filter: "(objectClass=inetOrgPerson)".into(),
        bind_dn: "cn=reader".into(),
        connections: "8".into(),
        writing: Some(WriteForm {
            source: "corp-ldap".into(),
            write_dn: "cn=writer".into(),
            unlock_at_source: true,
            trouble: HOSTILE.into(),
            ..WriteForm::default()
        }),
        ..SourceForm::default()
    };
    keep("source-edit", || settings_view(form));
}

fn wizard_page() -> WizardPage {
    let link = |label: &str, hint: &str, href: &str, done, current| WizardLink {
        label: label.into(),
        hint: hint.into(),
        href: href.into(),
        done,
        current,
    };
    let field = |id: &str, kind: &str, value: &str| WizardField {
        id: id.into(),
        label: format!("The field {id}"),
        value: value.into(),
        hint: "What it is for.".into(),
        kind: kind.into(),
        ..WizardField::default()
    };
    WizardPage {
        title: "Connect a directory".into(),
        lede: "Nothing is saved before the last step.".into(),
        step: "address".into(),
        steps: vec![link("Address", "", "", false, true), link("Service account", "", "", false, false)],
        heading: "Address".into(),
        hint: "nothing is sent but a greeting".into(),
        fields: vec![
            WizardField { required: true, ..field("urls", "lines", "") },
            WizardField { choices: sources(), ..field("transport", "pick", "lagos-ad") },
            WizardField { choices: sources(), ..field("base_dn", "text", HOSTILE) },
            field("bind_password", "password", ""),
            field("allow_plain", "check", "true"),
        ],
        go: "Try the address".into(),
        back: Some(("/console/sources".into(), "Sources".into())),
        ..WizardPage::default()
    }
}

#[test]
fn wizard() {
    keep("wizard-empty", || wizard_view(wizard_page()));
    let check = |tone: &str, title: &str, detail: &str, advice: &[&str]| WizardCheck {
        tone: tone.into(),
        title: title.into(),
        detail: detail.into(),
        advice: advice.iter().map(|&text| text.to_owned()).collect(),
        value: "12 ms".into(),
    };
    let failing = WizardPage {
        draft: "0198c0de-0000-7000-8000-000000000001".into(),
        revision: 2,
        problem: Some(("urls".into(), HOSTILE.into())),
        report: Some(WizardReport {
            verdict: "1 to mend before going on.".into(),
            good: false,
            checks: vec![
                check("pass", "Connection", "ldap.tessaro.example:636 answers", &[]),
                check(
                    "fail",
                    "Encryption",
                    "the server's certificate comes from an authority that is not trusted",
                    &["What it means.", "What to do.", "Ask its administrator: “Send me the certificate.”"],
                ),
                check("wait", "Certificate of the server", HOSTILE, &[]),
            ],
        }),
        ..wizard_page()
    };
    keep("wizard-failing", || wizard_view(failing.clone()));
    let proposed = WizardPage {
        problem: None,
        facts_title: "Proposed from what the account sees".into(),
        facts: vec![("Table of people".into(), HOSTILE.into()), ("Username".into(), "LOGIN instead of MAIL".into())],
        offers: vec![Choice::new("empty", "Fill in what is empty"), Choice::new("all", "Fill in all of it")],
        ..failing.clone()
    };
    keep("wizard-proposal", || wizard_view(proposed));
    let mut good = WizardPage {
        problem: None,
        report: Some(WizardReport {
            verdict: "It works; 1 to know.".into(),
            good: true,
            checks: vec![check("warn", "Worth knowing", "14 entries share an e-mail address", &[])],
        }),
        facts_title: "What would be created".into(),
        facts: vec![("Called".into(), RTL.into()), ("Groups".into(), HOSTILE.into())],
        next: Some(("/console/sources/new?draft=x&step=account".into(), "Service account".into())),
        ..failing
    };
    good.steps[0].done = true;
    good.steps[1].href = "/console/sources/new?draft=x&step=account".into();
    keep("wizard-good", || wizard_view(good));
}

fn app_form() -> AppForm {
    AppForm {
        original: "kontor-orders".into(),
        revision: 2,
        id: "kontor-orders".into(),
        name: "Kontor Orders".into(),
        authentication: "client_secret_basic".into(),
        redirect_uris: "https://orders.example/callback".into(),
        consent: "never".into(),
        source_choices: sources(),
        ..AppForm::default()
    }
}

#[test]
fn apps() {
    keep("apps-none", || apps_view(AppList { lines: vec![], editable: true }));
    let app = |id: &str, name: &str, authentication| AppLine {
        id: id.into(),
        name: name.into(),
        redirect_uri: "https://orders.example/callback".into(),
        authentication,
        sources: "Corporate LDAP".into(),
    };
    let lines = vec![
        app("kontor-orders", "Kontor Orders", ClientAuthentication::SecretBasic),
        app("x", HOSTILE, ClientAuthentication::None),
    ];
    keep("apps-full", || apps_view(AppList { lines, editable: true }));
    keep("app-new", || app_settings_view(AppForm { original: String::new(), ..app_form() }));
    let card = AppCard {
        form: app_form(),
        consent: ConsentPolicy::Never,
        authentication: ClientAuthentication::SecretBasic,
        sources: vec!["Corporate LDAP".into()],
        snippet: Snippet {
            issuer: "https://id.tessaro.example".into(),
            discovery: "https://id.tessaro.example/.well-known/openid-configuration".into(),
            client_id: "kontor-orders".into(),
            redirect_uri: "https://orders.example/callback".into(),
            scopes: "openid profile email".into(),
            confidential: true,
            authentication: "client_secret_basic".into(),
        },
        test_link: "/oauth2/authorize?client_id=kontor-orders".into(),
        updated_at: moment(),
        groups: vec![(Choice::new("a/staff", "corp-ldap/staff"), true), (Choice::new("a/finance", HOSTILE), false)],
        group_search: String::new(),
        secret: Some("c2VjcmV0LXRoYXQtaXMtc2hvd24tb25jZQ".into()),
        notice: "registered".into(),
        editable: true,
        administers: true,
    };
    keep("app", || app_view(card));
}

fn proposal(decided: &str) -> ApprovalLine {
    ApprovalLine {
        id: "0198c0de-0000-7000-8000-000000000009".into(),
        summary: format!("Directory corp-ldap: mode: observe → retired; label: {HOSTILE}"),
        proposed_by: "Marit Solheim".into(),
        proposed_at: moment(),
        decided: decided.into(),
        decided_at: (!decided.is_empty()).then(moment),
        reason: if decided.is_empty() { String::new() } else { HOSTILE.into() },
    }
}

#[test]
fn approvals() {
    keep("approvals-none", || approvals_view(ApprovalList { lines: vec![], notice: "refused".into() }));
    let lines = vec![proposal(""), proposal("refused by Ada")];
    keep("approvals-full", || approvals_view(ApprovalList { lines, notice: String::new() }));
    let card = |may_not: Option<&str>, decided: &str| ApprovalCard {
        line: proposal(decided),
        source: ("corp-ldap".into(), "Corporate LDAP".into()),
        changes: vec![Change { field: "transport".into(), before: "tls".into(), after: HOSTILE.into() }],
        outdated: None,
        needs_secret: true,
        may_not: may_not.map(Into::into),
        may_refuse: may_not.is_none() && decided.is_empty(),
        own: may_not.is_some(),
    };
    keep("approval", || approval_view(card(None, "")));
    keep("approval-own", || approval_view(card(Some("You proposed this: another administrator decides it."), "")));
    keep("approval-decided", || approval_view(card(None, "refused by Ada")));
}

#[test]
fn administrators() {
    let held = |role: &str, label: &str| HeldRole {
        role: role.into(),
        label: label.into(),
        since: moment(),
        by: "the command line".into(),
    };
    let lines = vec![
        HolderLine {
            person: "0198c0de-0000-7000-8000-000000000001".into(),
            name: HOSTILE.into(),
            username: "ada".into(),
            roles: vec![held("administrator", "Administrator"), held("auditor", "Auditor")],
            note: String::new(),
            last_sign_in: Some(moment()),
        },
        HolderLine {
            person: "0198c0de-0000-7000-8000-000000000002".into(),
            name: "Bo".into(),
            username: "bo".into(),
            roles: vec![held("help-desk", "Help desk")],
            note: "has not set a password here yet".into(),
            last_sign_in: None,
        },
    ];
    let list = |roles, invited| HolderList { lines: lines.clone(), roles, invited, notice: "taken".into() };
    keep("administrators-read", || administrators_view(list(vec![], None)));
    let roles = vec![Choice::new("auditor", "Auditor"), Choice::new("help-desk", "Help desk")];
    let invited = Invited { username: "bo".into(), link: Some("https://id.example/set-up?token=x".into()) };
    keep("administrators", || administrators_view(list(roles, Some(invited))));
}
